package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

// publicDocuments may be kept by caches.
var publicDocuments = []string{
	"/.well-known/jwks.json",
	"/.well-known/oauth-authorization-server",
	"/.well-known/openid-configuration",
}

func TestPublishedKeysAreASetOfPublicKeys(t *testing.T) {
	s := newService(t)
	a := s.do("GET", "/.well-known/jwks.json", "").want(200, "")
	if a.header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
	}
	keys, err := jwk.ParseSet([]byte(a.body))
	must(t, err)
	if len(keys) != 1 || keys[0].Algorithm() != jeton.RS256 {
		t.Errorf("%d keys", len(keys))
	}
	var set struct{ Keys []map[string]any }
	must(t, json.Unmarshal([]byte(a.body), &set))
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, there := set.Keys[0][private]; there {
			t.Errorf("the published key has the private member %q", private)
		}
	}
}

// A verifier that knows the secret can make tokens, so it is not for everybody.
func TestASecretIsNotPublished(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.Algorithm = jeton.HS256 }})
	if got := s.do("GET", "/.well-known/jwks.json", "").want(200, "").body; got != `{"keys":[]}` {
		t.Errorf("got %s", got)
	}
	var doc map[string]any
	must(t, json.Unmarshal([]byte(s.do("GET", "/.well-known/oauth-authorization-server", "").body), &doc))
	if note, _ := doc["jeton_note"].(string); note == "" || fmt.Sprint(doc["access_token_signing_alg_values_supported"]) != "[HS256]" {
		t.Errorf("the metadata does not say what that implies: %v", doc)
	}
	s.alive(s.alice())
}

// B5: whatever a cache is keyed by, it can't be fed with something else.
func TestNothingInARequestChangesWhatIsPublished(t *testing.T) {
	s := newService(t)
	for _, path := range publicDocuments {
		want := s.do("GET", path, "").want(200, "").raw()
		for _, c := range []struct {
			name   string
			query  string
			header []string
		}{
			{"another host", "", []string{"Host", "evil.example"}},
			{"a forwarded host", "", []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Port", "1"}},
			{"Forwarded", "", []string{"Forwarded", "host=evil.example;proto=http"}},
			{"another URL for proxies", "", []string{"X-Original-URL", "/v1/login", "X-Rewrite-URL", "/v1/login"}},
			{"a query", "?issuer=https://evil.example&callback=evil", nil},
			{"content negotiation", "", []string{"Accept", "text/html", "Accept-Encoding", "gzip", "Accept-Language", "fr"}},
			{"a token", "", []string{"Authorization", "Bearer x", "Cookie", "a=b"}},
			{"an origin", "", []string{"Origin", "https://evil.example"}},
			{"another method", "", []string{"X-HTTP-Method-Override", "DELETE"}},
			{"a range", "", []string{"Range", "bytes=0-1"}},
			{"conditions that don't hold", "", []string{"If-None-Match", `"x"`, "If-Modified-Since", "Sun, 01 Mar 2099 12:00:00 GMT"}},
		} {
			if got := s.do("GET", path+c.query, "", c.header...).raw(); got != want {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", path, c.name, got, want)
			}
		}
		head := s.do("HEAD", path, "")
		if get := s.do("GET", path, ""); head.body != "" || head.raw()+get.body != get.raw() {
			t.Errorf("%s: HEAD answers\n%s", path, head.raw())
		}
	}
}

func TestWhatIsPublishedIsKeptNoLongerThanItIsTrue(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 5 * time.Minute, time.Hour} {
		s := newService(t, setup{config: func(c *issuer.Config) { c.AccessTTL = ttl }})
		want := fmt.Sprintf("public, max-age=%d", int(s.KeysMaxAge().Seconds()))
		for _, path := range publicDocuments {
			if got := s.do("GET", path, "").header.Values("Cache-Control"); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
	}
}

func TestACopyThatIsStillTrueIsNotSentAgain(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.Issuer = "https://example.com/auth" }})
	for _, path := range append(publicDocuments, "/.well-known/oauth-authorization-server/auth") {
		full := s.do("GET", path, "").want(200, "")
		tag := full.header.Get("ETag")
		for _, c := range []struct {
			header []string
			status int
		}{
			{[]string{"If-None-Match", tag}, 304},
			{[]string{"If-None-Match", "W/" + tag}, 304},
			{[]string{"If-None-Match", `"x", ` + tag + `,"y"`}, 304},
			{[]string{"If-None-Match", `"x"`, "If-None-Match", tag}, 304},
			{[]string{"If-None-Match", "*"}, 304},
			{[]string{"If-None-Match", `"x"`}, 200},
			{[]string{"If-None-Match", ""}, 200},
			{[]string{"If-None-Match", tag[1 : len(tag)-1]}, 200},
			{[]string{"If-Match", `"x"`}, 200},
		} {
			a := s.do("GET", path, "", c.header...)
			if a.status != c.status || a.header.Get("ETag") != tag || a.header.Get("Cache-Control") != full.header.Get("Cache-Control") {
				t.Errorf("%s, %q: got %s", path, c.header, a.raw())
			}
			if a.status == 304 && a.body != "" || a.status == 200 && a.body != full.body {
				t.Errorf("%s, %q: body %q", path, c.header, a.body)
			}
		}
	}
}

func TestThePublishedKeysChangeWithARotation(t *testing.T) {
	s := newService(t)
	before := s.do("GET", "/.well-known/jwks.json", "").want(200, "")
	old := s.alice()
	// Another node changes the algorithm.
	_, err := issuer.New(t.Context(), issuer.Config{
		Store: s.store, Issuer: publicURL, Audiences: []string{"orders"}, MasterKey: s.master, Algorithm: jeton.HS256,
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, Now: s.clock.Now,
	})
	must(t, err)
	for range 2 { // it takes over, and the old one goes
		s.clock.advance(time.Hour)
		must(t, s.Tick(t.Context()))
	}
	after := s.do("GET", "/.well-known/jwks.json", "", "If-None-Match", before.header.Get("ETag")).want(200, "")
	if after.header.Get("ETag") == before.header.Get("ETag") || after.body == before.body {
		t.Error("the key set is the old one")
	}
	s.with(old.Access, "GET", "/verify").want(401, "invalid_token")
}

// RFC 8414 section 2 and 3.3.
func TestMetadataNamesTheEndpoints(t *testing.T) {
	for _, c := range []struct{ issuer, base string }{
		{"https://auth.example", "https://auth.example"},
		{"https://auth.example/", "https://auth.example"},
		{"https://example.com/auth", "https://example.com/auth"},
		{"https://example.com/auth/eu/", "https://example.com/auth/eu"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
	} {
		s := newService(t, setup{config: func(cfg *issuer.Config) { cfg.Issuer = c.issuer }})
		for _, path := range publicDocuments[1:] {
			a := s.do("GET", path, "").want(200, "")
			if a.header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
			}
			var got map[string]any
			must(t, json.Unmarshal([]byte(a.body), &got))
			want := map[string]any{
				"issuer":                 c.issuer, // as it is: clients compare it byte for byte
				"token_endpoint":         c.base + "/oauth/token",
				"introspection_endpoint": c.base + "/oauth/introspect",
				"introspection_endpoint_auth_methods_supported": []any{"Bearer"},
				"revocation_endpoint":                           c.base + "/oauth/revoke",
				"jwks_uri":                                      c.base + "/.well-known/jwks.json",
				"grant_types_supported":                         []any{"refresh_token"},
				"response_types_supported":                      []any{},
				"token_endpoint_auth_methods_supported":         []any{"none"},
				"revocation_endpoint_auth_methods_supported":    []any{"none"},
				"access_token_signing_alg_values_supported":     []any{"RS256"},
			}
			if a, b := jsonOf(t, got), jsonOf(t, want); a != b {
				t.Errorf("%s: got\n%s\nwant\n%s", c.issuer, a, b)
			}
		}
		if iss := s.claims(s.alice().Access)["iss"]; iss != c.issuer {
			t.Errorf("tokens are of %v, the metadata of %s", iss, c.issuer)
		}
	}
}

// RFC 8414 section 3: the well-known part goes between the host and the path.
func TestMetadataOfAnIssuerWithAPath(t *testing.T) {
	const name = "/.well-known/oauth-authorization-server"
	for _, c := range []struct {
		issuer string
		found  []string
		not    []string
	}{
		{"https://auth.example", nil, []string{"/", "/x", "/auth"}},
		{"https://auth.example/", nil, []string{"/", "/x"}},
		{"https://example.com/auth", []string{"/auth"}, []string{"/auth/", "/Auth", "/au", "/auth/x", "/x"}},
		{"https://example.com/auth/", []string{"/auth"}, []string{"/auth/", "/auth/x"}},
		{"https://example.com/a/b", []string{"/a/b"}, []string{"/a", "/a/b/c", "/a%2fb"}},
		{"https://example.com/{x}/a%20b", []string{"/%7Bx%7D/a%20b"}, []string{"/y/a%20b"}},
	} {
		s := newService(t, setup{config: func(cfg *issuer.Config) { cfg.Issuer = c.issuer }})
		want := s.do("GET", name, "").want(200, "").raw()
		for _, path := range c.found {
			if got := s.do("GET", name+path, "").raw(); got != want {
				t.Errorf("%s at %s: got %s", c.issuer, path, got)
			}
		}
		for _, path := range c.not {
			s.do("GET", name+path, "").want(404, "not_found")
		}
	}
}

// A realm of another alphabet can't stand in a header: better to learn that at
// the start.
func TestAnIssuerThatCanNotStandInAHeaderIsRefused(t *testing.T) {
	s := newService(t)
	iss, err := issuer.New(t.Context(), issuer.Config{
		Store: s.store, Issuer: "https://bücher.example", Audiences: []string{"orders"}, MasterKey: s.master,
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, Now: s.clock.Now,
	})
	must(t, err)
	if h, err := httpapi.Public(iss, httpapi.Options{}); err == nil || h != nil {
		t.Errorf("got %v, %v", h, err)
	}
}

// A program that wants no reports gets none.
func TestOnErrorIsOptional(t *testing.T) {
	s := newService(t)
	h, err := httpapi.Public(s.Issuer, httpapi.Options{})
	must(t, err)
	for _, target := range []string{"/nowhere", "/verify", "/verify?x"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code < 400 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}
