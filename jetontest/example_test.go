package jetontest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jetontest"
)

// newAPI is what a program has: its own handler, behind a verifier.
func newAPI(v *jeton.Verifier) http.Handler {
	auth, err := httpauth.New(v, httpauth.Options{})
	if err != nil {
		panic(err)
	}
	return auth.Require(httpauth.Scope("orders:read")).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// testOrders is a test of that API: a good token gets in, until its time is over,
// and no broken one does. Yours is called TestOrders.
func testOrders(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	api := newAPI(issuer.Verifier("orders"))
	status := func(token string) int {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code
	}

	token := issuer.Token("orders", jetontest.Subject("alice"), jetontest.Session("s1"),
		jetontest.Scope("orders:read orders:write"), jetontest.Roles("clerk"))
	if got := status(token); got != 200 {
		t.Errorf("status %d", got)
	}
	issuer.Advance(time.Hour)
	if got := status(token); got != 401 {
		t.Errorf("status %d of an expired token", got)
	}
	for _, broken := range issuer.BrokenTokens("orders") {
		t.Run(broken.Name, func(t *testing.T) {
			// 401, or 400 where it can't stand in a header field.
			if got := status(broken.Token); got != 401 && got != 400 {
				t.Errorf("status %d", got)
			}
		})
	}
}

func ExampleNewIssuer() {
	_ = testOrders // "go test" calls it
}
