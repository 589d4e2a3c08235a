package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

// A program that learns of revocations in its own way keeps them in a Set.
func ExampleNewSet() {
	key, _ := jeton.GenerateKey(jeton.ES256)
	revoked := revocation.NewSet(time.Now)
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "me", Audience: "me", Type: "at+jwt", Revocations: revoked})
	if err != nil {
		panic(err)
	}
	signer, _ := jeton.NewSigner(key, jeton.Type("at+jwt"))
	token, _ := signer.Sign(jeton.AccessClaims{
		Claims:    jeton.Claims{Issuer: "me", Subject: "alice", Audience: jeton.Audience{"me"}, ExpiresAt: jeton.At(time.Now().Add(5 * time.Minute))},
		SessionID: "s1",
	})
	_, err = verifier.Verify(context.Background(), token)
	fmt.Println(err)

	revoked.RevokeSession("s1", time.Now().Add(6*time.Minute)) // longer than a token can live
	_, err = verifier.Verify(context.Background(), token)
	fmt.Println(errors.Is(err, jeton.ErrRevoked))
	// Output:
	// <nil>
	// true
}

// An API that follows its issuer: what is revoked there is refused here within
// moments.
func ExampleFollow() {
	ctx := context.Background()
	keys, err := jwks.NewRemote("https://auth.example/.well-known/jwks.json", jwks.RemoteOptions{})
	if err != nil {
		log.Fatal(err)
	}
	revoked, err := revocation.Follow(ctx, "https://auth.example/v1/revocations", keys, "https://auth.example",
		// Refuse everything if the feed is silent for that long; FailOpen would
		// rely on the tokens' expiry instead.
		revocation.FailClosed(2*time.Minute),
		// What is known survives a restart.
		revocation.SnapshotFile("/var/lib/orders/revocations"),
		revocation.OnError(func(err error) { log.Print("revocations: ", err) }),
		revocation.OnRevoke(func(e revocation.Entry) { log.Print("revoked: ", e.Kind) }),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer revoked.Close()
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt", Revocations: revoked})
	_, _ = verifier, err
}

// Options for a proxy that holds no stream open, a transport of one's own, a test's
// clock, and an issuer on the same machine.
func ExampleFollow_options() {
	key, _ := jeton.GenerateKey(jeton.ES256)
	revoked, err := revocation.Follow(context.Background(), "http://localhost:8080/v1/revocations", key.Public(), "https://auth.example",
		revocation.FailOpen(10*time.Minute),
		revocation.LongPoll(),
		revocation.InsecureHTTP(),
		revocation.HTTPClient(&http.Client{Transport: http.DefaultTransport}),
		revocation.Clock(time.Now),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer revoked.Close()
}

// Tokens of an issuer that publishes status lists, whether it is jeton or not.
func ExampleNewStatusList() {
	keys, err := jwks.NewRemote("https://auth.example/.well-known/jwks.json", jwks.RemoteOptions{})
	if err != nil {
		log.Fatal(err)
	}
	revoked, err := revocation.NewStatusList("https://auth.example/v1/statuslists/", keys, "https://auth.example",
		revocation.OnError(func(err error) { log.Print(err) }))
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{
		Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt",
		Revocations: revoked,
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = verifier // for httpauth.New, or verifier.Verify
}
