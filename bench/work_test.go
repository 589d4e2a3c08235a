package bench

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// TestFullWork: each library accepts the good token, reads its claims, and
// refuses what has to be refused. One that did less would be compared unfairly.
func TestFullWork(t *testing.T) {
	now := time.Now()
	for _, s := range settings(t) {
		good := signed(t, s, goodClaims(now))
		bad := badTokens(t, s, now)
		for _, l := range libraries() {
			t.Run(string(s.alg)+"/"+l.name, func(t *testing.T) {
				verify, err := l.verifier(s)
				if errors.Is(err, errNotOffered) {
					if l.name != "tink" || s.alg != jeton.Ed25519 {
						t.Fatal("left out, and nobody knew")
					}
					t.Skip("tink has no Ed25519 for JWT")
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err := verify(good)
				if err != nil {
					t.Fatalf("the good token: %v", err)
				}
				if l.name == "floor" {
					if _, err := verify(bad["another key"]); err == nil {
						t.Error("another key's token is accepted")
					}
					return // it checks nothing else, by design
				}
				if want := goodClaims(now); !sameClaims(&got, want) {
					t.Errorf("claims are\n%+v, want\n%+v", got, *want)
				}
				for name, token := range bad {
					if _, err := verify(token); err == nil {
						t.Errorf("%s: accepted", name)
					}
				}
			})
		}
	}
}

// badTokens are what no verifier of the benchmarks may accept.
func badTokens(t *testing.T, s setting, now time.Time) map[string]string {
	t.Helper()
	bad := make(map[string]string)
	for name, change := range map[string]func(*claims){
		"expired": func(c *claims) {
			c.ExpiresAt = now.Add(-time.Hour)
			c.NotBefore, c.IssuedAt = now.Add(-2*time.Hour), now.Add(-2*time.Hour)
		},
		"without exp":      func(c *claims) { c.ExpiresAt = time.Time{} },
		"not valid yet":    func(c *claims) { c.NotBefore = now.Add(time.Hour) },
		"another issuer":   func(c *claims) { c.Issuer = "https://evil.example" },
		"no issuer":        func(c *claims) { c.Issuer = "" },
		"another audience": func(c *claims) { c.Audience = []string{"invoices"} },
		"no audience":      func(c *claims) { c.Audience = nil },
	} {
		c := goodClaims(now)
		change(c)
		bad[name] = signed(t, s, c)
	}

	other, err := jeton.GenerateKey(s.alg)
	if err != nil {
		t.Fatal(err)
	}
	bad["another key"] = signed(t, settingOf(other), goodClaims(now))

	good := signed(t, s, goodClaims(now))
	bad["changed signature"] = good[:len(good)-10] + "AAAAAAAAAA"
	bad["no signature"] = good[:strings.LastIndexByte(good, '.')+1]
	bad["alg none"] = encode(`{"alg":"none","typ":"JWT"}`) + "." + encode(claimsJSON(now)) + "."

	// Headers that lie about the algorithm, and the same key material with every
	// other algorithm that it could be made to serve.
	for _, alg := range []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		if alg == s.name() {
			continue
		}
		header := `{"alg":"` + alg + `","typ":"JWT"}`
		bad["a header that says "+alg] = forge(t, s, header, claimsJSON(now))
		input := encode(header) + "." + encode(claimsJSON(now))
		if sig := rawSign(t, s, alg, input); sig != nil {
			bad["signed with "+alg] = input + "." + encode(string(sig))
		}
	}
	return bad
}

func claimsJSON(now time.Time) string { return string(appendClaims(nil, goodClaims(now))) }

// sameClaims compares what was read; times to the second, and whatever their
// location.
func sameClaims(a, b *claims) bool {
	x, y := *a, *b
	for _, d := range []*time.Time{&x.ExpiresAt, &x.NotBefore, &x.IssuedAt, &y.ExpiresAt, &y.NotBefore, &y.IssuedAt} {
		if !d.IsZero() {
			*d = time.Unix(d.Unix(), 0).UTC()
		}
	}
	return reflect.DeepEqual(x, y)
}

// longSalt are libraries whose PS256 salts are as long as fits, where RFC 7518
// section 3.5 wants them as long as the hash.
var longSalt = map[string]bool{"cristalhq": true, "kataras": true}

// TestSign: every library's token says the same to jeton.
func TestSign(t *testing.T) {
	now := time.Now()
	for _, s := range settings(t) {
		verify, err := jetonVerifier(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range libraries() {
			t.Run(string(s.alg)+"/"+l.name, func(t *testing.T) {
				sign, err := l.signer(s)
				if errors.Is(err, errNotOffered) {
					t.Skip("not offered")
				}
				if err != nil {
					t.Fatal(err)
				}
				token, err := sign(goodClaims(now))
				if err != nil {
					t.Fatal(err)
				}
				got, err := verify(token)
				if s.alg == jeton.PS256 && longSalt[l.name] {
					if !errors.Is(err, jeton.ErrSignature) {
						t.Fatalf("a salt that RFC 7518 does not allow: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatalf("%v: %s", err, token)
				}
				if want := goodClaims(now); !sameClaims(&got, want) {
					t.Errorf("claims are\n%+v, want\n%+v", got, *want)
				}
			})
		}
	}
}

// TestAppendSign: what is signed into a buffer is a token of the same claims.
func TestAppendSign(t *testing.T) {
	now := time.Now()
	for _, s := range settings(t) {
		verify, err := jetonVerifier(s)
		if err != nil {
			t.Fatal(err)
		}
		for name, make := range bufferSigners {
			t.Run(string(s.alg)+"/"+name, func(t *testing.T) {
				sign, err := make(s)
				if err != nil {
					t.Fatal(err)
				}
				token, err := sign([]byte("kept"), goodClaims(now))
				if err != nil || !strings.HasPrefix(string(token), "kept") {
					t.Fatalf("%v: %s", err, token)
				}
				got, err := verify(string(token[len("kept"):]))
				if want := goodClaims(now); err != nil || !sameClaims(&got, want) {
					t.Errorf("claims are\n%+v, want\n%+v: %v", got, *want, err)
				}
			})
		}
	}
}

// TestScan: the floor finds the claims that are there.
func TestScan(t *testing.T) {
	for _, c := range []struct {
		json string
		want registered
	}{
		{`{}`, registered{}},
		{`{"x":[{"iss":"no"},"]}\"",1],"iss":"a\"b\\","exp":17,"aud":["x","y"],"y":{"aud":{}},"jti":"","nbf":-1e5,"iat":0,"sub":"s"}`, registered{
			iss: []byte(`"a\"b\\"`), exp: []byte("17"), aud: []byte(`["x","y"]`), jti: []byte(`""`), nbf: []byte("-1e5"), iat: []byte("0"), sub: []byte(`"s"`),
		}},
		{`{"a":true,"exp":1}`, registered{exp: []byte("1")}},
	} {
		if got := scan([]byte(c.json)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %s", c.json, got)
		}
	}
}
