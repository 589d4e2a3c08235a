package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// issuer publishes a key and signs with it.
type issuer struct {
	url    string
	signer *jeton.Signer
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(set)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &issuer{server.URL, signer}
}

func (i *issuer) token(t *testing.T, audience string) string {
	t.Helper()
	token, err := i.signer.Sign(jeton.AccessClaims{
		Claims: jeton.Claims{
			Issuer: i.url, Subject: "alice", Audience: jeton.Audience{audience},
			ExpiresAt: jeton.At(time.Now().Add(time.Minute)),
		},
		Scope: "orders:read",
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// program is run, with what it writes.
type program struct {
	url  string
	stop func() error

	mu     sync.Mutex
	stderr bytes.Buffer
	wrote  chan struct{}
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		select {
		case p.wrote <- struct{}{}:
		default:
		}
	}()
	return p.stderr.Write(b)
}

// waitFor returns the match of pattern in what the program writes.
func (p *program) waitFor(t *testing.T, pattern string) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		p.mu.Lock()
		text := p.stderr.String()
		p.mu.Unlock()
		if m := regexp.MustCompile(pattern).FindString(text); m != "" {
			return m
		}
		select {
		case <-p.wrote:
		case <-deadline:
			t.Fatalf("the program never wrote %s, but\n%s", pattern, text)
		}
	}
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{wrote: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() { done <- run(ctx, append(args, "--addr", "127.0.0.1:0"), p) }()
	p.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	p.url = p.waitFor(t, `http://127\.0\.0\.1:\d+\n`)
	p.url = strings.TrimSpace(p.url)
	return p
}

func get(t *testing.T, url, token string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// The two processes share a URL and nothing else.
func TestTokensOfTheIssuerAreServed(t *testing.T) {
	i := newIssuer(t)
	p := start(t, "--issuer", i.url, "--audience", "orders")
	if resp, body := get(t, p.url+"/orders", i.token(t, "orders")); resp.StatusCode != 200 || !strings.Contains(body, `"customer":"alice"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, _ := get(t, p.url+"/healthz", ""); resp.StatusCode != 200 {
		t.Errorf("/healthz: %d", resp.StatusCode)
	}
	if resp, _ := get(t, p.url+"/orders", ""); resp.StatusCode != 401 {
		t.Errorf("no token: %d", resp.StatusCode)
	}
	foreign := i.token(t, "invoices")
	if resp, _ := get(t, p.url+"/orders", foreign); resp.StatusCode != 401 {
		t.Errorf("another audience: %d", resp.StatusCode)
	}
	// Another issuer's key, under the name of this one.
	evil := newIssuer(t)
	evil.url = i.url
	if resp, _ := get(t, p.url+"/orders", evil.token(t, "orders")); resp.StatusCode != 401 {
		t.Errorf("another's key: %d", resp.StatusCode)
	}
	p.waitFor(t, `refused.*path=/orders status=401.*another audience`)
	if err := p.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if strings.Contains(p.stderr.String(), foreign[:20]) {
		t.Error("a token is in the log")
	}
}

// An issuer may have a slash at its end, which counts in tokens and not in URLs.
func TestIssuerWithASlash(t *testing.T) {
	i := newIssuer(t)
	i.url += "/"
	p := start(t, "--issuer", i.url, "--audience", "orders")
	if resp, body := get(t, p.url+"/orders", i.token(t, "orders")); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// The program starts before the issuer does, says so, and doesn't blame tokens.
func TestIssuerIsDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t)
	i.url = "http://" + listener.Addr().String()
	listener.Close() // now nobody is there
	p := start(t, "--issuer", i.url, "--audience", "orders")
	p.waitFor(t, `can't fetch the issuer's keys.*connect`)
	resp, body := get(t, p.url+"/orders", i.token(t, "orders"))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	if resp, _ := get(t, p.url+"/healthz", ""); resp.StatusCode != 200 {
		t.Errorf("/healthz: %d", resp.StatusCode)
	}
}

func TestWrongUsage(t *testing.T) {
	// What takes wrong flags for right ones ends at once, without an error.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		args []string
		want error // nil for any but errUsage
		says string
	}{
		{nil, errUsage, "-issuer"},
		{[]string{"--issuer", "http://127.0.0.1:1"}, errUsage, "-audience"},
		{[]string{"--issuer", "http://127.0.0.1:1", "--audience", "orders", "more"}, errUsage, "nothing but flags"},
		{[]string{"--issuer", "http://127.0.0.1:1", "--audience", ""}, errUsage, "-audience"},
		{[]string{"--nonsense"}, errUsage, "nonsense"},
		{[]string{"--issuer", "http://auth.example", "--audience", "orders"}, jeton.ErrInvalidPolicy, ""},
		{[]string{"--issuer", "http://127.0.0.1:1", "--audience", "orders", "--addr", "nowhere"}, nil, ""},
	} {
		var stderr bytes.Buffer
		err := run(ctx, c.args, &stderr)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && errors.Is(err, errUsage) {
			t.Errorf("%q: error %v, want %v", c.args, err, c.want)
		}
		if !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%q: wrote %s", c.args, stderr.String())
		}
	}
	if err := run(ctx, []string{"--help"}, io.Discard); err != nil {
		t.Errorf("--help: %v", err)
	}
}
