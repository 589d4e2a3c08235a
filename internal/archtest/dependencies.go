package archtest

import (
	"slices"
	"strings"
)

// A Requirement is a module that go.mod requires.
type Requirement struct {
	Module string
	Direct bool // some package of this module imports it
}

// Requirements reads the requirements of a go.mod file.
func Requirements(gomod string) []Requirement {
	var required []Requirement
	block := false
	for line := range strings.Lines(gomod) {
		text, comment, _ := strings.Cut(line, "//")
		fields := strings.Fields(text)
		switch {
		case len(fields) == 0:
			continue
		case block && fields[0] == ")":
			block = false
			continue
		case slices.Equal(fields, []string{"require", "("}):
			block = true
			continue
		case fields[0] == "require":
			fields = fields[1:]
		case !block:
			continue
		}
		required = append(required, Requirement{
			Module: fields[0],
			Direct: strings.TrimSpace(comment) != "indirect",
		})
	}
	return required
}

// Documented reads the modules out of docs/dependencies.md: the first cell of
// each row of its table, in backquotes.
func Documented(markdown string) []string {
	var modules []string
	for line := range strings.Lines(markdown) {
		if row, ok := strings.CutPrefix(line, "| `"); ok {
			module, _, _ := strings.Cut(row, "`")
			modules = append(modules, module)
		}
	}
	return modules
}

// CheckDependencies compares what go.mod requires and what the layers admit with
// what docs/dependencies.md explains.
func CheckDependencies(gomod, markdown string) []Finding {
	const doc = "docs/dependencies.md"
	documented := Documented(markdown)
	required := Requirements(gomod)
	var found []Finding
	for _, r := range required {
		if r.Direct && !slices.Contains(documented, r.Module) {
			found = append(found, Finding{File: "go.mod", What: "requires " + r.Module + ", which " + doc + " doesn't explain",
				Why: "every dependency is a decision that users inherit"})
		}
	}
	for _, module := range documented {
		known := slices.ContainsFunc(required, func(r Requirement) bool { return r.Module == module })
		if !known {
			found = append(found, Finding{File: doc, What: "explains " + module + ", which go.mod doesn't require",
				Why: "the list is what a user gets, not what was once planned"})
		}
	}
	return found
}
