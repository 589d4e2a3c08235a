package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// Where secrets are compared. An early end of a comparison tells how much of a
// guess was right (A28 in docs/threats.md).
var comparesSecrets = []string{".", "./jwk", "./jwe", "./issuer"}

const timingWhy = "a comparison of secrets takes the same time whatever it finds: crypto/subtle or hmac.Equal"

var (
	variableTime = map[string][]string{
		"bytes":   {"Equal", "Compare"},
		"slices":  {"Equal", "Compare"},
		"reflect": {"DeepEqual"},
	}
	secretName = regexp.MustCompile(`(?i)^(secret|mac|tag|signature|sig)$`)
)

// checkTiming finds comparisons that end at the first difference: by a function
// of the standard library, or by == between what bears the name of a secret.
func checkTiming(f *file, used map[exception]bool) []Finding {
	if !matches(comparesSecrets, f.dir) {
		return nil
	}
	imported := make(map[string]string)
	for _, spec := range f.ast.Imports {
		pkg, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(pkg)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imported[name] = pkg
	}
	var found []Finding
	add := func(pos token.Pos, what string) {
		if !excepted(f.path, what, used) {
			found = append(found, f.finding(pos, "uses "+what, timingWhy))
		}
	}
	ast.Inspect(f.ast, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			x, ok := node.X.(*ast.Ident)
			if ok && slices.Contains(variableTime[imported[x.Name]], node.Sel.Name) {
				add(node.Pos(), path.Base(imported[x.Name])+"."+node.Sel.Name)
			}
		case *ast.BinaryExpr:
			if node.Op != token.EQL && node.Op != token.NEQ || constant(node.X) || constant(node.Y) {
				return true
			}
			if secretName.MatchString(lastName(node.X)) || secretName.MatchString(lastName(node.Y)) {
				add(node.Pos(), node.Op.String()+" on a secret")
			}
		}
		return true
	})
	return found
}

// constant tells whether an operand is a literal or nil: whether there is a secret
// at all is none.
func constant(e ast.Expr) bool {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name == "nil"
	}
	_, ok := e.(*ast.BasicLit)
	return ok
}

// lastName is the name by which an operand is spoken of.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return lastName(e.X)
	case *ast.ParenExpr:
		return lastName(e.X)
	case *ast.CallExpr: // a conversion, such as string(mac)
		if len(e.Args) == 1 {
			if t, ok := e.Fun.(*ast.Ident); ok && t.Name == "string" {
				return lastName(e.Args[0])
			}
		}
	case *ast.SliceExpr:
		return lastName(e.X)
	}
	return ""
}
