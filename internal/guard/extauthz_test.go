package guard_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"go.yaml.in/yaml/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/jeton-go/jeton/internal/authheaders"
	"github.com/jeton-go/jeton/internal/guard"
	"github.com/jeton-go/jeton/jetontest"
)

// envoy asks a guard as Envoy does over gRPC.
func envoy(t *testing.T, g *guard.Guard) authv3.AuthorizationClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := guard.NewServer(func() *guard.Guard { return g }, quiet)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

func checkRequest(http *authv3.AttributeContext_HttpRequest) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: http}}}
}

// Over gRPC the guard answers as over HTTP, in Envoy's form.
func TestExtAuthz(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	from := &sources{issuers: []*jetontest.Issuer{issuer}}
	client := envoy(t, newGuard(t, documented(t, issuer, guard.Envoy), from))
	good := "Bearer " + issuer.Token("orders", jetontest.Scope("orders:read"))
	issuer.RevokeSession("gone")
	for _, c := range []struct {
		name       string
		method     string
		path       string
		headers    []string // names in small letters, values
		status     int
		code       codes.Code
		challenged bool
	}{
		{"no token", "GET", "/orders", nil, 401, codes.Unauthenticated, true},
		{"a good token", "GET", "/orders/7?page=2", []string{"authorization", good, "x-auth-subject", "mallory"}, 200, codes.OK, false},
		{"a public route", "GET", "/health", []string{"x-auth-subject", "mallory"}, 200, codes.OK, false},
		{"revoked", "GET", "/orders", []string{"authorization", "Bearer " + issuer.Token("orders", jetontest.Session("gone"))}, 401, codes.Unauthenticated, true},
		{"no scope", "GET", "/orders", []string{"authorization", "Bearer " + issuer.Token("orders")}, 403, codes.PermissionDenied, true},
		{"two tokens", "GET", "/orders", []string{"authorization", good, "authorization", good}, 400, codes.Unauthenticated, true},
		{"a token in the query", "GET", "/orders?access_token=x", nil, 400, codes.Unauthenticated, true},
		{"no route", "GET", "/elsewhere", []string{"authorization", good}, 403, codes.PermissionDenied, false},
		{"an ambiguous path", "GET", "/health/%2e%2e/orders", nil, 400, codes.Unauthenticated, false},
		{"another method in a header", "GET", "/orders", []string{"authorization", good, "x-http-method-override", "DELETE"}, 400, codes.Unauthenticated, false},
	} {
		for _, raw := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				asked := &authv3.AttributeContext_HttpRequest{Method: c.method, Path: c.path, Host: "orders.example"}
				if raw {
					asked.HeaderMap = &core.HeaderMap{}
				} else {
					asked.Headers = map[string]string{}
				}
				for i := 0; i < len(c.headers); i += 2 {
					name, value := c.headers[i], c.headers[i+1]
					if raw {
						asked.HeaderMap.Headers = append(asked.HeaderMap.Headers, &core.HeaderValue{Key: name, RawValue: []byte(value)})
						continue
					}
					if before, ok := asked.Headers[name]; ok {
						value = before + "," + value // as Envoy does
					}
					asked.Headers[name] = value
				}
				answer, err := client.Check(t.Context(), checkRequest(asked))
				if err != nil {
					t.Fatal(err)
				}
				if got := codes.Code(answer.GetStatus().GetCode()); got != c.code {
					t.Errorf("code %s, want %s", got, c.code)
				}
				if c.status != 200 {
					denied := answer.GetDeniedResponse()
					if int(denied.GetStatus().GetCode()) != c.status || !strings.Contains(denied.GetBody(), `"error"`) {
						t.Errorf("%v, want the status %d", denied, c.status)
					}
					if got := value(denied.GetHeaders(), "Www-Authenticate") != ""; got != c.challenged {
						t.Errorf("challenge: %v, want %v", got, c.challenged)
					}
					return
				}
				ok := answer.GetOkResponse()
				subject := "alice"
				if c.headers[0] != "authorization" {
					subject = ""
				}
				if got := value(ok.GetHeaders(), authheaders.Subject); got != subject {
					t.Errorf("subject %q, want %q", got, subject)
				}
				// Each header is set or removed.
				if len(ok.GetHeaders())+len(ok.GetHeadersToRemove()) != 7 {
					t.Errorf("%v", ok)
				}
				for _, h := range ok.GetHeaders() {
					if h.GetAppendAction() != core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD || h.GetHeader().GetValue() == "" {
						t.Errorf("%v is not overwritten", h)
					}
				}
			})
		}
	}
	t.Run("the guard can't tell", func(t *testing.T) {
		from.stale.Store(1 << 62)
		answer, err := client.Check(t.Context(), checkRequest(&authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/orders", Host: "orders.example", Headers: map[string]string{"authorization": good},
		}))
		if err != nil || answer.GetDeniedResponse().GetStatus().GetCode() != 503 || codes.Code(answer.GetStatus().GetCode()) != codes.Unavailable {
			t.Errorf("%v, %v", answer, err)
		}
	})
	for name, c := range map[string]struct {
		client  authv3.AuthorizationClient
		request *authv3.CheckRequest
	}{
		"a request without a request":       {client, &authv3.CheckRequest{}},
		"the policy is for another gateway": {envoy(t, newGuard(t, documented(t, issuer, guard.Nginx), from)), checkRequest(&authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/health", Host: "orders.example"})},
	} {
		answer, err := c.client.Check(t.Context(), c.request)
		if err != nil || answer.GetDeniedResponse().GetStatus().GetCode() != 500 || codes.Code(answer.GetStatus().GetCode()) == codes.OK {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

func value(headers []*core.HeaderValueOption, name string) string {
	for _, h := range headers {
		if http.CanonicalHeaderKey(h.GetHeader().GetKey()) == http.CanonicalHeaderKey(name) {
			return h.GetHeader().GetValue()
		}
	}
	return ""
}

// The configurations that can't be tried here are YAML, and name all headers.
func TestConfigurationsNobodyRan(t *testing.T) {
	for name, file := range map[string]string{"traefik.yaml": "gateways/traefik.md", "envoy.yaml": "gateways/envoy.md", "envoy-http.yaml": "gateways/envoy.md"} {
		text := block(t, file, name)
		var any map[string]any
		if err := yaml.Load([]byte(text), &any); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, h := range authheaders.Of(nil) {
			if name != "envoy-http.yaml" && !strings.Contains(strings.ToLower(text), strings.ToLower(h.Name)+"\n") {
				t.Errorf("%s doesn't name %s", name, h.Name)
			}
		}
	}
}
