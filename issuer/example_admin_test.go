package issuer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// What an operator's command does, beside the running service: it needs the store
// and no keys.
func ExampleNewAdmin() {
	ctx := context.Background()
	admin, err := issuer.NewAdmin(issuer.Config{Store: memory.New(time.Now), Now: time.Now})
	if err != nil {
		panic(err)
	}
	scopes, err := issuer.ParseScope("orders:read orders:write orders:read")
	if err != nil {
		panic(err)
	}
	alice, err := admin.AddUser(ctx, issuer.NewUser{Name: "alice", Password: "correct horse", Scopes: scopes})
	if err != nil {
		panic(err)
	}
	fmt.Println(alice.Name, alice.Scopes)
	ended, err := admin.RevokeSubject(ctx, alice.ID, issuer.ReasonRevoked)
	fmt.Println(ended, err)
	// Output:
	// alice [orders:read orders:write]
	// 0 <nil>
}

// A master key is kept outside of the store, as text in a file of its own.
func ExampleParseMasterKey() {
	key := issuer.GenerateMasterKey()
	text := key.Text() // 64 characters, for a file that only the service reads
	again, err := issuer.ParseMasterKey(text)
	fmt.Println(again.Text() == text, err)
	// Output: true <nil>
}

// Changing the algorithm is a rotation like any other; with HS256 the verifiers get
// the secret out of band.
func ExampleNewKeyring() {
	ctx := context.Background()
	store, master := memory.New(time.Now), issuer.GenerateMasterKey()
	_, err := issuer.New(ctx, issuer.Config{
		Store: store, MasterKey: master, Now: time.Now, Issuer: "https://auth.example", Audiences: []string{"orders"}, Algorithm: jeton.ES256,
	})
	if err != nil {
		panic(err)
	}
	keyring := issuer.NewKeyring(store, master)
	if _, err := keyring.Rotate(ctx, issuer.UseAccess, jeton.HS256, true); err != nil {
		panic(err)
	}
	secret, err := issuer.ExportHMACKey(ctx, store, master) // a JWK
	fmt.Println(len(secret) > 0, err)
	// Output: true <nil>
}

// What a store keeps of a session: an id, which is the token's "sid", and a seed,
// without which no refresh token can be made.
func ExampleNewSessionID() {
	s := issuer.NewSession{ID: issuer.NewSessionID(), Seed: issuer.NewSeed(), Subject: "alice"}
	id, err := issuer.ParseSessionID(s.ID.String())
	fmt.Println(id == s.ID, err)
	// Output: true <nil>
}
