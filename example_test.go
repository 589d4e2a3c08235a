package jeton_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton"
)

// The whole way: a key, a token, a verifier with a policy.
func Example() {
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		panic(err)
	}
	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
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

	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer:   "https://auth.example",
		Audience: "orders",
		Type:     "at+jwt",
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

// Claims of your own come out typed, by their exact names.
func ExampleVerifyAs() {
	type Claims struct {
		jeton.Claims
		Tenant string `json:"tenant"`
	}
	key, _ := jeton.NewHMACKey(jeton.HS256, []byte("a secret of at least 32 bytes, from a file"))
	signer, _ := jeton.NewSigner(key)
	token, _ := signer.Sign(Claims{
		Claims: jeton.Claims{Issuer: "me", Audience: jeton.Audience{"me"}, ExpiresAt: jeton.At(time.Now().Add(time.Minute))},
		Tenant: "acme",
	})

	verifier, _ := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "me", Audience: "me", Type: "JWT"})
	claims, err := jeton.VerifyAs[Claims](context.Background(), verifier, token)
	fmt.Println(claims.Tenant, err)
	// Output: acme <nil>
}

// errors.Is tells why a token was refused.
func ExampleVerifier_Verify_expired() {
	key, _ := jeton.GenerateKey(jeton.HS256)
	signer, _ := jeton.NewSigner(key)
	token, _ := signer.Sign(jeton.Claims{Issuer: "me", Audience: jeton.Audience{"me"}, ExpiresAt: jeton.At(time.Now().Add(-time.Hour))})

	verifier, _ := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "me", Audience: "me", Type: "JWT"})
	_, err := verifier.Verify(context.Background(), token)
	fmt.Println(errors.Is(err, jeton.ErrExpired), jeton.ReasonCode(err))
	// Output: true expired
}

// A policy that forgets the audience does not build.
func ExampleNewVerifier_incomplete() {
	key, _ := jeton.GenerateKey(jeton.HS256)
	_, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "me", Type: "JWT"})
	fmt.Println(err)
	// Output: jeton: refused policy: set Audience, or AnyAudience to accept any
}
