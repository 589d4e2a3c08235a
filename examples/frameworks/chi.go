package frameworks

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/jeton-go/jeton/httpauth"
)

// docs:start chi
func chiRoutes(auth *httpauth.Auth) http.Handler {
	read := auth.Require(httpauth.Scope("orders:read"))
	router := chi.NewRouter()
	router.With(read.Handler).Get("/orders", orders) // or router.Use
	return router
}

// docs:end
