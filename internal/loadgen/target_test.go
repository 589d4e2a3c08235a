package loadgen_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/memory"
)

const password = "correct horse battery staple"

// service is a token service over HTTP, and what it did.
type service struct {
	*httptest.Server
	refreshes, logins, revocations atomic.Int64
}

func serve(t *testing.T, grace time.Duration, around func(http.Handler) http.Handler) *service {
	t.Helper()
	s := &service{}
	iss, err := issuer.New(t.Context(), issuer.Config{
		Store: memory.New(time.Now), Issuer: "http://auth.example", Audiences: []string{"api"}, Algorithm: "EdDSA",
		MasterKey: issuer.GenerateMasterKey(), RefreshGrace: grace, Now: time.Now,
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, HashWait: time.Minute,
		OnEvent: func(_ context.Context, e issuer.Event) {
			switch e.Kind {
			case issuer.EventRefresh:
				s.refreshes.Add(1)
			case issuer.EventLogin:
				s.logins.Add(1)
			case issuer.EventRevoked:
				s.revocations.Add(1)
			}
		},
	})
	must(t, err)
	_, err = iss.AddUser(t.Context(), issuer.NewUser{Name: "alice", Password: password})
	must(t, err)
	h, err := issuerhttp.Public(iss, issuerhttp.Options{})
	must(t, err)
	if around != nil {
		h = around(h)
	}
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func target(url string) *loadgen.Target {
	return &loadgen.Target{URL: url, Username: "alice", Password: password, Timeout: time.Minute, Now: time.Now}
}

// measure runs an operation for a while, with few clients.
func measure(t *testing.T, target *loadgen.Target, op string, mix loadgen.Mix, tokens ...string) *loadgen.Result {
	t.Helper()
	var f *loadgen.Fleet
	var err error
	switch {
	case len(tokens) > 0:
		f, err = target.OpenWith(tokens, 64)
	case loadgen.NeedsSession(op):
		f, err = target.Open(t.Context(), 3, nil)
	default:
		f, err = target.OpenIdle(3)
	}
	must(t, err)
	defer f.Close()
	c, err := f.Clients(op, mix)
	must(t, err)
	p := loadgen.Plan{Op: op, Clients: c, Duration: 300 * time.Millisecond, Now: time.Now, Interrupt: f.Close}
	return p.Run(t.Context())
}

func good(t *testing.T, r *loadgen.Result) {
	t.Helper()
	if r.Ops == 0 || r.Errors != 0 || r.Lost != 0 {
		t.Errorf("%+v", r)
		for _, k := range r.ErrorKinds {
			t.Error(k.Count, k.Example)
		}
	}
}

func TestRefreshesThatWroteAreToldFromThoseThatDidNot(t *testing.T) {
	s := serve(t, issuer.NoGrace, nil)
	r := measure(t, target(s.URL), loadgen.Refresh, nil)
	good(t, r)
	if r.Rotated != r.Ops || r.Repeated != 0 || r.Rotated != s.refreshes.Load() {
		t.Errorf("without a grace window: rotated %d, repeated %d of %d; the service rotated %d", r.Rotated, r.Repeated, r.Ops, s.refreshes.Load())
	}

	s = serve(t, 5*time.Minute, nil)
	r = measure(t, target(s.URL), loadgen.Refresh, nil)
	good(t, r)
	if r.Rotated != s.refreshes.Load() || r.Rotated > 3 || r.Repeated != r.Ops-r.Rotated {
		t.Errorf("within the grace window: rotated %d, repeated %d of %d; the service rotated %d", r.Rotated, r.Repeated, r.Ops, s.refreshes.Load())
	}
}

func TestEachOperationDoesWhatItSays(t *testing.T) {
	s := serve(t, 0, nil)
	good(t, measure(t, target(s.URL), loadgen.Verify, nil))
	if n := s.logins.Load(); n != 3 {
		t.Errorf("3 clients that verify logged in %d times", n)
	}

	r := measure(t, target(s.URL), loadgen.Login, nil)
	good(t, r)
	if n := s.logins.Load() - 3; n != r.Ops {
		t.Errorf("the service saw %d logins, the generator %d", n, r.Ops)
	}

	r = measure(t, target(s.URL), loadgen.Revoke, nil)
	good(t, r)
	if n := s.revocations.Load(); n != r.Ops {
		t.Errorf("the service saw %d revocations, the generator %d", n, r.Ops)
	}

	mix, err := loadgen.ParseMix("verify=8,refresh=4,login=1,revoke=1")
	must(t, err)
	r = measure(t, target(s.URL), loadgen.Mixed, mix)
	good(t, r)
	var sum int64
	for _, o := range r.ByOp {
		sum += o.Ops
	}
	if sum != r.Ops || r.ByOp["verify"].Ops == 0 {
		t.Errorf("%+v", r)
	}
}

// A token that runs out in the middle of a measurement is renewed beside it.
func TestAnAccessTokenIsRenewedBeforeItExpires(t *testing.T) {
	var verified, renewed atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/login":
			io.WriteString(w, `{"access_token":"a0","refresh_token":"r0","expires_in":1e-9}`)
		case "/oauth/token":
			renewed.Add(1)
			io.WriteString(w, `{"access_token":"a1","refresh_token":"r1","expires_in":3600}`)
		case "/verify":
			if r.Header.Get("Authorization") != "Bearer a1" {
				w.WriteHeader(401)
			}
			verified.Add(1)
		}
	}))
	defer s.Close()
	r := measure(t, target(s.URL), loadgen.Verify, nil)
	good(t, r)
	if renewed.Load() != 3 || verified.Load() != r.Ops {
		t.Errorf("renewed %d, verified %d: %+v", renewed.Load(), verified.Load(), r)
	}
}

// A client that can log in opens another session when its own is gone.
func TestAClientThatCanLogInGoesOn(t *testing.T) {
	var refused atomic.Bool
	s := serve(t, issuer.NoGrace, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/oauth/token" && refused.CompareAndSwap(false, true) {
				w.WriteHeader(400)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	r := measure(t, target(s.URL), loadgen.Refresh, nil)
	if r.Errors != 1 || r.Lost != 0 || s.logins.Load() != 4 {
		t.Errorf("%d logins, %+v", s.logins.Load(), r)
	}
}

func TestClientsLogInAFewAtATimeAndWaitForABusyService(t *testing.T) {
	var now, most, all, busy atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if all.Add(1) == 1 && n != 1 {
			t.Error("the first is not alone")
		}
		if busy.Add(1)%3 == 0 {
			w.WriteHeader(map[bool]int{true: 503, false: 429}[busy.Load()%2 == 0])
			return
		}
		io.WriteString(w, `{"access_token":"a","refresh_token":"r"}`)
	}))
	defer server.Close()
	one := target(server.URL)
	one.Logins = 2
	var done atomic.Int64
	f, err := one.Open(t.Context(), 10, func(int) { done.Add(1) })
	must(t, err)
	f.Close()
	if most.Load() > 2 || done.Load() != 10 || all.Load() < 14 {
		t.Errorf("%d at once, %d logged in with %d attempts", most.Load(), done.Load(), all.Load())
	}
}

func TestAWrongPasswordCostsOneAttempt(t *testing.T) {
	var attempts atomic.Int64
	s := serve(t, 0, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { attempts.Add(1); h.ServeHTTP(w, r) })
	})
	one := target(s.URL)
	one.Password = "not it at all"
	_, err := one.Open(t.Context(), 10, nil)
	if err == nil || attempts.Load() != 1 || !strings.Contains(err.Error(), "wrong username or password") {
		t.Errorf("%d attempts: %v", attempts.Load(), err)
	}
	if errors.Is(err, loadgen.ErrTarget) {
		t.Error("a refusal is no mistake in the usage")
	}
}

func TestLoggingInEndsWithTheContext(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(503)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := target(server.URL).Open(ctx, 3, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestATargetThatCanNotBeUsedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*loadgen.Target){
		"no URL":                      func(t *loadgen.Target) { t.URL = "" },
		"no scheme":                   func(t *loadgen.Target) { t.URL = "localhost:8080" },
		"another scheme":              func(t *loadgen.Target) { t.URL = "ftp://localhost" },
		"no host":                     func(t *loadgen.Target) { t.URL = "http://" },
		"a port alone":                func(t *loadgen.Target) { t.URL = "http://:80" },
		"a user":                      func(t *loadgen.Target) { t.URL = "http://a:b@localhost" },
		"a fragment":                  func(t *loadgen.Target) { t.TokenEndpoint = "http://localhost/#x" },
		"a control character":         func(t *loadgen.Target) { t.URL = "http://local\nhost" },
		"no clock":                    func(t *loadgen.Target) { t.Now = nil },
		"no timeout":                  func(t *loadgen.Target) { t.Timeout = 0 },
		"a header of two":             func(t *loadgen.Target) { t.Header = map[string]string{"A": "b\r\nC: d"} },
		"a header name with a break":  func(t *loadgen.Target) { t.Header = map[string]string{"A\n": "b"} },
		"a header that has no name":   func(t *loadgen.Target) { t.Header = map[string]string{"": "b"} },
		"a host that is a percentage": func(t *loadgen.Target) { t.URL = "http://%zz" },
	} {
		one := target("http://localhost")
		change(one)
		if _, err := one.OpenIdle(1); !errors.Is(err, loadgen.ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one := target("http://localhost")
	for name, tokens := range map[string][]string{"none": nil, "one twice": {"a", "b", "a"}} {
		if _, err := one.OpenWith(tokens, 64); !errors.Is(err, loadgen.ErrTarget) {
			t.Errorf("refresh tokens, %s: %v", name, err)
		}
	}
	f, err := one.OpenIdle(1)
	must(t, err)
	for _, op := range []string{"", "dance", loadgen.Mixed} {
		if _, err := f.Clients(op, nil); !errors.Is(err, loadgen.ErrTarget) {
			t.Errorf("operation %q: %v", op, err)
		}
	}
	one = &loadgen.Target{TokenEndpoint: "http://localhost", Timeout: time.Second, Now: time.Now}
	f, err = one.OpenWith([]string{"t"}, 64)
	must(t, err)
	if _, err := f.Clients(loadgen.Verify, nil); !errors.Is(err, loadgen.ErrTarget) {
		t.Errorf("verify without the URL of a service: %v", err)
	}
}

func TestMixes(t *testing.T) {
	m, err := loadgen.ParseMix(" verify=900, refresh=99,login=1")
	must(t, err)
	if !slices.Equal(m, loadgen.Mix{{Op: "verify", Weight: 900}, {Op: "refresh", Weight: 99}, {Op: "login", Weight: 1}}) {
		t.Errorf("%+v", m)
	}
	if _, err := loadgen.ParseMix(loadgen.DefaultMix); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"", "verify", "verify=", "verify=0", "verify=-1", "verify=x", "verify=1,verify=2", "mixed=1", "dance=1", "verify=1,", "verify=9999999"} {
		if _, err := loadgen.ParseMix(text); !errors.Is(err, loadgen.ErrTarget) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The picture is XML, with a bar for each latency and the figures beside them.
func TestThePictureIsWellFormed(t *testing.T) {
	fast := takes(3 * time.Millisecond)
	for _, c := range []struct {
		name string
		plan *loadgen.Plan
		has  []string
	}{
		{"a closed loop", plan(0, 50*time.Millisecond, fast), []string{"1 client:", "closed loop", "p50 3", "class=\"bar\"", "10 ms"}},
		{"an open loop", plan(100, 50*time.Millisecond, fast), []string{"of 100/s due", "from when a request was due"}},
		{"what was not sent", plan(1000, 50*time.Millisecond, fast), []string{"not sent in time"}},
		{"nothing done", plan(0, 20*time.Millisecond, fails(errors.New("x"))), []string{"0 operations"}},
	} {
		c.plan.Op = `<script>&"`
		picture := c.plan.Run(t.Context()).SVG()
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", c.name, err, picture)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
				t.Errorf("%s: the name of the operation is not escaped", c.name)
			}
		}
		for _, text := range c.has {
			if !strings.Contains(picture, text) {
				t.Errorf("%s: the picture does not say %q\n%s", c.name, text, picture)
			}
		}
	}
}
