// Chart turns the output of this module's benchmarks into Markdown tables and
// SVG charts.
//
//	go test -run '^$' -bench . . | go run ./cmd/chart
//	go run ./cmd/chart -dir . results.txt more.txt
//
// Of several runs it takes the median. It prints the tables; with -dir it writes
// chart-*.svg into that folder too, and replaces what stands between the two
// markers in its README.md. Lines that are no results are passed over.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("chart", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder whose README.md and charts are rewritten")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := newResults()
	if flags.NArg() == 0 {
		if err := r.read(stdin); err != nil {
			return err
		}
	}
	for _, name := range flags.Args() {
		if err := readFile(r, name); err != nil {
			return err
		}
	}
	if len(r.samples) == 0 {
		return errors.New("no benchmark results in the input")
	}
	report := markdown(r)
	if _, err := io.WriteString(stdout, report); err != nil {
		return err
	}
	if *dir == "" {
		return nil
	}
	for _, op := range operations {
		if !r.has(op.name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(*dir, op.file()), []byte(svg(r, op)), 0o644); err != nil {
			return err
		}
	}
	return rewrite(filepath.Join(*dir, "README.md"), report)
}

func readFile(r *results, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.read(f)
}
