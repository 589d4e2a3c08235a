package jwks_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwks"
)

// A21: a published set with an RSA exponent other than 65537.
func TestASetWithAnUnusualExponentTakesTheOption(t *testing.T) {
	key := key(jeton.RS256, "rsa")
	text := strings.Replace(setOf(key.Public()), `"e":"AQAB"`, `"e":"Aw"`, 1)
	if !strings.Contains(text, `"Aw"`) {
		t.Fatal(text)
	}
	i := newIssuer(t)
	i.do(publishing(text))

	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	if err := r.Refresh(context.Background()); err == nil || !strings.Contains(err.Error(), "exponent other than 65537") {
		t.Errorf("A21 without the option: %v", err)
	}
	r = ready(t, i, jwks.RemoteOptions{InsecureAllowUnusualExponent: true})
	found, err := r.FindKey(context.Background(), jeton.Header{Algorithm: jeton.RS256, KeyID: "rsa"})
	if err != nil || found.ID() != "rsa" {
		t.Errorf("A21 with the option: %v", err)
	}
}
