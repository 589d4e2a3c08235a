package jeton_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

// head is a good header with more members.
func head(more string) string { return `{"alg":"HS256","typ":"JWT",` + more + `}` }

func TestRefusesAlgorithms(t *testing.T) {
	var rows []refusal
	for _, alg := range []string{
		"none", "None", "NONE", "nOnE", "none ", " none", "none\t", "", " ", "hs256", "Hs256", "HS256 ", " HS256", "HS-256", "SHA256",
		"HS1", "HS224", "HS2560", "RS1", "dir", "A128KW", "RSA1_5", "A256GCM", "ＨＳ256",
	} {
		rows = append(rows, refusal{name: "A1 " + alg, header: `{"alg":"` + strings.ReplaceAll(alg, "\t", `\t`) + `","typ":"JWT"}`, want: jeton.ErrUnsupportedAlgorithm})
	}
	rows = append(rows,
		refusal{name: "A1 none, escaped", header: `{"alg":"\u006eone","typ":"JWT"}`, want: jeton.ErrUnsupportedAlgorithm},
		refusal{name: "A1 none without typ", header: `{"alg":"none"}`, want: jeton.ErrUnsupportedAlgorithm},
		refusal{name: "A1 none and a signature that is a dash", token: b64(`{"alg":"none","typ":"JWT"}`) + "." + b64(goodPayload) + ".AA", want: jeton.ErrUnsupportedAlgorithm},
		refusal{name: "A1 missing", header: `{"typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 an empty header", header: `{}`, want: jeton.ErrHeader},
		refusal{name: "A1 in upper case", header: `{"ALG":"HS256","typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 null", header: `{"alg":null,"typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 a number", header: `{"alg":256,"typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 true", header: `{"alg":true,"typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 an array", header: `{"alg":["HS256"],"typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 an object", header: `{"alg":{"HS256":"HS256"},"typ":"JWT"}`, want: jeton.ErrHeader},
		refusal{name: "A1 another of the same family", header: `{"alg":"HS512","typ":"JWT"}`, want: jeton.ErrAlgorithmMismatch},
		refusal{name: "A1 another of another family", header: `{"alg":"RS256","typ":"JWT"}`, want: jeton.ErrAlgorithmMismatch},
	)
	testRefusals(t, rows)
	if jeton.Algorithm("none").Valid() {
		t.Error("there is a none")
	}
	v := testVerifier(t, hmacKey(t).Public())
	must(v.Verify(context.Background(), forge(`{"\u0061lg":"HS\u003256","typ":"JWT"}`, goodPayload)))(t)
}

// The classic: the token is an HMAC, the secret is the public key that everybody
// has, and a verifier that believes the header takes the one for the other.
func TestRefusesAnHMACMadeWithThePublicKey(t *testing.T) {
	key := rsaKey(t)
	public := &rsaPrivate(t).PublicKey
	spki := must(x509.MarshalPKIXPublicKey(public))(t)
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	jwk := must(json.Marshal(map[string]string{"kty": "RSA", "n": b64(string(public.N.Bytes())), "e": "AQAB"}))(t)
	for name, secret := range map[string]string{
		"PEM":                    string(text),
		"PEM without newline":    strings.TrimSpace(string(text)),
		"PEM of PKCS 1":          string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1})),
		"DER":                    string(spki),
		"DER of PKCS 1":          string(pkcs1),
		"JWK":                    string(jwk),
		"the modulus":            string(public.N.Bytes()),
		"the modulus as text":    b64(string(public.N.Bytes())),
		"the modulus in decimal": public.N.String(),
		"the thumbprint":         key.Public().Thumbprint(),
		"nothing":                "",
	} {
		for _, id := range []string{"", `"kid":"` + key.ID() + `",`} {
			v := testVerifier(t, key.Public())
			t.Run("A2 HS256 with "+name, func(t *testing.T) {
				token := sealHS256(secret, b64(`{`+id+`"alg":"HS256","typ":"JWT"}`), b64(goodPayload))
				refusedBy(t, v, token, jeton.ErrAlgorithmMismatch)
			})
			t.Run("A2 RS256 that is an HMAC with "+name, func(t *testing.T) {
				token := sealHS256(secret, b64(`{`+id+`"alg":"RS256","typ":"JWT"}`), b64(goodPayload))
				refusedBy(t, v, token, jeton.ErrSignature)
			})
		}
	}
	t.Run("A2 an RSA signature for an HMAC key", func(t *testing.T) {
		token := must(must(jeton.NewSigner(key))(t).Sign(goodClaims()))(t)
		refusedBy(t, testVerifier(t, hmacKey(t).Public()), token, jeton.ErrAlgorithmMismatch)
	})
}

// A header that brings a key changes nothing: neither does the key verify the
// token, nor does its presence refuse a token that holds.
func TestKeysInTheHeaderAreNotUsed(t *testing.T) {
	const stranger = "a secret that only the attacker has, who sends it along"
	jwk := `{"kty":"oct","k":"` + b64(stranger) + `"}`
	for name, member := range map[string]string{
		"jwk":             `"jwk":` + jwk,
		"jwk with an alg": `"jwk":{"kty":"oct","alg":"HS256","k":"` + b64(stranger) + `"}`,
		"jwk as text":     `"jwk":"` + b64(jwk) + `"`,
		"jwk null":        `"jwk":null`,
		"jku":             `"jku":"https://attacker.example/jwks.json"`,
		"jku to a file":   `"jku":"file:///dev/null"`,
		"jku a number":    `"jku":17`,
		"x5u":             `"x5u":"https://attacker.example/chain.pem"`,
		"x5c":             `"x5c":["` + b64(stranger) + `"]`,
		"x5c empty":       `"x5c":[]`,
		"x5t":             `"x5t":"` + b64(stranger) + `"`,
		"x5t#S256":        `"x5t#S256":{}`,
		"k":               `"k":"` + b64(stranger) + `"`,
		"keys":            `"keys":[` + jwk + `]`,
	} {
		v := testVerifier(t, hmacKey(t).Public())
		t.Run("A3 "+name, func(t *testing.T) {
			refusedBy(t, v, sealHS256(stranger, b64(head(member)), b64(goodPayload)), jeton.ErrSignature)
			if _, err := v.Verify(context.Background(), forge(head(member), goodPayload)); err != nil {
				t.Errorf("the good key's own token: %v", err)
			}
		})
	}
}

func TestRefusesHeaders(t *testing.T) {
	k129 := strings.Repeat("k", 129)
	rows := []refusal{
		{name: "A4 kid a number", header: head(`"kid":1`), want: jeton.ErrHeader},
		{name: "A4 kid null", header: head(`"kid":null`), want: jeton.ErrHeader},
		{name: "A4 kid true", header: head(`"kid":true`), want: jeton.ErrHeader},
		{name: "A4 kid an array", header: head(`"kid":["kkkkk"]`), want: jeton.ErrHeader},
		{name: "A4 kid an object", header: head(`"kid":{"kkkkk":"kkkkk"}`), want: jeton.ErrHeader},
		{name: "A4 kid empty", header: head(`"kid":""`), want: jeton.ErrHeader},
		{name: "A4 kid of 129 bytes", header: head(`"kid":"` + k129 + `"`), want: jeton.ErrHeader},
		{name: "A4 kid of 129 bytes, escaped", header: head(`"kid":"` + strings.Repeat(`\u006b`, 129) + `"`), want: jeton.ErrHeader},
		{name: "A4 kid with an escaped control character", header: head(`"kid":"a\nb"`), want: jeton.ErrHeader},
		{name: "A4 kid with DEL", header: head(`"kid":"aaaa\u007f"`), want: jeton.ErrHeader},
		{name: "A4 kid with a raw control character", header: head("\"kid\":\"a\nb\""), want: jeton.ErrJSON},
		{name: "A4 kid with NUL", header: head(`"kid":"a\u0000b"`), want: jeton.ErrJSON},
		{name: "A4 kid not ASCII", header: head(`"kid":"clé-aaaa"`), want: jeton.ErrHeader},
		{name: "A4 kid not ASCII, escaped", header: head(`"kid":"cl\u00e9"`), want: jeton.ErrHeader},
		{name: "A4 kid with a bidirectional override", header: head(`"kid":"a\u202eb"`), want: jeton.ErrHeader},

		{name: "A6 crit unknown", header: head(`"crit":["exp-ext"],"exp-ext":1`), want: jeton.ErrCritical},
		{name: "A6 crit empty", header: head(`"crit":[]`), want: jeton.ErrCritical},
		{name: "A6 crit null", header: head(`"crit":null`), want: jeton.ErrCritical},
		{name: "A6 crit a string", header: head(`"crit":"exp-ext"`), want: jeton.ErrCritical},
		{name: "A6 crit an object", header: head(`"crit":{}`), want: jeton.ErrCritical},
		{name: "A6 crit with a name twice", header: head(`"crit":["exp-ext","exp-ext"],"exp-ext":1`), want: jeton.ErrCritical},
		{name: "A6 crit with a registered name", header: head(`"crit":["alg"]`), want: jeton.ErrCritical},
		{name: "A6 crit with an absent name", header: head(`"crit":["absent"]`), want: jeton.ErrCritical},
		{name: "A6 crit with an empty name", header: head(`"crit":[""],"":1`), want: jeton.ErrCritical},
		{name: "A6 crit with a number", header: head(`"crit":[17]`), want: jeton.ErrCritical},
		{name: "A6 crit, escaped", header: head(`"\u0063rit":["exp-ext"],"exp-ext":1`), want: jeton.ErrCritical},
		{name: "A6 crit b64", header: head(`"crit":["b64"],"b64":true`), want: jeton.ErrCritical},
		{name: "A6 crit b64 false", header: head(`"b64":false,"crit":["b64"]`), want: jeton.ErrCritical},
		{name: "A6 b64 false without crit", header: head(`"b64":false`), want: jeton.ErrCritical},
		{name: "A6 b64 true without crit", header: head(`"b64":true`), want: jeton.ErrCritical},
		{name: "A6 b64 null", header: head(`"b64":null`), want: jeton.ErrCritical},

		{name: "A16 typ a number", header: `{"alg":"HS256","typ":1}`, want: jeton.ErrHeader},
		{name: "A16 typ null", header: `{"alg":"HS256","typ":null}`, want: jeton.ErrHeader},
		{name: "A16 typ an array", header: `{"alg":"HS256","typ":["JWT"]}`, want: jeton.ErrHeader},
		{name: "A16 typ not ASCII", header: `{"alg":"HS256","typ":"ſecevent+jwt"}`, want: jeton.ErrHeader},
		{name: "A16 typ with a control character", header: `{"alg":"HS256","typ":"JWT\n"}`, want: jeton.ErrHeader},
		{name: "A17 cty a number", header: head(`"cty":1`), want: jeton.ErrHeader},
		{name: "A17 cty null", header: head(`"cty":null`), want: jeton.ErrHeader},
		{name: "A17 cty not ASCII", header: head(`"cty":"é-aaaa"`), want: jeton.ErrHeader},

		{name: "A7 alg twice", header: `{"alg":"none","alg":"HS256","typ":"JWT"}`, want: jeton.ErrDuplicateMember},
		{name: "A7 alg twice, none last", header: `{"alg":"HS256","alg":"none","typ":"JWT"}`, want: jeton.ErrDuplicateMember},
		{name: "A7 alg twice, the same", header: `{"alg":"HS256","alg":"HS256","typ":"JWT"}`, want: jeton.ErrDuplicateMember},
		{name: "A7 alg twice, escaped", header: `{"alg":"HS256","\u0061lg":"none","typ":"JWT"}`, want: jeton.ErrDuplicateMember},
		{name: "A7 kid twice", header: head(`"kid":"aaaaa","kid":"bbbbb"`), want: jeton.ErrDuplicateMember},
		{name: "A7 twice in a nested object", header: head(`"jwk":{"kty":"oct","kty":"RSA"}`), want: jeton.ErrDuplicateMember},

		{name: "A13 header null", header: `null`, want: jeton.ErrNotObject},
		{name: "A13 header an array", header: `["HS256"]`, want: jeton.ErrNotObject},
		{name: "A13 header a string", header: `"HS256"`, want: jeton.ErrNotObject},
		{name: "A13 header a number", header: `17`, want: jeton.ErrNotObject},
		{name: "A13 header not JSON", header: `alg=HS256`, want: jeton.ErrJSON},
		{name: "A13 header of white space", header: "  ", want: jeton.ErrJSON},
		{name: "A13 header cut off", header: goodHeader[:len(goodHeader)-1], want: jeton.ErrJSON},
		{name: "A13 header with a comment", header: `{"alg":"HS256"/**/,"typ":"JWT"}`, want: jeton.ErrJSON},
		{name: "A13 header with a comma too many", header: `{"alg":"HS256","typ":"JWT",}`, want: jeton.ErrJSON},
		{name: "A13 header in single quotes", header: `{'alg':'HS256'}`, want: jeton.ErrJSON},
		{name: "A13 header with a second value", header: goodHeader + goodHeader, want: jeton.ErrTrailingData},
		{name: "A13 header with a byte behind it", header: goodHeader + "x", want: jeton.ErrTrailingData},
		{name: "A13 header with NUL behind it", header: goodHeader + "\x00", want: jeton.ErrTrailingData},
		{name: "A13 header with a BOM", header: "\ufeff" + goodHeader, want: jeton.ErrJSON},
		{name: "A13 header not UTF-8", header: head("\"x\":\"\xff\""), want: jeton.ErrInvalidUTF8},
		{name: "A13 header name not UTF-8", header: head("\"\xc3\":1"), want: jeton.ErrInvalidUTF8},
		{name: "A13 header in UTF-16", header: "{\x00\"\x00a\x00l\x00g\x00", want: jeton.ErrJSON},
		{name: "A13 header with a lone surrogate", header: head(`"x":"\ud800"`), want: jeton.ErrJSON},

		{name: "A10 header nested 17 deep", header: head(`"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), want: jeton.ErrTooDeep},
		{name: "A10 header of open brackets", header: strings.Repeat("[", 6000), want: jeton.ErrTooDeep},
		{name: "A10 header of open braces", header: strings.Repeat(`{"a":`, 1000), want: jeton.ErrTooDeep},
		{name: "A10 header of 513 members and elements", header: head(`"x":[` + strings.Repeat("1,", 509) + `1]`), want: jeton.ErrTooManyMembers},
	}
	testRefusals(t, rows)

	v := testVerifier(t, hmacKey(t).Public())
	for name, header := range map[string]string{
		"kid of 128 bytes":                head(`"kid":"` + k129[:128] + `"`),
		"kid of 128 bytes, escaped":       head(`"kid":"` + strings.Repeat(`\u006b`, 128) + `"`),
		"kid of the first and the last":   head(`"kid":" ~"`),
		"kid like a path":                 head(`"kid":"../../../../dev/null"`),
		"kid like SQL":                    head(`"kid":"' UNION SELECT 'k' --"`),
		"members that nobody knows":       head(`"x":{"y":[1,2,{"z":null}]},"":1`),
		"crit under another name":         head(`"Crit":["exp-ext"]`),
		"nested 16 deep":                  head(`"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15)),
		"512 members and elements":        head(`"x":[` + strings.Repeat("1,", 508) + `1]`),
		"white space where JSON has it":   " \t\r\n{ \"alg\" :\r\n\"HS256\" , \"typ\":\"JWT\" } ",
		"typ as a media type":             `{"alg":"HS256","typ":"application/jwt"}`,
		"typ in lower case":               `{"alg":"HS256","typ":"jwt"}`,
		"zip, which means nothing in JWS": head(`"zip":"DEF"`),
	} {
		if _, err := v.Verify(context.Background(), forge(header, goodPayload)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An id that the key was given is compared; the one that it has by default is not.
func TestPinnedKeyComparesTheIDThatItWasGiven(t *testing.T) {
	given := testVerifier(t, hmacKey(t, jeton.KeyID("key-2024")).Public())
	refusedBy(t, given, forge(head(`"kid":"key-2023"`), goodPayload), jeton.ErrUnknownKey)
	refusedBy(t, given, forge(head(`"kid":"KEY-2024"`), goodPayload), jeton.ErrUnknownKey)
	must(given.Verify(context.Background(), forge(head(`"kid":"key-2024"`), goodPayload)))(t)
	must(given.Verify(context.Background(), forge(goodHeader, goodPayload)))(t)

	byDefault := testVerifier(t, hmacKey(t).Public())
	must(byDefault.Verify(context.Background(), forge(head(`"kid":"key-2023"`), goodPayload)))(t)
}

func TestLargerLimitsAdmitMore(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public(), func(p *jeton.Policy) {
		p.Limits = jeton.Limits{TokenBytes: 100_000, Depth: 40, Members: 2000, KeyIDBytes: 300}
	})
	for name, header := range map[string]string{
		"kid":     head(`"kid":"` + strings.Repeat("k", 300) + `"`),
		"depth":   head(`"x":` + strings.Repeat("[", 39) + strings.Repeat("]", 39)),
		"members": head(`"x":[` + strings.Repeat("1,", 1996) + `1]`),
		"length":  head(`"x":"` + strings.Repeat("x", 60_000) + `"`),
	} {
		if _, err := v.Verify(context.Background(), forge(header, goodPayload)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A verifier remembers the headers of authentic tokens. It must never take one
// for another.
func TestHeadersAreNotConfused(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	const n = 100
	for round := range 3 {
		for i := range n {
			id := fmt.Sprintf("key-%d", (i*37+round)%n)
			verified := must(v.Verify(context.Background(), forge(head(`"kid":"`+id+`"`), goodPayload)))(t)
			if verified.Header() != (jeton.Header{Algorithm: jeton.HS256, Type: "JWT", KeyID: id}) {
				t.Fatalf("kid %q is read as %+v", id, verified.Header())
			}
		}
	}
	// Known from an authentic token is not known to be authentic.
	good := forge(goodHeader, goodPayload)
	must(v.Verify(context.Background(), good))(t)
	refusedBy(t, v, good[:len(good)-4]+"AAAA", jeton.ErrSignature)
	refusedBy(t, v, sealHS256("another secret of a sufficient length", b64(goodHeader), b64(goodPayload)), jeton.ErrSignature)
	// The limits, the policy and the keys are asked every time.
	known := forge(`{"alg":"HS256","typ":"at+jwt"}`, goodPayload)
	refusedBy(t, v, known, jeton.ErrType)
	refusedBy(t, v, known, jeton.ErrType)
	var key *jeton.VerifyingKey
	changing := testVerifier(t, keySet(func(jeton.Header) (*jeton.VerifyingKey, error) { return key, nil }))
	key = hmacKey(t).Public()
	must(changing.Verify(context.Background(), good))(t)
	key = rsaKey(t).Public()
	refusedBy(t, changing, good, jeton.ErrAlgorithmMismatch)
	key = nil
	refusedBy(t, changing, good, jeton.ErrUnknownKey)
}
