package frameworks

import (
	"fmt"
	"net/http"

	"github.com/jeton-go/jeton/httpauth"
)

// docs:start net/http
func netHTTPRoutes(auth *httpauth.Auth) http.Handler {
	read := auth.Require(httpauth.Scope("orders:read"))
	mux := http.NewServeMux()
	mux.Handle("GET /orders", read.Handler(http.HandlerFunc(orders)))
	return mux
}

func orders(w http.ResponseWriter, r *http.Request) {
	token, _ := httpauth.FromContext(r.Context())
	fmt.Fprint(w, token.Subject())
}

// docs:end
