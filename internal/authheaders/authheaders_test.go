package authheaders_test

import (
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/authheaders"
)

// No claim smuggles a header, looks like two, or leaves one of the headers out.
func TestHeaders(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.HS256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{
		AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	verified := func(claims map[string]any) *jeton.Verified {
		token, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		v, err := verifier.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, c := range map[string]struct {
		token *jeton.Verified
		want  [7]string
	}{
		"nobody":  {nil, [7]string{}},
		"nothing": {verified(map[string]any{"sub": "alice"}), [7]string{"alice"}},
		"everything": {verified(map[string]any{
			"sub": "alice", "client_id": "web", "sid": "s1", "scope": "a  b", "roles": []string{"clerk", "night shift"},
			"aud": []string{"orders", "100%"}, "exp": 4102444800,
		}), [7]string{"alice", "web", "s1", "a b", "clerk night%20shift", "orders 100%25", "2100-01-01T00:00:00Z"}},
		"what smuggles": {verified(map[string]any{"sub": "a\r\nX-Role: admin", "client_id": "é", "sid": " ", "scope": 7, "roles": "admin"}),
			[7]string{"a%0D%0AX-Role:%20admin", "%C3%A9", "%20"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := authheaders.Of(c.token)
			if len(got) != len(c.want) {
				t.Fatalf("%d headers", len(got))
			}
			for i, want := range c.want {
				if got[i].Value != want {
					t.Errorf("%s is %q, want %q", got[i].Name, got[i].Value, want)
				}
			}
		})
	}
}
