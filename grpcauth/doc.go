// Package grpcauth lets a gRPC call through if it carries a good access token,
// and attaches tokens to calls. It is package httpauth for gRPC: the same forms
// of the header, the same requirements, the same reasons to refuse.
//
//	auth, err := grpcauth.NewServer(verifier, grpcauth.Options{
//		Public:  []string{"/grpc.health.v1.Health/*"},
//		Require: map[string][]httpauth.Requirement{
//			"/shop.Orders/Delete": {httpauth.Scope("orders:delete")},
//		},
//	})
//	server := grpc.NewServer(grpc.UnaryInterceptor(auth.Unary), grpc.StreamInterceptor(auth.Stream))
//	shop.RegisterOrdersServer(server, orders)
//	err = auth.CheckNames(server.GetServiceInfo()) // a method that nobody has is a typo
//
// A handler finds the token with [FromContext].
//
// # Answers
//
//	                                   code               reason
//	no token, or another scheme        Unauthenticated    UNAUTHORIZED
//	metadata of another form           Unauthenticated    INVALID_REQUEST
//	a token that doesn't verify        Unauthenticated    INVALID_TOKEN
//	a token that lacks a scope or role PermissionDenied   INSUFFICIENT_SCOPE
//	it can't be told just now          Unavailable        TEMPORARILY_UNAVAILABLE
//
// The reason is in a google.rpc.ErrorInfo of the domain [ErrorDomain], whose
// metadata has "error" and "error_description" as in RFC 6750 section 3, and
// "scope" if scope is what lacks.
//
// # Streams
//
// A stream may outlive its token. When the token expires or is revoked the stream
// ends: its context is cancelled, nothing is sent or received any more, and the
// client gets the answer above, whatever the handler returns. See
// [Options.RecheckEvery] and [Server.Recheck]. A handler that does something else
// than receiving, sending or heeding its context is not interrupted.
package grpcauth
