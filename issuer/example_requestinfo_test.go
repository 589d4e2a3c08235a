package issuer_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// The handlers of issuerhttp do this for each request; a program that calls the
// issuer itself does it where it knows who asks.
func ExampleWithRequestInfo() {
	admin, err := issuer.NewAdmin(issuer.Config{
		Store: memory.New(time.Now),
		Now:   time.Now,
		OnEvent: func(ctx context.Context, e issuer.Event) {
			who := issuer.RequestInfoOf(ctx)
			fmt.Println(e.Kind, e.Detail, "for", who.ID, "from", who.Client)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := issuer.WithRequestInfo(context.Background(), issuer.RequestInfo{
		ID:     "ticket-4711",
		Client: netip.MustParseAddr("192.0.2.7"),
	})
	if _, err := admin.RevokeIssued(ctx, issuer.EntryAll, ""); err != nil {
		fmt.Println(err)
	}
	// Output: revoked access tokens issued before now: all for ticket-4711 from 192.0.2.7
}

func ExampleRequestInfoOf() {
	fmt.Println(issuer.RequestInfoOf(context.Background()).Client.IsValid())
	// Output: false
}
