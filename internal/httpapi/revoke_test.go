package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// RFC 7009.
func TestRevokeEndsTheSessionOfEitherToken(t *testing.T) {
	s := newService(t)
	for _, c := range []struct {
		name  string
		token func(first, second pair) []string
	}{
		{"the refresh token", func(_, second pair) []string { return []string{"token", second.Refresh} }},
		{"a superseded refresh token", func(first, _ pair) []string { return []string{"token", first.Refresh} }},
		{"the access token", func(_, second pair) []string { return []string{"token", second.Access} }},
		{"an older access token", func(first, _ pair) []string { return []string{"token", first.Access} }},
		{"with the client", func(_, second pair) []string {
			return []string{"token", second.Refresh, "client_id", "jeton-login"}
		}},
		{"with a hint", func(_, second pair) []string {
			return []string{"token", second.Refresh, "token_type_hint", "refresh_token"}
		}},
		{"with a wrong hint", func(_, second pair) []string {
			return []string{"token", second.Refresh, "token_type_hint", "access_token"}
		}},
		{"with a hint that nobody knows", func(_, second pair) []string {
			return []string{"token", second.Access, "token_type_hint", "id_token"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, bystander := s.alice(), s.alice()
			second := s.refresh(first.Refresh).pair()
			s.clock.advance(time.Minute)
			a := s.form("/oauth/revoke", c.token(first, second)...)
			if a.status != 200 || a.body != "" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("got %s", a.raw())
			}
			s.dead(second)
			s.alive(bystander)
			if again := s.form("/oauth/revoke", c.token(first, second)...); again.raw() != a.raw() {
				t.Errorf("the second time: %s", again.raw())
			}
		})
	}
}

// What the client wants, that the token be useless, is so (RFC 7009 section 2.2).
func TestRevokeOfWhatIsNoTokenIsAnsweredAlike(t *testing.T) {
	s := newService(t)
	other := newService(t).alice()
	p := s.alice()
	want := s.form("/oauth/revoke", "token", s.alice().Refresh).want(200, "").raw()
	for name, params := range map[string][]string{
		"not a token":                         {"token", "x"},
		"NUL":                                 {"token", "\x00"},
		"the prefix":                          {"token", "jtr_"},
		"a forged refresh token":              {"token", p.Refresh[:72] + "AAAA"},
		"a forged access token":               {"token", p.Access[:len(p.Access)-4] + "AAAA"},
		"another service's refresh token":     {"token", other.Refresh},
		"another service's access token":      {"token", other.Access},
		"a refresh token for another client":  {"token", p.Refresh, "client_id", "somebody-else"},
		"an access token for another client":  {"token", p.Access, "client_id", "somebody-else"},
		"a session's id":                      {"token", s.sid(p.Access)},
		"a long text":                         {"token", strings.Repeat("x", 10_000)},
		"a refresh token and space behind it": {"token", p.Refresh + " "},
	} {
		if got := s.form("/oauth/revoke", params...).raw(); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	s.alive(p)
}

func TestRevokeRefusesWhatIsMalformed(t *testing.T) {
	s := newService(t)
	p := s.alice()
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{"no body", form, "", 400, "invalid_request"},
		{"no token", form, "token_type_hint=refresh_token", 400, "invalid_request"},
		{"an empty token", form, "token=", 400, "invalid_request"},
		{"the token under another name", form, "refresh_token=" + p.Refresh, 400, "invalid_request"},
		{"two tokens", form, "token=" + p.Refresh + "&token=" + p.Access, 400, "invalid_request"},
		{"a secret", form, "client_secret=x&token=" + p.Refresh, 401, "invalid_client"},
		{"JSON", "application/json", `{"token":"x"}`, 415, "invalid_request"},
		{"too long", form, "token=" + strings.Repeat("x", 16<<10), 413, "invalid_request"},
	} {
		if a := s.do("POST", "/oauth/revoke", c.body, "Content-Type", c.contentType); !a.is(c.status, c.code) {
			t.Errorf("%s: got %s, want %d %s", c.name, a.raw(), c.status, c.code)
		}
	}
	s.alive(p)
}
