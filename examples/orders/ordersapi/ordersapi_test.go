package ordersapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/examples/orders/ordersapi"
)

func TestOrders(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := ordersapi.New(verifier)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	claims := func(scope string) map[string]any {
		return map[string]any{
			"iss": "https://auth.example", "sub": "alice", "aud": "orders",
			"exp": time.Now().Add(time.Minute).Unix(), "scope": scope,
		}
	}
	strange := claims("orders:read")
	strange["client_id"] = 7 // no string, so no AccessClaims

	for _, c := range []struct {
		name   string
		path   string
		claims map[string]any // nil for no token
		want   int
	}{
		{"health needs no token", "/healthz", nil, 200},
		{"orders need one", "/orders", nil, 401},
		{"and the scope", "/orders", claims("orders:write"), 403},
		{"orders", "/orders", claims("profile orders:read"), 200},
		{"claims of another shape", "/orders", strange, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, server.URL+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.claims != nil {
				token, err := signer.Sign(c.claims)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token)
			}
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.want {
				t.Fatalf("status %d, want %d", resp.StatusCode, c.want)
			}
			if (resp.Header.Get("WWW-Authenticate") != "") != (c.want != 200) {
				t.Errorf("challenge %q", resp.Header.Get("WWW-Authenticate"))
			}
			if c.want != 200 || c.path != "/orders" {
				return
			}
			var orders []ordersapi.Order
			if err := json.NewDecoder(resp.Body).Decode(&orders); err != nil || len(orders) == 0 {
				t.Fatalf("%v, %d orders", err, len(orders))
			}
			for _, o := range orders {
				if o.Customer != "alice" || o.ID == "" {
					t.Errorf("%+v is none of alice's", o)
				}
			}
		})
	}
}

func TestNewNeedsAVerifier(t *testing.T) {
	if h, err := ordersapi.New(nil); h != nil || !errors.Is(err, jeton.ErrInvalidPolicy) {
		t.Errorf("%v, %v", h, err)
	}
}
