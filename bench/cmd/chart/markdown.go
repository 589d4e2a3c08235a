package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Between these lines the README belongs to this program.
const (
	begin = "<!-- results: written by cmd/chart -->"
	end   = "<!-- end of results -->"
)

// markdown writes two tables for each operation: times as ratios, and
// allocations.
func markdown(r *results) string {
	var b strings.Builder
	b.WriteString(machine(r))
	for _, op := range operations {
		if !r.has(op.name) {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n![Time per token as a multiple of the floor](%s)\n\n", op.title, op.file())
		fmt.Fprintf(&b, "Time as a multiple of the floor's and, in brackets, of %s's:\n\n", peer)
		table(&b, r, op, func(k key) string {
			ratio, ok := r.ratio(k.operation, k.algorithm, k.library, floor)
			if !ok {
				return "–"
			}
			if toPeer, ok := r.ratio(k.operation, k.algorithm, k.library, peer); ok {
				return fmt.Sprintf("%s (%s)", multiple(ratio), multiple(toPeer))
			}
			return multiple(ratio)
		})
		b.WriteString("| *floor, and runs* |")
		for _, alg := range algorithms {
			s, n := r.median(key{op.name, alg, floor})
			if n == 0 {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(&b, " *%s, %d* |", duration(s.nanoseconds), n)
		}
		b.WriteString("\n\nAllocations per token, and their bytes:\n\n")
		table(&b, r, op, func(k key) string {
			s, n := r.median(k)
			if n == 0 {
				return "–"
			}
			return fmt.Sprintf("%.0f (%.0f B)", s.allocs, s.bytes)
		})
	}
	return b.String()
}

func machine(r *results) string {
	m := r.machine
	processors := m["processors"]
	if processors == "" {
		processors = "1"
	}
	return fmt.Sprintf("Medians, measured on %s/%s, %s, %s processors.\n", m["goos"], m["goarch"], m["cpu"], processors)
}

func table(b *strings.Builder, r *results, op operation, cell func(key) string) {
	b.WriteString("| library | " + strings.Join(algorithms, " | ") + " |\n|---|" + strings.Repeat("--:|", len(algorithms)) + "\n")
	for _, library := range r.rows(op.name) {
		name := library
		if strings.HasPrefix(library, "jeton") {
			name = "**" + library + "**"
		}
		b.WriteString("| " + name + " |")
		for _, alg := range algorithms {
			b.WriteString(" " + cell(key{op.name, alg, library}) + " |")
		}
		b.WriteString("\n")
	}
}

// multiple writes a ratio with two digits that count.
func multiple(ratio float64) string {
	switch {
	case ratio >= 9.95:
		return strconv.FormatFloat(ratio, 'f', 0, 64) + "×"
	case ratio >= 0.995:
		return strconv.FormatFloat(ratio, 'f', 1, 64) + "×"
	}
	return strconv.FormatFloat(ratio, 'f', 2, 64) + "×"
}

func duration(nanoseconds float64) string {
	if nanoseconds < 1000 {
		return fmt.Sprintf("%.0f ns", nanoseconds)
	}
	return fmt.Sprintf("%.1f µs", nanoseconds/1000)
}

// rewrite replaces what stands between the markers of a file.
func rewrite(path, report string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), begin+"\n")
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s: the markers %q and %q are not there", path, begin, end)
	}
	return os.WriteFile(path, []byte(head+begin+"\n"+report+"\n"+end+tail), 0o644)
}
