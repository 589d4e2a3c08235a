package revocation_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serviceAlg is what "jeton serve" signs with.
const serviceAlg = jeton.RS256

const password = "correct horse battery staple"

// service is an issuer behind a real server.
type service struct {
	*issuer.Issuer
	t      testing.TB
	url    string
	server *httptest.Server
	keys   jeton.KeySet
	now    func() time.Time
}

func newService(t testing.TB, store issuer.Store, now func() time.Time, wrap func(http.Handler) http.Handler) *service {
	t.Helper()
	return newServiceWith(t, store, now, wrap, func(*issuer.Config) {})
}

func newServiceWith(t testing.TB, store issuer.Store, now func() time.Time, wrap func(http.Handler) http.Handler, change func(*issuer.Config)) *service {
	t.Helper()
	s := &service{t: t, now: now}
	server := httptest.NewUnstartedServer(nil)
	s.server, s.url = server, "http://"+server.Listener.Addr().String()
	cfg := issuer.Config{
		Store: store, Issuer: s.url, Audiences: []string{"orders"}, Algorithm: serviceAlg, MasterKey: issuer.GenerateMasterKey(),
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, Now: now,
	}
	change(&cfg)
	var err error
	s.Issuer, err = issuer.New(t.Context(), cfg)
	must(t, err)
	_, err = s.AddUser(t.Context(), issuer.NewUser{Name: "alice", Password: password, Scopes: []string{"orders:read"}})
	must(t, err)
	server.Config.Handler, err = issuerhttp.Public(s.Issuer, issuerhttp.Options{})
	must(t, err)
	if wrap != nil {
		server.Config.Handler = wrap(server.Config.Handler)
	}
	// What "jeton serve" sets must not end a stream.
	server.Config.ReadTimeout, server.Config.WriteTimeout = 15*time.Second, 30*time.Second
	server.Start()
	t.Cleanup(func() { s.Feed().Close(); server.CloseClientConnections(); server.Close() })
	s.keys, err = jwks.NewRemote(s.url+"/.well-known/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true, Now: now})
	must(t, err)
	return s
}

func (s *service) login() *issuer.TokenPair {
	s.t.Helper()
	pair, err := s.Login(s.t.Context(), issuer.LoginRequest{Username: "alice", Password: password})
	must(s.t, err)
	return pair
}

func (s *service) follow(options ...revocation.Option) *revocation.Follower {
	s.t.Helper()
	f, err := revocation.Follow(s.t.Context(), s.url+"/v1/revocations", s.keys, s.url, append([]revocation.Option{revocation.Clock(s.now)}, options...)...)
	must(s.t, err)
	s.t.Cleanup(func() { f.Close() })
	return f
}

// eventually waits for what happens in other goroutines.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func ready(t testing.TB, f *revocation.Follower) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := f.Wait(ctx); err != nil {
		t.Fatalf("no snapshot: %v; %+v", err, f.Stats())
	}
}

// The whole way: login, an API that verifies by itself, a revocation, the feed.
func TestARevocationReachesAnAPIOverHTTP(t *testing.T) {
	for _, way := range []struct {
		name    string
		options []revocation.Option
		mode    string
	}{
		{"stream", nil, "stream"},
		{"long poll", []revocation.Option{revocation.LongPoll()}, "poll"},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := newService(t, memory.New(time.Now), time.Now, nil)
			early := s.login()
			must(t, s.RevokeSession(t.Context(), early.SessionID, issuer.ReasonLogout))
			f := s.follow(append(way.options, revocation.FailClosed(time.Minute))...)
			ready(t, f)
			verifier, err := jeton.NewVerifier(s.keys, jeton.Policy{
				Issuer: s.url, Audience: "orders", Type: issuer.AccessTokenType, Revocations: f, CacheEntries: 64,
			})
			must(t, err)
			auth, err := httpauth.New(verifier, httpauth.Options{})
			must(t, err)
			api := httptest.NewServer(auth.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			defer api.Close()
			status := func(token string) int {
				req, err := http.NewRequest("GET", api.URL, nil)
				must(t, err)
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := http.DefaultClient.Do(req)
				must(t, err)
				resp.Body.Close()
				return resp.StatusCode
			}
			if got := status(early.AccessToken); got != 401 {
				t.Errorf("revoked before the follower came: %d", got)
			}
			one, two := s.login(), s.login()
			for range 2 { // the second time from the cache
				if a, b := status(one.AccessToken), status(two.AccessToken); a != 200 || b != 200 {
					t.Fatalf("before: %d, %d", a, b)
				}
			}
			must(t, s.RevokeSession(t.Context(), one.SessionID, issuer.ReasonLogout))
			eventually(t, "the revoked token is refused", func() bool { return status(one.AccessToken) == 401 })
			if got := status(two.AccessToken); got != 200 {
				t.Errorf("another session: %d", got)
			}
			_, err = s.RevokeIssued(t.Context(), issuer.EntryClient, "jeton-login")
			must(t, err)
			if got := f.Stats(); got.Mode != way.mode || got.Failures != 0 || got.Refused != 0 || got.Stale {
				t.Errorf("%+v", got)
			}
		})
	}
}
