package connectauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jetontest"
)

// Over connect's protocol and gRPC's, unary and streaming: a good token reaches
// the handler, anything else gets code and reason.
func TestInterceptor(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	auth, err := httpauth.New(issuer.Verifier("orders"), httpauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	interceptors := connect.WithInterceptors(New(auth.Require(httpauth.Scope("orders:read"))))
	mux := http.NewServeMux()
	mux.Handle("/shop.Orders/Whose", connect.NewUnaryHandler("/shop.Orders/Whose",
		func(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
			token, _ := httpauth.FromContext(ctx)
			return connect.NewResponse(wrapperspb.String(token.Subject())), nil
		}, interceptors))
	mux.Handle("/shop.Orders/Watch", connect.NewServerStreamHandler("/shop.Orders/Watch",
		func(ctx context.Context, _ *connect.Request[emptypb.Empty], stream *connect.ServerStream[wrapperspb.StringValue]) error {
			token, _ := httpauth.FromContext(ctx)
			return stream.Send(wrapperspb.String(token.Subject()))
		}, interceptors))
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	issuer.RevokeSession("gone")
	scope := jetontest.Scope("orders:read")
	for name, protocol := range map[string][]connect.ClientOption{
		"connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		unary := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](server.Client(), server.URL+"/shop.Orders/Whose", protocol...)
		watch := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](server.Client(), server.URL+"/shop.Orders/Watch", protocol...)
		for _, c := range []struct {
			name   string
			header string
			code   connect.Code // 0 for none
			reason string
		}{
			{"good", "Bearer " + issuer.Token("orders", scope), 0, ""},
			{"none", "", connect.CodeUnauthenticated, "UNAUTHORIZED"},
			{"another form", "Bearer a b", connect.CodeUnauthenticated, "INVALID_REQUEST"},
			{"no JWT", "Bearer abc", connect.CodeUnauthenticated, "INVALID_TOKEN"},
			{"another audience", "Bearer " + issuer.Token("invoices", scope), connect.CodeUnauthenticated, "INVALID_TOKEN"},
			{"revoked", "Bearer " + issuer.Token("orders", scope, jetontest.Session("gone")), connect.CodeUnauthenticated, "INVALID_TOKEN"},
			{"no scope", "Bearer " + issuer.Token("orders"), connect.CodePermissionDenied, "INSUFFICIENT_SCOPE"},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				request := func() *connect.Request[emptypb.Empty] {
					r := connect.NewRequest(&emptypb.Empty{})
					if c.header != "" {
						r.Header().Set("Authorization", c.header)
					}
					return r
				}
				var subjects []string
				answer, unaryErr := unary.CallUnary(t.Context(), request())
				if unaryErr == nil {
					subjects = append(subjects, answer.Msg.Value)
				}
				stream, streamErr := watch.CallServerStream(t.Context(), request())
				if streamErr == nil {
					for stream.Receive() {
						subjects = append(subjects, stream.Msg().Value)
					}
					streamErr = stream.Err()
				}
				for _, err := range []error{unaryErr, streamErr} {
					if c.code == 0 {
						if err != nil || len(subjects) != 2 || subjects[0] != "alice" || subjects[1] != "alice" {
							t.Fatalf("%v, %v", subjects, err)
						}
						continue
					}
					refusal, ok := err.(*connect.Error)
					if !ok || refusal.Code() != c.code || len(refusal.Details()) != 1 {
						t.Fatalf("%#v", err)
					}
					detail, err := refusal.Details()[0].Value()
					if info, ok := detail.(*errdetails.ErrorInfo); err != nil || !ok || info.Reason != c.reason {
						t.Errorf("%v, %v, want %s", detail, err, c.reason)
					}
				}
			})
		}
	}
}
