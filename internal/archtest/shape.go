package archtest

import (
	"fmt"
	"path"
	"slices"
)

// maxLines is how long a file may be. Tests are not bound: a table may be long.
const maxLines = 500

func checkLength(f *file) []Finding {
	if f.lines <= maxLines {
		return nil
	}
	return []Finding{{File: f.path, What: fmt.Sprintf("has %d lines", f.lines),
		Why: fmt.Sprintf("a file holds one concept and at most %d lines", maxLines)}}
}

// vagueNames say nothing about what a package is for, so it becomes everything.
var vagueNames = []string{"util", "utils", "common", "models", "helpers", "misc", "shared"}

func checkFolder(f *file) []Finding {
	for dir := path.Dir(f.path); dir != "."; dir = path.Dir(dir) {
		if slices.Contains(vagueNames, path.Base(dir)) {
			return []Finding{{File: f.path, What: "is in a folder named " + path.Base(dir),
				Why: "a folder is named after what it owns"}}
		}
	}
	return nil
}

// checkPackageDocs finds packages that no file documents. A package of test files
// alone has no reader outside its folder.
func checkPackageDocs(files []*file) []Finding {
	documented := make(map[string]bool)
	first := make(map[string]*file)
	for _, f := range files {
		if f.test {
			continue
		}
		if first[f.dir] == nil {
			first[f.dir] = f
		}
		// Text leaves directives out: a build constraint is no documentation.
		if f.ast.Doc.Text() != "" {
			documented[f.dir] = true
		}
	}
	var found []Finding
	for dir, f := range first {
		if !documented[dir] {
			found = append(found, f.finding(f.ast.Package, "package "+f.ast.Name.Name+" has no doc comment",
				"a package says what it owns, and what it doesn't"))
		}
	}
	return found
}
