package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const output = `goos: linux
goarch: amd64
pkg: github.com/jeton-go/jeton/bench
cpu: A <fast> one
BenchmarkVerify/HS256/floor-2         	 100035	   600.0 ns/op	      0 B/op	   0 allocs/op
BenchmarkVerify/HS256/floor-2         	 100035	   900.0 ns/op	      0 B/op	   0 allocs/op
BenchmarkVerify/HS256/floor-2         	 100035	   610.0 ns/op	      0 B/op	   0 allocs/op
BenchmarkVerify/HS256/jeton-2         	 100035	  1220.0 ns/op	    512 B/op	   4 allocs/op
BenchmarkVerify/HS256/golang-jwt-2    	  10000	  6100.0 ns/op	   3912 B/op	  65 allocs/op
BenchmarkVerify/HS256/golang-jwt-2    	  10000	  6300.0 ns/op	   3914 B/op	  65 allocs/op
BenchmarkVerify/ES256/newcomer        	  10000	  7e+03 ns/op	     10 B/op	   1 allocs/op
--- FAIL: BenchmarkVerify/HS256/tink
BenchmarkSign/HS256/floor
PASS
ok  	github.com/jeton-go/jeton/bench	1.560s
`

func TestMarkdown(t *testing.T) {
	r := newResults()
	if err := r.read(strings.NewReader(output)); err != nil {
		t.Fatal(err)
	}
	report := markdown(r)
	for _, want := range []string{
		"linux/amd64, A <fast> one, 2 processors",
		"| floor | 1.0× (0.10×) | – |",
		"| **jeton** | 2.0× (0.20×) | – |",
		"| golang-jwt | 10× (1.0×) | – |",
		"| **jeton-cached** | – | – | – | – | – |", // no results yet, and a row all the same
		"| tink | – | – | – | – | – |",
		"| *floor, and runs* | *610 ns, 3* | – |",
		"| **jeton** | 4 (512 B) | – |",
		"| golang-jwt | 65 (3913 B) | – |",
		"| newcomer | – | – | – | 1 (10 B) | – |",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is missing in\n%s", want, report)
		}
	}
	if strings.Contains(report, "### Sign") {
		t.Error("a section about nothing")
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	write(t, readme, "before\n"+begin+"\nold\n"+end+"\nafter\n")
	results := filepath.Join(dir, "results.txt")
	write(t, results, output)

	for range 2 { // the second time it replaces its own
		var out strings.Builder
		if err := run([]string{"-dir", dir, results}, nil, &out); err != nil {
			t.Fatal(err)
		}
		text := read(t, readme)
		if !strings.HasPrefix(text, "before\n"+begin+"\nMedians") || !strings.HasSuffix(text, end+"\nafter\n") || strings.Contains(text, "old") || strings.Count(text, "### Verify") != 1 {
			t.Errorf("README is\n%s", text)
		}
		if !strings.Contains(text, out.String()) {
			t.Error("README and output differ")
		}
	}
	chart := read(t, filepath.Join(dir, "chart-verify.svg"))
	for dec := xml.NewDecoder(strings.NewReader(chart)); ; {
		if _, err := dec.Token(); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatalf("%v in\n%s", err, chart)
			}
			break
		}
	}
	for _, want := range []string{">HS256, 3 runs<", ">golang-jwt<", ">10×<", "prefers-color-scheme: dark"} {
		if !strings.Contains(chart, want) {
			t.Errorf("%q is missing in the chart", want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "chart-sign.svg")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a chart of nothing: %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "README.md"), "no markers\n")
	for name, c := range map[string]struct {
		args  []string
		stdin string
	}{
		"nothing to read":     {nil, "PASS\n"},
		"no such file":        {[]string{filepath.Join(dir, "none")}, ""},
		"no markers":          {[]string{"-dir", dir}, output},
		"no such flag":        {[]string{"-x"}, output},
		"a run without times": {nil, "BenchmarkVerify/HS256/floor-2 \t 1 \t x ns/op \t 0 B/op\n"},
	} {
		if err := run(c.args, strings.NewReader(c.stdin), io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
