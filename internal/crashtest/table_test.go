package crashtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTableOfFaults holds the table of what happens when against the tests: each
// row names a test that there is and messages that it looks for, and each test
// that does something to the program is in a row.
func TestTableOfFaults(t *testing.T) {
	sources := testSources(t)
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| fault |")
	if !found {
		t.Fatal("there is no table of faults")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	messages := regexp.MustCompile("`([^`]+)`")
	named := map[string]bool{"TestTableOfFaults": true}
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(row, "| "), "|")
		if len(cells) != 6 {
			t.Errorf("a row has %d cells: %s", len(cells), row)
			continue
		}
		name := strings.TrimSpace(cells[5])
		source, ok := sources[name]
		if !ok {
			t.Errorf("there is no test %s", name)
		}
		named[name] = true
		for _, m := range messages.FindAllStringSubmatch(cells[3], -1) {
			if !strings.Contains(source, m[1]) {
				t.Errorf("%s does not look for %q", name, m[1])
			}
		}
	}
	for name := range sources {
		if !named[name] {
			t.Errorf("%s is in no row", name)
		}
	}
}

// testSources is the text of each test of this package, by its name.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, name := range files {
		text := readFile(t, name)
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
				sources[f.Name.Name] = string(text[set.Position(f.Pos()).Offset:set.Position(f.End()).Offset])
			}
		}
	}
	return sources
}
