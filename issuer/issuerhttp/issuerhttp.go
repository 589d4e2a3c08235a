// Package issuerhttp serves an issuer over HTTP, for programs that embed one:
//
//	iss, err := issuer.New(ctx, cfg)
//	handler, err := issuerhttp.Public(iss, issuerhttp.Options{})
//	http.ListenAndServe(addr, handler)
//
// It is apart from package issuer, so that the rules of the service don't
// depend on a protocol, and the routes live in internal/httpapi, so that they
// can change without breaking anybody.
package issuerhttp

import (
	"context"
	"net/http"
	"time"

	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/issuer"
)

// Options are what the handlers need besides the issuer.
type Options = httpapi.Options

// Observer is told of the requests of a route. See Options.Observe.
type Observer = httpapi.Observer

// Answer is what became of a request.
type Answer = httpapi.Answer

// Overload turns requests away when there is too much to do: see Options.Overload.
type Overload = httpapi.Overload

// OverloadStats are the state of an Overload.
type OverloadStats = httpapi.OverloadStats

// NewOverload makes an Overload that reads a clock.
func NewOverload(now func() time.Time) *Overload { return httpapi.NewOverload(now) }

// Public returns the handler of the public routes: login, token, revocation,
// sessions, forward-auth, keys and metadata.
func Public(iss *issuer.Issuer, o Options) (http.Handler, error) { return httpapi.Public(iss, o) }

// Admin returns the handler of /healthz and /readyz, for a listener that the
// public does not reach. ready tells whether the service can work; nil means
// that the issuer is asked.
func Admin(iss *issuer.Issuer, ready func(context.Context) error, o Options) http.Handler {
	return httpapi.Admin(iss, ready, o)
}
