package httpapi_test

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func TestRefreshGivesTheNextPair(t *testing.T) {
	s := newService(t)
	first := s.alice("audience", "billing")
	a := s.refresh(first.Refresh)
	second := a.pair()
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
		t.Errorf("a cache may keep the tokens: %s", a.raw())
	}
	if second.Refresh == first.Refresh || second.Access == first.Access {
		t.Error("the second pair is the first one")
	}
	if second.Type != "Bearer" || second.ExpiresIn != 300 || second.Scope != aliceScopes {
		t.Errorf("got %+v", second)
	}
	before, after := s.claims(first.Access), s.claims(second.Access)
	for _, name := range []string{"iss", "sub", "aud", "client_id", "sid", "scope"} {
		if before[name] != after[name] {
			t.Errorf("%s changed from %v to %v", name, before[name], after[name])
		}
	}
	if before["jti"] == after["jti"] {
		t.Error("two access tokens have one jti")
	}
	s.alive(second)
}

// A client that did not get the answer asks again.
func TestARetryGetsTheSameRefreshToken(t *testing.T) {
	s := newService(t)
	first := s.alice()
	second := s.refresh(first.Refresh).pair()
	s.clock.advance(9 * time.Second)
	for _, token := range []string{first.Refresh, second.Refresh, first.Refresh} {
		if again := s.refresh(token).pair(); again.Refresh != second.Refresh {
			t.Error("the retry got another refresh token")
		}
	}
}

func TestParallelRefreshesEndWithOneRefreshToken(t *testing.T) {
	s := newService(t)
	first := s.alice()
	answers := make([]answer, 100)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() { answers[i] = s.refresh(first.Refresh) })
	}
	wait.Wait()
	refresh := map[string]bool{}
	for _, a := range answers {
		refresh[a.pair().Refresh] = true
	}
	if len(refresh) != 1 || refresh[first.Refresh] {
		t.Fatalf("%d refresh tokens, want one that is new", len(refresh))
	}
	for token := range refresh {
		s.clock.advance(time.Minute)
		s.refresh(token).want(200, "")
	}
}

func TestASupersededRefreshTokenEndsTheSession(t *testing.T) {
	s := newService(t)
	first := s.alice()
	second := s.refresh(first.Refresh).pair()
	s.clock.advance(10 * time.Second)
	s.refresh(first.Refresh).want(400, "invalid_grant")
	s.dead(second)
}

// All of these look alike to whoever holds the token (THREATS: unknown and forged
// are indistinguishable).
func TestRefusedRefreshTokensAreAllAnsweredAlike(t *testing.T) {
	other := newService(t).alice() // another service's, which has other seeds
	s := newService(t)
	change := func(token string, at int) string {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "jtr_"))
		must(t, err)
		b[at] ^= 1
		return "jtr_" + base64.RawURLEncoding.EncodeToString(b)
	}
	for _, c := range []struct {
		name    string
		present func() []string // the parameters but for the grant type
	}{
		{"unknown: of another service", func() []string { return []string{"refresh_token", other.Refresh} }},
		{"unknown: another session id", func() []string { return []string{"refresh_token", change(s.alice().Refresh, 2)} }},
		{"forged: another version", func() []string { return []string{"refresh_token", change(s.alice().Refresh, 0)} }},
		{"forged: another key", func() []string { return []string{"refresh_token", change(s.alice().Refresh, 1)} }},
		{"forged: a later generation", func() []string { return []string{"refresh_token", change(s.alice().Refresh, 21)} }},
		{"forged: another mac", func() []string { return []string{"refresh_token", change(s.alice().Refresh, 53)} }},
		{"too short", func() []string { return []string{"refresh_token", s.alice().Refresh[:75]} }},
		{"too long", func() []string { return []string{"refresh_token", s.alice().Refresh + "A"} }},
		{"a line break behind it", func() []string { return []string{"refresh_token", s.alice().Refresh + "\n"} }},
		{"a space before it", func() []string { return []string{"refresh_token", " " + s.alice().Refresh} }},
		{"without the prefix", func() []string { return []string{"refresh_token", s.alice().Refresh[4:]} }},
		{"the prefix in capitals", func() []string { return []string{"refresh_token", "JTR_" + s.alice().Refresh[4:]} }},
		{"the prefix alone", func() []string { return []string{"refresh_token", "jtr_"} }},
		{"not a token", func() []string { return []string{"refresh_token", "x"} }},
		{"NUL", func() []string { return []string{"refresh_token", "\x00"} }},
		{"not UTF-8", func() []string { return []string{"refresh_token", "\xff"} }},
		{"an access token", func() []string { return []string{"refresh_token", s.alice().Access} }},
		{"another client's", func() []string { return []string{"refresh_token", s.alice().Refresh, "client_id", "somebody-else"} }},
		{"another case of the client", func() []string { return []string{"refresh_token", s.alice().Refresh, "client_id", "Jeton-Login"} }},
		{"revoked", func() []string {
			p := s.alice()
			s.with(p.Access, "POST", "/v1/logout").want(204, "")
			return []string{"refresh_token", p.Refresh}
		}},
		{"of a user whose password changed", func() []string {
			p := s.login("bob", bobsWord).pair()
			must(t, s.SetPassword(t.Context(), "bob", bobsWord))
			return []string{"refresh_token", p.Refresh}
		}},
		{"superseded, after the window", func() []string {
			p := s.alice()
			s.refresh(p.Refresh).want(200, "")
			s.clock.advance(time.Minute)
			return []string{"refresh_token", p.Refresh}
		}},
		{"expired: not used for a week", func() []string {
			p := s.alice()
			s.clock.advance(7 * 24 * time.Hour)
			return []string{"refresh_token", p.Refresh}
		}},
		{"expired: a month old, and used all the time", func() []string {
			p := s.alice()
			for range 5 {
				s.clock.advance(6 * 24 * time.Hour)
				if a := s.refresh(p.Refresh); a.status == 200 {
					p = a.pair()
				}
			}
			return []string{"refresh_token", p.Refresh}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.form("/oauth/token", append([]string{"grant_type", "refresh_token"}, c.present()...)...)
			want := s.refresh("x").want(400, "invalid_grant").raw()
			if got := a.raw(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A wrong client learns nothing and breaks nothing.
func TestARefusedClientLeavesTheTokenGood(t *testing.T) {
	s := newService(t)
	p := s.alice()
	s.refresh(p.Refresh, "client_id", "somebody-else").want(400, "invalid_grant")
	next := s.refresh(p.Refresh, "client_id", "jeton-login").pair()
	s.alive(next)
}

func TestRefreshMayNarrowTheScope(t *testing.T) {
	s := newService(t)
	for _, c := range []struct {
		name  string
		ask   string
		scope string
		code  string
	}{
		{"nothing", "", aliceScopes, ""},
		{"one of two", "orders:write", "orders:write", ""},
		{"both, the other way round", "orders:write orders:read", "orders:write orders:read", ""},
		{"one twice", "orders:read  orders:read", "orders:read", ""},
		{"one more", aliceScopes + " admin", "", "invalid_scope"},
		{"another", "admin", "", "invalid_scope"},
		{"one that is the start of another", "orders", "", "invalid_scope"},
		{"one that can't be", "orders:read\"", "", "invalid_scope"},
		{"two lines", "orders:read\norders:write", "", "invalid_scope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.alice()
			a := s.refresh(p.Refresh, "scope", c.ask)
			if c.code != "" {
				a.want(400, c.code)
			} else if next := a.pair(); next.Scope != c.scope || s.claims(next.Access)["scope"] != c.scope {
				t.Errorf("got %q, want %q", next.Scope, c.scope)
			} else {
				p = next
			}
			// The token is as good as before, and the session has all its scope.
			s.clock.advance(time.Minute)
			if full := s.refresh(p.Refresh).pair(); full.Scope != aliceScopes {
				t.Errorf("the session kept %q", full.Scope)
			}
		})
	}
}

func TestTokenRefusesWhatIsMalformed(t *testing.T) {
	s := newService(t)
	const form = "application/x-www-form-urlencoded"
	token := s.alice().Refresh
	good := encode("grant_type", "refresh_token", "refresh_token", token)
	for _, c := range []struct {
		name        string
		contentType string
		body        string
		status      int
		code        string
		says        string
	}{
		{"as it should be", form, good, 200, "", ""},
		{"a parameter of the media type", form + ";charset=UTF-8", good, 200, "", ""},
		{"parameters that nobody knows", form, good + "&resource=x&a=%00", 200, "", ""},
		{"empty values are as absent", form, good + "&scope=&client_id=&client_secret=&client_assertion=", 200, "", ""},
		{"another order", form, encode("refresh_token", token, "grant_type", "refresh_token"), 200, "", ""},
		{"the client", form, good + "&client_id=jeton-login", 200, "", ""},

		{"no body", form, "", 400, "invalid_request", "grant_type is missing"},
		{"no grant type", form, encode("refresh_token", token), 400, "invalid_request", "grant_type is missing"},
		{"an empty grant type", form, "grant_type=&" + encode("refresh_token", token), 400, "invalid_request", "grant_type is missing"},
		{"no refresh token", form, "grant_type=refresh_token", 400, "invalid_request", "refresh_token is missing"},
		{"an empty refresh token", form, "grant_type=refresh_token&refresh_token=", 400, "invalid_request", "refresh_token is missing"},
		{"another grant type", form, encode("grant_type", "password", "username", "alice", "password", "x"), 400, "unsupported_grant_type", "refresh_token"},
		{"another case of the grant type", form, encode("grant_type", "Refresh_Token", "refresh_token", token), 400, "unsupported_grant_type", ""},
		{"the grant type twice", form, good + "&grant_type=refresh_token", 400, "invalid_request", "repeated"},
		{"two refresh tokens", form, good + "&" + encode("refresh_token", token), 400, "invalid_request", "repeated"},
		{"two refresh tokens, one empty", form, good + "&refresh_token=", 400, "invalid_request", "repeated"},
		{"a name twice, once escaped", form, good + "&grant%5ftype=refresh_token", 400, "invalid_request", "repeated"},
		{"an unknown parameter twice", form, good + "&x=1&x=2", 400, "invalid_request", "repeated"},
		{"a broken escape", form, good + "&x=%zz", 400, "invalid_request", "not a form"},
		{"semicolons", form, strings.ReplaceAll(good, "&", ";"), 400, "invalid_request", "not a form"},
		{"more than 16 KiB", form, good + "&x=" + strings.Repeat("x", 16<<10), 413, "invalid_request", "too large"},
		{"very many parameters", form, strings.Repeat("&", 16<<10), 400, "invalid_request", ""},
		{"JSON", "application/json", `{"grant_type":"refresh_token","refresh_token":"` + token + `"}`, 415, "invalid_request", "application/x-www-form-urlencoded"},
		{"JSON that claims to be a form", form, `{"grant_type":"refresh_token"}`, 400, "invalid_request", "grant_type is missing"},
		{"multipart", "multipart/form-data; boundary=x", "--x\r\n\r\n--x--\r\n", 415, "invalid_request", ""},
		{"no media type", "", good, 415, "invalid_request", ""},

		{"a secret", form, good + "&client_id=jeton-login&client_secret=x", 401, "invalid_client", "no secret"},
		{"an assertion", form, good + "&client_assertion=x&client_assertion_type=y", 401, "invalid_client", "no secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.contentType != "" {
				header = []string{"Content-Type", c.contentType}
			}
			a := s.do("POST", "/oauth/token", c.body, header...)
			if !a.is(c.status, c.code) || !strings.Contains(a.member("error_description"), c.says) {
				t.Errorf("got %d %s, want %d %s %q", a.status, a.body, c.status, c.code, c.says)
			}
		})
	}
	// The token went through all of this.
	s.refresh(token).want(200, "")
}

// A token in a URL ends in logs and histories.
func TestParametersInTheURLAreRefused(t *testing.T) {
	s := newService(t)
	token := s.alice().Refresh
	good := encode("grant_type", "refresh_token", "refresh_token", token)
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct{ name, query, body string }{
		{"all", good, ""},
		{"the token", encode("refresh_token", token), "grant_type=refresh_token"},
		{"the grant type", "grant_type=refresh_token", encode("refresh_token", token)},
		{"one beside the body's", "x=1", good},
	} {
		s.do("POST", "/oauth/token?"+c.query, c.body, "Content-Type", form).want(400, "invalid_request")
		s.do("POST", "/oauth/revoke?"+c.query, "token="+token, "Content-Type", form).want(400, "invalid_request")
	}
	s.refresh(token).want(200, "")
}

// No client has a secret here, so one that sends some is told (RFC 6749 section
// 5.2: with the scheme that it used).
func TestAClientThatAuthenticatesIsToldNotTo(t *testing.T) {
	s := newService(t)
	for _, target := range []string{"/oauth/token", "/oauth/revoke"} {
		for _, c := range []struct {
			name   string
			header []string
			status int
		}{
			{"nothing", nil, 200},
			{"Basic", []string{"Authorization", "Basic amV0b24tbG9naW46eA=="}, 401},
			{"basic", []string{"Authorization", "basic amV0b24tbG9naW46eA=="}, 401},
			{"Basic without credentials", []string{"Authorization", "Basic"}, 401},
			{"Basic in a second header", []string{"Authorization", "Bearer x", "Authorization", "Basic amV0b24tbG9naW46eA=="}, 401},
			// Clients add their access token to whatever they send.
			{"Bearer", []string{"Authorization", "Bearer x"}, 200},
		} {
			token := s.alice().Refresh
			body := encode("grant_type", "refresh_token", "refresh_token", token, "token", token)
			a := s.do("POST", target, body, append(c.header, "Content-Type", "application/x-www-form-urlencoded")...)
			if a.status != c.status || c.status == 401 && (a.code() != "invalid_client" || a.header.Get("WWW-Authenticate") != `Basic realm="jeton"`) {
				t.Errorf("%s, %s: got %s", target, c.name, a.raw())
			}
			if c.status == 401 {
				s.refresh(token).want(200, "")
			}
		}
	}
}

// With a grace of zero, every reuse revokes.
func TestWithoutAWindowEveryReuseRevokes(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.RefreshGrace = issuer.NoGrace }})
	first := s.alice()
	second := s.refresh(first.Refresh).pair()
	s.refresh(first.Refresh).want(400, "invalid_grant")
	s.dead(second)
}
