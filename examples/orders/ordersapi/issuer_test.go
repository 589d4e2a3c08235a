package ordersapi_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/examples/orders/ordersapi"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// While the issuer can't be reached the answer is 503, since the token may be
// good; once it can, the same token is served, and goes on being served when the
// issuer is gone again.
func TestIssuerComesAndGoes(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).Unix())
	now := func() time.Time { return time.Unix(clock.Load(), 0) }

	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	var up atomic.Bool
	var fetches atomic.Int32
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		if !up.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(set)
	}))
	defer issuer.Close()

	keys, err := jwks.NewRemote(issuer.URL+"/.well-known/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{Issuer: issuer.URL, Audience: "orders", Type: "at+jwt", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := ordersapi.New(verifier)
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(handler)
	defer api.Close()

	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(jeton.AccessClaims{
		Claims: jeton.Claims{Issuer: issuer.URL, Subject: "alice", Audience: jeton.Audience{"orders"},
			ExpiresAt: jeton.At(now().Add(10 * time.Minute))},
		Scope: "orders:read",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := func(when string, status int) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, api.URL+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := api.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", when, resp.StatusCode, status)
		}
		if (resp.Header.Get("Retry-After") != "") != (status == 503) {
			t.Errorf("%s: Retry-After %q", when, resp.Header.Get("Retry-After"))
		}
	}

	want("the issuer is down", 503)
	up.Store(true)
	want("the issuer is up, and was asked a moment ago", 503)
	clock.Add(31)
	want("the issuer is up", 200)
	up.Store(false)
	clock.Add(60)
	want("the issuer is down again", 200)
	clock.Add(600)
	want("and the token expired", 401)
	if n := fetches.Load(); n < 2 || n > 4 {
		t.Errorf("the issuer was asked %d times for 5 requests", n)
	}
}
