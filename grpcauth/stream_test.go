package grpcauth_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/grpcauth"
	"github.com/jeton-go/jeton/jetontest"
)

// verifierOf verifies tokens of the issuer by the real clock, which a bubble
// replaces.
func verifierOf(t *testing.T, issuer *jetontest.Issuer, list jeton.RevocationList) *jeton.Verifier {
	t.Helper()
	policy := issuer.Policy("orders")
	policy.Now, policy.Revocations = nil, list
	verifier, err := jeton.NewVerifier(issuer, policy)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// freshToken is a token that is issued now.
func freshToken(issuer *jetontest.Issuer) string {
	claims := issuer.Claims("orders")
	claims.IssuedAt, claims.ExpiresAt = jeton.At(time.Now()), jeton.At(time.Now().Add(jetontest.Lifetime))
	return issuer.Sign(claims)
}

// A stream goes on for as long as its token is good, leeway included, and ends
// then, while it waits for a message.
func TestStreamEndsWhenItsTokenExpires(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	for name, c := range map[string]struct {
		options grpcauth.Options
		life    time.Duration // 0: it goes on
	}{
		"the leeway that a verifier has by default": {grpcauth.Options{}, life},
		"no leeway":                  {grpcauth.Options{Leeway: jeton.NoLeeway}, jetontest.Lifetime},
		"a leeway":                   {grpcauth.Options{Leeway: time.Minute}, jetontest.Lifetime + time.Minute},
		"checked again seldom":       {grpcauth.Options{RecheckEvery: 24 * time.Hour}, life},
		"told to keep streams going": {grpcauth.Options{KeepStreams: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				// A verifier without a leeway of its own says nothing before.
				auth := newServer(t, verifierOf(t, issuer, nil), withRevocations(c.options))
				client := serve(t, auth, service{duplex: echo})
				ctx, cancel := context.WithTimeout(with(t.Context(), "Bearer "+freshToken(issuer)), 24*time.Hour)
				defer cancel()
				stream, err := client.FullDuplexCall(ctx)
				if err != nil {
					t.Fatal(err)
				}
				exchange := func() error {
					if err := stream.Send(&pb.StreamingOutputCallRequest{}); err != nil {
						return err
					}
					_, err := stream.Recv()
					return err
				}
				if err := exchange(); err != nil {
					t.Fatal(err)
				}
				if c.life == 0 {
					time.Sleep(time.Hour)
					if err := exchange(); err != nil {
						t.Errorf("it ended: %v", err)
					}
					return
				}
				time.Sleep(c.life - time.Second - time.Since(start))
				if err := exchange(); err != nil {
					t.Fatalf("it ended too early: %v", err)
				}
				_, err = stream.Recv()
				if status.Code(err) != codes.Unauthenticated || info(err).GetMetadata()["error_description"] != "The access token expired" {
					t.Errorf("%v", err)
				}
				if took := time.Since(start); took != c.life {
					t.Errorf("it ended after %v, want %v", took, c.life)
				}
			})
		})
	}
}

// withRevocations adds a list that revokes nothing, so that a recheck leaves the
// expiry to the stream's own clock.
func withRevocations(o grpcauth.Options) grpcauth.Options {
	o.Revocations = revocations{func() error { return nil }}
	return o
}

// A revocation ends streams: at the next check, or at once when the server is
// told; and the reason that the client gets is the token's.
func TestStreamEndsWhenItsTokenIsRevoked(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	for _, told := range []bool{false, true} {
		for _, listed := range []bool{false, true} { // in the options, or known to the verifier alone
			for _, c := range []struct {
				err  error
				code codes.Code
			}{
				{fmt.Errorf("session: %w", jeton.ErrRevoked), codes.Unauthenticated},
				{errors.New("the feed is stale"), codes.Unavailable},
			} {
				t.Run(fmt.Sprintf("told %v, listed %v, %v", told, listed, c.code), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var revoked atomic.Pointer[error]
						list := revocations{func() error {
							if err := revoked.Load(); err != nil {
								return *err
							}
							return nil
						}}
						refused := 0
						o := grpcauth.Options{OnRefuse: func(context.Context, string, error) { refused++ }}
						if listed {
							o.Revocations = list
						}
						auth := newServer(t, verifierOf(t, issuer, list), o)
						client := serve(t, auth, service{duplex: echo})
						stream, err := client.FullDuplexCall(with(t.Context(), "Bearer "+freshToken(issuer)))
						if err != nil {
							t.Fatal(err)
						}
						if err := stream.Send(&pb.StreamingOutputCallRequest{}); err != nil {
							t.Fatal(err)
						}
						if _, err := stream.Recv(); err != nil {
							t.Fatal(err)
						}
						time.Sleep(25 * time.Second) // two checks, which find nothing
						revoked.Store(&c.err)
						start, want := time.Now(), 5*time.Second
						if told {
							auth.Recheck()
							want = 0
						}
						if _, err := stream.Recv(); status.Code(err) != c.code {
							t.Errorf("%v, want %s", err, c.code)
						}
						if took := time.Since(start); took != want {
							t.Errorf("it ended after %v, want %v", took, want)
						}
						auth.Recheck() // it knows no stream any more
						if refused != 1 {
							t.Errorf("OnRefuse was called %d times", refused)
						}
					})
				})
			}
		}
	}
}

// A handler that only sends, and takes no notice of errors, sends nothing after
// the end and can't answer it away.
func TestNothingIsSentAfterTheEnd(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		list := revocations{func() error {
			if revoked.Load() {
				return jeton.ErrRevoked
			}
			return nil
		}}
		auth := newServer(t, verifierOf(t, issuer, list), grpcauth.Options{Revocations: list})
		client := serve(t, auth, service{output: func(stream pb.TestService_StreamingOutputCallServer) error {
			_ = stream.Send(&pb.StreamingOutputCallResponse{})
			<-stream.Context().Done()
			if cause := context.Cause(stream.Context()); status.Code(cause) != codes.Unauthenticated {
				t.Errorf("the context ended with %v", cause)
			}
			_ = stream.Send(&pb.StreamingOutputCallResponse{})
			return nil
		}})
		stream, err := client.StreamingOutputCall(with(t.Context(), "Bearer "+freshToken(issuer)), &pb.StreamingOutputCallRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		revoked.Store(true)
		auth.Recheck()
		if answer, err := stream.Recv(); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%v, %v", answer, err)
		}
	})
}

// What a handler itself returns reaches the client while the token is good.
func TestStreamsOwnEnd(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	client := serve(t, newServer(t, issuer.Verifier("orders"), grpcauth.Options{}), service{
		duplex: func(stream pb.TestService_FullDuplexCallServer) error {
			for {
				if _, err := stream.Recv(); err != nil {
					return status.Error(codes.AlreadyExists, "as the handler says")
				}
			}
		}})
	stream, err := client.FullDuplexCall(with(t.Context(), "Bearer "+issuer.Token("orders")))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.AlreadyExists {
		t.Errorf("%v", err)
	}
}

// A stream whose client has gone is over: it is not refused as well, and nobody
// remembers it.
func TestStreamWhoseClientLeft(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		list := revocations{func() error { return jeton.ErrRevoked }}
		auth := newServer(t, verifierOf(t, issuer, nil), grpcauth.Options{
			Revocations: list,
			OnRefuse:    func(_ context.Context, _ string, err error) { t.Errorf("refused: %v", err) },
		})
		client := serve(t, auth, service{duplex: func(stream pb.TestService_FullDuplexCallServer) error {
			<-stream.Context().Done()
			auth.Recheck()
			return nil
		}})
		ctx, cancel := context.WithCancel(with(t.Context(), "Bearer "+freshToken(issuer)))
		if _, err := client.FullDuplexCall(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := auth.Streams(); n != 1 {
			t.Errorf("%d streams", n)
		}
		cancel()
		synctest.Wait()
		if n := auth.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}
