package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// explained are the packages that people import. Each of their exported functions
// is called by an example that the documentation shows and "go test" compiles.
var explained = []string{".", "jwk", "jwks", "jwe", "unverified", "revocation", "httpauth", "jetontest", "issuer", "issuer/issuerhttp"}

func TestEveryExportedFunctionHasAnExample(t *testing.T) {
	for _, dir := range explained {
		functions, shown := map[string]bool{}, map[string]bool{}
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, name := range files {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				showsIn(f, shown)
				continue
			}
			for _, d := range f.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() {
					functions[f.Name.Name] = true
				}
			}
		}
		for name := range functions {
			if !shown[name] {
				t.Errorf("%s: no example calls %s", dir, name)
			}
		}
	}
}

// showsIn adds what the examples of a file call. Where there is one, what its other
// functions call counts too: that is what an example of several functions is made
// of.
func showsIn(f *ast.File, shown map[string]bool) {
	has := false
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		has = has || ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example")
	}
	if !has {
		return
	}
	pkg := strings.TrimSuffix(f.Name.Name, "_test")
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == pkg {
				shown[s.Sel.Name] = true
			}
		}
		return true
	})
}
