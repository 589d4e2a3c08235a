package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// newExample makes an issuer that forgets everything when the program ends. A
// service takes package sqlite, a master key from a file, and time.Now.
func newExample() (*issuer.Issuer, *clock) {
	c := newClock()
	iss, err := issuer.New(context.Background(), issuer.Config{
		Store:     memory.New(c.Now),
		Issuer:    "https://auth.example",
		Audiences: []string{"orders"},
		MasterKey: issuer.GenerateMasterKey(),
		Now:       c.Now,
	})
	if err != nil {
		panic(err)
	}
	_, err = iss.AddUser(context.Background(), issuer.NewUser{Name: "alice", Password: "correct horse", Scopes: []string{"orders:read"}})
	if err != nil {
		panic(err)
	}
	return iss, c
}

func ExampleNew() {
	ctx := context.Background()
	iss, err := issuer.New(ctx, issuer.Config{
		Store:     memory.New(time.Now), // package sqlite keeps it on disk
		Issuer:    "https://auth.example",
		Audiences: []string{"orders"},
		MasterKey: issuer.GenerateMasterKey(), // a service reads it from a file
		Now:       time.Now,
		OnEvent: func(_ context.Context, e issuer.Event) {
			if e.Kind == issuer.EventReuse {
				fmt.Println("a refresh token was stolen")
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Once a minute: iss.Tick(ctx)
	fmt.Println(iss.Issuer(), iss.Algorithm())
	// Output: https://auth.example RS256
}

func ExampleIssuer_Login() {
	ctx := context.Background()
	iss, _ := newExample()

	pair, err := iss.Login(ctx, issuer.LoginRequest{Username: "Alice", Password: "correct horse", Device: "phone"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pair.ExpiresIn, pair.Scope, len(pair.RefreshToken))

	// An API verifies with the published keys; the issuer itself also asks the
	// store whether the session is alive.
	claims, err := jeton.VerifyAs[jeton.AccessClaims](ctx, iss.Verifier(), pair.AccessToken)
	fmt.Println(claims.Audience, claims.SessionID == pair.SessionID.String(), err)

	_, err = iss.Login(ctx, issuer.LoginRequest{Username: "alice", Password: "wrong"})
	fmt.Println(errors.Is(err, issuer.ErrInvalidCredentials))
	// Output:
	// 5m0s orders:read 76
	// [orders] true <nil>
	// true
}

func ExampleIssuer_Refresh() {
	ctx := context.Background()
	iss, clock := newExample()
	first, err := iss.Login(ctx, issuer.LoginRequest{Username: "alice", Password: "correct horse"})
	if err != nil {
		fmt.Println(err)
		return
	}
	refresh := func(token string) (*issuer.TokenPair, error) {
		return iss.Refresh(ctx, issuer.RefreshRequest{RefreshToken: token})
	}

	second, _ := refresh(first.RefreshToken)
	retry, _ := refresh(first.RefreshToken) // the answer got lost: the same again
	fmt.Println(second.RefreshToken == retry.RefreshToken)

	clock.Move(time.Minute)
	_, err = refresh(first.RefreshToken) // a minute later it is a theft
	fmt.Println(errors.Is(err, issuer.ErrInvalidGrant))
	_, err = refresh(second.RefreshToken) // and the session is over
	fmt.Println(errors.Is(err, issuer.ErrInvalidGrant))
	// Output:
	// true
	// true
	// true
}
