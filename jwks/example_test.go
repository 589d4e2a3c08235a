package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// An API verifies tokens with the keys that an issuer publishes.
func ExampleNewRemote() {
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		panic(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set, err := jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Write(set)
	}))
	defer issuer.Close()

	keys, err := jwks.NewRemote(issuer.URL+"/.well-known/jwks.json", jwks.RemoteOptions{
		InsecureLoopbackHTTP: true, // the issuer of this example; yours has https
	})
	if err != nil {
		panic(err)
	}
	if err := keys.Refresh(context.Background()); err != nil { // at start-up: is the address right?
		panic(err)
	}
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{Issuer: "https://auth.example", Audience: "orders", Type: "JWT"})
	if err != nil {
		panic(err)
	}

	signer, err := jeton.NewSigner(key)
	if err != nil {
		panic(err)
	}
	token, err := signer.Sign(jeton.Claims{
		Issuer:    "https://auth.example",
		Subject:   "alice",
		Audience:  jeton.Audience{"orders"},
		ExpiresAt: jeton.At(time.Now().Add(5 * time.Minute)),
	})
	if err != nil {
		panic(err)
	}
	verified, err := verifier.Verify(context.Background(), token)
	if err != nil {
		panic(err)
	}
	fmt.Println(verified.Subject())
	// Output: alice
}

// Keys that the program was given: an old one and its successor.
func ExampleNewStatic() {
	old, _ := jeton.GenerateKey(jeton.RS256, jeton.KeyID("2026-10"))
	current, _ := jeton.GenerateKey(jeton.RS256, jeton.KeyID("2026-11"))
	keys, err := jwks.NewStatic(old.Public(), current.Public())
	if err != nil {
		panic(err)
	}
	found, err := keys.FindKey(context.Background(), jeton.Header{Algorithm: jeton.RS256, KeyID: "2026-11"})
	fmt.Println(found.ID(), err)

	_, err = keys.FindKey(context.Background(), jeton.Header{Algorithm: jeton.RS256}) // names neither
	fmt.Println(errors.Is(err, jeton.ErrUnknownKey))
	// Output:
	// 2026-11 <nil>
	// true
}
