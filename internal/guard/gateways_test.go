package guard_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/guard"
	"github.com/jeton-go/jeton/internal/testenv"
	"github.com/jeton-go/jeton/jetontest"
)

// gateway is a real one, running with the configuration of its page.
type gateway struct {
	name    guard.Gateway
	program string
	// start returns the command that runs the gateway in a folder, with the
	// addresses of the page replaced.
	start   func(t testing.TB, dir string, replace *strings.Replacer) *exec.Cmd
	bad     int // what it answers where the guard answers 400 to a token
	strange int // ... and to an ambiguous path
	down    int // ... where the guard is down
	unsure  int // ... where the guard answers 503
}

var gateways = []gateway{
	{guard.Nginx, "nginx", startNginx, 401, 403, 500, 500},
	{guard.Caddy, "caddy", startCaddy, 400, 400, 502, 503},
	{guard.HAProxy, "haproxy", startHAProxy, 400, 400, 503, 503},
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func startNginx(t testing.TB, dir string, replace *strings.Replacer) *exec.Cmd {
	server := replace.Replace(block(t, "gateways/nginx.md", "orders.conf"))
	conf := write(t, dir, "nginx.conf", fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
%[2]s
}
`, dir, server))
	return exec.Command("nginx", "-p", dir, "-e", "stderr", "-c", conf)
}

func startCaddy(t testing.TB, dir string, replace *strings.Replacer) *exec.Cmd {
	site := replace.Replace(block(t, "gateways/caddy.md", "Caddyfile"))
	conf := write(t, dir, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n\n"+site)
	cmd := exec.Command("caddy", "run", "--adapter", "caddyfile", "--config", conf)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return cmd
}

func startHAProxy(t testing.TB, dir string, replace *strings.Replacer) *exec.Cmd {
	lua := write(t, dir, "jeton-guard.lua", replace.Replace(block(t, "gateways/haproxy.md", "jeton-guard.lua")))
	conf := strings.ReplaceAll(block(t, "gateways/haproxy.md", "haproxy.cfg"), "/etc/haproxy/jeton-guard.lua", lua)
	return exec.Command("haproxy", "-db", "-f", write(t, dir, "haproxy.cfg", replace.Replace(conf)))
}

// freePort is one that nobody listens on now.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// run starts the gateway before a service, beside a guard, and returns its
// address.
func (g gateway) run(t testing.TB, guardAddress, serviceAddress string) string {
	t.Helper()
	path, err := exec.LookPath(g.program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + g.program)
	}
	if err != nil {
		testenv.Missing(t, g.program, "apt-get install "+g.program)
	}
	port := freePort(t)
	replace := strings.NewReplacer("127.0.0.1:9090", guardAddress, "127.0.0.1:3000", serviceAddress,
		"127.0.0.1:8000", "127.0.0.1:"+port, ":8000", ":"+port)
	cmd := g.start(t, t.TempDir(), replace)
	cmd.Path, cmd.Err = path, nil // a name alone is not found where /usr/sbin is not searched
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	address := "127.0.0.1:" + port
	for deadline := time.Now().Add(time.Minute); ; {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", g.name, err, said.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen:\n%s", g.name, said.String())
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// send sends a request byte for byte, which Go's client would tidy up.
func send(t testing.TB, address, method, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := method + " " + target + " HTTP/1.1\r\nHost: orders.example\r\nConnection: close\r\n"
	for _, h := range headers {
		request += h + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// Each gateway, the real one with the configuration of its page: what a service
// gets to see, and what a client is told.
func TestGateways(t *testing.T) {
	for _, g := range gateways {
		t.Run(string(g.name), func(t *testing.T) {
			issuer := jetontest.NewIssuer(t)
			from := &sources{issuers: []*jetontest.Issuer{issuer}}
			asked := httptest.NewServer(handler(newGuard(t, documented(t, issuer, g.name), from)))
			defer asked.Close()
			address := g.run(t, asked.Listener.Addr().String(), service(t).Listener.Addr().String())

			scope := jetontest.Scope("orders:read")
			good := "Authorization: Bearer " + issuer.Token("orders", scope, jetontest.Roles("clerk", "night shift"), jetontest.Session("s1"))
			expired := issuer.Claims("orders", scope)
			expired.IssuedAt, expired.ExpiresAt = jeton.At(issuer.Now().Add(-time.Hour)), jeton.At(issuer.Now().Add(-time.Minute))
			issuer.RevokeSession("gone")
			const mallory = "X-Auth-Subject: mallory"
			for _, c := range []struct {
				name    string
				method  string
				target  string
				headers []string
				status  int
				says    string // in the challenge, or the subject that the service sees
			}{
				{"no token", "GET", "/orders", nil, 401, "Bearer realm="},
				{"no token, and a subject", "GET", "/orders", []string{mallory}, 401, "Bearer realm="},
				{"a good token", "GET", "/orders/7?page=2", []string{good}, 200, "alice"},
				{"a good token, and a subject", "GET", "/orders", []string{mallory, good}, 200, "alice"},
				{"a good token, and two subjects", "GET", "/orders", []string{good, mallory, "x-auth-subject: eve"}, 200, "alice"},
				{"a good token with HEAD", "HEAD", "/orders", []string{good}, 200, ""},
				{"a public route", "GET", "/health", nil, 200, ""},
				{"a public route, and a subject", "GET", "/health", []string{mallory, "X-Auth-Roles: admin", "X_Auth_Subject: mallory", "X-Auth-Tenant: mallory"}, 200, ""},
				{"another's token", "GET", "/orders", []string{"Authorization: Bearer " + jetontest.NewIssuer(t).Token("orders", scope)}, 401, "invalid_token"},
				{"expired", "GET", "/orders", []string{"Authorization: Bearer " + issuer.Sign(expired)}, 401, "expired"},
				{"revoked", "GET", "/orders", []string{"Authorization: Bearer " + issuer.Token("orders", scope, jetontest.Session("gone"))}, 401, "invalid_token"},
				{"no scope", "GET", "/orders", []string{"Authorization: Bearer " + issuer.Token("orders")}, 403, "insufficient_scope"},
				{"no scope for the method", "DELETE", "/orders/7", []string{good}, 403, "insufficient_scope"},
				{"a token in another form", "GET", "/orders", []string{"Authorization: Bearer a b"}, g.bad, "invalid_request"},
				{"a token in the query", "GET", "/orders?access_token=x", []string{good}, g.bad, "invalid_request"},
				{"no route", "GET", "/elsewhere", []string{good}, 403, ""},
				{"no route for the method", "PATCH", "/orders", []string{good}, 403, ""},
				{"the original path from the client", "GET", "/orders", []string{"X-Original-URI: /health", "X-Forwarded-Uri: /health"}, 401, "Bearer realm="},
				{"the original method from the client", "DELETE", "/orders", []string{"X-Original-Method: GET", "X-Forwarded-Method: GET", good}, 403, "insufficient_scope"},
				{"another host from the client", "GET", "/orders", []string{"X-Original-Host: admin.example", "X-Forwarded-Host: admin.example"}, 401, "Bearer realm="},
				{"dots", "GET", "/health/../orders", nil, g.strange, ""},
				{"encoded dots", "GET", "/health/%2e%2e/orders", nil, g.strange, ""},
				{"an encoded slash", "GET", "/health%2f..%2forders", nil, g.strange, ""},
				{"two slashes", "GET", "//orders", nil, g.strange, ""},
				{"another case", "GET", "/Health", nil, g.strange, ""},
				{"another method in a header", "GET", "/orders", []string{good, "X-HTTP-Method-Override: DELETE"}, g.strange, ""},
			} {
				t.Run(c.name, func(t *testing.T) {
					resp, body := send(t, address, c.method, c.target, c.headers...)
					if resp.StatusCode != c.status {
						t.Fatalf("status %d, want %d; %s", resp.StatusCode, c.status, body)
					}
					if c.status != 200 {
						challenges := resp.Header.Values("WWW-Authenticate")
						if got := strings.Join(challenges, " | "); !strings.Contains(got, c.says) || len(challenges) > 1 || (c.says == "") != (got == "") {
							t.Errorf("challenge %q, want %q in one", got, c.says)
						}
						if resp.Header.Get("X-Path") != "" {
							t.Error("the service saw it")
						}
						return
					}
					if got := resp.Header.Get("X-Path"); got != c.target {
						t.Errorf("the service saw the path %s", got)
					}
					if c.method == "HEAD" {
						return
					}
					var seen http.Header
					if err := json.Unmarshal([]byte(body), &seen); err != nil {
						t.Fatal(err)
					}
					if got := strings.Join(seen.Values("X-Auth-Subject"), " | "); got != c.says {
						t.Errorf("the service saw the subject %q, want %q", got, c.says)
					}
					roles, session, scope := "", "", ""
					if c.says != "" {
						roles, session, scope = "clerk night%20shift", "s1", "orders:read"
					}
					for name, want := range map[string]string{"X-Auth-Roles": roles, "X-Auth-Session-Id": session, "X-Auth-Scope": scope} {
						if got := seen.Get(name); got != want {
							t.Errorf("the service saw %s %q, want %q", name, got, want)
						}
					}
					for name := range seen {
						// nginx has no pattern for names that are none of the guard's.
						if strings.Contains(name, "_") || name == "X-Auth-Tenant" && g.name != guard.Nginx {
							t.Errorf("the service saw %s", name)
						}
					}
				})
			}

			t.Run("two tokens", func(t *testing.T) {
				// nginx refuses them itself, without a challenge.
				if resp, _ := send(t, address, "GET", "/orders", good, good); resp.StatusCode != 400 || resp.Header.Get("X-Path") != "" {
					t.Errorf("status %d", resp.StatusCode)
				}
			})
			t.Run("the guard can't tell", func(t *testing.T) {
				from.stale.Store(int64(time.Hour))
				if resp, body := send(t, address, "GET", "/orders", good); resp.StatusCode != g.unsure {
					t.Errorf("status %d; %s", resp.StatusCode, body)
				}
				if resp, _ := send(t, address, "GET", "/catalogue", good); resp.StatusCode != 200 {
					t.Errorf("a route that accepts stale revocations: status %d", resp.StatusCode)
				}
				from.stale.Store(0)
			})
			t.Run("the guard is down", func(t *testing.T) {
				asked.CloseClientConnections()
				asked.Close()
				for _, target := range []string{"/orders", "/health", "/elsewhere"} {
					t.Run(target, func(t *testing.T) {
						t.Parallel() // HAProxy tries for 3 s
						resp, _ := send(t, address, "GET", target, good)
						if resp.StatusCode != g.down || resp.Header.Get("X-Path") != "" {
							t.Errorf("status %d, want %d", resp.StatusCode, g.down)
						}
					})
				}
			})
		})
	}
}
