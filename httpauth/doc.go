// Package httpauth lets a request through to a net/http handler if it carries a
// good access token: the resource server's side of RFC 6750.
//
//	auth, err := httpauth.New(verifier, httpauth.Options{})
//	read := auth.Require(httpauth.Scope("orders:read"))
//	mux.Handle("GET /orders", read.Handler(orders))
//
// The handler finds the token with [FromContext]. Frameworks with handlers of
// their own use [Auth.Check] and [Auth.WriteError], which Handler is made of.
//
// # Where a token may be
//
// In one Authorization header of the form "Bearer TOKEN", with one space, and
// nowhere else. A token in the query string ends in logs and histories, so an
// "access_token" there is refused, even beside a good header. The body is not
// read: a token in a form (RFC 6750 section 2.2) is not seen.
//
// # Answers
//
// What a client is told never depends on a claim's value, but for the fact that
// the token expired:
//
//	                                   status  error
//	no token, or another scheme        401     none in the challenge
//	a header or query of another form  400     invalid_request
//	a token that doesn't verify        401     invalid_token
//	a token that lacks a scope or role 403     insufficient_scope
//	the keys can't be had just now     503     temporarily_unavailable
//
// The last is no 401 because the token may be good: a client that is told 401
// throws its session away.
//
// # CORS
//
// A browser sends a preflight request without the header. Put the handler that
// answers preflights before this one.
package httpauth
