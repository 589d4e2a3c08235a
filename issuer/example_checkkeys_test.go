package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// A tool that restores backups finds out whether master key and database belong
// together.
func ExampleCheckKeys() {
	ctx := context.Background()
	store, master := memory.New(time.Now), issuer.GenerateMasterKey()
	_, err := issuer.New(ctx, issuer.Config{
		Issuer: "https://auth.example", Audiences: []string{"orders"}, Algorithm: "ES256",
		Store: store, MasterKey: master, Now: time.Now,
	})
	if err != nil {
		panic(err)
	}
	keys, _, err := store.Keys(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(issuer.CheckKeys(keys, master))
	fmt.Println(errors.Is(issuer.CheckKeys(keys, issuer.GenerateMasterKey()), issuer.ErrMasterKey))
	// Output:
	// <nil>
	// true
}
