//go:build !race

// The race detector makes a sync.Pool forget at random, and the verifier has
// one: there is nothing to count with it.

package httpauth_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// Beside what the verifier does, a request costs next to nothing: no allocation,
// and one for the scope claim. A hook costs nothing until it is called.
func TestCheckAllocatesLittle(t *testing.T) {
	k := newKeys(t)
	verifier, err := jeton.NewVerifier(k.public, policy())
	if err != nil {
		t.Fatal(err)
	}
	token := k.sign(t, good())
	alone := testing.AllocsPerRun(200, func() {
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			t.Fatal(err)
		}
	})
	auth := newAuth(t, k.public, policy(), httpauth.Options{OnRefuse: func(*http.Request, error) {}})
	for _, c := range []struct {
		name string
		auth *httpauth.Auth
		more float64
	}{
		{"no requirement", auth, 0},
		{"scopes", auth.Require(httpauth.Scope("orders:read", "orders:write")), 1},
	} {
		r := request("Bearer " + token)
		r.URL.RawQuery = "page=2&order=asc"
		got := testing.AllocsPerRun(200, func() {
			if _, err := c.auth.Check(r); err != nil {
				t.Fatal(err)
			}
		})
		if got > alone+c.more {
			t.Errorf("%s: %v allocations, of which the verifier has %v", c.name, got, alone)
		}
	}
}
