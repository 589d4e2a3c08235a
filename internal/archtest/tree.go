package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

// Module is the path of the root module, whose tree is checked. Modules in
// folders below it have their own go.mod and are skipped.
const Module = "github.com/jeton-go/jeton"

// A Finding is one place where a rule is broken.
type Finding struct {
	File string
	Line int    // 0 when it's about the file or the folder as a whole
	What string // what is there
	Why  string // the reason of the rule
}

// String is "file:line: what (why)".
func (f Finding) String() string {
	pos := f.File
	if f.Line > 0 {
		pos += ":" + strconv.Itoa(f.Line)
	}
	return fmt.Sprintf("%s: %s (%s)", pos, f.What, f.Why)
}

// file is one parsed Go file.
type file struct {
	path  string // relative to the module, with slashes
	dir   string // its package as the rules write it: ".", "./jwk"
	test  bool
	lines int
	ast   *ast.File
	fset  *token.FileSet
}

func (f *file) finding(pos token.Pos, what, why string) Finding {
	return Finding{File: f.path, Line: f.fset.Position(pos).Line, What: what, Why: why}
}

// imports yields each import as the rules write it: a package of this module
// starts with ".", everything else is its import path.
func (f *file) imports(yield func(spec *ast.ImportSpec, imported string) bool) {
	for _, spec := range f.ast.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it already
		}
		if imported == Module {
			imported = "."
		} else if rest, ok := strings.CutPrefix(imported, Module+"/"); ok {
			imported = "./" + rest
		}
		if !yield(spec, imported) {
			return
		}
	}
}

// A Tree is the Go source of the module.
type Tree struct {
	files []*file
}

// Load parses the Go files of the root module in fsys. It returns the error of
// the first file that doesn't parse.
func Load(fsys fs.FS) (*Tree, error) {
	tree := new(Tree)
	fset := token.NewFileSet()
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && foreign(fsys, name) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if dir != "." {
			dir = "./" + dir
		}
		tree.files = append(tree.files, &file{
			path:  name,
			dir:   dir,
			test:  strings.HasSuffix(name, "_test.go"),
			lines: bytes.Count(source, []byte("\n")),
			ast:   parsed,
			fset:  fset,
		})
		return nil
	})
	return tree, err
}

// foreign reports whether a folder is none of the module's: the go command skips
// it, or it's a module of its own.
func foreign(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// Check returns every finding of every rule, sorted by place.
func (t *Tree) Check() []Finding {
	used := make(map[exception]bool)
	var found []Finding
	for _, f := range t.files {
		found = append(found, checkImports(f, used)...)
		if !f.test {
			found = append(found, checkIdentifiers(f, used)...)
			found = append(found, checkTiming(f, used)...)
			found = append(found, checkLength(f)...)
		}
		found = append(found, checkFolder(f)...)
	}
	found = append(found, checkPackageDocs(t.files)...)
	found = append(found, checkExceptions(t.files, used)...)
	sort.SliceStable(found, func(i, j int) bool {
		if found[i].File != found[j].File {
			return found[i].File < found[j].File
		}
		return found[i].Line < found[j].Line
	})
	return found
}

// matches reports whether a package is one of the patterns. A pattern is a
// package, or a package and "/..." for everything in and below it.
func matches(patterns []string, pkg string) bool {
	for _, pattern := range patterns {
		root, below := strings.CutSuffix(pattern, "/...")
		if pkg == root || below && strings.HasPrefix(pkg, root+"/") {
			return true
		}
	}
	return false
}

// own reports whether an import is a package of this module.
func own(imported string) bool {
	return imported == "." || strings.HasPrefix(imported, "./")
}

// standard reports whether an import is of Go's standard library, whose paths
// have no dot in their first element.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}
