// Package ordersapi is a small API that knows nothing of users or passwords: it
// verifies the access tokens of an issuer. Command orders serves it, and so does
// "jeton demo".
package ordersapi

import (
	"encoding/json"
	"net/http"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// Order is an element of what GET /orders answers.
type Order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

// New returns the API's handler:
//
//	GET /orders   the orders of the token's subject; needs the scope orders:read
//	GET /healthz  200 and no token needed
//
// The error is that of httpauth.New: v is nil.
func New(v *jeton.Verifier) (http.Handler, error) {
	return NewWithOptions(v, httpauth.Options{})
}

// NewWithOptions is New with a realm, or a hook for logs.
func NewWithOptions(v *jeton.Verifier, o httpauth.Options) (http.Handler, error) {
	auth, err := httpauth.New(v, o)
	if err != nil {
		return nil, err
	}
	read := auth.Require(httpauth.Scope("orders:read"))
	mux := http.NewServeMux()
	mux.Handle("GET /orders", read.Handler(listOrders(auth)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "ok"})
	})
	return mux, nil
}

// listOrders runs behind auth, so there is a verified token in the context.
func listOrders(auth *httpauth.Auth) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := httpauth.FromContext(r.Context())
		var claims jeton.AccessClaims
		if err := token.Decode(&claims); err != nil {
			auth.WriteError(w, err) // claims that this API can't read: 401
			return
		}
		writeJSON(w, ordersOf(claims.Subject))
	})
}

// ordersOf stands for a database.
func ordersOf(customer string) []Order {
	return []Order{
		{ID: "1001", Customer: customer, Item: "coffee beans", Quantity: 2},
		{ID: "1002", Customer: customer, Item: "paper filters", Quantity: 100},
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // one customer's, and nobody else's
	_ = json.NewEncoder(w).Encode(v)            // the client may be gone
}
