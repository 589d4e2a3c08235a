package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
)

// mainOnly lists functions that only a main program may call.
var mainOnly = []struct {
	pkg   string
	names []string
	why   string
}{
	{"time", []string{"Now", "Since", "Until"},
		"the clock is injected, so that tests control it and the store can own it"},
	{"os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
		"configuration comes in as values; the environment belongs to cmd"},
	{"os", []string{"Exit"},
		"only main ends the process"},
	{"log/slog", []string{"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs",
		"DebugContext", "InfoContext", "WarnContext", "ErrorContext"},
		"the logger is injected; a library doesn't write to its caller's log"},
	{"log", []string{"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Default"},
		"the logger is injected; a library doesn't write to its caller's log"},
	{"fmt", []string{"Print", "Printf", "Println"},
		"only a program writes to standard output"},
}

// programs may do what only a program may do.
var programs = []string{"./cmd/...", "./examples/..."}

// checkIdentifiers finds uses of what is for main programs, and what no file may
// have. It goes by the name under which the file imports a package.
func checkIdentifiers(f *file, used map[exception]bool) []Finding {
	if matches(programs, f.dir) {
		return nil
	}
	var found []Finding
	imported := make(map[string]string) // local name -> import path
	for _, spec := range f.ast.Imports {
		pkg, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		switch {
		case spec.Name == nil:
			imported[path.Base(pkg)] = pkg
		case spec.Name.Name == ".":
			found = append(found, f.finding(spec.Pos(), "dot import of "+pkg,
				"a reader, and this check, must see where a name comes from"))
		default:
			imported[spec.Name.Name] = pkg
		}
	}
	ast.Inspect(f.ast, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			if node.Recv == nil && node.Name.Name == "init" {
				found = append(found, f.finding(node.Pos(), "func init",
					"importing a package has no effect; registration is explicit"))
			}
		case *ast.SelectorExpr:
			x, ok := node.X.(*ast.Ident)
			if !ok || imported[x.Name] == "" {
				return true
			}
			why := mainOnlyReason(imported[x.Name], node.Sel.Name)
			name := path.Base(imported[x.Name]) + "." + node.Sel.Name
			if why != "" && !excepted(f.path, name, used) {
				found = append(found, f.finding(node.Pos(), "uses "+name, why))
			}
		}
		return true
	})
	return found
}

func mainOnlyReason(pkg, name string) string {
	for _, rule := range mainOnly {
		if rule.pkg == pkg && slices.Contains(rule.names, name) {
			return rule.why
		}
	}
	return ""
}
