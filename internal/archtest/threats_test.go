package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	threatRow  = regexp.MustCompile(`(?m)^\| (A\d+) \|.*\|$`)
	threatTest = regexp.MustCompile("`([^` ]+_test\\.go)` (\\w+)")
)

// Each attack of docs/threats.md names tests that are there and carry its number:
// in the name of a case, or in the comment above them.
func TestEveryAttackHasItsTests(t *testing.T) {
	rows := threatRow.FindAllStringSubmatch(read(t, "docs/threats.md"), -1)
	for i, row := range rows {
		if want := fmt.Sprintf("A%d", i+1); row[1] != want {
			t.Errorf("row %d is %s, want %s", i+1, row[1], want)
		}
		cells := strings.Split(strings.Trim(row[0], "|"), " | ")
		tests := threatTest.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(tests) == 0 {
			t.Errorf("%s names no test", row[1])
		}
		number := regexp.MustCompile(`\b` + row[1] + `\b`)
		for _, test := range tests {
			if text := function(t, test[1], test[2]); text == "" {
				t.Errorf("%s: there is no %s in %s", row[1], test[2], test[1])
			} else if !number.MatchString(text) {
				t.Errorf("%s: %s in %s does not say so", row[1], test[2], test[1])
			}
		}
	}
	if len(rows) != 29 {
		t.Errorf("%d attacks", len(rows))
	}
}

// function returns the source of a function, with the comment above it.
func function(t *testing.T, file, name string) string {
	t.Helper()
	source, err := os.ReadFile(root + "/" + file)
	if err != nil {
		t.Error(err)
		return ""
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == name {
			start := f.Pos()
			if f.Doc != nil {
				start = f.Doc.Pos()
			}
			return string(source[fset.Position(start).Offset:fset.Position(f.End()).Offset])
		}
	}
	return ""
}
