package grpcauth

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// TokenSource returns the token for a call. It is called for each call, so it
// keeps its token until shortly before it expires. It is safe for concurrent use.
type TokenSource func(ctx context.Context) (string, error)

// Credentials attach a token of source to each call, unary or streaming: pass
// them to grpc.WithPerRPCCredentials or grpc.PerRPCCredentials. A connection
// without TLS is refused when it is made, and one that turns out not to be
// private gets no token.
//
// If source fails, the call fails with codes.Unavailable, or with the status that
// its error is.
//
// It panics if source is nil.
func Credentials(source TokenSource) credentials.PerRPCCredentials {
	return newCredentials(source, true)
}

// InsecureCredentials are Credentials that send the token over connections
// without TLS too, where whoever is on the way can take it. They are for tests and
// for a server on the same machine.
func InsecureCredentials(source TokenSource) credentials.PerRPCCredentials {
	return newCredentials(source, false)
}

// ClientUnary is an interceptor that attaches a token of source to each unary
// call, for programs that choose by interceptor what a connection does. It does
// what [Credentials] do, on the same terms: a call on a connection that is not
// private fails with codes.Unauthenticated and sends no token.
//
// It panics if source is nil.
func ClientUnary(source TokenSource) grpc.UnaryClientInterceptor {
	c := Credentials(source)
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
		return call(ctx, method, req, reply, conn, withCredentials(options, c)...)
	}
}

// ClientStream is [ClientUnary] for streams. The token is the one that the source
// returns when the stream begins.
func ClientStream(source TokenSource) grpc.StreamClientInterceptor {
	c := Credentials(source)
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		return open(ctx, desc, conn, method, withCredentials(options, c)...)
	}
}

// withCredentials puts the credentials first, so that a call that brings its own
// has its way.
func withCredentials(options []grpc.CallOption, c credentials.PerRPCCredentials) []grpc.CallOption {
	return append([]grpc.CallOption{grpc.PerRPCCredentials(c)}, options...)
}

func newCredentials(source TokenSource, private bool) credentials.PerRPCCredentials {
	if source == nil {
		panic("grpcauth: no source of tokens")
	}
	return &perRPC{source, private}
}

type perRPC struct {
	source  TokenSource
	private bool
}

func (c *perRPC) RequireTransportSecurity() bool { return c.private }

func (c *perRPC) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if c.private {
		call, _ := credentials.RequestInfoFromContext(ctx)
		if err := credentials.CheckSecurityLevel(call.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
			return nil, status.Error(codes.Unauthenticated, "grpcauth: no token for a connection that is not private")
		}
	}
	token, err := c.source(ctx)
	if err != nil {
		return nil, sourceFailed(err)
	}
	if !sendable(token) {
		return nil, status.Error(codes.Unavailable, "grpcauth: what the source returned is no token")
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// sourceFailed keeps gRPC from taking a source's failure for a refusal of the
// server.
func sourceFailed(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	code := codes.Unavailable
	switch {
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	}
	return status.Error(code, "grpcauth: no token: "+err.Error())
}

// sendable tells whether a string can stand in a header as one token.
func sendable(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' })
}
