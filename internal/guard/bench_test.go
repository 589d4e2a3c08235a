package guard_test

import (
	"testing"

	"github.com/jeton-go/jeton/jetontest"
)

// A decision with ES256: the token verified each time, and remembered.
func BenchmarkDecide(b *testing.B) {
	issuer := jetontest.NewIssuer(b)
	from := &sources{issuers: []*jetontest.Issuer{issuer}}
	for name, remember := range map[string]string{"verified": "0", "remembered": "100"} {
		b.Run(name, func(b *testing.B) {
			g := newGuard(b, `
gateway: envoy
issuers: [{issuer: "`+issuer.URL()+`", jwks: "`+issuer.JWKSURL()+`", audiences: orders, revocations: follow, remember: `+remember+`}]
routes: [{prefix: /orders, scopes: orders:read}]
`, from)
			r := ask("GET", "orders.example", "/orders/7?page=2", "Authorization", "Bearer "+issuer.Token("orders", jetontest.Scope("orders:read")))
			b.ReportAllocs()
			for b.Loop() {
				if d := decide(g, r); d.Status != 200 {
					b.Fatal(d.Err)
				}
			}
		})
	}
}
