package jetontest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jetontest"
	"github.com/jeton-go/jeton/jwks"
)

func TestAGoodTokenVerifies(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	v := issuer.Verifier("orders")
	token := issuer.Token("orders", jetontest.Subject("bob"), jetontest.Scope("orders:read"), jetontest.Roles("clerk"), jetontest.Session("s"))
	claims, err := jeton.VerifyAs[jeton.AccessClaims](context.Background(), v, token)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "bob" || claims.Scope != "orders:read" || claims.Roles[0] != "clerk" || claims.SessionID != "s" || claims.Issuer != issuer.URL() {
		t.Errorf("claims: %+v", claims)
	}
	one, two := issuer.Token("orders"), issuer.Token("orders")
	if one == two {
		t.Error("two tokens are the same")
	}
}

func TestEachBrokenTokenIsRefusedForWhatItsNameSays(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	v := issuer.Verifier("orders")
	names := map[string]bool{}
	for _, broken := range issuer.BrokenTokens("orders") {
		if names[broken.Name] {
			t.Errorf("%q is there twice", broken.Name)
		}
		names[broken.Name] = true
		if _, err := v.Verify(context.Background(), broken.Token); !errors.Is(err, broken.Err) {
			t.Errorf("%s: %v, want %v", broken.Name, err, broken.Err)
		}
	}
}

func TestTheClockIsTheTests(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	v := issuer.Verifier("orders")
	token := issuer.Token("orders")
	issuer.Advance(jetontest.Lifetime + 29*time.Second)
	if _, err := v.Verify(context.Background(), token); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	issuer.Advance(time.Second)
	if _, err := v.Verify(context.Background(), token); !errors.Is(err, jeton.ErrExpired) {
		t.Errorf("past the leeway: %v", err)
	}
}

func TestKeysRotateAndRetireInMidTest(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	v := issuer.Verifier("orders")
	remote, err := jwks.NewRemote(issuer.JWKSURL(), jwks.RemoteOptions{InsecureLoopbackHTTP: true, Now: issuer.Now})
	if err != nil {
		t.Fatal(err)
	}
	far, err := jeton.NewVerifier(remote, issuer.Policy("orders"))
	if err != nil {
		t.Fatal(err)
	}
	verify := func(token string, want error) {
		t.Helper()
		for name, v := range map[string]*jeton.Verifier{"in process": v, "over HTTP": far} {
			if _, err := v.Verify(context.Background(), token); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	old := issuer.Token("orders")
	verify(old, nil)
	issuer.Rotate()
	issuer.Advance(time.Minute) // past the cooldown of fetching
	verify(issuer.Token("orders"), nil)
	verify(old, nil)
	issuer.Retire()
	if err := remote.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	verify(old, jeton.ErrUnknownKey)
	verify(issuer.Token("orders"), nil)
}

func TestASessionIsRevokedInMidTest(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	v := issuer.Verifier("orders")
	token, other := issuer.Token("orders", jetontest.Session("s")), issuer.Token("orders")
	issuer.RevokeSession("s")
	if _, err := v.Verify(context.Background(), token); !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("a token of the session: %v", err)
	}
	if _, err := v.Verify(context.Background(), other); err != nil {
		t.Errorf("a token of another: %v", err)
	}
}

// TestAnAPI is how a team tests its own: the good token passes, every broken one
// gets a 401 or 400 and never reaches the handler.
func TestAnAPI(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	auth, err := httpauth.New(issuer.Verifier("orders"), httpauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	api := auth.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	status := func(token string) int {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code
	}
	if got := status(issuer.Token("orders")); got != http.StatusOK {
		t.Errorf("a good token: %d", got)
	}
	for _, broken := range issuer.BrokenTokens("orders") {
		if got := status(broken.Token); got != http.StatusUnauthorized && got != http.StatusBadRequest {
			t.Errorf("%s: %d", broken.Name, got)
		}
	}
}

func TestTheExampleHolds(t *testing.T) { testOrders(t) }
