package grpcauth_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/grpcauth"
	"github.com/jeton-go/jeton/httpauth"
)

const (
	unary  = "/grpc.testing.TestService/UnaryCall"
	empty  = "/grpc.testing.TestService/EmptyCall"
	duplex = "/grpc.testing.TestService/FullDuplexCall"
	output = "/grpc.testing.TestService/StreamingOutputCall"
)

// service answers each call with the subject of its token.
type service struct {
	pb.UnimplementedTestServiceServer
	duplex func(pb.TestService_FullDuplexCallServer) error
	output func(pb.TestService_StreamingOutputCallServer) error
}

func (service) UnaryCall(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	v, ok := grpcauth.FromContext(ctx)
	if !ok {
		return &pb.SimpleResponse{Username: "nobody"}, nil
	}
	return &pb.SimpleResponse{Username: v.Subject()}, nil
}

func (service) EmptyCall(context.Context, *pb.Empty) (*pb.Empty, error) { return &pb.Empty{}, nil }

func (s service) FullDuplexCall(stream pb.TestService_FullDuplexCallServer) error {
	return s.duplex(stream)
}

func (s service) StreamingOutputCall(_ *pb.StreamingOutputCallRequest, stream pb.TestService_StreamingOutputCallServer) error {
	return s.output(stream)
}

// echo answers each message with one that names the subject.
func echo(stream pb.TestService_FullDuplexCallServer) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		v, _ := grpcauth.FromContext(stream.Context())
		if err := stream.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: []byte(v.Subject())}}); err != nil {
			return err
		}
	}
}

func newServer(t testing.TB, v httpauth.Verifier, o grpcauth.Options) *grpcauth.Server {
	t.Helper()
	auth, err := grpcauth.NewServer(v, o)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

// serve runs a service behind auth and returns its client.
func serve(t testing.TB, auth *grpcauth.Server, s service, o ...grpc.DialOption) pb.TestServiceClient {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.UnaryInterceptor(auth.Unary), grpc.StreamInterceptor(auth.Stream))
	pb.RegisterTestServiceServer(server, s)
	if err := auth.CheckNames(server.GetServiceInfo()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	o = append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}, o...)
	conn, err := grpc.NewClient("passthrough:///test", o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return pb.NewTestServiceClient(conn)
}

// with returns a context that sends values as authorization.
func with(ctx context.Context, values ...string) context.Context {
	md := metadata.MD{}
	md.Append("authorization", values...)
	return metadata.NewOutgoingContext(ctx, md)
}

// info returns the reason in an answer; nil if it has none.
func info(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if e, ok := detail.(*errdetails.ErrorInfo); ok {
			return e
		}
	}
	return nil
}

// revocations is a list that tests change.
type revocations struct {
	err func() error
}

func (r revocations) CheckRevoked(context.Context, *jeton.Verified) error { return r.err() }

// keySet answers every look-up with one error.
type keySet struct{ err error }

func (s keySet) FindKey(context.Context, jeton.Header) (*jeton.VerifyingKey, error) {
	return nil, s.err
}

// life is how long a token of the tests is good, leeway included.
const life = 5*time.Minute + 30*time.Second
