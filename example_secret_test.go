package jeton_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton"
)

// From a secret to a verified token: a service that verifies what it signed itself.
func Example_secret() {
	// From a file or the environment, at least 32 random bytes.
	secret := []byte("vTn9yRw2kX0cEo5gQm7hLs4dPb8aUf1j")
	key, err := jeton.NewHMACKey(jeton.HS256, secret)
	if err != nil {
		panic(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		panic(err)
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "shop", Audience: "shop", Type: "JWT"})
	if err != nil {
		panic(err)
	}

	for _, life := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		token, err := signer.Sign(jeton.Claims{
			Issuer: "shop", Subject: "alice", Audience: jeton.Audience{"shop"},
			ExpiresAt: jeton.At(time.Now().Add(life)),
		})
		if err != nil {
			panic(err)
		}
		verified, err := verifier.Verify(context.Background(), token)
		switch {
		case errors.Is(err, jeton.ErrExpired):
			fmt.Println("expired")
		case err != nil:
			fmt.Println("refused:", err)
		default:
			fmt.Println("it is", verified.Subject())
		}
	}
	// Output:
	// it is alice
	// expired
}
