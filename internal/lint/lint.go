// Package lint says what is wrong with a token, or weak about it, as far as that
// can be seen without its key: the advice of RFC 8725 and its successor, and what
// people stumble over.
//
// It is for people. That it finds nothing says nothing about whether a token is
// genuine. A finding holds names and dates, never a claim's value, and never the
// token.
package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
	"github.com/jeton-go/jeton/unverified"
)

// A Finding is a rule that a token breaks.
type Finding struct {
	Rule
	Detail string `json:"detail,omitempty"` // where, or how
}

// linter looks at one token.
type linter struct {
	now    time.Time
	rules  map[string]Rule
	found  []Finding
	token  string
	parts  []string
	header map[string]json.RawMessage
	claims map[string]json.RawMessage
	seen   *unverified.Token
}

// Check returns what it finds wrong with a token in compact form, worst first.
func Check(token string, now time.Time) []Finding {
	l := &linter{now: now, rules: make(map[string]Rule), token: strings.TrimSpace(token)}
	for _, rule := range Rules() {
		l.rules[rule.ID] = rule
	}
	if l.token != token {
		l.add("white-space", "")
	}
	l.check()
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(l.found, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return l.found
}

func (l *linter) check() {
	l.parts = strings.Split(l.token, ".")
	if len(l.parts) == 5 && len(l.token) < 1<<20 {
		l.add("encrypted", "")
		return
	}
	var err error
	if l.seen, err = unverified.Decode(l.token); err != nil {
		l.add("not-a-token", "%s", strings.TrimPrefix(err.Error(), "jeton: "))
		return
	}
	if len(l.parts) == 2 {
		l.parts = append(l.parts, "")
	}
	l.checkForm()
	json.Unmarshal(l.seen.Header, &l.header) // both are valid JSON
	json.Unmarshal(l.seen.Claims, &l.claims)
	l.checkHeader()
	l.checkKeyHeaders()
	l.checkSignature()
	if l.claims != nil {
		l.checkClaims()
		l.checkDates()
		l.checkContents("claims", l.seen.Claims, 0)
	}
	// What a verifier refuses is an error, whether there is a rule for it or not.
	if len(l.seen.Problems) > 0 && !slices.ContainsFunc(l.found, func(f Finding) bool { return f.Severity == Error }) {
		l.add("refused", "%s", strings.Join(l.seen.Problems, "; "))
	}
}

// add adds a finding. The detail holds no value of the token.
func (l *linter) add(id, format string, args ...any) {
	rule, ok := l.rules[id]
	if !ok {
		panic("lint: no rule " + id)
	}
	l.found = append(l.found, Finding{rule, fmt.Sprintf(format, args...)})
}

func (l *linter) has(id string) bool {
	return slices.ContainsFunc(l.found, func(f Finding) bool { return f.ID == id })
}

func (l *linter) checkForm() {
	switch n := len(l.token); {
	case n > 8<<10:
		l.add("too-large", "%d bytes", n)
	case n > 4<<10:
		l.add("large", "%d bytes", n)
	}
	names := []string{"header", "claims", "signature"}
	for i, part := range l.parts {
		b, err := base64url.Decode(part)
		if err != nil {
			l.add("base64url", "the %s", names[i])
			continue
		}
		if i == 2 {
			break
		}
		_, err = strictjson.AppendMembers(nil, b, strictjson.Limits{})
		switch {
		case errors.Is(err, strictjson.ErrDuplicate):
			l.add("duplicate-member", "the %s", names[i])
		case err != nil:
			l.add("json", "the %s: %v", names[i], err)
		}
	}
}

func (l *linter) checkHeader() {
	alg := l.seen.Algorithm
	switch _, err := jeton.ParseAlgorithm(alg); {
	case alg == "":
		l.add("alg-missing", "")
	case strings.EqualFold(alg, "none"):
		l.add("alg-none", "")
	case err != nil:
		l.add("alg-unknown", "")
	}
	switch typ := strings.ToLower(strings.TrimPrefix(l.seen.Type, "application/")); typ {
	case "":
		l.add("typ-missing", "")
	case "jwt":
		l.add("typ-generic", "")
	}
	switch kid := l.seen.KeyID; {
	case kid == "":
		l.add("kid-missing", "")
	case injection(kid):
		l.add("kid-injection", "")
	case strings.ContainsAny(kid, `/\`):
		l.add("kid-slash", "")
	}
}

// injection tells whether a key id is written for a look-up that takes it for
// more than a name. A slash alone is common: in identifiers of clouds, in base64.
func injection(kid string) bool {
	if strings.HasPrefix(kid, "/") || strings.HasPrefix(kid, "~") || len(kid) > 2 && kid[1] == ':' && kid[2] == '\\' {
		return true
	}
	if strings.ContainsFunc(kid, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return true
	}
	for _, piece := range []string{"..", "://", "'", `"`, ";", "`", "$(", "${", "|", "--", "/*", "%00", "%2e", "%2f", "<", ">"} {
		if strings.Contains(strings.ToLower(kid), piece) && !(piece == "--" && !strings.ContainsAny(kid, " '\"")) {
			return true
		}
	}
	return false
}

func (l *linter) checkKeyHeaders() {
	proof := strings.EqualFold(l.seen.Type, "dpop+jwt") // which brings its key, RFC 9449 section 4.2
	for _, h := range []struct{ name, id string }{
		{"jku", "key-address"}, {"x5u", "key-address"}, {"jwk", "key-inside"}, {"x5c", "key-inside"},
		{"crit", "crit"}, {"b64", "b64"}, {"zip", "zip"},
	} {
		if _, there := l.header[h.name]; there && !(proof && h.name == "jwk") {
			l.add(h.id, "%s", h.name)
		}
	}
}
