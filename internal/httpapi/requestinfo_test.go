package httpapi_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton/issuer"
)

func TestAnAnswerNamesTheRequest(t *testing.T) {
	s := newService(t)
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		name, given string
		kept        bool
	}{
		{"a good id", "0199c2c1-7cbd_A.1", true},
		{"as long as may be", long, true},
		{"none", "", false},
		{"too long", long + "x", false},
		{"a space", "a b", false},
		{"a quote", `a"b`, false},
		{"another line of the log", `a\nb`, false},
		{"a percent sign", "a%0ab", false},
		{"not ASCII", "zeßteß", false},
		{"an admin token", "jta_" + strings.Repeat("x", 43), false},
		{"the beginning of a refresh token", "jtr_AQAB", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, target := range []string{"/verify", "/.well-known/jwks.json", "/no/such/route"} {
				a := s.do("GET", target, "", "X-Request-Id", c.given)
				got := a.header.Get("X-Request-Id")
				if (got == c.given) != c.kept {
					t.Errorf("%s: the answer says %q", target, got)
				}
				if again := s.do("GET", target, "", "X-Request-Id", c.given).header.Get("X-Request-Id"); (again == got) != c.kept {
					t.Errorf("%s: two requests are named %q and %q", target, got, again)
				}
			}
		})
	}
	a := s.do("GET", "/verify", "", "X-Request-Id", "one", "X-Request-Id", "two")
	if got := a.header.Get("X-Request-Id"); got == "one" || got == "two" {
		t.Errorf("of two names %q was taken", got)
	}
}

func TestEventsTellWhoAsked(t *testing.T) {
	var mu sync.Mutex
	infos := map[issuer.EventKind]issuer.RequestInfo{}
	s := newService(t, setup{config: func(c *issuer.Config) {
		c.OnEvent = func(ctx context.Context, e issuer.Event) {
			mu.Lock()
			defer mu.Unlock()
			infos[e.Kind] = issuer.RequestInfoOf(ctx)
		}
	}})
	login := `{"username":"alice","password":"` + alicesWord + `"}`
	s.json("/v1/login", login, "X-Request-Id", "first", "X-Forwarded-For", "203.0.113.9").want(200, "")
	s.json("/v1/login", strings.Replace(login, "horse", "cow", 1), "X-Request-Id", "second").want(400, "invalid_grant")
	mu.Lock()
	defer mu.Unlock()
	for kind, id := range map[issuer.EventKind]string{issuer.EventLogin: "first", issuer.EventLoginRefused: "second"} {
		want := issuer.RequestInfo{ID: id, Client: netip.MustParseAddr("127.0.0.1"), Agent: "Go-http-client/1.1"}
		if infos[kind] != want {
			t.Errorf("%s: %+v, want %+v", kind, infos[kind], want)
		}
	}
	// What a client calls itself ends up on terminals and in the audit log.
	for agent, want := range map[string]string{
		"curl/8 \x9b31m é":                 "curl/8 ?31m é",
		"x jtr_" + strings.Repeat("a", 72): "x [redacted]",
		strings.Repeat("ab cd ", 100):      strings.Repeat("ab cd ", 33) + "ab",
	} {
		mu.Unlock()
		s.json("/v1/login", login, "User-Agent", agent).want(200, "")
		mu.Lock()
		if got := infos[issuer.EventLogin].Agent; got != want {
			t.Errorf("%q is told as %q, want %q", agent, got, want)
		}
	}
	if got := issuer.RequestInfoOf(t.Context()); got != (issuer.RequestInfo{}) {
		t.Errorf("nobody asked: %+v", got)
	}
}
