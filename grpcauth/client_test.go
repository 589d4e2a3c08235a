package grpcauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jeton-go/jeton/grpcauth"
	"github.com/jeton-go/jeton/jetontest"
)

// Over TLS each call, unary or a stream, carries what the source says then: by
// credentials of the connection, and by interceptors.
func TestCallsOverTLSCarryAToken(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	auth := newServer(t, issuer.Verifier("orders"), grpcauth.Options{})
	certificate, roots := newCertificate(t)
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certificate)),
		grpc.UnaryInterceptor(auth.Unary), grpc.StreamInterceptor(auth.Stream))
	pb.RegisterTestServiceServer(server, service{duplex: echo})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	subject := "alice"
	source := func(context.Context) (string, error) {
		return issuer.Token("orders", jetontest.Subject(subject)), nil
	}
	for name, options := range map[string][]grpc.DialOption{
		"credentials":  {grpc.WithPerRPCCredentials(grpcauth.Credentials(source))},
		"interceptors": {grpc.WithUnaryInterceptor(grpcauth.ClientUnary(source)), grpc.WithStreamInterceptor(grpcauth.ClientStream(source))},
	} {
		conn, err := grpc.NewClient("passthrough:///orders.example", append(options,
			grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "orders.example")),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client := pb.NewTestServiceClient(conn)
		for _, subject = range []string{"alice", "bob"} {
			answer, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{})
			if err != nil || answer.Username != subject {
				t.Errorf("%s: %v, %v, want %s", name, answer, err, subject)
			}
			stream, err := client.FullDuplexCall(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(&pb.StreamingOutputCallRequest{}); err != nil {
				t.Fatal(err)
			}
			if message, err := stream.Recv(); err != nil || string(message.Payload.Body) != subject {
				t.Errorf("%s: %v, %v, want %s", name, message, err, subject)
			}
		}
	}
}

// The interceptors send no token over a connection without TLS, and a call that
// brings credentials of its own has its way.
func TestInterceptorsOfClients(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	asked := 0
	source := func(context.Context) (string, error) { asked++; return issuer.Token("orders"), nil }
	client := serve(t, newServer(t, issuer.Verifier("orders"), grpcauth.Options{}), service{duplex: echo},
		grpc.WithUnaryInterceptor(grpcauth.ClientUnary(source)), grpc.WithStreamInterceptor(grpcauth.ClientStream(source)))
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a call in the clear: %v", err)
	}
	if stream, err := client.FullDuplexCall(t.Context()); err == nil {
		if _, err = stream.Recv(); status.Code(err) != codes.Unauthenticated {
			t.Errorf("a stream in the clear: %v", err)
		}
	} else if status.Code(err) != codes.Unauthenticated {
		t.Errorf("a stream in the clear: %v", err)
	}
	if asked != 0 {
		t.Errorf("the source was asked %d times for a connection that is not private", asked)
	}
	own := grpc.PerRPCCredentials(grpcauth.InsecureCredentials(source))
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}, own); err != nil || asked != 1 {
		t.Errorf("a call's own credentials: %v", err)
	}
}

// A token goes over a connection without TLS only where that was said by name.
func TestNoTokenInTheClear(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	source := func(context.Context) (string, error) { return issuer.Token("orders"), nil }
	_, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(grpcauth.Credentials(source)))
	if err == nil {
		t.Error("a connection was made")
	}
	auth := newServer(t, issuer.Verifier("orders"), grpcauth.Options{})
	client := serve(t, auth, service{})
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}, grpc.PerRPCCredentials(grpcauth.Credentials(source))); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a call: %v", err)
	}
	// Whoever asks for the metadata without a private connection gets none.
	ctx := credentials.NewContextWithRequestInfo(t.Context(), credentials.RequestInfo{AuthInfo: clear{}})
	if md, err := grpcauth.Credentials(source).GetRequestMetadata(ctx); err == nil {
		t.Errorf("%d entries", len(md))
	}
	if _, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}, grpc.PerRPCCredentials(grpcauth.InsecureCredentials(source))); err != nil {
		t.Errorf("told by name: %v", err)
	}
}

// clear is a connection that is not private.
type clear struct {
	credentials.CommonAuthInfo
}

func (clear) AuthType() string { return "clear" }

func (clear) GetCommonAuthInfo() credentials.CommonAuthInfo {
	return credentials.CommonAuthInfo{SecurityLevel: credentials.IntegrityOnly}
}

// A source that fails doesn't look like a server that refuses, and nothing that
// is no token is sent.
func TestSourceThatFails(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	client := serve(t, newServer(t, issuer.Verifier("orders"), grpcauth.Options{}), service{})
	for _, c := range []struct {
		token string
		err   error
		code  codes.Code
	}{
		{"", errors.New("the issuer is down"), codes.Unavailable},
		{"", context.DeadlineExceeded, codes.DeadlineExceeded},
		{"", context.Canceled, codes.Canceled},
		{"", status.Error(codes.ResourceExhausted, "later"), codes.ResourceExhausted},
		{"", nil, codes.Unavailable},
		{"secret\r\nx-role: admin", nil, codes.Unavailable},
		{"secret, Bearer secret", nil, codes.Unavailable},
		{"secrét", nil, codes.Unavailable},
	} {
		creds := grpcauth.InsecureCredentials(func(context.Context) (string, error) { return c.token, c.err })
		_, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{}, grpc.PerRPCCredentials(creds))
		if status.Code(err) != c.code || strings.Contains(err.Error(), "secr") {
			t.Errorf("%q, %v: %v, want %s", c.token, c.err, err, c.code)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("no source, and no panic")
		}
	}()
	grpcauth.Credentials(nil)
}

func newCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"orders.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
