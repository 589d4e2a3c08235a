package httpapi_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

const formType = "application/x-www-form-urlencoded"

func (s *service) introspect(token string, params ...string) answer {
	s.t.Helper()
	return s.do("POST", "/oauth/introspect", encode(append([]string{"token", token}, params...)...),
		"Content-Type", formType, "Authorization", "Bearer "+introspector)
}

// RFC 7662 section 2.2.
func TestIntrospectionTellsWhatATokenSays(t *testing.T) {
	s := newService(t)
	p := s.alice()
	claims := s.claims(p.Access)
	var got map[string]any
	a := s.introspect(p.Access).want(200, "")
	must(t, json.Unmarshal([]byte(a.body), &got))
	claims["active"], claims["token_type"] = true, "Bearer"
	if !reflect.DeepEqual(got["aud"], []any{"orders"}) {
		t.Errorf("aud: %v", got["aud"])
	}
	delete(got, "aud")
	delete(claims, "aud") // one name alone is text in a token
	if !reflect.DeepEqual(got, claims) {
		t.Errorf("got  %v\nwant %v", got, claims)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("a cache may keep it")
	}

	got = nil
	must(t, json.Unmarshal([]byte(s.introspect(p.Refresh, "token_type_hint", "access_token").want(200, "").body), &got))
	at := s.clock.Now()
	want := map[string]any{
		"active": true, "scope": aliceScopes, "client_id": "jeton-login", "sub": claims["sub"], "aud": []any{"orders"}, "iss": publicURL,
		"iat": float64(at.Unix()), "exp": float64(at.Add(7 * 24 * time.Hour).Unix()), "sid": claims["sid"],
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("of a refresh token: got\n%v\nwant\n%v", got, want)
	}
}

// C24: what is not good is not active, and nothing tells why.
func TestIntrospectionOfWhatIsNotGood(t *testing.T) {
	s := newService(t)
	other := newService(t).alice()
	first := s.alice()
	second := s.refresh(first.Refresh).pair()
	revoked := s.alice()
	s.form("/oauth/revoke", "token", revoked.Refresh).want(200, "")

	inactive := func(what, token string) {
		t.Helper()
		if a := s.introspect(token).want(200, ""); a.body != "{\"active\":false}\n" {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	active := func(what, token string) {
		t.Helper()
		if a := s.introspect(token).want(200, ""); !strings.HasPrefix(a.body, `{"active":true,`) {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	active("the access token", second.Access)
	active("an older access token", first.Access)
	active("the refresh token", second.Refresh)
	active("a superseded refresh token within the grace window", first.Refresh)
	for what, token := range map[string]string{
		"no token":                        "x",
		"NUL":                             "\x00",
		"the prefix":                      "jtr_",
		"a session's id":                  s.sid(first.Access),
		"the token of introspection":      introspector,
		"a long text":                     strings.Repeat("x", 10_000),
		"a forged access token":           first.Access[:len(first.Access)-4] + "AAAA",
		"a forged refresh token":          second.Refresh[:72] + "AAAA",
		"another service's access token":  other.Access,
		"another service's refresh token": other.Refresh,
		"a revoked access token":          revoked.Access,
		"a revoked refresh token":         revoked.Refresh,
	} {
		inactive(what, token)
	}

	s.clock.advance(time.Minute)
	inactive("a superseded refresh token", first.Refresh)
	active("its successor: to ask is no reuse", second.Refresh)
	s.clock.advance(5 * time.Minute)
	inactive("an expired access token", second.Access)
	active("the refresh token beside it", second.Refresh)
	s.clock.advance(8 * 24 * time.Hour)
	inactive("the refresh token of a session that is over", second.Refresh)
}

// RFC 7662 section 2.1: without authentication it would be an oracle for those
// who fish for tokens.
func TestIntrospectionIsForThoseWhoAuthenticate(t *testing.T) {
	s := newService(t)
	p := s.alice()
	for name, c := range map[string]struct {
		header []string
		code   string
	}{
		"nothing":                   {nil, "unauthorized"},
		"another scheme":            {[]string{"Authorization", "Basic " + introspector}, "unauthorized"},
		"the scheme alone":          {[]string{"Authorization", "Bearer"}, "invalid_token"},
		"an empty token":            {[]string{"Authorization", "Bearer "}, "invalid_token"},
		"a wrong token":             {[]string{"Authorization", "Bearer " + introspector + "x"}, "invalid_token"},
		"a part of it":              {[]string{"Authorization", "Bearer " + introspector[:10]}, "invalid_token"},
		"the token twice":           {[]string{"Authorization", "Bearer " + introspector, "Authorization", "Bearer " + introspector}, "unauthorized"},
		"a user's own access token": {[]string{"Authorization", "Bearer " + p.Access}, "invalid_token"},
	} {
		// The form comes second: it tells nothing to a stranger.
		for _, body := range []string{encode("token", p.Access), "", "token=a&token=b"} {
			a := s.do("POST", "/oauth/introspect", body, append([]string{"Content-Type", formType}, c.header...)...)
			if !a.is(401, c.code) || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s: %s", name, a.raw())
			}
		}
	}
	open := newService(t, setup{noIntrospection: true})
	for _, token := range []string{"", "x", introspector} {
		open.do("POST", "/oauth/introspect", "token=x", "Content-Type", formType, "Authorization", "Bearer "+token).want(401, "invalid_token")
	}
	s.do("POST", "/oauth/introspect", encode("token", p.Access), "Content-Type", formType, "Authorization", "bearer "+introspector).want(200, "")
}

func TestIntrospectionRefusesWhatIsMalformed(t *testing.T) {
	s := newService(t)
	for _, c := range []struct {
		name, mediaType, body string
		status                int
	}{
		{"no body", formType, "", 400},
		{"an empty token", formType, "token=", 400},
		{"two tokens", formType, "token=a&token=b", 400},
		{"JSON", "application/json", `{"token":"x"}`, 415},
		{"too long", formType, "token=" + strings.Repeat("x", 16<<10), 413},
	} {
		a := s.do("POST", "/oauth/introspect", c.body, "Content-Type", c.mediaType, "Authorization", "Bearer "+introspector)
		if !a.is(c.status, "invalid_request") {
			t.Errorf("%s: %s", c.name, a.raw())
		}
	}
	s.do("POST", "/oauth/introspect?token=x", "", "Content-Type", formType, "Authorization", "Bearer "+introspector).want(400, "invalid_request")
}

// A session's claims may say more than the issuer's own.
func TestIntrospectionOfATokenWithoutRoles(t *testing.T) {
	s := newService(t)
	p := s.login("bob", bobsWord).pair()
	var got map[string]any
	must(t, json.Unmarshal([]byte(s.introspect(p.Access).want(200, "").body), &got))
	for _, name := range []string{"roles", "scope"} {
		if _, there := got[name]; there {
			t.Errorf("%s is there: %v", name, got)
		}
	}
}
