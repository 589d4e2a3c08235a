package jeton_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

type talkative struct{ word string }

func (f talkative) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("can't write %q", f.word)
}

type talkativeText struct{ word string }

func (f talkativeText) MarshalText() ([]byte, error) {
	return nil, fmt.Errorf("can't write %q", f.word)
}

type damagedText struct{}

func (damagedText) MarshalText() ([]byte, error) { return []byte("claims-canary\xff"), nil }

func TestSignRefusesWhatNoVerifierWouldAccept(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t)))(t)
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	loop := map[string]any{}
	loop["loop"] = loop
	for _, c := range []struct {
		name   string
		claims any
		also   error // beside ErrClaims
	}{
		{"A13 nothing", nil, jeton.ErrNotObject},
		{"A13 a nil pointer", (*jeton.Claims)(nil), jeton.ErrNotObject},
		{"A13 a number", 17, jeton.ErrNotObject},
		{"A13 a string", "claims-canary", jeton.ErrNotObject},
		{"A13 an array", []string{"claims-canary"}, jeton.ErrNotObject},
		{"A13 bytes, which are base64 in JSON", []byte(goodPayload), jeton.ErrNotObject},
		{"A13 raw, null", raw("null"), jeton.ErrNotObject},
		{"A13 raw, two values", raw("{}{}"), nil},
		{"A13 raw, not JSON", raw("claims-canary"), nil},
		{"A13 raw, cut off", raw(`{"claims-canary":`), nil},
		{"A13 raw, not UTF-8", raw("{\"claims-canary\":\"\xff\"}"), nil},
		{"A13 raw, a lone surrogate", raw(`{"claims-canary":"\ud800"}`), jeton.ErrJSON},
		{"A13 raw, NUL", raw(`{"claims-canary":"\u0000"}`), jeton.ErrJSON},
		{"A13 a subject that is not UTF-8", jeton.Claims{Subject: "claims-canary\xff"}, jeton.ErrInvalidUTF8},
		{"A13 a value that is not UTF-8", map[string]any{"x": []string{"claims-canary\xc3"}}, jeton.ErrInvalidUTF8},
		{"A13 a name that is not UTF-8", map[string]any{"claims-canary\xed\xa0\x80": 1}, jeton.ErrInvalidUTF8},
		{"A13 an audience that is not UTF-8", jeton.Claims{Audience: jeton.Audience{"claims-canary\xff"}}, jeton.ErrInvalidUTF8},
		{"A13 one of two audiences that is not UTF-8", jeton.Claims{Audience: jeton.Audience{"orders", "claims-canary\xff"}}, jeton.ErrInvalidUTF8},
		{"A13 a text that is not UTF-8", map[string]any{"x": damagedText{}}, jeton.ErrInvalidUTF8},
		{"A13 not UTF-8 beside U+FFFD", map[string]any{"sub": "\ufffd", "x": "claims-canary\xff"}, jeton.ErrInvalidUTF8},
		{"A13 raw inside, not UTF-8", map[string]any{"x": raw("\"claims-canary\xff\"")}, jeton.ErrInvalidUTF8},
		{"A13 NUL", map[string]any{"sub": "claims\x00canary"}, jeton.ErrJSON},
		{"A7 raw, a name twice", raw(`{"claims-canary":1,"claims-canary":2}`), jeton.ErrDuplicateMember},
		{"A7 raw, a name twice inside", raw(`{"x":{"claims-canary":1,"claims-canary":2}}`), jeton.ErrDuplicateMember},
		{"A10 too deep", raw(`{"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`), jeton.ErrTooDeep},
		{"A10 too many members", map[string]any{"x": make([]int, 512)}, jeton.ErrTooManyMembers},
		{"A9 too long", map[string]any{"x": strings.Repeat("claims-canary", 500)}, nil},
		{"A11 exp a string", map[string]any{"exp": "1800000300"}, jeton.ErrClaimType},
		{"A11 exp null", map[string]any{"exp": nil}, jeton.ErrClaimType},
		{"A11 exp in milliseconds", map[string]any{"exp": int64(1800000300000)}, jeton.ErrClaimType},
		{"A11 exp a time.Time", map[string]any{"exp": now}, jeton.ErrClaimType},
		{"A11 exp a Go zero without omitzero", struct {
			ExpiresAt jeton.NumericDate `json:"exp"`
		}{}, jeton.ErrClaimType},
		{"A11 exp before 1970", jeton.Claims{ExpiresAt: jeton.At(time.Unix(-1, 0))}, nil},
		{"A11 exp is the first second of 1970", jeton.Claims{ExpiresAt: jeton.At(time.Unix(0, 999))}, nil},
		{"A11 exp after 9999", jeton.Claims{ExpiresAt: jeton.At(time.Unix(253402300800, 0))}, nil},
		{"A14 aud an empty array", map[string]any{"aud": []string{}}, jeton.ErrClaimType},
		{"A14 aud nil", map[string]any{"aud": []string(nil)}, jeton.ErrClaimType},
		{"A14 aud numbers", map[string]any{"aud": []int{17}}, jeton.ErrClaimType},
		{"A14 an empty name", jeton.Claims{Audience: jeton.Audience{""}}, nil},
		{"A14 an empty name among others", jeton.Claims{Audience: jeton.Audience{"orders", ""}}, nil},
		{"A14 an Audience of nothing in a map", map[string]any{"aud": jeton.Audience{}}, nil},
		{"A15 iss a number", map[string]any{"iss": 17}, jeton.ErrClaimType},
		{"A15 sub a number", map[string]any{"sub": 1800000301}, jeton.ErrClaimType},
		{"A15 jti null", map[string]any{"jti": nil}, jeton.ErrClaimType},
		{"not a number", map[string]any{"x": math.NaN()}, nil},
		{"infinity", map[string]any{"x": math.Inf(1)}, nil},
		{"a channel", map[string]any{"x": make(chan int)}, nil},
		{"a function", func() {}, nil},
		{"a loop", loop, nil},
		{"a json.Number that is none", map[string]any{"claims-canary": json.Number("claims-canary")}, nil},
		{"a value that talks in its error", map[string]any{"x": talkative{"claims-canary"}}, nil},
		{"a text that talks in its error", map[string]any{"x": talkativeText{"claims-canary"}}, nil},
		{"a key that talks in its error", map[talkativeText]any{{"claims-canary"}: 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := []byte("kept")
			token, err := signer.AppendSign(dst, c.claims)
			if string(token) != "kept" {
				t.Errorf("dst became %q", token)
			}
			refused(t, err, jeton.ErrClaims, "claims-canary", "1800000300", "1800000301", testSecret)
			if c.also != nil && !is(err, c.also) {
				t.Errorf("%v is not %v", err, c.also)
			}
			if token, err := signer.Sign(c.claims); token != "" || err == nil {
				t.Errorf("Sign returned %q, %v", token, err)
			}
		})
	}
}

// The replacement character is a character like any other as long as it isn't
// there to cover for another one.
func TestSignKeepsEveryCharacter(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t)))(t)
	v := testVerifier(t, hmacKey(t).Public())
	for _, subject := range []string{"\ufffd", `\ufffd`, `\\ufffd`, `a\`, "é", "😀", "\u2028", "<&>", `"`, "\x01\x1f\x7f", "a\tb"} {
		c := goodClaims()
		c.Subject = subject
		token, err := signer.Sign(c)
		if err != nil {
			t.Errorf("%q: %v", subject, err)
			continue
		}
		if got := must(v.Verify(context.Background(), token))(t).Subject(); got != subject {
			t.Errorf("%q came back as %q", subject, got)
		}
	}
}

// An error says which type it is about, and nothing of its value.
func TestSignErrorsNameTheType(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t)))(t)
	for want, claims := range map[string]any{
		"chan int":              map[string]any{"x": make(chan int)},
		"jeton_test.talkative ": map[string]any{"x": talkative{"claims-canary"}},
		"jeton.Audience":        jeton.Claims{Audience: jeton.Audience{""}},
		"jeton.NumericDate":     jeton.Claims{ExpiresAt: jeton.At(time.Unix(-1, 0))},
		"no JSON form":          map[string]any{"x": math.NaN()},
	} {
		if _, err := signer.Sign(claims); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// Raw claims are the caller's own text, escapes and all.
func TestSignRawMessageKeepsItsEscapes(t *testing.T) {
	token := must(must(jeton.NewSigner(hmacKey(t)))(t).Sign(json.RawMessage(`{"sub":"\ufffd"}`)))(t)
	if got := string(unb64(strings.Split(token, ".")[1])); got != `{"sub":"\ufffd"}` {
		t.Error(got)
	}
}

func TestSignTakesEveryFormOfClaims(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t)))(t)
	v := testVerifier(t, hmacKey(t).Public())
	type custom struct {
		jeton.Claims
		Tenant string `json:"tenant"`
	}
	c := goodClaims()
	for name, claims := range map[string]any{
		"struct":            c,
		"pointer":           &c,
		"embedding":         custom{c, "acme"},
		"embedding pointer": &custom{c, "acme"},
		"map":               map[string]any{"iss": testIssuer, "sub": "subject-canary", "aud": testAudience, "exp": now.Unix() + 300},
		"map of floats":     map[string]any{"iss": testIssuer, "sub": "subject-canary", "aud": []string{testAudience}, "exp": float64(now.Unix()) + 300.5},
		"raw":               json.RawMessage(goodPayload),
		"access claims":     jeton.AccessClaims{Claims: c, Scope: "a b", SessionID: "s1"},
	} {
		verified := must(v.Verify(context.Background(), must(signer.Sign(claims))(t)))(t)
		if verified.Subject() != "subject-canary" || verified.Issuer() != testIssuer || verified.ExpiresAt().Time().Unix() != now.Unix()+300 {
			t.Errorf("%s: %s", name, verified.Payload())
		}
	}
}

func TestAppendSignAppends(t *testing.T) {
	for _, key := range []*jeton.SigningKey{hmacKey(t), rsaKey(t)} {
		signer := must(jeton.NewSigner(key))(t)
		token := must(signer.Sign(goodClaims()))(t)
		for _, room := range []int{0, 10, 5000} {
			dst := append(make([]byte, 0, 7+room), "Bearer "...)
			if got := string(must(signer.AppendSign(dst, goodClaims()))(t)); got != "Bearer "+token {
				t.Errorf("%s with room for %d: %s", key.Algorithm(), room, got)
			}
		}
	}
}

func TestSignerHeader(t *testing.T) {
	header := func(opts ...jeton.SignerOption) string {
		t.Helper()
		token := must(must(jeton.NewSigner(hmacKey(t, jeton.KeyID(`"k"<&>`)), opts...))(t).Sign(goodClaims()))(t)
		return string(unb64(token[:strings.IndexByte(token, '.')]))
	}
	const kid = `"kid":"\"k\"\u003c\u0026\u003e"`
	for got, want := range map[string]string{
		header():                  `{"alg":"HS256",` + kid + `,"typ":"JWT"}`,
		header(jeton.Type("")):    `{"alg":"HS256",` + kid + `}`,
		header(jeton.Type("a/b")): `{"alg":"HS256",` + kid + `,"typ":"a/b"}`,
		header(jeton.WithoutKeyID(), jeton.Type("")):                                                                  `{"alg":"HS256"}`,
		header(jeton.WithoutKeyID(), jeton.HeaderParam("cty", "x/y"), jeton.HeaderParam("n", map[string]int{"a": 1})): `{"alg":"HS256","typ":"JWT","cty":"x/y","n":{"a":1}}`,
	} {
		if got != want {
			t.Errorf("header %s, want %s", got, want)
		}
	}
}

func TestSignerOptionsThatAreRefused(t *testing.T) {
	for name, opt := range map[string]jeton.SignerOption{
		"an empty name":               jeton.HeaderParam("", 1),
		"alg":                         jeton.HeaderParam("alg", "none"),
		"kid":                         jeton.HeaderParam("kid", "k"),
		"typ":                         jeton.HeaderParam("typ", "JWT"),
		"A6 crit":                     jeton.HeaderParam("crit", []string{"exp"}),
		"A6 b64":                      jeton.HeaderParam("b64", false),
		"A3 jwk":                      jeton.HeaderParam("jwk", map[string]string{}),
		"A3 jku":                      jeton.HeaderParam("jku", "https://auth.example"),
		"A3 x5u":                      jeton.HeaderParam("x5u", "https://auth.example"),
		"A3 x5c":                      jeton.HeaderParam("x5c", []string{}),
		"A3 x5t":                      jeton.HeaderParam("x5t", ""),
		"A3 x5t#S256":                 jeton.HeaderParam("x5t#S256", ""),
		"A17 enc":                     jeton.HeaderParam("enc", "A128GCM"),
		"A18 zip":                     jeton.HeaderParam("zip", "DEF"),
		"A18 p2c":                     jeton.HeaderParam("p2c", 1),
		"A18 epk":                     jeton.HeaderParam("epk", map[string]string{}),
		"A18 apu":                     jeton.HeaderParam("apu", ""),
		"A18 apv":                     jeton.HeaderParam("apv", ""),
		"A18 iv":                      jeton.HeaderParam("iv", ""),
		"A18 tag":                     jeton.HeaderParam("tag", ""),
		"A18 p2s":                     jeton.HeaderParam("p2s", ""),
		"what is no JSON":             jeton.HeaderParam("x", make(chan int)),
		"cty of another type":         jeton.HeaderParam("cty", 1),
		"cty that is not ASCII":       jeton.HeaderParam("cty", "é"),
		"a type that is not ASCII":    jeton.Type("jwt+é"),
		"a type that is not UTF-8":    jeton.Type("jwt\xff"),
		"a value that is not UTF-8":   jeton.HeaderParam("x", "\xff"),
		"a name that is not UTF-8":    jeton.HeaderParam("\xff", "x"),
		"a value with NUL":            jeton.HeaderParam("x", "\x00"),
		"A7 a name twice inside":      jeton.HeaderParam("x", json.RawMessage(`{"a":1,"a":2}`)),
		"A10 a value nested too deep": jeton.HeaderParam("x", json.RawMessage(strings.Repeat("[", 16)+strings.Repeat("]", 16))),
		"negative limits":             jeton.TokenLimits(jeton.Limits{TokenBytes: -1}),
		"limits that the kid breaks":  jeton.TokenLimits(jeton.Limits{KeyIDBytes: 3}),
		"a header beyond the limit":   jeton.TokenLimits(jeton.Limits{Members: 2}),
	} {
		t.Run(name, func(t *testing.T) {
			signer, err := jeton.NewSigner(hmacKey(t), opt)
			if signer != nil {
				t.Error("a signer came beside the error")
			}
			refused(t, err, jeton.ErrInvalidPolicy)
		})
	}
	t.Run("limits that are none, where nothing else minds", func(t *testing.T) {
		_, err := jeton.NewSigner(hmacKey(t), jeton.WithoutKeyID(), jeton.TokenLimits(jeton.Limits{Depth: 20_000}))
		refused(t, err, jeton.ErrInvalidPolicy)
	})
	t.Run("A7 a parameter twice", func(t *testing.T) {
		_, err := jeton.NewSigner(hmacKey(t), jeton.HeaderParam("x", 1), jeton.HeaderParam("x", 2))
		refused(t, err, jeton.ErrInvalidPolicy)
	})
}

func TestSignerLimits(t *testing.T) {
	large := map[string]any{"x": strings.Repeat("x", 20_000)}
	signer := must(jeton.NewSigner(hmacKey(t), jeton.TokenLimits(jeton.Limits{TokenBytes: 100_000})))(t)
	token := must(signer.Sign(large))(t)
	exact := must(jeton.NewSigner(hmacKey(t), jeton.TokenLimits(jeton.Limits{TokenBytes: len(token)})))(t)
	must(exact.Sign(large))(t)
	short := must(jeton.NewSigner(hmacKey(t), jeton.TokenLimits(jeton.Limits{TokenBytes: len(token) - 1})))(t)
	_, err := short.AppendSign([]byte("a prefix does not count"), large)
	refused(t, err, jeton.ErrClaims)
}

func TestSignRawSignsBytes(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t), jeton.WithoutKeyID()))(t)
	for _, payload := range []string{goodPayload, " " + goodPayload, "no JSON", "\x00\xff", ""} {
		want := sealHS256(testSecret, b64(goodHeader), b64(payload))
		if got := must(signer.SignRaw([]byte(payload)))(t); got != want {
			t.Errorf("payload %q: %s, want %s", payload, got, want)
		}
	}
}

func TestReasonCodes(t *testing.T) {
	if got := jeton.ReasonCode(nil); got != "" {
		t.Error(got)
	}
	if got := jeton.ReasonCode(errors.New("of somebody else")); got != "" {
		t.Error(got)
	}
	if got := jeton.ReasonCode(fmt.Errorf("verify: %w", jeton.ErrExpired)); got != "expired" {
		t.Error(got)
	}
	// The codes are for machines that other people run: they don't change.
	for code, reason := range map[string]error{
		"malformed": jeton.ErrMalformed, "token_too_large": jeton.ErrTokenTooLarge, "segments": jeton.ErrSegments, "encoding": jeton.ErrEncoding,
		"json": jeton.ErrJSON, "duplicate_member": jeton.ErrDuplicateMember, "trailing_data": jeton.ErrTrailingData, "invalid_utf8": jeton.ErrInvalidUTF8,
		"too_deep": jeton.ErrTooDeep, "too_many_members": jeton.ErrTooManyMembers, "not_object": jeton.ErrNotObject, "header": jeton.ErrHeader,
		"critical": jeton.ErrCritical, "claim_type": jeton.ErrClaimType, "unsupported_algorithm": jeton.ErrUnsupportedAlgorithm,
		"algorithm_mismatch": jeton.ErrAlgorithmMismatch, "unknown_key": jeton.ErrUnknownKey, "keys_unavailable": jeton.ErrKeysUnavailable,
		"signature": jeton.ErrSignature, "invalid_claim": jeton.ErrInvalidClaim, "missing_claim": jeton.ErrMissingClaim, "type": jeton.ErrType,
		"issuer": jeton.ErrIssuer, "audience": jeton.ErrAudience, "not_yet_valid": jeton.ErrNotYetValid, "issued_in_future": jeton.ErrIssuedInFuture,
		"contradictory_times": jeton.ErrContradictoryTimes, "expired": jeton.ErrExpired, "revoked": jeton.ErrRevoked, "invalid_key": jeton.ErrInvalidKey,
		"weak_key": jeton.ErrWeakKey, "invalid_policy": jeton.ErrInvalidPolicy, "claims": jeton.ErrClaims,
	} {
		if got := jeton.ReasonCode(reason); got != code {
			t.Errorf("%v has the code %q, want %q", reason, got, code)
		}
	}
	for child, parent := range map[error]error{
		jeton.ErrTokenTooLarge: jeton.ErrMalformed, jeton.ErrSegments: jeton.ErrMalformed, jeton.ErrEncoding: jeton.ErrMalformed, jeton.ErrJSON: jeton.ErrMalformed,
		jeton.ErrDuplicateMember: jeton.ErrMalformed, jeton.ErrTrailingData: jeton.ErrJSON, jeton.ErrInvalidUTF8: jeton.ErrJSON, jeton.ErrTooDeep: jeton.ErrJSON,
		jeton.ErrTooManyMembers: jeton.ErrJSON, jeton.ErrNotObject: jeton.ErrJSON, jeton.ErrHeader: jeton.ErrMalformed, jeton.ErrCritical: jeton.ErrMalformed,
		jeton.ErrClaimType: jeton.ErrMalformed, jeton.ErrMissingClaim: jeton.ErrInvalidClaim, jeton.ErrType: jeton.ErrInvalidClaim, jeton.ErrIssuer: jeton.ErrInvalidClaim,
		jeton.ErrAudience: jeton.ErrInvalidClaim, jeton.ErrNotYetValid: jeton.ErrInvalidClaim, jeton.ErrIssuedInFuture: jeton.ErrInvalidClaim,
		jeton.ErrContradictoryTimes: jeton.ErrInvalidClaim, jeton.ErrExpired: jeton.ErrInvalidClaim, jeton.ErrWeakKey: jeton.ErrInvalidKey,
	} {
		if !is(child, parent) || is(parent, child) {
			t.Errorf("%v is not below %v", child, parent)
		}
	}
	for _, c := range []struct{ a, b error }{
		{jeton.ErrSignature, jeton.ErrMalformed}, {jeton.ErrRevoked, jeton.ErrInvalidClaim}, {jeton.ErrUnknownKey, jeton.ErrInvalidKey}, {jeton.ErrClaims, jeton.ErrInvalidClaim},
	} {
		if is(c.a, c.b) {
			t.Errorf("%v is below %v", c.a, c.b)
		}
	}
}
