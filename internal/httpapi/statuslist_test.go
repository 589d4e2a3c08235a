package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func withStatusLists(c *issuer.Config) { c.StatusListTTL = 20 * time.Second }

// statusURI is where a token says that its status list is.
func (s *service) statusURI(access string) string {
	s.t.Helper()
	status, _ := s.claims(access)["status"].(map[string]any)
	list, _ := status["status_list"].(map[string]any)
	uri, _ := list["uri"].(string)
	return uri
}

func TestAStatusListIsServedAsTheDraftHasIt(t *testing.T) {
	s := newService(t, setup{config: withStatusLists})
	p := s.alice()
	uri := s.statusURI(p.Access)
	route, ok := strings.CutPrefix(uri, publicURL)
	if !ok || !strings.HasPrefix(route, "/v1/statuslists/") {
		t.Fatalf("the list is at %q", uri)
	}
	a := s.do("GET", route, "", "Accept", "application/statuslist+jwt").want(200, "")
	if a.header.Get("Content-Type") != "application/statuslist+jwt" || a.header.Get("Cache-Control") != "public, max-age=20" || a.header.Get("Vary") != "Accept" {
		t.Errorf("got %s", a.raw())
	}
	head, _, _ := strings.Cut(a.body, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	must(t, err)
	var h map[string]any
	if must(t, json.Unmarshal(text, &h)); h["typ"] != "statuslist+jwt" || h["kid"] == nil || h["alg"] != "RS256" {
		t.Errorf("the header is %v", h)
	}
	now := float64(s.clock.Now().Unix())
	c := s.claims(a.body)
	if c["iss"] != publicURL || c["sub"] != uri || c["iat"] != now || c["exp"] != now+80 || c["ttl"] != 20.0 {
		t.Errorf("the claims are %v", c)
	}

	// It is the same for a while, and a cache need not keep it for longer.
	etag := a.header.Get("ETag")
	s.clock.advance(7 * time.Second)
	again := s.do("GET", route, "", "If-None-Match", etag).want(304, "")
	if again.header.Get("Cache-Control") != "public, max-age=13" || again.body != "" {
		t.Errorf("later: %s", again.raw())
	}
	s.clock.advance(7 * time.Second)
	if renewed := s.do("GET", route, "", "If-None-Match", etag).want(200, ""); renewed.header.Get("Cache-Control") != "public, max-age=20" {
		t.Errorf("after half of its time: %s", renewed.raw())
	}
	etag = s.do("GET", route, "").header.Get("ETag")
	s.with(p.Access, "POST", "/v1/logout").want(204, "")
	s.do("GET", route, "", "If-None-Match", etag).want(200, "")
	s.do("HEAD", route, "").want(200, "")

	for _, accept := range []string{"*/*", "application/*", "text/html, application/statuslist+jwt;q=0.1"} {
		s.do("GET", route, "", "Accept", accept).want(200, "")
	}
	for _, accept := range []string{"application/statuslist+cwt", "text/html, application/json"} {
		s.do("GET", route, "", "Accept", accept).want(406, "invalid_request")
	}
	s.do("GET", route+"?time=1686925000", "").want(501, "invalid_request")
	s.do("GET", route+"?x=1", "").want(400, "invalid_request")
	id := path.Base(route)
	for _, other := range []string{"x", id[:len(id)-1], id + "A", strings.Repeat("A", len(id)), id[:4] + "AAAA" + id[8:]} {
		s.do("GET", "/v1/statuslists/"+other, "").want(404, "not_found")
	}
	s.store.before(func(_ context.Context, method string) error {
		if method == "Revocations" {
			return errors.New("no disk")
		}
		return nil
	})
	s.do("GET", route, "").want(500, "server_error")
}

func TestWithoutStatusListsTokensSayNothingOfThem(t *testing.T) {
	s := newService(t)
	if _, there := s.claims(s.alice().Access)["status"]; there {
		t.Error("a token has a status")
	}
	route := strings.TrimPrefix(func() string {
		with := newService(t, setup{config: withStatusLists})
		return with.statusURI(with.alice().Access)
	}(), publicURL)
	s.do("GET", route, "").want(404, "not_found")
}
