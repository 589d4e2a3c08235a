package jeton_test

import (
	"context"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jeton-go/jeton"
)

// plain wants an error that is short, printable and has a reason: the parts of
// a fuzzed input are none of these for long.
func plain(t *testing.T, err error) {
	t.Helper()
	if jeton.ReasonCode(err) == "" {
		t.Errorf("no reason in %q", err)
	}
	if len(err.Error()) > 200 {
		t.Errorf("an error of %d bytes: %.300q", len(err.Error()), err.Error())
	}
	for _, c := range []byte(err.Error()) {
		if c < ' ' || c > '~' {
			t.Errorf("the error %q is not printable ASCII", err)
			break
		}
	}
}

func lenient(p *jeton.Policy) {
	*p = jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true, Now: p.Now}
}

// FuzzVerify: no input crashes it, and what is accepted has one spelling.
func FuzzVerify(f *testing.F) {
	good := forge(goodHeader, goodPayload)
	for _, token := range []string{
		"", ".", "..", "...", good, good + ".", good[:len(good)-1], good + "=", "." + good, strings.ToUpper(good), forge(`{"alg":"none"}`, "{}"), forge(head(`"kid":"k"`), goodPayload),
		forge(head(`"crit":["b64"],"b64":false`), goodPayload), forge(goodHeader, "null"), forge(goodHeader, `{"exp":"1"}`), b64(goodHeader) + "." + b64(goodPayload) + ".", `{"payload":"a.b.c"}`,
	} {
		f.Add(token)
	}
	strict, any := testVerifier(f, hmacKey(f).Public()), testVerifier(f, hmacKey(f).Public(), lenient)
	f.Fuzz(func(t *testing.T, token string) {
		verified, err := any.Verify(context.Background(), token)
		if err != nil {
			plain(t, err)
			if verified != nil {
				t.Error("claims beside an error")
			}
			if v, err := strict.Verify(context.Background(), token); v != nil || err == nil {
				t.Error("the strict policy accepts what the lenient one refuses")
			}
			return
		}
		parts := strings.Split(token, ".")
		if len(parts) != 3 {
			t.Fatalf("%d segments", len(parts))
		}
		if again := b64(string(unb64(parts[0]))) + "." + b64(string(verified.Payload())) + "." + b64(string(unb64(parts[2]))); again != token {
			t.Errorf("%q is accepted, and is spelled %q", token, again)
		}
		if again := sealHS256(testSecret, parts[0], parts[1]); again != token {
			t.Errorf("%q is accepted and was not signed", token)
		}
	})
}

// FuzzHeader: what is accepted is a JSON object whose members say what the
// Header says.
func FuzzHeader(f *testing.F) {
	for _, header := range []string{
		goodHeader, "{}", "null", `{"alg":"none"}`, `{"alg":"HS256","alg":"HS256"}`, `{"\u0061lg":"HS256"}`, head(`"kid":"k"`), head(`"kid":1`), head(`"crit":[]`), head(`"cty":"x/y"`), head(`"b64":true`),
		head(`"jwk":{"kty":"oct"}`), "\ufeff" + goodHeader, goodHeader + " x", `{"alg":"RS512","typ":"at+jwt","x":[[[[]]]]}`,
	} {
		f.Add([]byte(header))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := jeton.ParseHeader(text)
		if err != nil {
			plain(t, err)
			if h != (jeton.Header{}) {
				t.Errorf("%+v beside %v", h, err)
			}
			return
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			// A number beyond floating point.
			if !json.Valid(text) {
				t.Fatalf("%q is accepted and no JSON", text)
			}
			return
		}
		for name, got := range map[string]string{"alg": string(h.Algorithm), "kid": h.KeyID, "typ": h.Type, "cty": h.ContentType} {
			want, _ := members[name].(string)
			if got != want {
				t.Errorf("%q: %s is %q", text, name, got)
			}
			if _, there := members[name].(string); members[name] != nil && !there {
				t.Errorf("%q: %s is no string", text, name)
			}
		}
		_, crit := members["crit"]
		_, encoding := members["b64"]
		if crit || encoding || !h.Algorithm.Valid() || len(h.KeyID) > 128 || !utf8.Valid(text) {
			t.Errorf("%q is accepted", text)
		}
	})
}

// FuzzClaims: whatever somebody signed, what comes out is what the payload says
// or an error.
func FuzzClaims(f *testing.F) {
	for _, payload := range []string{
		goodPayload, "{}", "null", "[]", `{"exp":1800000300.5,"nbf":1.7e9,"iat":17e8}`, `{"exp":0}`, `{"exp":1e400}`, `{"aud":[]}`, `{"aud":["a",1]}`, `{"aud":["a","b"],"sub":"\ud83d\ude00"}`,
		`{"sub":"a","sub":"b"}`, `{"iss":1}`, `{"tenant":"x","roles":["a"],"level":5,"cnf":{"jkt":"x"},"extra":[1,{"a":null}]}`, `{"level":1.5}`, `{"roles":"a"}`, `{"cnf":{"secret":1}}`,
	} {
		f.Add([]byte(payload))
	}
	any := testVerifier(f, hmacKey(f).Public(), lenient)
	f.Fuzz(func(t *testing.T, payload []byte) {
		token := forge(goodHeader, string(payload))
		verified, err := any.Verify(context.Background(), token)
		if err != nil {
			plain(t, err)
			return
		}
		c := verified.Claims()
		if string(verified.Payload()) != string(payload) || !json.Valid(payload) || !utf8.Valid(payload) {
			t.Fatalf("%q is accepted as %q", payload, verified.Payload())
		}
		for name, got := range map[string]string{"iss": c.Issuer, "sub": c.Subject, "jti": c.ID} {
			if got != verified.StringClaim(name) {
				t.Errorf("%q: %s is %q and %q", payload, name, got, verified.StringClaim(name))
			}
		}
		for name, d := range map[string]jeton.NumericDate{"exp": c.ExpiresAt, "nbf": c.NotBefore, "iat": c.IssuedAt} {
			if _, there := verified.Claim(name); there == d.IsZero() {
				t.Errorf("%q: %s is there: %t, and is %s", payload, name, there, d)
			}
		}
		if _, there := verified.Claim("aud"); there == (c.Audience == nil) {
			t.Errorf("%q: aud is there: %t, and is %q", payload, there, c.Audience)
		}
		typed, err := jeton.VerifyAs[customClaims](context.Background(), any, token)
		if err != nil {
			plain(t, err)
			if !is(err, jeton.ErrClaims) || typed.Subject != "" || typed.Tenant != "" {
				t.Errorf("%q: %+v, %v", payload, typed, err)
			}
			return
		}
		if typed.Subject != c.Subject || typed.ExpiresAt != c.ExpiresAt || typed.Tenant != verified.StringClaim("tenant") {
			t.Errorf("%q is read as %+v", payload, typed)
		}
	})
}

// FuzzNumericDate holds dates against exact arithmetic: never a moment later
// than they say.
func FuzzNumericDate(f *testing.F) {
	for _, text := range []string{"1800000300", "1800000300.999999999999", "1e9", "253402300799", "253402300800", "0", "-1", "0.0000000001e10", "null", `"1"`, "1e400", "18000003000e-1", "1e-9", "01", "1.", "1e"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d jeton.NumericDate
		if err := d.UnmarshalJSON(text); err != nil {
			plain(t, err)
			if !d.IsZero() {
				t.Errorf("%q left %s behind", text, d)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is read as %s and is no JSON", text, d)
		}
		exact, ok := new(big.Rat).SetString(string(text))
		if !ok {
			t.Fatalf("%q is read as %s and is no number", text, d)
		}
		got := new(big.Rat).SetFrac64(int64(d.Time().Nanosecond()), 1e9)
		got.Add(got, new(big.Rat).SetInt64(d.Time().Unix()))
		if difference := new(big.Rat).Sub(exact, got); difference.Sign() < 0 || difference.Cmp(big.NewRat(1, 1e9)) >= 0 {
			t.Errorf("%q is read as %s", text, d)
		}
		written, err := d.MarshalJSON()
		if err != nil {
			t.Fatalf("%q is read as %s: %v", text, d, err)
		}
		var again jeton.NumericDate
		if err := again.UnmarshalJSON(written); err != nil || again != d {
			t.Errorf("%q is read as %s, written as %s, and read as %s", text, d, written, again)
		}
	})
}
