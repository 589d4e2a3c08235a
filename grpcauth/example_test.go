package grpcauth_test

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/grpcauth"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

// docs:start server
func serveOrders(listener net.Listener, revoked *revocation.Set, tls credentials.TransportCredentials) error {
	keys, err := jwks.NewRemote("https://auth.example/.well-known/jwks.json", jwks.RemoteOptions{})
	if err != nil {
		return err
	}
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{
		Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt", Revocations: revoked,
	})
	if err != nil {
		return err
	}
	auth, err := grpcauth.NewServer(verifier, grpcauth.Options{
		Public: []string{"/grpc.health.v1.Health/*"},
		Require: map[string][]httpauth.Requirement{
			"/grpc.testing.TestService/*":         {httpauth.Scope("orders:read")},
			"/grpc.testing.TestService/EmptyCall": {httpauth.Scope("orders:delete"), httpauth.Role("clerk")},
		},
		Revocations: revoked,
	})
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(tls),
		grpc.UnaryInterceptor(auth.Unary), grpc.StreamInterceptor(auth.Stream))
	pb.RegisterTestServiceServer(server, orders{})
	grpc_health_v1.RegisterHealthServer(server, health{})
	if err := auth.CheckNames(server.GetServiceInfo()); err != nil {
		return err // a method that nobody has is a typo
	}
	return server.Serve(listener)
}

// docs:end

type orders struct {
	pb.UnimplementedTestServiceServer
}

type health struct {
	grpc_health_v1.UnimplementedHealthServer
}

// docs:start handler
func (orders) UnaryCall(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	token, ok := grpcauth.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no interceptor in front of this method")
	}
	return &pb.SimpleResponse{Username: token.Subject()}, nil
}

// docs:end

// docs:start client
func dial(tls credentials.TransportCredentials, source grpcauth.TokenSource) (*grpc.ClientConn, error) {
	return grpc.NewClient("orders.example:443",
		grpc.WithTransportCredentials(tls),
		grpc.WithPerRPCCredentials(grpcauth.Credentials(source)))
}

// docs:end

// The example is compiled; how the pieces behave is tested elsewhere.
func Example() {
	_, _ = serveOrders, dial
}
