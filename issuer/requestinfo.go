package issuer

import (
	"context"
	"net/netip"
)

// RequestInfo says on whose behalf something happens, for logs, audit trails and
// bounds by address. It proves nothing.
type RequestInfo struct {
	// ID names the request in logs, in the audit trail and in the answer: at
	// most 64 letters, digits, dots, dashes and underscores. Empty for what
	// nobody asked for over the network.
	ID string
	// Client is the address that the request came from, without a zone and
	// never an IPv4 address inside an IPv6 one; invalid if it is not known.
	Client netip.Addr
	// Agent is what the client says it is, at most 256 bytes: anybody can say
	// anything.
	Agent string
	// Actor says who asked where that is not for the request's own credentials
	// to say: "cli:root" for a command.
	Actor string
}

type requestInfoKey struct{}

// WithRequestInfo returns a context that tells of a request. The methods of
// [Issuer] and [Admin] hand their context on to the store and to Config.OnEvent.
func WithRequestInfo(ctx context.Context, info RequestInfo) context.Context {
	return context.WithValue(ctx, requestInfoKey{}, info)
}

// RequestInfoOf returns what [WithRequestInfo] put into a context; zero if there
// is nothing.
func RequestInfoOf(ctx context.Context) RequestInfo {
	info, _ := ctx.Value(requestInfoKey{}).(RequestInfo)
	return info
}
