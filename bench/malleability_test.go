package bench

import (
	"strings"
	"testing"
	"time"
)

// TestMalleability: a token has one spelling. Whoever keys something by the
// string must not meet the same token under another one.
//
// There is one exception, and it is ECDSA's: every signature has a twin, (r, n-s),
// which anybody can compute and which RFC 7518 section 3.4 does not forbid. About
// half of all signatures are of either kind, so that no verifier can refuse one
// kind. A list of revoked tokens must go by claims.
func TestMalleability(t *testing.T) {
	const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	now := time.Unix(stillNow, 0)
	for _, s := range settings(t) {
		t.Run(string(s.alg), func(t *testing.T) {
			s.clock = func() time.Time { return now }
			verify, err := jetonVerifier(s)
			if err != nil {
				t.Fatal(err)
			}
			token := signed(t, s, goodClaims(now))
			if _, err := verify(token); err != nil {
				t.Fatal(err)
			}
			refuse := func(what, other string) {
				t.Helper()
				if _, err := verify(other); err == nil && other != token {
					t.Errorf("%s: accepted\n%q\n%q", what, token, other)
				}
			}
			for i := range len(token) + 1 {
				for _, x := range strange {
					refuse("inserted", token[:i]+x+token[i:])
				}
				if i < len(token) {
					refuse("deleted", token[:i]+token[i+1:])
				}
				// The last character of a segment has bits that no byte uses.
				if i > 0 && (i == len(token) || token[i] == '.') {
					for _, c := range base64url {
						refuse("last character", token[:i-1]+string(c)+token[i:])
					}
				}
			}
			for form := range byte(signatureForms) {
				refuse("form of the signature", signatureForm(&dice{[]byte{form}}, s, token))
			}
			twin := signatureTwin(nil, s, token)
			if _, err := verify(twin); twin != token && (err == nil) != isTwin(s, token, twin) {
				t.Errorf("the twin: %v", err)
			}
			for _, other := range []string{token + ".", token + "." + token, strings.ToUpper(token), "Bearer " + token, token[1:], token[:len(token)-1]} {
				refuse("as a whole", other)
			}
		})
	}
}
