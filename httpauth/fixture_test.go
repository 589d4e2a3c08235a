package httpauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// now is the verifiers' clock.
var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const (
	issuer   = "https://auth.example"
	audience = "orders"
)

// claims are what a good token says; a test changes what it is about.
type claims map[string]any

func good() claims {
	return claims{
		"iss": issuer, "sub": "alice", "aud": audience,
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"scope": "orders:read orders:write", "roles": []string{"clerk", "auditor"},
	}
}

func (c claims) with(name string, value any) claims {
	c[name] = value
	return c
}

func (c claims) without(name string) claims {
	delete(c, name)
	return c
}

// keys sign and verify. HMAC is quick, and what is under test doesn't care.
type keys struct {
	signer *jeton.Signer
	public *jeton.VerifyingKey
}

func newKeys(t testing.TB) keys { return newKeysFor(t, jeton.HS256) }

func newKeysFor(t testing.TB, alg jeton.Algorithm) keys {
	t.Helper()
	key, err := jeton.GenerateKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	return keys{signer, key.Public()}
}

func (k keys) sign(t testing.TB, c claims) string {
	t.Helper()
	token, err := k.signer.Sign(map[string]any(c))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func policy() jeton.Policy {
	return jeton.Policy{Issuer: issuer, Audience: audience, Type: "at+jwt", Now: func() time.Time { return now }}
}

func newAuth(t testing.TB, set jeton.KeySet, p jeton.Policy, o httpauth.Options) *httpauth.Auth {
	t.Helper()
	verifier, err := jeton.NewVerifier(set, p)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := httpauth.New(verifier, o)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

// request has one Authorization header for each of values.
func request(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	for _, v := range values {
		r.Header.Add("Authorization", v)
	}
	return r
}

// revocations answer every token with one error.
type revocations struct{ err error }

func (l revocations) CheckRevoked(context.Context, *jeton.Verified) error { return l.err }

// keySet answers every look-up with one error.
type keySet struct{ err error }

func (s keySet) FindKey(context.Context, jeton.Header) (*jeton.VerifyingKey, error) {
	return nil, s.err
}

var errDown = errors.New("connection refused")
