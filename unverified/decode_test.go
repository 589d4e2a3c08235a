package unverified_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/unverified"
)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func compact(header, claims, signature string) string {
	return b64(header) + "." + b64(claims) + "." + b64(signature)
}

const (
	header = `{"alg":"HS256","kid":"k","typ":"JWT"}`
	claims = `{"iss":"me","exp":4102444800}`
)

func decode(t *testing.T, token string) *unverified.Token {
	t.Helper()
	got, err := unverified.Decode(token)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(got.Header) || !json.Valid(got.Claims) {
		t.Fatalf("not JSON: %q and %q", got.Header, got.Claims)
	}
	return got
}

func TestATokenWithoutProblems(t *testing.T) {
	got := decode(t, compact(header, claims, "sig"))
	if string(got.Header) != header || string(got.Claims) != claims || string(got.Signature) != "sig" {
		t.Errorf("%s %s %q", got.Header, got.Claims, got.Signature)
	}
	if got.Algorithm != "HS256" || got.KeyID != "k" || got.Type != "JWT" || got.Problems != nil {
		t.Errorf("%q %q %q %q", got.Algorithm, got.KeyID, got.Type, got.Problems)
	}
}

func TestTheTextOfTheTokenIsKept(t *testing.T) {
	const spaced = "{\n \"exp\" : 4102444800.0 , \"z\":1, \"a\":2 }"
	if got := decode(t, compact(header, spaced, "sig")); string(got.Claims) != spaced || got.Problems != nil {
		t.Errorf("%s %q", got.Claims, got.Problems)
	}
}

// What a verifier refuses, whatever its key and its policy, is shown with the
// reason.
func TestTokensWithAProblem(t *testing.T) {
	good := compact(header, claims, "sig")
	// Base64 of it has a "-", and its last character has bits to spare.
	odd := `{"a":"~~~~>>>>","b":"xy"}`
	for name, c := range map[string]struct {
		token  string
		claims string // "": those above
		want   string
	}{
		"A1 no signature":            {b64(`{"alg":"none"}`) + "." + b64(claims) + ".", "", "the signature is empty"},
		"A1 none":                    {compact(`{"alg":"none"}`, claims, "sig"), "", "none"},
		"A1 None":                    {compact(`{"alg":"nOnE"}`, claims, "sig"), "", "none"},
		"an unknown alg":             {compact(`{"alg":"XX256"}`, claims, "sig"), "", "no algorithm that is verified here"},
		"an alg of null":             {compact(`{"alg":null}`, claims, "sig"), "", `"alg" is not a string`},
		"an alg that is a list":      {compact(`{"alg":["HS256"]}`, claims, "sig"), "", `"alg" is not a string`},
		"no alg":                     {compact(`{}`, claims, "sig"), "", `no "alg"`},
		"A7 ALG":                     {compact(`{"ALG":"HS256"}`, claims, "sig"), "", `no "alg"`},
		"A4 an empty kid":            {compact(`{"alg":"HS256","kid":""}`, claims, "sig"), "", `a "kid" that is not`},
		"A4 a long kid":              {compact(`{"alg":"HS256","kid":"`+strings.Repeat("k", 129)+`"}`, claims, "sig"), "", `a "kid" that is not`},
		"A4 a kid with an escape":    {compact(`{"alg":"HS256","kid":"\u001b[2J"}`, claims, "sig"), "", `a "kid" that is not`},
		"A4 a kid that is a number":  {compact(`{"alg":"HS256","kid":1}`, claims, "sig"), "", `"kid" is not a string`},
		"a typ that is a number":     {compact(`{"alg":"HS256","typ":1}`, claims, "sig"), "", `"typ" is not a string`},
		"a typ in Greek":             {compact(`{"alg":"HS256","typ":"ϳwt"}`, claims, "sig"), "", `a "typ" that is not`},
		"a cty that is a number":     {compact(`{"alg":"HS256","cty":1}`, claims, "sig"), "", `"cty" is not a string`},
		"a cty in Greek":             {compact(`{"alg":"HS256","cty":"ϳwt"}`, claims, "sig"), "", `a "cty" that is not`},
		"A6 crit":                    {compact(`{"alg":"HS256","crit":["x"],"x":1}`, claims, "sig"), "", `the extension "crit"`},
		"A6 b64":                     {compact(`{"alg":"HS256","b64":false}`, claims, "sig"), "", `the extension "b64"`},
		"A7 a duplicate in header":   {compact(`{"alg":"HS256","alg":"none"}`, claims, "sig"), "", "the header: a duplicate member name"},
		"A7 a duplicate in claims":   {compact(header, `{"sub":"a","sub":"b"}`, "sig"), `{"sub":"a","sub":"b"}`, "the claims: a duplicate member name"},
		"A7 a deep duplicate":        {compact(header, `{"x":{"a":1,"a":2}}`, "sig"), `{"x":{"a":1,"a":2}}`, "the claims: a duplicate member name"},
		"A8 padding":                 {b64(header) + "." + b64(`{"a":1}`) + "==." + b64("sig"), `{"a":1}`, "the claims: not canonical base64url (padding)"},
		"A8 padding of a signature":  {good + "=", "", "the signature: not canonical base64url (padding)"},
		"A8 plain base64":            {b64(header) + "." + strings.NewReplacer("-", "+", "_", "/").Replace(b64(odd)) + "." + b64("sig"), odd, "characters of plain base64"},
		"A8 a line end inside":       {good[:10] + "\r\n" + good[10:], "", "the header: not canonical base64url (white space)"},
		"A8 both":                    {good[:10] + "\n" + good[10:len(b64(header))] + "=" + good[len(b64(header)):], "", "(white space, padding)"},
		"A8 stray bits":              {b64(header) + "." + b64(claims) + ".QR", "", "the signature: not canonical base64url (stray bits at the end)"},
		"A8 a signature of no sense": {b64(header) + "." + b64(claims) + ".!!", "", "the signature: not base64url"},
		"white space around":         {" " + good + "\n", "", "white space around the token"},
		"A9 two segments":            {good[:strings.LastIndex(good, ".")], "", "two segments"},
		"A9 more than 8 KiB":         {compact(header, `{"x":"`+strings.Repeat("x", 8000)+`"}`, "sig"), `{"x":"` + strings.Repeat("x", 8000) + `"}`, "a verifier accepts 8192"},
		"A10 nesting":                {compact(header, `{"x":`+strings.Repeat("[", 16)+strings.Repeat("]", 16)+`}`, "sig"), `{"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, "the claims: nested too deeply"},
		"A10 many members":           {compact(header, `{"x":[`+strings.Repeat("1,", 512)+`1]}`, "sig"), `{"x":[` + strings.Repeat("1,", 512) + `1]}`, "the claims: too many members"},
		"A11 exp in text":            {compact(header, `{"exp":"4102444800"}`, "sig"), `{"exp":"4102444800"}`, `"exp" is not a date`},
		"A11 exp of null":            {compact(header, `{"exp":null}`, "sig"), `{"exp":null}`, `"exp" is not a date`},
		"A11 exp of 1e400":           {compact(header, `{"exp":1e400}`, "sig"), `{"exp":1e400}`, `"exp" is not a date`},
		"A11 nbf below zero":         {compact(header, `{"nbf":-1}`, "sig"), `{"nbf":-1}`, `"nbf" is not a date`},
		"A11 iat of true":            {compact(header, `{"iat":true}`, "sig"), `{"iat":true}`, `"iat" is not a date`},
		"A14 an empty aud":           {compact(header, `{"aud":[]}`, "sig"), `{"aud":[]}`, `"aud" is not a string or`},
		"A14 an aud of null":         {compact(header, `{"aud":null}`, "sig"), `{"aud":null}`, `"aud" is not a string or`},
		"A15 iss that is a list":     {compact(header, `{"iss":["me"]}`, "sig"), `{"iss":["me"]}`, `"iss" is not a string`},
		"sub that is a number":       {compact(header, `{"sub":1}`, "sig"), `{"sub":1}`, `"sub" is not a string`},
		"jti of null":                {compact(header, `{"jti":null}`, "sig"), `{"jti":null}`, `"jti" is not a string`},
		"A13 claims of null":         {compact(header, `null`, "sig"), `null`, "the claims: not a JSON object"},
		"A13 claims in an array":     {compact(header, `[1]`, "sig"), `[1]`, "the claims: not a JSON object"},
		"A13 trailing data":          {compact(header, `{} {}`, "sig"), `null`, "the claims: data after the value"},
		"A13 wrong UTF-8":            {compact(header, "{\"a\":\"\xff\"}", "sig"), "{\"a\":\"\xff\"}", "the claims: not valid UTF-8"},
		"A13 a byte order mark":      {compact(header, "\ufeff{}", "sig"), `{}`, "the claims: not JSON"},
		"claims that are no JSON":    {compact(header, `Example of Ed25519 signing`, "sig"), `null`, "the claims: not JSON"},
		"no claims":                  {b64(header) + ".." + b64("sig"), `null`, "the claims: empty"},
		"claims of no sense":         {b64(header) + ".!." + b64("sig"), `null`, "the claims: not base64url"},
	} {
		t.Run(name, func(t *testing.T) {
			got := decode(t, c.token)
			if want := c.claims; want == "" && string(got.Claims) != claims || want != "" && string(got.Claims) != want {
				t.Errorf("claims %.100s", got.Claims)
			}
			if !strings.Contains(strings.Join(got.Problems, "\n"), c.want) {
				t.Errorf("%q does not say %q", got.Problems, c.want)
			}
			verifierRefuses(t, c.token)
		})
	}
}

// verifierRefuses checks that a problem is one: no policy and no key would let
// the token pass, and not because of its signature.
func verifierRefuses(t *testing.T, token string) {
	t.Helper()
	key, err := jeton.NewHMACKey(jeton.HS256, []byte("0123456789abcdefghijklmnopqrstuv"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jeton.NewVerifier(key.Public(), jeton.Policy{
		AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true,
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	// What is wrong with the claims shows only behind a signature that holds, so
	// they are signed; what is wrong with their spelling is gone by then.
	if _, err = v.Verify(context.Background(), token); errors.Is(err, jeton.ErrSignature) {
		parts := strings.Split(token, ".")
		payload, decodeErr := base64.RawURLEncoding.DecodeString(parts[1])
		signer, signerErr := jeton.NewSigner(key)
		if decodeErr != nil || signerErr != nil {
			t.Fatal(decodeErr, signerErr)
		}
		signed, signErr := signer.SignRaw(payload)
		if signErr != nil {
			t.Fatal(signErr)
		}
		_, err = v.Verify(context.Background(), signed)
	}
	if !errors.Is(err, jeton.ErrMalformed) && !errors.Is(err, jeton.ErrUnsupportedAlgorithm) {
		t.Errorf("a verifier says %v", err)
	}
}

func TestAHeaderThatCannotBeShownLeavesTheClaims(t *testing.T) {
	for _, broken := range []string{"!", "", b64("{"), b64("foo")} {
		got := decode(t, broken+"."+b64(claims)+"."+b64("sig"))
		if string(got.Header) != "null" || string(got.Claims) != claims || len(got.Problems) != 1 || !strings.HasPrefix(got.Problems[0], "the header: ") {
			t.Errorf("%q: %s %s %q", broken, got.Header, got.Claims, got.Problems)
		}
		if got.Algorithm != "" || got.KeyID != "" || got.Type != "" {
			t.Error(got)
		}
	}
}

func TestSeveralProblemsAreAllNamed(t *testing.T) {
	got := decode(t, compact(`{"alg":"none","crit":["x"],"kid":1}`, `{"exp":"x","aud":1}`, ""))
	if len(got.Problems) != 6 {
		t.Errorf("%d: %q", len(got.Problems), got.Problems)
	}
}

func TestWhatCannotBeShown(t *testing.T) {
	for name, c := range map[string]struct {
		token string
		want  error
		says  string
	}{
		"nothing":           {"", jeton.ErrSegments, "1"},
		"a word":            {"token", jeton.ErrSegments, "1"},
		"four segments":     {"a.b.c.d", jeton.ErrSegments, "4"},
		"an encrypted one":  {b64(`{"alg":"dir","enc":"A256GCM"}`) + "..a.b.c", jeton.ErrSegments, "JWE"},
		"many segments":     {strings.Repeat(".", 60_000), jeton.ErrSegments, "60001"},
		"JSON":              {`{"payload":"e30","signatures":[]}`, jeton.ErrSegments, "compact"},
		"two broken halves": {"!.!.c", jeton.ErrMalformed, "the header: not base64url; the claims: not base64url"},
		"two empty halves":  {"..", jeton.ErrMalformed, "empty"},
		"two words":         {"foo.bar.baz", jeton.ErrMalformed, "not JSON"},
		"above 64 KiB":      {compact(header, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, "s"), jeton.ErrTokenTooLarge, "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := unverified.Decode(c.token)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || got != nil {
				t.Errorf("%v, %v", got, err)
			}
			if !errors.Is(err, jeton.ErrMalformed) {
				t.Errorf("%v is not ErrMalformed", err)
			}
		})
	}
}

func ExampleDecode() {
	token := "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6Ii0xIn0."
	t, err := unverified.Decode(token)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n%s\n", t.Header, t.Claims)
	for _, p := range t.Problems {
		fmt.Println("refused:", p)
	}
	// Output:
	// {"alg":"none"}
	// {"sub":"alice","exp":"-1"}
	// refused: the signature is empty
	// refused: the header: an "alg" of none, so that nobody signed the token
	// refused: the claims: "exp" is not a date in seconds
}

// FuzzDecode: no panic, valid JSON whatever comes in, and no problem with a token
// means that a verifier can read it.
func FuzzDecode(f *testing.F) {
	key, err := jeton.NewHMACKey(jeton.HS256, []byte("0123456789abcdefghijklmnopqrstuv"))
	if err != nil {
		f.Fatal(err)
	}
	v, err := jeton.NewVerifier(key.Public(), jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true})
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header, claims, "sig")
	f.Add(`{"alg":"none","crit":[]}`, `{"exp":1e9,"aud":["a"],"aud":""}`, "")
	f.Fuzz(func(t *testing.T, header, claims, signature string) {
		unverified.Decode(header + "." + claims + "." + signature)
		token := compact(header, claims, signature)
		got, err := unverified.Decode(token)
		if (err == nil) != (got != nil) {
			t.Fatal("a token and an error, or neither")
		}
		if err != nil {
			if !errors.Is(err, jeton.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid(got.Header) || !json.Valid(got.Claims) {
			t.Fatalf("not JSON: %q %q", got.Header, got.Claims)
		}
		if got.Problems != nil {
			return
		}
		if _, err := v.Verify(context.Background(), token); errors.Is(err, jeton.ErrMalformed) || errors.Is(err, jeton.ErrUnsupportedAlgorithm) {
			t.Fatalf("no problem seen, and a verifier says %v", err)
		}
		signed, err := signer.SignRaw([]byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(context.Background(), signed); errors.Is(err, jeton.ErrMalformed) {
			t.Fatalf("no problem seen in the claims, and a verifier says %v", err)
		}
	})
}
