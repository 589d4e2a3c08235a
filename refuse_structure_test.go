package jeton_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

func TestRefusesWhatIsNoCompactJWS(t *testing.T) {
	good := forge(goodHeader, goodPayload)
	parts := strings.Split(good, ".")
	h, p, s := parts[0], parts[1], parts[2]
	var published struct {
		Encrypted struct{ Compact string } `json:"A.1_encrypted_jwt"`
		Nested    struct{ Compact string } `json:"A.2_nested_jwt"`
		Unsecured string                   `json:"6.1_unsecured"`
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/rfc7519/examples.json"))(t), &published); err != nil {
		t.Fatal(err)
	}
	flat := `{"payload":"` + p + `","protected":"` + h + `","signature":"` + s + `"}`
	testRefusals(t, []refusal{
		{name: "A9 one segment", token: h, want: jeton.ErrSegments},
		{name: "A9 two segments", token: h + "." + p, want: jeton.ErrSegments},
		{name: "A9 a fourth segment", token: good + "." + s, want: jeton.ErrSegments},
		{name: "A9 a fourth segment, empty", token: good + ".", want: jeton.ErrSegments},
		{name: "A9 a fourth segment before the others", token: "." + good, want: jeton.ErrSegments},
		{name: "A9 a fourth segment inside, empty", token: h + ".." + p + "." + s, want: jeton.ErrSegments},
		{name: "A9 a fourth segment inside, empty, at its end", token: h + "." + p + ".." + s, want: jeton.ErrSegments},
		{name: "A9 six segments", token: good + "." + good, want: jeton.ErrSegments},
		{name: "A9 empty header", token: "." + p + "." + s, want: jeton.ErrSegments},
		{name: "A9 empty payload", token: h + ".." + s, want: jeton.ErrSegments},
		{name: "A9 empty payload, signed", token: sealHS256(testSecret, h, ""), want: jeton.ErrSegments},
		{name: "A1 empty signature", token: h + "." + p + ".", want: jeton.ErrSegments},
		{name: "A1 unsecured token of RFC 7519", token: published.Unsecured, want: jeton.ErrSegments},
		{name: "A9 two dots", token: "..", want: jeton.ErrSegments},
		{name: "A9 only dots", token: strings.Repeat(".", 8000), want: jeton.ErrSegments},
		{name: "A9 a million dots", token: strings.Repeat(".", 1_000_000), want: jeton.ErrTokenTooLarge},
		{name: "A9 a megabyte", token: strings.Repeat("A", 1<<20), want: jeton.ErrTokenTooLarge},
		{name: "A9 a megabyte of claims, signed", payload: goodPayload[:len(goodPayload)-1] + `,"x":"` + strings.Repeat("A", 1<<20) + `"}`, want: jeton.ErrTokenTooLarge},
		{name: "A17 JWE of RFC 7519", token: published.Encrypted.Compact, want: jeton.ErrSegments},
		{name: "A17 nested JWT of RFC 7519", token: published.Nested.Compact, want: jeton.ErrSegments},
		{name: "A17 five segments", token: h + "." + p + "." + s + "." + p + "." + s, want: jeton.ErrSegments},
		{name: "A17 flattened JSON serialization", token: flat, want: jeton.ErrSegments},
		{name: "A17 general JSON serialization", token: `{"payload":"` + p + `","signatures":[{"protected":"` + h + `","signature":"` + s + `"}]}`, want: jeton.ErrSegments},
		{name: "A17 polyglot of both", token: `{"` + good + `":1,` + flat[1:], want: jeton.ErrEncoding},
		{name: "A17 polyglot with the token inside", token: `{" ` + h + "." + p + `.":"","x":` + flat + `}`, want: jeton.ErrEncoding},
		{name: "A17 a JWT inside a JWT", header: `{"alg":"HS256","typ":"JWT","cty":"JWT"}`, payload: good, want: jeton.ErrJSON},
		{name: "A17 a JWT as a JSON string inside a JWT", header: `{"alg":"HS256","typ":"JWT","cty":"JWT"}`, payload: `"` + good + `"`, want: jeton.ErrNotObject},
		{name: "A8 the scheme of the header field", token: "Bearer " + good, want: jeton.ErrEncoding},
	})
	t.Run("A9 the empty string", func(t *testing.T) {
		refusedBy(t, testVerifier(t, hmacKey(t).Public()), "", jeton.ErrSegments)
	})
}

// The limit is on the token's length, exactly.
func TestTokenLengthLimit(t *testing.T) {
	payload := func(n int) string {
		return goodPayload[:len(goodPayload)-1] + `,"x":"` + strings.Repeat("A", n) + `"}`
	}
	n := 0
	for len(forge(goodHeader, payload(n))) < 8192 {
		n++
	}
	if got := len(forge(goodHeader, payload(n))); got != 8192 {
		t.Fatalf("a token of %d bytes does not test the limit", got)
	}
	v := testVerifier(t, hmacKey(t).Public())
	must(v.Verify(context.Background(), forge(goodHeader, payload(n))))(t)
	refusedBy(t, v, forge(goodHeader, payload(n+1)), jeton.ErrTokenTooLarge)

	small := testVerifier(t, hmacKey(t).Public(), func(p *jeton.Policy) { p.Limits.TokenBytes = len(forge(goodHeader, goodPayload)) })
	must(small.Verify(context.Background(), forge(goodHeader, goodPayload)))(t)
	refusedBy(t, small, forge(goodHeader, payload(0)), jeton.ErrTokenTooLarge)
}

// Every segment has one spelling. The signature covers the spelling in use, so
// that nothing but the encoding is wrong with these tokens.
func TestRefusesOtherSpellingsOfBase64(t *testing.T) {
	// Lengths of 2 and 3 modulo 4, so that the last characters have stray bits.
	header, payload := b64(goodHeader+" "), b64(goodPayload+strings.Repeat(" ", (5-len(goodPayload)%3)%3))
	if len(header)%4 != 2 || len(payload)%4 != 3 {
		t.Fatalf("lengths %d and %d modulo 4", len(header)%4, len(payload)%4)
	}
	signature := sealHS256(testSecret, header, payload)
	signature = signature[strings.LastIndexByte(signature, '.')+1:]
	stray := func(s string) string { // the next character has the same upper bits
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])+1])
	}
	middle := func(in string) func(string) string {
		return func(s string) string { return s[:8] + in + s[8:] }
	}
	for _, c := range []struct {
		name  string
		spell func(string) string
	}{
		{"padding", func(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) }},
		{"too much padding", func(s string) string { return s + "====" }},
		{"half the padding", func(s string) string { return s + "=" }},
		{"stray bits", stray},
		{"a length of 1 modulo 4", func(s string) string { return s + strings.Repeat("A", (5-len(s)%4)%4) }},
		{"a plus", middle("+A+A")},
		{"a slash", middle("/A/A")},
		{"a question mark", middle("?A?A")},
		{"a space inside", middle(" ")},
		{"a line feed inside", middle("\n")},
		{"four line feeds inside", middle("\n\n\n\n")},
		{"CR LF inside", middle("\r\n")},
		{"a tab inside", middle("\t")},
		{"a NUL inside", middle("\x00")},
		{"a no-break space inside", middle("\u00a0")},
		{"a full-width letter inside", middle("Ａ")},
		{"a percent escape inside", middle("%41")},
		{"a line feed before", func(s string) string { return "\n" + s }},
		{"a line feed after", func(s string) string { return s + "\n" }},
		{"a carriage return after", func(s string) string { return s + "\r" }},
		{"a space before", func(s string) string { return " " + s }},
		{"a space after", func(s string) string { return s + " " }},
		{"a NUL after", func(s string) string { return s + "\x00" }},
		{"a BOM before", func(s string) string { return "\ufeff" + s }},
		{"a tilde for a dash", middle("~A~A")},
	} {
		sealed := sealHS256(testSecret, c.spell(header), payload)
		testRefusals(t, []refusal{
			{name: "A8 " + c.name + " in the header", token: sealed, want: jeton.ErrEncoding},
			{name: "A8 " + c.name + " in the payload", token: sealHS256(testSecret, header, c.spell(payload)), want: jeton.ErrEncoding},
			{name: "A8 " + c.name + " in the signature", token: header + "." + payload + "." + c.spell(signature), want: jeton.ErrEncoding},
		})
	}
	v := testVerifier(t, hmacKey(t).Public())
	must(v.Verify(context.Background(), header+"."+payload+"."+signature))(t)
}
