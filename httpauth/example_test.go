package httpauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// Two routes, one of which needs a scope. In a service of its own the verifier
// has a remote key set of package jwks in place of the key.
func ExampleAuth_Require() {
	key, _ := jeton.GenerateKey(jeton.RS256)
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt",
	})
	if err != nil {
		panic(err)
	}
	auth, err := httpauth.New(verifier, httpauth.Options{})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", auth.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := httpauth.FromContext(r.Context())
		fmt.Fprintln(w, token.Subject())
	})))
	remove := auth.Require(httpauth.Scope("orders:write"), httpauth.Role("clerk", "admin"))
	mux.Handle("DELETE /orders/{id}", remove.Handler(http.NotFoundHandler()))

	signer, _ := jeton.NewSigner(key, jeton.Type("at+jwt"))
	token, _ := signer.Sign(jeton.AccessClaims{Claims: jeton.Claims{
		Issuer: "https://auth.example", Subject: "alice", Audience: jeton.Audience{"orders"},
		ExpiresAt: jeton.At(time.Now().Add(time.Minute)),
	}})
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/me", nil),
		httptest.NewRequest("DELETE", "/orders/1", nil),
	} {
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 alice
	// 403 {"error":"insufficient_scope","error_description":"The access token does not grant this"}
}

// A framework whose handlers are not net/http's goes the way that Handler goes.
func ExampleAuth_Check() {
	key, _ := jeton.GenerateKey(jeton.RS256)
	verifier, _ := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt"})
	auth, _ := httpauth.New(verifier, httpauth.Options{
		OnRefuse: func(r *http.Request, err error) { fmt.Println(r.Method, r.URL.Path, err) },
	})

	handle := func(w http.ResponseWriter, r *http.Request) {
		token, err := auth.Check(r)
		if err != nil {
			auth.WriteError(w, err)
			return
		}
		fmt.Fprintln(w, token.Subject())
	}
	w := httptest.NewRecorder()
	handle(w, httptest.NewRequest("GET", "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// GET /orders httpauth: no bearer token
	// 401 Bearer realm="api"
}
