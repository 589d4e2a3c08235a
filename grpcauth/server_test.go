package grpcauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/grpcauth"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jetontest"
)

// Of all forms of the metadata, one is accepted: the same as of the header of
// HTTP.
func TestMetadataForms(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	auth := newServer(t, issuer.Verifier("orders"), grpcauth.Options{})
	client := serve(t, auth, service{})
	token := issuer.Token("orders")
	for _, c := range []struct {
		name   string
		values []string
		reason string // "" if the call goes through
	}{
		{"none", nil, "UNAUTHORIZED"},
		{"the form of RFC 6750", []string{"Bearer " + token}, ""},
		{"lower-case scheme", []string{"bearer " + token}, ""},
		{"another scheme", []string{"Basic YWxpY2U6c2VjcmV0"}, "UNAUTHORIZED"},
		{"another scheme with our token", []string{"Token " + token}, "UNAUTHORIZED"},
		{"the token alone", []string{token}, "UNAUTHORIZED"},
		{"two", []string{"Bearer " + token, "Bearer " + token}, "INVALID_REQUEST"},
		{"two, one of another scheme", []string{"Basic YWxpY2U6c2VjcmV0", "Bearer " + token}, "INVALID_REQUEST"},
		{"two, one empty", []string{"", "Bearer " + token}, "INVALID_REQUEST"},
		{"a list", []string{"Bearer " + token + ", Bearer " + token}, "INVALID_REQUEST"},
		{"empty", []string{""}, "INVALID_REQUEST"},
		{"the scheme alone", []string{"Bearer"}, "INVALID_REQUEST"},
		{"two spaces", []string{"Bearer  " + token}, "INVALID_REQUEST"},
		{"quoted", []string{`Bearer "` + token + `"`}, "INVALID_REQUEST"},
		{"no JWT", []string{"Bearer abc"}, "INVALID_TOKEN"},
		{"a padded token", []string{"Bearer " + token + "="}, "INVALID_TOKEN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, err := client.UnaryCall(with(t.Context(), c.values...), &pb.SimpleRequest{})
			if c.reason == "" {
				if err != nil || answer.Username != "alice" {
					t.Errorf("%v, %v", answer, err)
				}
				return
			}
			if got := info(err).GetReason(); got != c.reason || status.Code(err) != codes.Unauthenticated {
				t.Errorf("reason %s, error %v, want %s", got, err, c.reason)
			}
		})
	}
}

// Code, reason and description for every reason to refuse, of unary calls and of
// streams, through a real server; and no part of a token in them.
func TestAnswers(t *testing.T) {
	issuer, others := jetontest.NewIssuer(t), jetontest.NewIssuer(t)
	good := issuer.Token("orders", jetontest.Scope("orders:write"), jetontest.Roles("clerk"))
	expired := issuer.Claims("orders")
	expired.IssuedAt, expired.ExpiresAt = jeton.At(issuer.Now().Add(-life)), jeton.At(issuer.Now().Add(-life/2))
	listed := func(err error) jeton.Policy {
		p := issuer.Policy("orders")
		p.Revocations = revocations{func() error { return err }}
		return p
	}
	plain := issuer.Policy("orders")
	scope := []httpauth.Requirement{httpauth.Scope("orders:read", "orders:write")}
	role := []httpauth.Requirement{httpauth.Role("admin", "owner")}
	for _, c := range []struct {
		name    string
		token   string
		keys    jeton.KeySet
		policy  jeton.Policy
		require []httpauth.Requirement
		code    codes.Code
		reason  string
		scope   string
	}{
		{"no token", "", issuer, plain, nil, codes.Unauthenticated, "UNAUTHORIZED", ""},
		{"bad form", "a b", issuer, plain, nil, codes.Unauthenticated, "INVALID_REQUEST", ""},
		{"no JWT", "abc", issuer, plain, nil, codes.Unauthenticated, "INVALID_TOKEN", ""},
		{"another's signature", others.Token("orders"), issuer, plain, nil, codes.Unauthenticated, "INVALID_TOKEN", ""},
		{"another audience", issuer.Token("invoices"), issuer, plain, nil, codes.Unauthenticated, "INVALID_TOKEN", ""},
		{"expired", issuer.Sign(expired), issuer, plain, nil, codes.Unauthenticated, "INVALID_TOKEN", ""},
		{"revoked", good, issuer, listed(fmt.Errorf("session: %w", jeton.ErrRevoked)), nil, codes.Unauthenticated, "INVALID_TOKEN", ""},
		{"no scope", good, issuer, plain, scope, codes.PermissionDenied, "INSUFFICIENT_SCOPE", "orders:read orders:write"},
		{"no role", good, issuer, plain, role, codes.PermissionDenied, "INSUFFICIENT_SCOPE", ""},
		{"a bad token where scope is needed", "abc", issuer, plain, scope, codes.Unauthenticated, "INVALID_TOKEN", ""},
		{"no keys", good, keySet{jeton.ErrKeysUnavailable}, plain, nil, codes.Unavailable, "TEMPORARILY_UNAVAILABLE", ""},
		{"revocations can't be told", good, issuer, listed(errors.New("stale")), nil, codes.Unavailable, "TEMPORARILY_UNAVAILABLE", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			verifier, err := jeton.NewVerifier(c.keys, c.policy)
			if err != nil {
				t.Fatal(err)
			}
			var refused []string
			o := grpcauth.Options{OnRefuse: func(_ context.Context, method string, err error) {
				refused = append(refused, fmt.Sprint(method, " ", err))
			}}
			if c.require != nil {
				o.Require = map[string][]httpauth.Requirement{unary: c.require, duplex: c.require}
			}
			client := serve(t, newServer(t, verifier, o), service{duplex: func(pb.TestService_FullDuplexCallServer) error {
				t.Error("the handler ran")
				return nil
			}})
			ctx := t.Context()
			if c.token != "" {
				ctx = with(ctx, "Bearer "+c.token)
			}
			_, unaryErr := client.UnaryCall(ctx, &pb.SimpleRequest{})
			stream, err := client.FullDuplexCall(ctx)
			if err != nil {
				t.Fatal(err)
			}
			_, streamErr := stream.Recv()
			for _, err := range []error{unaryErr, streamErr} {
				got := info(err)
				if status.Code(err) != c.code || got.GetReason() != c.reason || got.GetDomain() != grpcauth.ErrorDomain {
					t.Errorf("error %v with %v, want %s and %s", err, got, c.code, c.reason)
				}
				want := map[string]string{"error": strings.ToLower(c.reason), "error_description": status.Convert(err).Message()}
				if c.scope != "" {
					want["scope"] = c.scope
				}
				if fmt.Sprint(got.GetMetadata()) != fmt.Sprint(want) {
					t.Errorf("metadata %v, want %v", got.GetMetadata(), want)
				}
				if details := status.Convert(err).Details(); len(details) == 2 != (c.code == codes.Unavailable) {
					t.Errorf("details %v", details) // when to try again, where that helps
				}
				said := fmt.Sprint(err, got, refused)
				for part := range strings.SplitSeq(c.token, ".") {
					if len(part) > 3 && strings.Contains(said, part) {
						t.Errorf("a part of the token is in %s", said)
					}
				}
			}
			if len(refused) != 2 || !strings.HasPrefix(refused[0], unary+" ") || !strings.HasPrefix(refused[1], duplex+" ") {
				t.Errorf("OnRefuse heard of %q", refused)
			}
		})
	}
}

// Every kind of broken token that there is a name for is refused.
func TestBrokenTokens(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	auth := newServer(t, issuer.Verifier("orders"), grpcauth.Options{})
	for _, broken := range issuer.BrokenTokens("orders") {
		// Not over the wire: clients refuse to send some of them.
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+broken.Token))
		_, err := auth.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unary}, func(context.Context, any) (any, error) {
			t.Errorf("%s: the handler ran", broken.Name)
			return nil, nil
		})
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", broken.Name, err)
		}
	}
}

// Each method requires what its own entry says, else its service's, else a good
// token.
func TestMethods(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	token := issuer.Token("orders", jetontest.Scope("a"))
	a, b := []httpauth.Requirement{httpauth.Scope("a")}, []httpauth.Requirement{httpauth.Scope("b")}
	type requires = map[string][]httpauth.Requirement
	for _, c := range []struct {
		name    string
		options grpcauth.Options
		token   codes.Code
		none    codes.Code
	}{
		{"nothing said", grpcauth.Options{}, codes.OK, codes.Unauthenticated},
		{"another method is public", grpcauth.Options{Public: []string{empty}}, codes.OK, codes.Unauthenticated},
		{"public", grpcauth.Options{Public: []string{unary}}, codes.OK, codes.OK},
		{"the service is public", grpcauth.Options{Public: []string{"/grpc.testing.TestService/*"}}, codes.OK, codes.OK},
		{"granted", grpcauth.Options{Require: requires{unary: a}}, codes.OK, codes.Unauthenticated},
		{"not granted", grpcauth.Options{Require: requires{unary: b}}, codes.PermissionDenied, codes.Unauthenticated},
		{"the service's", grpcauth.Options{Require: requires{"/grpc.testing.TestService/*": b}}, codes.PermissionDenied, codes.Unauthenticated},
		{"its own counts alone", grpcauth.Options{Require: requires{"/grpc.testing.TestService/*": b, unary: a}}, codes.OK, codes.Unauthenticated},
		{"its own in a public service", grpcauth.Options{Public: []string{"/grpc.testing.TestService/*"}, Require: requires{unary: b}}, codes.PermissionDenied, codes.Unauthenticated},
		{"public in a service that requires", grpcauth.Options{Public: []string{unary}, Require: requires{"/grpc.testing.TestService/*": b}}, codes.OK, codes.OK},
		{"an empty entry takes any good token", grpcauth.Options{Require: requires{"/grpc.testing.TestService/*": b, unary: nil}}, codes.OK, codes.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := serve(t, newServer(t, issuer.Verifier("orders"), c.options), service{})
			if _, err := client.UnaryCall(with(t.Context(), "Bearer "+token), &pb.SimpleRequest{}); status.Code(err) != c.token {
				t.Errorf("with a token: %v, want %s", err, c.token)
			}
			answer, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{})
			if status.Code(err) != c.none {
				t.Errorf("without: %v, want %s", err, c.none)
			}
			if err == nil && answer.Username != "nobody" {
				t.Errorf("the handler of a public method saw %q", answer.Username)
			}
		})
	}
}

// What can't be meant is found when the program starts.
func TestMistakesInOptions(t *testing.T) {
	verifier := jetontest.NewIssuer(t).Verifier("orders")
	for name, o := range map[string]grpcauth.Options{
		"no slash":                {Public: []string{"shop.Orders/List"}},
		"no method":               {Public: []string{"/shop.Orders"}},
		"an empty method":         {Public: []string{"/shop.Orders/"}},
		"an empty service":        {Public: []string{"//List"}},
		"a part of a method":      {Public: []string{"/shop.Orders/Li*"}},
		"all services":            {Public: []string{"/*/List"}},
		"three parts":             {Public: []string{"/shop/Orders/List"}},
		"a required one misspelt": {Require: map[string][]httpauth.Requirement{"List": nil}},
		"public and not":          {Public: []string{unary}, Require: map[string][]httpauth.Requirement{unary: nil}},
		"a negative leeway":       {Leeway: -2},
		"a long leeway":           {Leeway: life},
		"no time between checks":  {RecheckEvery: 1},
	} {
		if auth, err := grpcauth.NewServer(verifier, o); !errors.Is(err, jeton.ErrInvalidPolicy) || auth != nil {
			t.Errorf("%s: %v, %v", name, auth, err)
		}
	}
	if auth, err := grpcauth.NewServer(nil, grpcauth.Options{}); !errors.Is(err, jeton.ErrInvalidPolicy) || auth != nil {
		t.Errorf("no verifier: %v, %v", auth, err)
	}
	services := map[string]grpc.ServiceInfo{"grpc.testing.TestService": {Methods: []grpc.MethodInfo{{Name: "UnaryCall"}}}}
	for name, wrong := range map[string]bool{unary: false, "/grpc.testing.TestService/*": false, empty: true, "/shop.Orders/*": true} {
		err := newServer(t, verifier, grpcauth.Options{Require: map[string][]httpauth.Requirement{name: nil}}).CheckNames(services)
		if errors.Is(err, jeton.ErrInvalidPolicy) != wrong {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever metadata is put together, the handler runs for the one form and has the
// verified token then.
func TestNoHandlerWithoutAToken(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	token := issuer.Token("orders")
	auth := newServer(t, issuer.Verifier("orders"), grpcauth.Options{})
	piece := rapid.SampledFrom([]string{"Bearer", "bearer", "Basic", " ", "\t", ",", "=", ".", "x", token, token[:len(token)-1]})
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "")
		}), 0, 2).Draw(t, "values")
		ran := false
		ctx := metadata.NewIncomingContext(context.Background(), metadata.MD{"authorization": values})
		_, err := auth.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unary}, func(ctx context.Context, _ any) (any, error) {
			v, ok := grpcauth.FromContext(ctx)
			ran = ok && v.Subject() == "alice"
			return nil, nil
		})
		want := len(values) == 1 && (values[0] == "Bearer "+token || values[0] == "bearer "+token)
		if ran != want || (err == nil) != want {
			t.Errorf("values %q: handler ran: %v, error %v", values, ran, err)
		}
	})
}
