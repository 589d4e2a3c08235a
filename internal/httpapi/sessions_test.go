package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

type listed struct {
	ID         string    `json:"sid"`
	ClientID   string    `json:"client_id"`
	Device     string    `json:"device"`
	Audience   []string  `json:"audience"`
	Scope      string    `json:"scope"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Current    bool      `json:"current"`
}

// sessions lists the sessions of the user whose access token it is.
func (s *service) sessions(token string) []listed {
	s.t.Helper()
	a := s.with(token, "GET", "/v1/sessions").want(200, "")
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("got %s", a.raw())
	}
	var body struct{ Sessions []listed }
	must(s.t, json.Unmarshal([]byte(a.body), &body))
	return body.Sessions
}

func TestAUserSeesTheirOwnSessions(t *testing.T) {
	s := newService(t)
	phone := s.alice("device", "Alice's phone ☎", "scope", "orders:read")
	s.login("bob", bobsWord).want(200, "")
	s.clock.advance(time.Hour)
	ended := s.alice()
	s.form("/oauth/revoke", "token", ended.Refresh).want(200, "")
	laptop := s.alice("audience", "billing")
	s.clock.advance(time.Minute)
	laptop = s.refresh(laptop.Refresh).pair()

	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	got := s.sessions(laptop.Access)
	want := []listed{
		{s.sid(laptop.Access), "jeton-login", "", []string{"billing"}, aliceScopes,
			start.Add(time.Hour), start.Add(time.Hour + time.Minute), start.Add(time.Hour + time.Minute + 7*24*time.Hour), true},
		{s.sid(phone.Access), "jeton-login", "Alice's phone ☎", []string{"orders"}, "orders:read",
			start, start, start.Add(7 * 24 * time.Hour), false},
	}
	if a, b := jsonOf(t, got), jsonOf(t, want); a != b {
		t.Errorf("got\n%s\nwant, newest first,\n%s", a, b)
	}
}

// The names are those of the reference, and none of them is a secret's.
func TestTheListOfSessionsHoldsNoSecret(t *testing.T) {
	s := newService(t)
	p := s.alice("device", "phone")
	a := s.with(p.Access, "GET", "/v1/sessions").want(200, "")
	var body struct{ Sessions []map[string]any }
	must(t, json.Unmarshal([]byte(a.body), &body))
	known := "sid client_id device audience scope created_at last_used_at expires_at current"
	for name := range body.Sessions[0] {
		if !strings.Contains(" "+known+" ", " "+name+" ") {
			t.Errorf("a member %q", name)
		}
	}
	noSecret(t, "the list", a.body)
}

// After the answer, nothing of a revoked session is good for anything.
func TestSessionsEndAtOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		target func(s *service, own, other pair) string
		dead   string // which of own, other, bob's
	}{
		{"logout", "POST", func(*service, pair, pair) string { return "/v1/logout" }, "own"},
		{"this session by its id", "DELETE", func(s *service, own, _ pair) string { return "/v1/sessions/" + s.sid(own.Access) }, "own"},
		{"another one by its id", "DELETE", func(s *service, _, other pair) string { return "/v1/sessions/" + s.sid(other.Access) }, "other"},
		{"all", "DELETE", func(*service, pair, pair) string { return "/v1/sessions" }, "own other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			own, other, bobs := s.alice(), s.alice(), s.login("bob", bobsWord).pair()
			a := s.with(own.Access, c.method, c.target(s, own, other)).want(204, "")
			if a.body != "" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("got %s", a.raw())
			}
			for name, p := range map[string]pair{"own": own, "other": other, "bob's": bobs} {
				if !strings.Contains(c.dead, name) {
					s.alive(p)
					continue
				}
				s.dead(p)
				// Its access token opens no other door either.
				for _, r := range bearerRoutes(s.sid(bobs.Access)) {
					s.with(p.Access, r[0], r[1]).want(401, "invalid_token")
				}
			}
		})
	}
}

// bearerRoutes are the routes that take an access token.
func bearerRoutes(sid string) [][2]string {
	return [][2]string{
		{"GET", "/v1/sessions"},
		{"DELETE", "/v1/sessions"},
		{"DELETE", "/v1/sessions/" + sid},
		{"POST", "/v1/logout"},
		{"GET", "/verify"},
	}
}

// The audit trail tells a logout from a session that was thrown out.
func TestWhySessionsEndIsRecorded(t *testing.T) {
	for _, c := range []struct {
		method, target string
		reason         issuer.Reason
	}{
		{"POST", "/v1/logout", issuer.ReasonLogout},
		{"DELETE", "/v1/sessions", issuer.ReasonRevoked},
		{"DELETE", "/v1/sessions/", issuer.ReasonRevoked},
	} {
		s := newService(t)
		p := s.alice()
		target := c.target
		if strings.HasSuffix(target, "/") {
			target += s.sid(p.Access)
		}
		s.with(p.Access, c.method, target).want(204, "")
		s.mu.Lock()
		last := s.events[len(s.events)-1]
		s.mu.Unlock()
		if last.Kind != issuer.EventRevoked || last.Reason != c.reason || last.Subject != s.claims(p.Access)["sub"] {
			t.Errorf("%s %s: %s of %q, %s, want %s", c.method, c.target, last.Kind, last.Subject, last.Reason, c.reason)
		}
	}
}

func TestARevokedSessionCanBeRevokedAgain(t *testing.T) {
	s := newService(t)
	own, other := s.alice(), s.alice()
	for range 2 {
		s.with(own.Access, "DELETE", "/v1/sessions/"+s.sid(other.Access)).want(204, "")
	}
}

// Whether there is such a session is nobody else's business.
func TestAnothersSessionIsAnsweredLikeNone(t *testing.T) {
	s := newService(t)
	mine, bobs := s.alice(), s.login("bob", bobsWord).pair()
	want := s.with(mine.Access, "DELETE", "/v1/sessions/"+issuer.NewSessionID().String()).want(404, "not_found").raw()
	sid := s.sid(bobs.Access)
	for name, id := range map[string]string{
		"bob's":               sid,
		"bob's, another case": strings.ToLower(sid),
		"padded":              sid + "==",
		"too short":           sid[:21],
		"not an id":           "x",
		"dots":                "%2e%2e",
		"NUL":                 "%00",
		"a slash":             sid[:10] + "%2f" + sid[10:],
		"a refresh token":     bobs.Refresh,
		"an access token":     bobs.Access,
	} {
		if got := s.with(mine.Access, "DELETE", "/v1/sessions/"+id).raw(); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	s.alive(bobs)
}

// RFC 6750 section 3.
func TestRoutesForTheUserNeedAnAccessToken(t *testing.T) {
	s := newService(t)
	p := s.alice()
	sid := s.sid(p.Access)
	signature := strings.LastIndex(p.Access, ".") + 1
	const realm = `Bearer realm="https://auth.example"`
	refused := realm + `, error="invalid_token", error_description="The access token is not accepted"`
	malformed := realm + `, error="invalid_request", error_description="Send exactly one token, as one Authorization header with Bearer, one space and the token"`
	for _, c := range []struct {
		name      string
		query     string
		header    []string
		status    int
		code      string
		challenge string
	}{
		{"no token", "", nil, 401, "unauthorized", realm},
		{"another scheme", "", []string{"Authorization", "Basic YWxpY2U6eA=="}, 401, "unauthorized", realm},
		{"a refresh token", "", []string{"Authorization", "Bearer " + p.Refresh}, 401, "invalid_token", refused},
		{"another signature", "", []string{"Authorization", "Bearer " + p.Access[:signature] + "AAAA" + p.Access[signature+4:]}, 401, "invalid_token", refused},
		{"no signature", "", []string{"Authorization", "Bearer " + p.Access[:signature]}, 401, "invalid_token", refused},
		{"nonsense", "", []string{"Authorization", "Bearer x"}, 401, "invalid_token", refused},
		{"no token after the scheme", "", []string{"Authorization", "Bearer"}, 400, "invalid_request", malformed},
		{"two spaces", "", []string{"Authorization", "Bearer  " + p.Access}, 400, "invalid_request", malformed},
		{"a tab", "", []string{"Authorization", "Bearer\t" + p.Access}, 400, "invalid_request", malformed},
		{"two tokens", "", []string{"Authorization", "Bearer " + p.Access + ", Bearer " + p.Access}, 400, "invalid_request", malformed},
		{"two headers", "", []string{"Authorization", "Bearer " + p.Access, "Authorization", "Bearer " + p.Access}, 400, "invalid_request", malformed},
		{"Basic and Bearer", "", []string{"Authorization", "Basic eA==", "Authorization", "Bearer " + p.Access}, 400, "invalid_request", malformed},
		{"in the URL", "?access_token=" + p.Access, nil, 400, "invalid_request", malformed},
		{"in the URL too", "?access_token=" + p.Access, []string{"Authorization", "Bearer " + p.Access}, 400, "invalid_request", malformed},
		{"in a cookie", "", []string{"Cookie", "access_token=" + p.Access}, 401, "unauthorized", realm},
		{"in another header", "", []string{"X-Access-Token", p.Access}, 401, "unauthorized", realm},
	} {
		for _, r := range bearerRoutes(sid) {
			a := s.do(r[0], r[1]+c.query, "", c.header...)
			if !a.is(c.status, c.code) || a.header.Get("WWW-Authenticate") != c.challenge || len(a.header.Values("WWW-Authenticate")) != 1 {
				t.Errorf("%s, %v: got %s\nwant %d %s %s", c.name, r, a.raw(), c.status, c.code, c.challenge)
			}
		}
	}
	s.alive(p)
}

func TestAnExpiredAccessTokenIsAskedToRefresh(t *testing.T) {
	s := newService(t)
	p := s.alice()
	s.clock.advance(5*time.Minute + issuer.Leeway - time.Second)
	s.with(p.Access, "GET", "/v1/sessions").want(200, "")
	s.clock.advance(time.Second)
	for _, r := range bearerRoutes(s.sid(p.Access)) {
		a := s.with(p.Access, r[0], r[1]).want(401, "invalid_token")
		if !strings.Contains(a.header.Get("WWW-Authenticate"), "expired") {
			t.Errorf("%v: %s", r, a.header.Get("WWW-Authenticate"))
		}
	}
	s.alive(s.refresh(p.Refresh).pair())
}

// Whoever verifies HMAC tokens can make some: what they can't is name nobody and
// get everybody.
func TestATokenWithoutASubjectReachesNoSession(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.Algorithm = jeton.HS256 }})
	p := s.alice()
	secret, err := issuer.ExportHMACKey(t.Context(), s.store, s.master)
	must(t, err)
	key, err := jwk.ParsePrivate(secret)
	must(t, err)
	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
	must(t, err)
	claims := s.claims(p.Access)
	delete(claims, "sub")
	forged, err := signer.Sign(claims)
	must(t, err)
	for _, r := range bearerRoutes(s.sid(s.login("bob", bobsWord).pair().Access)) {
		s.with(forged, r[0], r[1]).want(401, "invalid_token")
	}
	s.alive(p)
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	must(t, err)
	return string(b)
}
