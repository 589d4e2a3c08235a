package unverified

import (
	"encoding/json"
	"strings"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// readHeader takes the parameters out of the header that a person asks for, and
// notes those that a verifier refuses.
func (t *Token) readHeader(header map[string]json.RawMessage) {
	if header == nil {
		return
	}
	text := func(name string) (string, bool) {
		value, present := header[name]
		if !present {
			return "", false
		}
		var s string
		if decode(value, &s) != nil {
			t.problem("the header: %q is not a string", name)
			return "", false
		}
		return s, true
	}
	alg, ok := text("alg")
	t.Algorithm = alg
	if _, err := jeton.ParseAlgorithm(alg); ok && strings.EqualFold(alg, "none") {
		t.problem("the header: an \"alg\" of none, so that nobody signed the token")
	} else if ok && err != nil {
		t.problem("the header: no algorithm that is verified here")
	} else if _, present := header["alg"]; !present {
		t.problem(`the header: no "alg"`)
	}
	if t.KeyID, ok = text("kid"); ok && (t.KeyID == "" || len(t.KeyID) > verifierKeyID || !printable(t.KeyID)) {
		t.problem(`the header: a "kid" that is not 1 to %d printable ASCII characters`, verifierKeyID)
	}
	if t.Type, ok = text("typ"); ok && !printable(t.Type) {
		t.problem(`the header: a "typ" that is not printable ASCII`)
	}
	if contentType, ok := text("cty"); ok && !printable(contentType) {
		t.problem(`the header: a "cty" that is not printable ASCII`)
	}
	for _, name := range []string{"crit", "b64"} {
		if _, present := header[name]; present {
			t.problem("the header: the extension %q", name)
		}
	}
}

// checkClaims notes registered claims (RFC 7519 section 4.1) of a wrong type.
// Whether their values are acceptable is a matter of policy.
func (t *Token) checkClaims(claims map[string]json.RawMessage) {
	for _, c := range []struct {
		name string
		dst  any
		want string
	}{
		{"iss", new(string), "a string"},
		{"sub", new(string), "a string"},
		{"aud", new(jeton.Audience), "a string or a non-empty array of strings"},
		{"exp", new(jeton.NumericDate), "a date in seconds"},
		{"nbf", new(jeton.NumericDate), "a date in seconds"},
		{"iat", new(jeton.NumericDate), "a date in seconds"},
		{"jti", new(string), "a string"},
	} {
		if value, present := claims[c.name]; present && decode(value, c.dst) != nil {
			t.problem("the claims: %q is not %s", c.name, c.want)
		}
	}
}

func decode(value json.RawMessage, dst any) error {
	return strictjson.Unmarshal(value, dst, strictjson.Limits{Depth: len(value), Members: len(value)})
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
