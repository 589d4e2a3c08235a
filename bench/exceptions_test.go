package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

// exceptions are the differences that were looked at and found to be no hole:
// why a peer may refuse a token that jeton accepts.
var exceptions = []struct {
	peers   []string
	why     string
	example input // that jeton accepts under one of the policies, and the peers do not
	applies func(b bout, in input, own claims) bool
}{
	{
		[]string{"go-jose", "jwx"},
		`"Ed25519" is the name that RFC 9864 gives to "EdDSA" with that curve. jeton reads both names as the one algorithm of the key; these compare names.`,
		exampleOf(`{"alg":"Ed25519","typ":"JWT"}`, `"jti":"1"`),
		func(b bout, in input, _ claims) bool {
			name, _ := object(in.header)["alg"].(string)
			return b.alg == jeton.Ed25519 && name != "EdDSA"
		},
	},
	{
		[]string{"go-jose"},
		`A key, certificate or nonce in the header. jeton never reads these parameters (RFC 7515 sections 4.1.3 and 4.1.6, RFC 8555 section 6.5.2); go-jose parses them and refuses a wrong one.`,
		exampleOf(`{"alg":"HS256","typ":"JWT","x5c":["AAAA"]}`, `"jti":"1"`),
		func(_ bout, in input, _ claims) bool {
			return hasMember(in.header, "jwk") || hasMember(in.header, "x5c") || hasMember(in.header, "nonce")
		},
	},
	{
		[]string{"jwx"},
		`"cty" is "JWT", which announces a nested token (RFC 7519 section 5.2), and the payload is claims. jeton reads claims and nothing else, whatever "cty" says; jwx, in its pedantic mode, wants the nested token.`,
		exampleOf(`{"alg":"HS256","typ":"JWT","cty":"JWT"}`, `"jti":"1"`),
		func(b bout, in input, _ claims) bool {
			cty, _ := object(in.header)["cty"].(string)
			return !b.lax && strings.EqualFold(cty, "JWT")
		},
	},
	{
		[]string{"tink"},
		`"iat" is missing. RFC 7519 section 4.1.6 makes it optional; tink, when it is told to check it, requires it.`,
		exampleOf(`{"alg":"HS256","typ":"JWT"}`, ``),
		func(b bout, _ input, own claims) bool { return !b.lax && own.IssuedAt.IsZero() },
	},
	{
		[]string{"tink"},
		`"typ" in another case or with "application/". RFC 7515 section 4.1.9 makes these the same media type; tink compares bytes.`,
		exampleOf(`{"alg":"HS256","typ":"application/jwt"}`, `"jti":"1"`),
		func(b bout, in input, _ claims) bool {
			t, _ := object(in.header)["typ"].(string)
			return !b.lax && t != typ && strings.EqualFold(strings.TrimPrefix(strings.ToLower(t), "application/"), typ)
		},
	},
}

// exampleOf has the claims that every verifier expects, and another one.
func exampleOf(header, another string) input {
	payload := `{"iss":"` + testIssuer + `","aud":"` + testAudience + `","exp":` + fmt.Sprint(stillNow+60)
	if another != "" {
		payload += `,"iat":` + fmt.Sprint(stillNow) + "," + another
	}
	return input{header: header, payload: payload + "}"}
}

// TestExceptions: each entry of the table is a difference that there still is.
func TestExceptions(t *testing.T) {
	all := bouts(t, "jeton")
	for _, e := range exceptions {
		group := all[algorithmOf(e.example.header)]
		token := forge(t, group[0].setting, e.example.header, e.example.payload)
		for _, peer := range e.peers {
			differs := slices.ContainsFunc(group, func(b bout) bool {
				own, err := b.suspect(token)
				_, refused := b.peers[peer](token)
				return err == nil && refused != nil && e.applies(b, e.example, own)
			})
			if !differs {
				t.Errorf("%s no longer differs: %s", peer, e.why)
			}
		}
	}
}

// excuse returns why a peer may refuse a token that jeton accepts; "" if there
// is no reason.
func excuse(peer string, b bout, in input, own claims) string {
	for _, e := range exceptions {
		if slices.Contains(e.peers, peer) && e.applies(b, in, own) {
			return e.why
		}
	}
	return ""
}

// object decodes JSON that jeton accepted; numbers stay text.
func object(text string) map[string]any {
	var members map[string]any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&members) != nil {
		return nil
	}
	return members
}

func hasMember(text, name string) bool {
	_, has := object(text)[name]
	return has
}
