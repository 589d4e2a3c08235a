package frameworks

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// issuer signs what the tests send.
type issuer struct {
	signer *jeton.Signer
	auth   *httpauth.Auth
	now    time.Time
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	gin.SetMode(gin.TestMode)
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt",
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := httpauth.New(verifier, httpauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{signer, auth, now}
}

// token is a good one, changed by change.
func (i *issuer) token(t *testing.T, change func(*jeton.AccessClaims)) string {
	t.Helper()
	claims := jeton.AccessClaims{
		Claims: jeton.Claims{
			Issuer: "https://auth.example", Subject: "alice", Audience: jeton.Audience{"orders"},
			IssuedAt: jeton.At(i.now), ExpiresAt: jeton.At(i.now.Add(5 * time.Minute)),
		},
		Scope: "orders:read",
	}
	if change != nil {
		change(&claims)
	}
	token, err := i.signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// servers are real ones, each with another framework's routes.
func servers(t *testing.T, auth *httpauth.Auth) map[string]string {
	t.Helper()
	urls := map[string]string{"fiber": serveFiber(t, fiberRoutes(auth))}
	for name, routes := range map[string]func(*httpauth.Auth) http.Handler{
		"net/http": netHTTPRoutes, "chi": chiRoutes, "gin": ginRoutes, "echo": echoRoutes,
	} {
		server := httptest.NewServer(routes(auth))
		t.Cleanup(server.Close)
		urls[name] = server.URL
	}
	return urls
}

func serveFiber(t *testing.T, app *fiber.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// get sends the headers and returns status, challenge and body.
func get(t *testing.T, url string, headers []string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = headers
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// The same requests get the same answers, whatever the framework.
func TestFrameworksAnswerAlike(t *testing.T) {
	i := newIssuer(t)
	good := i.token(t, nil)
	bearer := func(change func(*jeton.AccessClaims)) []string { return []string{"Bearer " + i.token(t, change)} }
	urls := servers(t, i.auth)
	for _, c := range []struct {
		name      string
		query     string
		headers   []string
		status    int
		challenge string // the start of it
		body      string // a part of it
	}{
		{"no token", "", nil, 401, `Bearer realm="api"`, `"error":"unauthorized"`},
		{"another scheme", "", []string{"Basic YWxpY2U6c2VjcmV0"}, 401, `Bearer realm="api"`, `"error":"unauthorized"`},
		{"not a JWT", "", []string{"Bearer abc"}, 401, `Bearer realm="api", error="invalid_token"`, "not accepted"},
		{"another audience", "", bearer(func(c *jeton.AccessClaims) { c.Audience = jeton.Audience{"invoices"} }),
			401, `Bearer realm="api", error="invalid_token"`, "not accepted"},
		{"expired", "", bearer(func(c *jeton.AccessClaims) {
			c.ExpiresAt = jeton.At(i.now.Add(-time.Hour))
			c.IssuedAt = jeton.NumericDate{}
		}),
			401, `Bearer realm="api", error="invalid_token"`, "expired"},
		{"no scope", "", bearer(func(c *jeton.AccessClaims) { c.Scope = "orders:write" }),
			403, `Bearer realm="api", error="insufficient_scope"`, "insufficient_scope"},
		{"two headers", "", []string{"Bearer " + good, "Bearer " + good}, 400, `Bearer realm="api", error="invalid_request"`, "invalid_request"},
		{"two headers, the last one good", "", []string{"Bearer abc", "Bearer " + good}, 400, `Bearer realm="api", error="invalid_request"`, "invalid_request"},
		{"in the query", "?access_token=" + good, nil, 400, `Bearer realm="api", error="invalid_request"`, "invalid_request"},
		{"in the query too", "?access_token=" + good, []string{"Bearer " + good}, 400, `Bearer realm="api", error="invalid_request"`, "invalid_request"},
		{"good", "", []string{"Bearer " + good}, 200, "", "alice"},
		{"good, with another query", "?page=2", []string{"bearer " + good}, 200, "", "alice"},
	} {
		for framework, url := range urls {
			t.Run(framework+"/"+c.name, func(t *testing.T) {
				status, header, body := get(t, url+"/orders"+c.query, c.headers)
				if status != c.status {
					t.Errorf("status %d, want %d", status, c.status)
				}
				challenges := header.Values("WWW-Authenticate")
				if c.challenge == "" && len(challenges) > 0 || c.challenge != "" &&
					(len(challenges) != 1 || !strings.HasPrefix(challenges[0], c.challenge)) {
					t.Errorf("challenge %q, want %s", challenges, c.challenge)
				}
				if status != 200 && (header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store") {
					t.Errorf("headers %v", header)
				}
				if !strings.Contains(body, c.body) {
					t.Errorf("body %s, want %s in it", body, c.body)
				}
				if status != 200 && strings.Contains(body, "alice") {
					t.Error("the handler ran")
				}
			})
		}
	}
}

// Each request sees its own token, also where a framework reuses memory.
func TestRequestsDoNotMix(t *testing.T) {
	i := newIssuer(t)
	for framework, url := range servers(t, i.auth) {
		t.Run(framework, func(t *testing.T) {
			var all sync.WaitGroup
			for n := range 4 {
				name := fmt.Sprintf("user-%d", n)
				token := i.token(t, func(c *jeton.AccessClaims) { c.Subject = name })
				all.Go(func() {
					for range 20 {
						if status, _, body := get(t, url+"/orders", []string{"Bearer " + token}); status != 200 || body != name {
							t.Errorf("%d %s, want %s", status, body, name)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// Why fiber.go doesn't use fiber's adaptor for middleware: of several headers of
// one name it hands on the last. If this fails, the adaptor was mended, and
// fiber.go can become one line.
func TestFibersAdaptorHidesASecondHeader(t *testing.T) {
	i := newIssuer(t)
	app := fiber.New()
	app.Use(adaptor.HTTPMiddleware(i.auth.Handler))
	app.Get("/orders", func(c fiber.Ctx) error { return c.SendString("served") })
	status, _, body := get(t, serveFiber(t, app)+"/orders", []string{"Bearer abc", "Bearer " + i.token(t, nil)})
	if status != 200 || body != "served" {
		t.Errorf("%d %s", status, body)
	}
}
