package main

import (
	"bufio"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// operation is one benchmark function.
type operation struct {
	name  string // without "Benchmark"
	title string
}

func (o operation) file() string { return "chart-" + strings.ToLower(o.name) + ".svg" }

var operations = []operation{
	{"Verify", "Verify"},
	{"Sign", "Sign"},
	{"AppendSign", "Sign, into the caller's buffer"},
	{"VerifyParallel", "Verify, on all processors"},
}

var algorithms = []string{"HS256", "RS256", "PS256", "ES256", "Ed25519"}

const (
	floor = "floor"
	peer  = "golang-jwt" // the one that most programs use
)

// libraries is the order of rows. A row without results is shown all the same.
var libraries = []string{floor, "jeton", "jeton-cached", peer, "jwx", "go-jose", "cristalhq", "kataras", "pascaldekloe", "tink"}

// key names one benchmark.
type key struct{ operation, algorithm, library string }

// sample is one line of output.
type sample struct{ nanoseconds, bytes, allocs float64 }

type results struct {
	samples map[key][]sample
	// machine holds the lines about it, such as "cpu".
	machine map[string]string
}

func newResults() *results {
	return &results{samples: make(map[key][]sample), machine: make(map[string]string)}
}

var (
	// The number of processors ends the name, if it is not 1.
	benchmarkName = regexp.MustCompile(`^Benchmark([A-Za-z]+)/([A-Za-z0-9]+)/([a-z-]+?)(?:-(\d+))?$`)
	machineLine   = regexp.MustCompile(`^(goos|goarch|cpu): (.*)$`)
)

// read adds the results that stand in the output of "go test -bench".
func (r *results) read(in io.Reader) error {
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		line := scanner.Text()
		if m := machineLine.FindStringSubmatch(line); m != nil {
			r.machine[m[1]] = m[2]
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		m := benchmarkName.FindStringSubmatch(fields[0])
		if m == nil {
			continue
		}
		var s sample
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			switch fields[i+1] {
			case "ns/op":
				s.nanoseconds = value
			case "B/op":
				s.bytes = value
			case "allocs/op":
				s.allocs = value
			}
		}
		if s.nanoseconds == 0 {
			continue
		}
		if m[4] != "" {
			r.machine["processors"] = m[4]
		}
		k := key{m[1], m[2], m[3]}
		r.samples[k] = append(r.samples[k], s)
	}
	return scanner.Err()
}

func (r *results) has(operation string) bool {
	for k := range r.samples {
		if k.operation == operation {
			return true
		}
	}
	return false
}

// rows returns the libraries of the table, and those that it does not know.
func (r *results) rows(operation string) []string {
	rows := slices.Clone(libraries)
	var others []string
	for k := range r.samples {
		if k.operation == operation && !slices.Contains(rows, k.library) && !slices.Contains(others, k.library) {
			others = append(others, k.library)
		}
	}
	slices.Sort(others)
	return append(rows, others...)
}

// median returns the medians of a benchmark's runs, and how many there were.
func (r *results) median(k key) (sample, int) {
	all := r.samples[k]
	if len(all) == 0 {
		return sample{}, 0
	}
	middle := func(of func(sample) float64) float64 {
		values := make([]float64, len(all))
		for i, s := range all {
			values[i] = of(s)
		}
		slices.Sort(values)
		n := len(values)
		return (values[(n-1)/2] + values[n/2]) / 2
	}
	return sample{
		nanoseconds: middle(func(s sample) float64 { return s.nanoseconds }),
		bytes:       middle(func(s sample) float64 { return s.bytes }),
		allocs:      middle(func(s sample) float64 { return s.allocs }),
	}, len(all)
}

// ratio returns the median time of a library as a multiple of another's; false
// if one of them has no results.
func (r *results) ratio(operation, algorithm, library, to string) (float64, bool) {
	a, n := r.median(key{operation, algorithm, library})
	b, m := r.median(key{operation, algorithm, to})
	if n == 0 || m == 0 {
		return 0, false
	}
	return a.nanoseconds / b.nanoseconds, true
}
