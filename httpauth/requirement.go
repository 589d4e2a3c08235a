package httpauth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jeton-go/jeton"
)

// Requirement is what a token must grant beyond being good. It is made by
// [Scope] and [Role] and immutable. Anything finer, such as whose order it is,
// is for the handler, with the token's claims.
type Requirement struct {
	scopes []string
	roles  []string
}

// Scope requires all of the named scopes in the "scope" claim, which is a string
// of names with spaces between (RFC 9068 section 2.2.3). A claim of another type
// grants nothing.
//
// It panics if there is no name, or one that no scope can have (RFC 6749 section
// 3.3): such a requirement is a mistake in the program.
func Scope(names ...string) Requirement {
	if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return !isScopeName(n) }) {
		panic(fmt.Sprintf("httpauth: Scope(%q) is not one or more names of scopes", names))
	}
	return Requirement{scopes: slices.Clone(names)}
}

// Role requires at least one of the named roles in the "roles" claim, which is an
// array of strings (RFC 9068 section 2.2.3.1). A claim of another type grants
// nothing. Two requirements of this kind must both hold.
//
// It panics if there is no name or an empty one.
func Role(names ...string) Requirement {
	if len(names) == 0 || slices.Contains(names, "") {
		panic(fmt.Sprintf("httpauth: Role(%q) is not one or more names of roles", names))
	}
	return Requirement{roles: slices.Clone(names)}
}

func isScopeName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// authorize holds a verified token against the requirements.
func (a *Auth) authorize(v *jeton.Verified) error {
	if len(a.scopes) > 0 {
		granted := v.StringClaim("scope")
		for _, name := range a.scopes {
			if grants(granted, name) {
				continue
			}
			lacking := &insufficient{scope: strings.Join(a.scopes, " "), detail: "no such scope"}
			if granted == "" {
				lacking.detail = "no scope claim that is a string"
			}
			return lacking
		}
	}
	if len(a.roles) > 0 {
		granted, ok := roles(v)
		if !ok {
			return &insufficient{detail: "no roles claim that is an array of strings"}
		}
		for _, group := range a.roles {
			if !slices.ContainsFunc(group, func(name string) bool { return slices.Contains(granted, name) }) {
				return &insufficient{detail: "no such role"}
			}
		}
	}
	return nil
}

// grants tells whether a scope claim has a name.
func grants(scope, name string) bool {
	for scope != "" {
		var granted string
		if granted, scope, _ = strings.Cut(scope, " "); granted == name {
			return true
		}
	}
	return false
}

// roles returns the "roles" claim; false if it is not there or no array of
// strings. Claims that don't fit grant nothing, not even the part that does.
func roles(v *jeton.Verified) ([]string, bool) {
	value, ok := v.Claim("roles")
	if !ok {
		return nil, false
	}
	// To encoding/json null fits every type; a pointer shows it.
	var elements []*string
	if json.Unmarshal(value, &elements) != nil || slices.Contains(elements, nil) {
		return nil, false
	}
	names := make([]string, len(elements))
	for i, e := range elements {
		names[i] = *e
	}
	return names, true
}
