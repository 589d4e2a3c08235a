package httpauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

func BenchmarkCheck(b *testing.B) {
	k := newKeys(b)
	auth := newAuth(b, k.public, policy(), httpauth.Options{})
	token := k.sign(b, good())
	verifier, err := jeton.NewVerifier(k.public, policy())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verifier alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := verifier.Verify(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, c := range []struct {
		name string
		auth *httpauth.Auth
	}{
		{"no requirement", auth},
		{"scope", auth.Require(httpauth.Scope("orders:read"))},
		{"role", auth.Require(httpauth.Role("auditor"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := request("Bearer " + token)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.auth.Check(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What costs a server most when it is flooded: refusals.
func BenchmarkRefuse(b *testing.B) {
	h := newAuth(b, newKeys(b).public, policy(), httpauth.Options{}).Handler(http.NotFoundHandler())
	for name, r := range map[string]*http.Request{
		"no token":       request(),
		"a long header":  request("Bearer " + strings.Repeat("a", 100_000) + "!"),
		"no JWT at all":  request("Bearer abc"),
		"a list of 1000": request("Basic " + strings.Repeat("a, ", 1000)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
