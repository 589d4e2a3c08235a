package httpauth_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jwks"
)

// docs:start verify
func newAPI(log *slog.Logger) (http.Handler, error) {
	keys, err := jwks.NewRemote("https://auth.example/.well-known/jwks.json", jwks.RemoteOptions{})
	if err != nil {
		return nil, err
	}
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{
		Issuer:   "https://auth.example", // exactly as in the tokens
		Audience: "orders",               // the name of this API
		Type:     "at+jwt",               // access tokens, and no other kind
	})
	if err != nil {
		return nil, err
	}
	auth, err := httpauth.New(verifier, httpauth.Options{
		OnRefuse: func(r *http.Request, err error) {
			log.Info("refused", "path", r.URL.Path, "status", httpauth.Status(err), "err", err)
		},
	})
	if err != nil {
		return nil, err
	}
	read := auth.Require(httpauth.Scope("orders:read"))
	remove := auth.Require(httpauth.Scope("orders:write"), httpauth.Role("clerk", "admin"))

	mux := http.NewServeMux()
	mux.Handle("GET /orders", read.Handler(http.HandlerFunc(listOrders)))
	mux.Handle("DELETE /orders/{id}", remove.Handler(http.HandlerFunc(deleteOrder)))
	return mux, nil
}

// docs:end

// docs:start handler
type orderClaims struct {
	jeton.AccessClaims
	Tenant string `json:"tenant"`
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, ok := httpauth.FromContext(r.Context())
	if !ok {
		http.Error(w, "not behind httpauth", http.StatusInternalServerError)
		return
	}
	var claims orderClaims
	if err := token.Decode(&claims); err != nil {
		http.Error(w, "claims of another shape", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "orders of %s at %s\n", claims.Subject, claims.Tenant)
}

// docs:end

func deleteOrder(http.ResponseWriter, *http.Request) {}

// An API of which docs/verify-in-go.md tells step by step. Nothing is fetched
// until the first token comes.
func Example() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	api, err := newAPI(log)
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// level=INFO msg=refused path=/orders status=401 err="httpauth: no bearer token"
	// 401 Bearer realm="api"
}
