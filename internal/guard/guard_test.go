package guard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/authheaders"
	"github.com/jeton-go/jeton/internal/guard"
	"github.com/jeton-go/jeton/jetontest"
)

// The longest path counts, then who names the host, then who names the method;
// nothing shorter steps in for what they leave out.
func TestWhichRouteCounts(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	g := newGuard(t, `
gateway: envoy
issuers: [{issuer: "`+issuer.URL()+`", jwks: "`+issuer.JWKSURL()+`", audiences: orders}]
routes:
  - {prefix: /, public: true}                                                # line 5
  - {path: /a, methods: GET, public: true}                                   # line 6
  - {path: /a, methods: [HEAD, POST], public: true}                          # line 7
  - {prefix: /a, public: true}                                               # line 8
  - {prefix: /a/b/, public: true}                                            # line 9
  - {prefix: /a/b, hosts: [one.example], methods: [PUT], public: true}       # line 10
  - {prefix: /g, methods: [GET], public: true}                               # line 11
  - {prefix: /only, hosts: [one.example, two.example], public: true}         # line 12
  - {prefix: /m, public: true}                                               # line 13
  - {prefix: /m, methods: [DELETE], public: true}                            # line 14
  - {path: /a b/é, public: true}                                             # line 15
  - {prefix: /e, public: true}                                               # line 16
  - {path: /e, public: true}                                                 # line 17
`, &sources{issuers: []*jetontest.Issuer{issuer}})
	for request, line := range map[string]int{
		"GET one.example /e":            17,
		"GET one.example /e/x":          16,
		"GET one.example /":             5,
		"GET one.example /x":            5,
		"GET one.example /ab":           5,
		"GET one.example /a":            6,
		"GET one.example /a/":           6,
		"HEAD one.example /a":           7,
		"POST one.example /a":           7,
		"PUT one.example /a":            0,
		"PUT one.example /a/x":          8,
		"PUT two.example /a/b":          9,
		"PUT one.example /a/b":          10,
		"PUT ONE.example:8080 /a/b/c/":  10,
		"GET one.example /a/b":          0, // the host's own routes say nothing of GET
		"GET one.example /g/x":          11,
		"HEAD one.example /g":           11,
		"POST one.example /g":           0,
		"GET one.example /only":         12,
		"GET three.example /only":       5,
		"GET one.example /m":            13,
		"DELETE one.example /m":         14,
		"GET one.example /a%20b/%C3%A9": 15,
		"get one.example /":             -1,
		"G.T one.example /":             -1,
		"GET one.example /A":            -1,
		"GET one.example /A/B/c":        -1,
		"GET one.example /a%20b/%C3%89": -1,
		"GET one.example /..":           -1,
	} {
		part := strings.SplitN(request, " ", 3)
		d := decide(g, ask(part[0], part[1], part[2]))
		want := map[bool]int{true: 200, false: 403}[line > 0]
		if line < 0 {
			want, line = 400, 0
		}
		if d.Status != want || d.Line != line {
			t.Errorf("%s: status %d by line %d, want %d by %d; %v", request, d.Status, d.Line, want, line, d.Err)
		}
	}
	// Without a host it can't be told whose route it is.
	if d := decide(g, ask("GET", "", "/")); d.Status != 500 {
		t.Errorf("no host: %d", d.Status)
	}
}

// Tokens are held against what the policy says of their issuer and of the route.
func TestTokens(t *testing.T) {
	one, two, stranger := jetontest.NewIssuer(t), jetontest.NewIssuer(t), jetontest.NewIssuer(t)
	from := &sources{issuers: []*jetontest.Issuer{one, two}}
	g := newGuard(t, `
gateway: envoy
realm: shop
issuers:
  - {issuer: "`+one.URL()+`", jwks: "`+one.JWKSURL()+`", audiences: [orders, bills], revocations: follow, remember: 100}
  - {issuer: "`+two.URL()+`", jwks: "`+two.JWKSURL()+`", audiences: [orders], algorithms: [RS256], type: any}
headers: [subject, roles]
routes:
  - {path: /plain}
  - {path: /scope, scopes: [a, b]}
  - {path: /role, roles: [x, y]}
  - {path: /both, scopes: a, roles: x}
  - {path: /stock, audiences: [stock]}
  - {path: /open, freshness: {within: 30s, else: accept}}
  - {path: /tight, freshness: {within: 5s}}
`, from)
	scope, roles := jetontest.Scope("a b"), jetontest.Roles("x")
	expired := one.Claims("orders")
	expired.IssuedAt, expired.ExpiresAt = jeton.At(one.Now().Add(-time.Hour)), jeton.At(one.Now().Add(-time.Minute))
	one.RevokeSession("gone")
	gone := one.Token("orders", jetontest.Session("gone"))
	for _, c := range []struct {
		path, token string
		stale       time.Duration
		status      int
		reason      string
	}{
		{"/plain", one.Token("orders"), 0, 200, "ok"},
		{"/plain", one.Token("bills"), 0, 200, "ok"},
		{"/plain", one.Token("stock"), 0, 401, "audience"},
		{"/stock", one.Token("stock"), 0, 200, "ok"},
		{"/stock", one.Token("orders"), 0, 401, "audience"},
		{"/plain", stranger.Token("orders"), 0, 401, "issuer"},
		{"/plain", one.Sign(expired), 0, 401, "expired"},
		{"/plain", gone, 0, 401, "revoked"},
		{"/open", gone, time.Hour, 401, "revoked"},
		{"/plain", two.Token("orders"), 0, 401, "unknown_key"}, // ES256, which the policy doesn't name
		{"/plain", "abc", 0, 401, "segments"},
		{"/plain", strings.Repeat("a", 9<<10), 0, 401, "token_too_large"},
		{"/plain", "", 0, 401, "unauthorized"},
		{"/scope", one.Token("orders", scope), 0, 200, "ok"},
		{"/scope", one.Token("orders", jetontest.Scope("a")), 0, 403, "insufficient_scope"},
		{"/role", one.Token("orders", jetontest.Roles("y")), 0, 200, "ok"},
		{"/role", one.Token("orders", jetontest.Roles("z")), 0, 403, "insufficient_scope"},
		{"/both", one.Token("orders", scope, roles), 0, 200, "ok"},
		{"/both", one.Token("orders", roles), 0, 403, "insufficient_scope"},
		{"/both", one.Token("orders", scope), 0, 403, "insufficient_scope"},
		{"/plain", one.Token("orders"), time.Minute, 200, "ok"},
		{"/plain", one.Token("orders"), time.Minute + 1, 503, "temporarily_unavailable"},
		{"/open", one.Token("orders"), time.Hour, 200, "ok"},
		{"/tight", one.Token("orders"), 5 * time.Second, 200, "ok"},
		{"/tight", one.Token("orders"), 6 * time.Second, 503, "temporarily_unavailable"},
	} {
		from.stale.Store(int64(c.stale))
		r := ask("GET", "orders.example", c.path, "X-Auth-Subject", "mallory")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		d := decide(g, r)
		if d.Status != c.status || d.Reason != c.reason {
			t.Errorf("%s: %d %s, want %d %s; %v", c.path, d.Status, d.Reason, c.status, c.reason, d.Err)
		}
		if (d.Err == nil) != (c.status == 200) || len(d.Headers) != 7 {
			t.Errorf("%s: error %v and %d headers with status %d", c.path, d.Err, len(d.Headers), d.Status)
		}
		subject := ""
		if c.status == 200 {
			subject = "alice"
		}
		if got := header(d, authheaders.Subject); got != subject || header(d, authheaders.SessionID) != "" {
			t.Errorf("%s: subject %q with status %d, session %q, which the policy doesn't pass on", c.path, got, d.Status, header(d, authheaders.SessionID))
		}
		if challenge := d.Answer.Get("WWW-Authenticate"); (c.status == 401 || c.status == 403) != strings.HasPrefix(challenge, `Bearer realm="shop"`) {
			t.Errorf("%s: challenge %q with status %d", c.path, challenge, d.Status)
		}
		if len(c.token) > 20 && d.Err != nil && strings.Contains(d.Err.Error()+string(d.Body), c.token[len(c.token)-20:]) {
			t.Errorf("%s: the token is in %v or %s", c.path, d.Err, d.Body)
		}
	}
	from.stale.Store(0)
	for _, broken := range one.BrokenTokens("orders") {
		r := ask("GET", "orders.example", "/plain", "Authorization", "Bearer "+broken.Token)
		if d := decide(g, r); d.Status != 401 && d.Status != 400 {
			t.Errorf("%s: %d", broken.Name, d.Status)
		}
	}
}

// Leeway and type are the policy's, and those of a verifier where it says nothing.
func TestLeewayAndType(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	late := issuer.Claims("orders")
	late.IssuedAt, late.ExpiresAt = jeton.At(issuer.Now().Add(-time.Minute)), jeton.At(issuer.Now().Add(-10*time.Second))
	key, err := jeton.GenerateKey(jeton.HS256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key, jeton.Type("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := signer.Sign(issuer.Claims("orders"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		more, token string
		keys        jeton.KeySet
		status      int
	}{
		{"", issuer.Sign(late), issuer, 200},
		{", leeway: 5s", issuer.Sign(late), issuer, 401},
		{", leeway: 0s", issuer.Sign(late), issuer, 401},
		{", leeway: 1m", issuer.Sign(late), issuer, 200},
		{"", other, key.Public(), 401},
		{", type: JWT", other, key.Public(), 200},
		{", type: any", other, key.Public(), 200},
		{", type: JWT", issuer.Token("orders"), issuer, 401},
	} {
		p, err := guard.Parse("guard.yaml", []byte(`{gateway: envoy, routes: [{prefix: /}], issuers: [{issuer: "`+issuer.URL()+`", keys: x, audiences: orders`+c.more+`}]}`))
		if err != nil {
			t.Fatal(err)
		}
		g, err := guard.New(p, only{c.keys}, issuer.Now)
		if err != nil {
			t.Fatal(err)
		}
		if d := decide(g, ask("GET", "orders.example", "/", "Authorization", "Bearer "+c.token)); d.Status != c.status {
			t.Errorf("%q: %d, want %d; %v", c.more, d.Status, c.status, d.Err)
		}
	}
}

// only are sources of one key set and no feed.
type only struct{ jeton.KeySet }

func (o only) Keys(guard.Issuer) (jeton.KeySet, error) { return o.KeySet, nil }

func (only) Revocations(guard.Issuer) (guard.Revocations, error) { return nil, nil }

// What the gateway does not say, or says twice, is never guessed; and only the
// headers of the gateway that the policy names are believed.
func TestOriginalRequest(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	from := &sources{issuers: []*jetontest.Issuer{issuer}}
	original := http.Header{"X-Original-Method": {"GET"}, "X-Original-Uri": {"/health"}, "X-Original-Host": {"orders.example"}}
	forwarded := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/health"}, "X-Forwarded-Host": {"orders.example"}}
	with := func(h http.Header, name string, values ...string) http.Header {
		h = h.Clone()
		h[name] = values
		return h
	}
	for _, c := range []struct {
		name    string
		gateway guard.Gateway
		target  string
		header  http.Header
		status  int
	}{
		{"nginx", guard.Nginx, "/auth", original, 200},
		{"HAProxy", guard.HAProxy, "/auth", original, 200},
		{"Caddy", guard.Caddy, "/auth", forwarded, 200},
		{"Traefik", guard.Traefik, "/auth", forwarded, 200},
		{"Envoy", guard.Envoy, "/health", nil, 200},
		{"Envoy has no path of the guard's", guard.Envoy, "/auth", nil, 403},
		{"another path", guard.Nginx, "/", original, 404},
		{"nginx, told as Caddy would", guard.Nginx, "/auth", forwarded, 500},
		{"Caddy, told as nginx would", guard.Caddy, "/auth", original, 500},
		{"Traefik, told as nginx would", guard.Traefik, "/auth", original, 500},
		{"Envoy believes no header", guard.Envoy, "/orders", original, 401},
		{"no method", guard.Nginx, "/auth", with(original, "X-Original-Method"), 500},
		{"no path", guard.Nginx, "/auth", with(original, "X-Original-Uri"), 500},
		{"an empty path", guard.Caddy, "/auth", with(forwarded, "X-Forwarded-Uri", ""), 500},
		{"no host", guard.Caddy, "/auth", with(forwarded, "X-Forwarded-Host"), 500},
		{"two paths", guard.Traefik, "/auth", with(forwarded, "X-Forwarded-Uri", "/health", "/orders"), 500},
		{"a bad token to nginx", guard.Nginx, "/auth", with(with(original, "X-Original-Uri", "/orders"), "Authorization", "Bearer a b"), 401},
		{"a bad token to others", guard.HAProxy, "/auth", with(with(original, "X-Original-Uri", "/orders"), "Authorization", "Bearer a b"), 400},
		{"an ambiguous path to nginx", guard.Nginx, "/auth", with(original, "X-Original-Uri", "/health/.."), 403},
		{"an ambiguous path to others", guard.Traefik, "/auth", with(forwarded, "X-Forwarded-Uri", "/health/.."), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := serveOnce(handler(newGuard(t, documented(t, issuer, c.gateway), from)), c.target, c.header)
			if got.Code != c.status {
				t.Fatalf("status %d, want %d; %s", got.Code, c.status, got.Body)
			}
			values, there := got.Header()["X-Auth-Subject"]
			switch {
			case c.status == 404:
			case c.gateway == guard.Envoy && c.status == 200:
				if there || !strings.Contains(got.Header().Get("X-Envoy-Auth-Headers-To-Remove"), "X-Auth-Subject") {
					t.Errorf("Envoy is told to remove %q", got.Header().Get("X-Envoy-Auth-Headers-To-Remove"))
				}
			case !there || values[0] != "":
				t.Errorf("X-Auth-Subject is %q, want it empty", values)
			}
		})
	}
}
