package issuer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

// published is the key set of an API that knows nothing of the issuer but what
// that publishes.
type published []*jeton.VerifyingKey

func (p published) FindKey(_ context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	for _, k := range p {
		if k.ID() == h.KeyID {
			return k, nil
		}
	}
	return nil, jeton.ErrUnknownKey
}

// api is the verifier of an API: the keys that the issuer publishes now, and the
// policy of RFC 9068 section 4.
func (w *world) api(audience string) *jeton.Verifier {
	w.t.Helper()
	v, err := jeton.NewVerifier(w.published(), jeton.Policy{Issuer: testIssuer, Audience: audience, Type: "at+jwt", Now: w.clock.Now})
	if err != nil {
		w.t.Fatalf("make a verifier: %v", err)
	}
	return v
}

// published is the set that the issuer publishes now.
func (w *world) published() published {
	w.t.Helper()
	if string(w.Keys()) == `{"keys":[]}` { // which ParseSet calls an error
		return nil
	}
	keys, err := jwk.ParseSet(w.Keys())
	if err != nil {
		w.t.Fatalf("parse the published keys: %v", err)
	}
	return keys
}

func rs256(c *issuer.Config) { c.Algorithm = jeton.RS256 }

// members decodes a segment of a token as an API in another language would.
func members(t *testing.T, token string, segment int) map[string]any {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[segment])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// The claims of RFC 9068 section 2.2 and no others.
func TestAccessTokenClaims(t *testing.T) {
	w := newWorld(t, rs256)
	u, err := w.AddUser(ctx(), issuer.NewUser{Name: "alice", Password: testPassword, Scopes: []string{"orders:read"}, Roles: []string{"clerk", "Prüfer <x>"}})
	if err != nil {
		t.Fatal(err)
	}
	pair := w.login()

	header := members(t, pair.AccessToken, 0)
	kid, _ := header["kid"].(string)
	if want := map[string]any{"alg": "RS256", "typ": "at+jwt", "kid": kid}; !reflect.DeepEqual(header, want) || len(kid) != 43 {
		t.Errorf("header %v, want %v with a thumbprint as kid", header, want)
	}
	now := float64(w.clock.Now().Unix())
	claims := members(t, pair.AccessToken, 1)
	jti, _ := claims["jti"].(string)
	want := map[string]any{
		"iss": testIssuer, "sub": u.ID, "aud": "orders", "exp": now + 300, "iat": now, "jti": jti,
		"client_id": "jeton-login", "sid": pair.SessionID.String(), "scope": "orders:read",
		"roles": []any{"clerk", "Prüfer <x>"},
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("claims\n %v, want\n %v", claims, want)
	}
	if len(jti) != 22 {
		t.Errorf("jti %q has not 16 random bytes", jti)
	}

	v, err := w.api("orders").Verify(ctx(), pair.AccessToken)
	if err != nil {
		t.Fatalf("an API refuses the token: %v", err)
	}
	var c jeton.AccessClaims
	if err := v.Decode(&c); err != nil || c.Subject != u.ID || !slices.Equal(c.Roles, []string{"clerk", "Prüfer <x>"}) {
		t.Errorf("decoded %+v, %v", c, err)
	}
	if _, err := w.api("billing").Verify(ctx(), pair.AccessToken); !errors.Is(err, jeton.ErrAudience) {
		t.Errorf("an API of another audience: %v", err)
	}
	w.clock.Move(accessTTL + issuer.Leeway)
	if _, err := w.api("orders").Verify(ctx(), pair.AccessToken); !errors.Is(err, jeton.ErrExpired) {
		t.Errorf("after its life: %v", err)
	}
}

func TestAccessTokensAreNeverTheSame(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	seen := map[any]bool{}
	for range 100 {
		pair = w.next(pair.RefreshToken)
		jti := members(t, pair.AccessToken, 1)["jti"]
		if seen[jti] {
			t.Fatalf("jti %v twice", jti)
		}
		seen[jti] = true
	}
}

// An access token never outlives its session.
func TestAccessTokenEndsWithItsSession(t *testing.T) {
	for _, c := range []struct {
		name           string
		lifetime, idle time.Duration
		wait           time.Duration // before a refresh, 0: none
		want           time.Duration // of the access token
	}{
		{"long", time.Hour, 0, 0, accessTTL},
		{"the session is shorter", time.Minute, 0, 0, time.Minute},
		{"near the absolute limit", time.Hour, 0, time.Hour - time.Minute, time.Minute},
		{"a second before the absolute limit", time.Hour, 0, time.Hour - time.Second, time.Second},
		{"less than a second before", time.Hour, 0, time.Hour - time.Millisecond, 0},
		{"the idle time is shorter", time.Hour, time.Minute, 0, time.Minute},
		{"the idle time is shorter, after a rotation", time.Hour, time.Minute, 30 * time.Second, time.Minute},
		{"the idle time is longer", time.Hour, accessTTL + time.Second, 0, accessTTL},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			pair := w.open("somebody", func(n *issuer.NewSession) { n.Lifetime, n.IdleTimeout = c.lifetime, c.idle })
			if c.wait > 0 {
				w.clock.Move(c.wait)
				pair = w.next(pair.RefreshToken)
			}
			claims := members(t, pair.AccessToken, 1)
			exp, ends := int64(claims["exp"].(float64)), w.session(pair.SessionID).EndsAt()
			if time.Unix(exp, 0).After(ends) {
				t.Errorf("the token expires %v after the session", time.Unix(exp, 0).Sub(ends))
			}
			life := time.Duration(exp-int64(claims["iat"].(float64))) * time.Second
			if life != c.want || pair.ExpiresIn != c.want {
				t.Errorf("the token lives for %v and the answer says %v, want %v", life, pair.ExpiresIn, c.want)
			}
		})
	}
}

// What the answer says is what the token says, fractions of seconds included.
func TestExpiresInIsTheTokens(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.AccessTTL = 1500 * time.Millisecond })
	pair := w.open("somebody")
	claims := members(t, pair.AccessToken, 1)
	if got := time.Duration(claims["exp"].(float64)-claims["iat"].(float64)) * time.Second; got != pair.ExpiresIn {
		t.Errorf("the token lives for %v and the answer says %v", got, pair.ExpiresIn)
	}
}

// A session's own claims are added; none of them replaces what the issuer says,
// or says what the issuer leaves out.
func TestClaimsOfASession(t *testing.T) {
	w := newWorld(t)
	open := func(scope, claims string) (*issuer.TokenPair, error) {
		return w.OpenSession(ctx(), issuer.NewSession{
			ID: issuer.NewSessionID(), Subject: "somebody", ClientID: "app", Seed: issuer.NewSeed(), Lifetime: time.Hour,
			Audience: []string{"orders"}, Scope: scope, Claims: []byte(claims),
		})
	}
	for _, c := range []struct {
		claims string
		more   map[string]any
	}{
		{``, nil},
		{`{}`, nil},
		{` { } `, nil},
		{`{"tenant":"acme","n":1}`, map[string]any{"tenant": "acme", "n": 1.0}},
		{"\n{\t\"cnf\" : {\"jkt\":\"x\"} , \"roles\":[\"a\"]}\n", map[string]any{"cnf": map[string]any{"jkt": "x"}, "roles": []any{"a"}}},
		{`{"Sub":"other","EXP":1}`, map[string]any{"Sub": "other", "EXP": 1.0}}, // names are compared exactly
	} {
		pair, err := open("a b", c.claims)
		if err != nil {
			t.Errorf("%s: %v", c.claims, err)
			continue
		}
		got := members(t, pair.AccessToken, 1)
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "scope"} {
			if got[name] == nil {
				t.Errorf("%s: no %s", c.claims, name)
			}
			delete(got, name)
		}
		if len(got) != len(c.more) || len(got) > 0 && !reflect.DeepEqual(got, c.more) {
			t.Errorf("%s: added %v", c.claims, got)
		}
	}
	var refused []string
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "sid", "scope"} {
		refused = append(refused, fmt.Sprintf(`{%q:"x"}`, name), fmt.Sprintf(`{%q:1}`, name), fmt.Sprintf(`{"a":1,%q:null}`, name))
	}
	refused = append(refused,
		`{"\u0073ub":"x"}`, `{"s\u0063ope":"admin"}`, // other spellings of a name
		`{"a":1,"a":2}`, `[]`, `["a":1]`, `"ab"`, `null`, `1`, `{"a":1}{"b":2}`, `{"a":1} x`, `{"a"`, `x{"a":1}x`, `{"a":1},"b":2}`, "{\"a\":\"\xff\"}",
	)
	for _, claims := range refused {
		for _, scope := range []string{"a b", ""} {
			if pair, err := open(scope, claims); err == nil || !isFailure(err) || pair != nil {
				t.Errorf("%s with scope %q: %v, %v; want a failure of the service", claims, scope, pair, err)
			}
		}
	}
}

// A token of one kind is refused as any other (A16).
func TestTokensAreNotConfused(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	if _, err := w.Verifier().Verify(ctx(), pair.RefreshToken); !errors.Is(err, jeton.ErrMalformed) {
		t.Errorf("a refresh token as access token: %v", err)
	}
	w.refused(pair.AccessToken, "an access token as refresh token")
	w.refused(issuer.RefreshTokenPrefix+pair.AccessToken, "an access token with the prefix of a refresh token")
	if w.session(pair.SessionID).Revoked() {
		t.Error("the session was revoked")
	}
}

// The issuer's own verifier asks the store, and accepts its own tokens alone.
func TestVerifier(t *testing.T) {
	w := newWorld(t)
	key, err := issuer.ExportHMACKey(ctx(), w.store, master)
	if err != nil {
		t.Fatal(err)
	}
	private, err := jwk.ParsePrivate(key)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(typ string, change func(c *jeton.AccessClaims)) string {
		t.Helper()
		pair := w.open("somebody")
		s := w.session(pair.SessionID)
		c := jeton.AccessClaims{
			Claims: jeton.Claims{Issuer: testIssuer, Subject: s.Subject, Audience: s.Audience, ID: "x",
				IssuedAt: jeton.At(w.clock.Now()), ExpiresAt: jeton.At(w.clock.Now().Add(time.Minute))},
			ClientID: s.ClientID, SessionID: s.ID.String(),
		}
		change(&c)
		signer, err := jeton.NewSigner(private, jeton.Type(typ))
		if err != nil {
			t.Fatal(err)
		}
		token, err := signer.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, c := range []struct {
		name   string
		typ    string
		change func(*jeton.AccessClaims)
		want   error
	}{
		{"good", "at+jwt", func(*jeton.AccessClaims) {}, nil},
		{"for another audience of the issuer", "at+jwt", func(c *jeton.AccessClaims) { c.Audience = jeton.Audience{"billing"} }, nil},
		{"for several audiences", "at+jwt", func(c *jeton.AccessClaims) { c.Audience = jeton.Audience{"elsewhere", "orders"} }, nil},
		{"for an audience elsewhere", "at+jwt", func(c *jeton.AccessClaims) { c.Audience = jeton.Audience{"elsewhere"} }, jeton.ErrAudience},
		{"without an audience", "at+jwt", func(c *jeton.AccessClaims) { c.Audience = nil }, jeton.ErrAudience},
		{"of another type", "JWT", func(*jeton.AccessClaims) {}, jeton.ErrType},
		{"of another issuer", "at+jwt", func(c *jeton.AccessClaims) { c.Issuer = testIssuer + "/" }, jeton.ErrIssuer},
		{"expired", "at+jwt", func(c *jeton.AccessClaims) {
			c.IssuedAt, c.ExpiresAt = jeton.At(w.clock.Now().Add(-time.Hour)), jeton.At(w.clock.Now().Add(-issuer.Leeway))
		}, jeton.ErrExpired},
		{"without expiry", "at+jwt", func(c *jeton.AccessClaims) { c.ExpiresAt = jeton.NumericDate{} }, jeton.ErrMissingClaim},
		{"without a session", "at+jwt", func(c *jeton.AccessClaims) { c.SessionID = "" }, jeton.ErrRevoked},
		{"of a session that is no id", "at+jwt", func(c *jeton.AccessClaims) { c.SessionID += "=" }, jeton.ErrRevoked},
		{"of an unknown session", "at+jwt", func(c *jeton.AccessClaims) { c.SessionID = issuer.NewSessionID().String() }, jeton.ErrRevoked},
	} {
		_, err := w.Verifier().Verify(ctx(), sign(c.typ, c.change))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	elsewhere := newWorld(t).open("somebody")
	if _, err := w.Verifier().Verify(ctx(), elsewhere.AccessToken); !errors.Is(err, jeton.ErrUnknownKey) {
		t.Errorf("another service's token: %v", err)
	}
}

func TestParseScope(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{"", nil, true}, {" ", nil, true}, {"a", []string{"a"}, true}, {"a b", []string{"a", "b"}, true}, {"b  a", []string{"b", "a"}, true},
		{"a a b a", []string{"a", "b"}, true}, {"orders:read https://x.example/y?z#[]~!", []string{"orders:read", "https://x.example/y?z#[]~!"}, true},
		{`a"`, nil, false}, {`a\b`, nil, false}, {"a\tb", nil, false}, {"a\nb", nil, false}, {"é", nil, false}, {"a\x7f", nil, false}, {"a\x00", nil, false},
	} {
		got, err := issuer.ParseScope(c.in)
		if !slices.Equal(got, c.want) || (err == nil) != c.ok || err != nil && !errors.Is(err, issuer.ErrInvalidRequest) {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
}
