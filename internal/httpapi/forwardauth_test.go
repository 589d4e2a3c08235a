package httpapi_test

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/issuer"
)

// authHeaders are the headers of an answer that a gateway takes over.
func (a answer) authHeaders() map[string][]string {
	out := map[string][]string{}
	for name, values := range a.header {
		if strings.HasPrefix(name, "X-Auth") {
			out[name] = values
		}
	}
	return out
}

func TestVerifyTellsTheGatewayWhoItIs(t *testing.T) {
	s := newService(t)
	p := s.alice("audience", "billing", "scope", "orders:read orders:write")
	for _, method := range []string{"GET", "HEAD"} {
		a := s.with(p.Access, method, "/verify").want(200, "")
		if a.body != "" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %s", method, a.raw())
		}
		want := map[string][]string{
			"X-Auth-Subject":    {s.claims(p.Access)["sub"].(string)},
			"X-Auth-Client-Id":  {"jeton-login"},
			"X-Auth-Session-Id": {s.sid(p.Access)},
			"X-Auth-Scope":      {"orders:read orders:write"},
			"X-Auth-Roles":      {"clerk auditor"},
			"X-Auth-Audience":   {"billing"},
			"X-Auth-Expires-At": {"2026-03-01T12:05:00Z"},
		}
		if got := a.authHeaders(); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: got %v, want %v", method, got, want)
		}
	}
}

// A gateway that copies headers overwrites what a client sent only if they are
// there: so they always are, and none comes from the request.
func TestVerifyAlwaysSendsAllHeadersAndNoneOfTheRequest(t *testing.T) {
	s := newService(t)
	forged := []string{
		"X-Auth-Subject", "admin", "X-Auth-Scope", "admin", "X-Auth-Roles", "admin", "X-Auth-Client-Id", "admin",
		"X-Auth-Session-Id", "admin", "X-Auth-Audience", "admin", "X-Auth-Expires-At", "2999-01-01T00:00:00Z", "X-Auth-Extra", "admin",
	}
	nothing := s.login("bob", bobsWord).pair() // no scope, no roles
	a := s.with(nothing.Access, "GET", "/verify", forged...).want(200, "")
	got := a.authHeaders()
	if names := slices.Sorted(maps.Keys(got)); len(names) != 7 || fmt.Sprint(got["X-Auth-Scope"], got["X-Auth-Roles"]) != "[] []" {
		t.Errorf("got %q", got)
	}
	if strings.Contains(a.raw(), "admin") {
		t.Errorf("the request's headers come back: %s", a.raw())
	}
	for _, token := range []string{"x", nothing.Refresh} {
		if a := s.with(token, "GET", "/verify", forged...).want(401, "invalid_token"); len(a.authHeaders()) > 0 {
			t.Errorf("a refusal with %v", a.authHeaders())
		}
	}
}

func TestVerifyHoldsTheTokenAgainstWhatTheRouteNeeds(t *testing.T) {
	s := newService(t)
	p := s.alice("audience", "billing")
	for _, c := range []struct {
		query  string
		status int
		code   string
	}{
		{"", 200, ""},
		{"?", 200, ""},
		{"?scope=orders:read", 200, ""},
		{"?scope=orders:read+orders:write", 200, ""},
		{"?scope=orders:read&scope=orders:write", 200, ""},
		{"?scope=orders:read+admin", 403, "insufficient_scope"},
		{"?scope=orders:read&scope=admin", 403, "insufficient_scope"},
		{"?scope=admin&scope=orders:read", 403, "insufficient_scope"},
		{"?scope=orders", 403, "insufficient_scope"},
		{"?scope=Orders:read", 403, "insufficient_scope"},
		{"?role=clerk", 200, ""},
		{"?role=admin&role=auditor", 200, ""},
		{"?role=admin", 403, "insufficient_scope"},
		{"?role=clerk+auditor", 403, "insufficient_scope"},
		{"?scope=orders:read&role=admin", 403, "insufficient_scope"},
		{"?audience=billing", 200, ""},
		{"?audience=orders", 401, "invalid_token"},
		{"?audience=billing&scope=orders:read&role=clerk", 200, ""},
	} {
		a := s.with(p.Access, "GET", "/verify"+c.query)
		if !a.is(c.status, c.code) {
			t.Errorf("%s: got %s, want %d %s", c.query, a.raw(), c.status, c.code)
		}
		if c.status != 200 && len(a.authHeaders()) > 0 {
			t.Errorf("%s: a refusal with %v", c.query, a.authHeaders())
		}
		if c.status != 200 && !strings.Contains(a.header.Get("WWW-Authenticate"), `error="`+c.code+`"`) {
			t.Errorf("%s: %s", c.query, a.header.Get("WWW-Authenticate"))
		}
	}
	a := s.with(p.Access, "GET", "/verify?scope=orders:read+admin")
	if want := `scope="orders:read admin"`; !strings.HasSuffix(a.header.Get("WWW-Authenticate"), want) {
		t.Errorf("%s does not say what it takes: %s", a.header.Get("WWW-Authenticate"), want)
	}
}

// A gateway's configuration with a mistake in it must let nobody through.
func TestVerifyRefusesAQueryThatItDoesNotUnderstand(t *testing.T) {
	s := newService(t)
	p := s.alice()
	for _, query := range []string{
		"scope=", "scope=+", "scope", "role=", "role", "audience=", "role=clerk&role=", "scope=orders:read&scope=",
		"scopes=orders:read", "Scope=orders:read", "aud=orders", "roles=clerk", "x", "=x",
		"scope=orders:read;role=clerk", "scope=%zz", "scope=a%0ab", "scope=%22", "scope=a%00",
		"audience=orders&audience=billing",
	} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer " + p.Access}} {
			a := s.do("GET", "/verify?"+query, "", header...)
			if !a.is(400, "invalid_request") || len(a.authHeaders()) > 0 {
				t.Errorf("%s: got %s", query, a.raw())
			}
		}
	}
}

// A program that opens sessions itself may put anything into them.
func TestNoClaimSmugglesAHeader(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.ClientID = "a\r\nX-Auth-Subject: admin" }})
	for _, c := range []struct {
		name    string
		change  func(*issuer.NewSession)
		header  string
		written string
	}{
		{"a line break in the subject", func(n *issuer.NewSession) { n.Subject = "eve\r\nX-Auth-Roles: admin" }, "X-Auth-Subject", "eve%0D%0AX-Auth-Roles:%20admin"},
		{"a subject that is not ASCII", func(n *issuer.NewSession) { n.Subject = "ève" }, "X-Auth-Subject", "%C3%A8ve"},
		{"space around, which a reader of headers drops", func(n *issuer.NewSession) { n.Subject = " admin\t" }, "X-Auth-Subject", "%20admin%09"},
		{"a percent sign, which would be read as another subject", func(n *issuer.NewSession) { n.Subject = "%61dmin" }, "X-Auth-Subject", "%2561dmin"},
		{"the client", func(n *issuer.NewSession) {}, "X-Auth-Client-Id", "a%0D%0AX-Auth-Subject:%20admin"},
		{"a scope", func(n *issuer.NewSession) { n.Scope = "orders:read\r\nX: y \x7f" }, "X-Auth-Scope", "orders:read%0D%0AX: y %7F"},
		{"a role with a space, which is one role", func(n *issuer.NewSession) { n.Claims = []byte(`{"roles":["x admin","y\nz"]}`) }, "X-Auth-Roles", "x%20admin y%0Az"},
		{"an audience", func(n *issuer.NewSession) { n.Audience = []string{"orders", "a b\n"} }, "X-Auth-Audience", "orders a%20b%0A"},
		// What httpauth does not take for roles, this does not either.
		{"null among the roles", func(n *issuer.NewSession) { n.Claims = []byte(`{"roles":["admin",null]}`) }, "X-Auth-Roles", ""},
		{"a number among the roles", func(n *issuer.NewSession) { n.Claims = []byte(`{"roles":["admin",1]}`) }, "X-Auth-Roles", ""},
		{"a string for roles", func(n *issuer.NewSession) { n.Claims = []byte(`{"roles":"admin"}`) }, "X-Auth-Roles", ""},
		{"null for roles", func(n *issuer.NewSession) { n.Claims = []byte(`{"roles":null}`) }, "X-Auth-Roles", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.store.create = c.change
			p := s.alice()
			a := s.with(p.Access, "GET", "/verify").want(200, "")
			if got := a.header.Values(c.header); !slices.Equal(got, []string{c.written}) {
				t.Errorf("%s: %q, want %q", c.header, got, c.written)
			}
			if got := a.authHeaders(); len(got) != 7 {
				t.Errorf("%d headers: %q", len(got), got)
			}
			s.with(p.Access, "GET", "/v1/sessions").want(200, "")
		})
	}
}

// No reader of HTTP is in the way here.
func TestAHostileSubjectStaysInItsLine(t *testing.T) {
	s := newService(t)
	s.store.create = func(n *issuer.NewSession) { n.Subject = "eve\r\nX-Admin: 1\r\n\r\n<html>" }
	p := s.alice()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", p.Access)
	lines := 0
	for scanner := bufio.NewScanner(conn); scanner.Scan(); lines++ {
		if line := scanner.Text(); strings.HasPrefix(line, "X-Admin") || strings.HasPrefix(line, "<html>") {
			t.Errorf("a line %q", line)
		}
	}
	if lines == 0 {
		t.Error("no answer")
	}
}

// RFC 6750 section 3 wants the challenge; a gateway hands it on.
func TestVerifyChallenges(t *testing.T) {
	s := newService(t)
	a := s.do("GET", "/verify?scope=orders:read", "").want(401, "unauthorized")
	if got := a.header.Values("WWW-Authenticate"); !slices.Equal(got, []string{`Bearer realm="https://auth.example"`}) {
		t.Errorf("got %q", got)
	}
	p := s.alice()
	resp := s.do("HEAD", "/verify", "", "Authorization", "Bearer x")
	if resp.status != http.StatusUnauthorized || resp.body != "" || resp.header.Get("WWW-Authenticate") == "" {
		t.Errorf("HEAD: %s", resp.raw())
	}
	s.alive(p)
}
