package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/issuer"
)

// watch keeps what observers are told.
type watch struct {
	mu   sync.Mutex
	told []string
}

type watched struct{}

func (w *watch) observe(pattern string) httpapi.Observer {
	return func(r *http.Request) (context.Context, func(httpapi.Answer)) {
		return context.WithValue(r.Context(), watched{}, pattern), func(a httpapi.Answer) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, fmt.Sprintf("%s %q %d %d %s", r.Method, pattern, a.Status, a.Bytes, a.Took))
		}
	}
}

func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.told
	w.told = nil
	return told
}

func TestAnObserverIsToldOfEachAnswerByItsRoute(t *testing.T) {
	s := newService(t)
	w := &watch{}
	at := s.clock.Now()
	h, err := httpapi.Public(s.Issuer, httpapi.Options{Observe: w.observe, Now: func() time.Time {
		at = at.Add(time.Second)
		return at
	}})
	must(t, err)
	for _, c := range []struct{ method, target, want string }{
		{"GET", "/.well-known/jwks.json", `GET "GET /.well-known/jwks.json" 200 %d 1s`},
		{"HEAD", "/.well-known/jwks.json", `HEAD "GET /.well-known/jwks.json" 200 %d 1s`},
		{"GET", "/verify?scope=a", `GET "GET /verify" 401 %d 1s`},
		{"DELETE", "/v1/sessions/AAAA", `DELETE "DELETE /v1/sessions/{sid}" 401 %d 1s`},
		{"GET", "/no/such/route", `GET "" 404 %d 1s`},
		{"GET", "/v1//sessions", `GET "" 404 %d 1s`},
		{"PUT", "/v1/sessions", `PUT "" 405 %d 1s`},
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(c.method, c.target, nil))
		if got := w.take(); !slices.Equal(got, []string{fmt.Sprintf(c.want, rec.Body.Len())}) {
			t.Errorf("%s %s: told %q, want %s", c.method, c.target, got, c.want)
		}
	}
}

func TestAnObserversContextReachesTheStoreAndTheEvents(t *testing.T) {
	var got any
	w := &watch{}
	s := newService(t, setup{config: func(c *issuer.Config) {
		c.OnEvent = func(ctx context.Context, _ issuer.Event) { got = ctx.Value(watched{}) }
	}})
	h, err := httpapi.Public(s.Issuer, httpapi.Options{Observe: w.observe})
	must(t, err)
	r := httptest.NewRequest("POST", "/v1/login", strings.NewReader(`{"username":"nobody","password":"wrong"}`))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got != "POST /v1/login" {
		t.Errorf("the event's context has %v", got)
	}
}

// A panic costs its request and nothing else, and what it was with, which may be
// of the request, is in no log.
func TestAPanicIsAFailureThatTellsWhereAndNotWhat(t *testing.T) {
	s := newService(t)
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"with a text", func() error { panic("the password is " + marker) }, "panic with a string in "},
		{"with an error", func() error { panic(errors.New(marker)) }, "panic with a *errors.errorString in "},
		{"of Go", func() error { var none []int; _ = none[len(marker)]; return nil }, "panic: runtime error: index out of range [6] with length 0 in "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.store.before(func(context.Context, string) error { return c.do() })
			defer s.store.recover()
			a := s.json("/v1/login", `{"username":"alice","password":"`+alicesWord+`"}`).want(500, "server_error")
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, reports := range s.reports {
				for _, r := range reports {
					if r.status == 500 && strings.HasPrefix(r.text, c.want) && strings.Contains(r.text, "issuer.(*Issuer).login (login.go:") {
						return
					}
				}
			}
			t.Errorf("OnError was not told %q; %v", c.want, s.reports[a.header.Get("X-Request-Number")])
		})
	}
	s.json("/v1/login", `{"username":"alice","password":"`+alicesWord+`"}`).want(200, "")
}

func TestMetricsAreForAnybodyAndProfilesForTheAdmin(t *testing.T) {
	s := newService(t)
	page := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text, r.PathValue("profile")) })
	}
	h := httpapi.Admin(s.Issuer, nil, httpapi.Options{
		IntrospectionToken: introspector, Metrics: page("the metrics"), Profiles: page("the profile "),
	})
	bare := httpapi.Admin(s.Issuer, nil, httpapi.Options{IntrospectionToken: introspector})
	for _, c := range []struct {
		handler       http.Handler
		target, token string
		status        int
		body          string
	}{
		{h, "/metrics", "", 200, "the metrics"},
		{h, "/debug/pprof/heap", "", 401, ""},
		{h, "/debug/pprof/heap", "wrong", 401, ""},
		{h, "/debug/pprof/heap", introspector, 200, "the profile heap"},
		{h, "/debug/pprof", introspector, 404, ""},
		{h, "/debug/pprof/", introspector, 404, ""},
		{bare, "/metrics", "", 404, ""},
		{bare, "/debug/pprof/heap", introspector, 404, ""},
	} {
		r := httptest.NewRequest("GET", c.target, nil)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		rec := httptest.NewRecorder()
		c.handler.ServeHTTP(rec, r)
		if rec.Code != c.status || c.body != "" && rec.Body.String() != c.body || rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s with %q: %d %v %s", c.target, c.token, rec.Code, rec.Header(), rec.Body)
		}
	}
}

// A method and a host are whatever a client writes in their place: a token, with
// curl -X.
func TestAMethodOrHostThatCouldBeATokenIsNotToldOf(t *testing.T) {
	s := newService(t)
	var told []string
	handler, err := httpapi.Public(s.Issuer, httpapi.Options{OnError: func(r *http.Request, _ int, _ error) {
		told = append(told, r.Method+" "+r.Host)
	}})
	must(t, err)
	token := s.alice().Access
	for method, host := range map[string]string{token: "auth.example", "PATCH": token} {
		r := httptest.NewRequest("GET", "/verify", nil)
		r.Method, r.Host = method, host
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	slices.Sort(told)
	if want := []string{"PATCH [redacted]", "[redacted] auth.example"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
