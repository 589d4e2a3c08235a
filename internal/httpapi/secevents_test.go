package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/issuer"
)

const (
	pollRoute = "/v1/events/poll"
	crm       = "https://crm.example"
)

func withReceivers(c *issuer.Config) { c.EventReceivers = []string{crm, "wiki"} }

func receiverToken(name string) string { return marker + "_of_the_receiver_of_events_" + name }

// jti ends two sessions of a user, so that there are events, and returns the id of
// the oldest that waits for crm.
func (s *service) jti(user, word string) string {
	s.t.Helper()
	for range 2 {
		s.with(s.login(user, word).pair().Access, "POST", "/v1/logout").want(204, "")
	}
	waiting, err := s.store.Notices(s.t.Context(), crm, 1)
	must(s.t, err)
	return waiting[0].NoticeID.String()
}

// events polls as a receiver does.
func (s *service) pollAs(receiver, body string) answer {
	s.t.Helper()
	return s.json(pollRoute, body, "Authorization", "Bearer "+receiverToken(receiver))
}

// sets are the tokens of an answer, by their jti, and whether there are more.
func (a answer) sets() (sets map[string]string, more bool) {
	a.t.Helper()
	var p struct {
		Sets map[string]string `json:"sets"`
		More bool              `json:"moreAvailable"`
	}
	must(a.t, json.Unmarshal([]byte(a.want(200, "").body), &p))
	if p.Sets == nil {
		a.t.Errorf("without sets: %s", a.body)
	}
	return p.Sets, p.More
}

func TestARevokedSessionIsASecurityEvent(t *testing.T) {
	s := newService(t, setup{config: withReceivers})
	p := s.alice()
	s.clock.advance(90 * time.Second)
	s.with(p.Access, "POST", "/v1/logout").want(204, "")
	sets, more := s.pollAs(crm, `{}`).sets()
	if len(sets) != 1 || more {
		t.Fatalf("got %v, %v", sets, more)
	}
	for id, token := range sets {
		head, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
		must(t, err)
		if !strings.Contains(string(head), `"typ":"secevent+jwt"`) || !strings.Contains(string(head), `"kid":`) {
			t.Errorf("the header is %s", head)
		}
		now := s.clock.Now().Unix()
		want := fmt.Sprintf(`{"iss":%[1]q,"aud":%[2]q,"iat":%[3]d,"jti":%[4]q,
			"sub_id":{"format":"complex","user":{"format":"iss_sub","iss":%[1]q,"sub":%[5]q},"session":{"format":"opaque","id":%[6]q}},
			"events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":
				{"event_timestamp":%[3]d,"initiating_entity":"user","reason_admin":{"en":"logout"}}}}`,
			publicURL, crm, now, id, s.claims(p.Access)["sub"], s.sid(p.Access))
		var w any
		must(t, json.Unmarshal([]byte(want), &w))
		if got := s.claims(token); !alike(w, got) || !alike(got, w) {
			t.Errorf("got %v\nwant %v", got, w)
		}
		// It is nothing but that.
		s.with(token, "GET", "/verify").want(401, "invalid_token")
	}
}

func TestAnEventComesAgainUntilItIsAcknowledged(t *testing.T) {
	s := newService(t, setup{config: withReceivers})
	var ids []string
	for range 3 {
		s.with(s.alice().Access, "POST", "/v1/logout").want(204, "")
		s.clock.advance(time.Second)
	}
	waiting, err := s.store.Notices(t.Context(), crm, 10)
	must(t, err)
	for _, n := range waiting {
		ids = append(ids, n.NoticeID.String())
	}
	wants := func(receiver, body string, more bool, want ...string) {
		t.Helper()
		sets, gotMore := s.pollAs(receiver, body).sets()
		got := make([]string, 0, len(sets))
		for id := range sets {
			got = append(got, id)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || gotMore != more {
			t.Errorf("%s: got %q, more %v; want %q, %v", body, got, gotMore, want, more)
		}
	}
	now := func(more string) string { return `{"returnImmediately":true` + more + `}` }
	for range 2 {
		wants(crm, now(""), false, ids...)
		wants(crm, now(`,"maxEvents":2`), true, ids[:2]...)
	}
	wants(crm, now(`,"ack":["`+ids[0]+`","`+ids[0]+`","unknown","`+ids[0][:31]+`A"],"maxEvents":0`), false)
	wants(crm, now(""), false, ids[1:]...)
	wants(crm, now(`,"setErrs":{"`+ids[2]+`":{"err":"invalid_key","description":"`+marker+`"},"x":{"err":"y"}}`), false, ids[1])
	wants("wiki", now(""), false, ids...)
	wants(crm, now(`,"ack":["`+ids[1]+`"]`), false)
	told := false
	for _, e := range s.events {
		told = told || e.Kind == issuer.EventWarning && e.Detail == "the receiver "+crm+" could not use a security event: invalid_key"
	}
	if !told {
		t.Error("nobody was told of an event that could not be used")
	}
}

func TestAPollWaitsForAnEvent(t *testing.T) {
	s := newService(t, setup{config: withReceivers})
	p := s.alice()
	looked := make(chan struct{}, 100)
	s.store.onNotices = func() { looked <- struct{}{} }
	got := make(chan answer)
	go func() { got <- s.pollAs(crm, `{}`) }()
	<-looked
	s.with(p.Access, "POST", "/v1/logout").want(204, "")
	if sets, _ := (<-got).sets(); len(sets) != 1 {
		t.Errorf("got %v", sets)
	}
	// What a command or another node revokes is seen, too.
	q := s.alice()
	body := `{"ack":[` + ids(t, s, "wiki") + `]}`
	go func() { got <- s.pollAs("wiki", body) }()
	<-looked
	id, err := issuer.ParseSessionID(s.sid(q.Access))
	must(t, err)
	_, err = s.store.Revoke(t.Context(), issuer.Revocation{SessionID: id, Reason: issuer.ReasonRevoked})
	must(t, err)
	if sets, _ := (<-got).sets(); len(sets) != 1 {
		t.Errorf("from elsewhere: %v", sets)
	}
	// Those who wait are let go when the service stops.
	body = `{"ack":[` + ids(t, s, "wiki") + `]}`
	go func() { got <- s.pollAs("wiki", body) }()
	s.Feed().Close()
	if sets, _ := (<-got).sets(); len(sets) != 0 {
		t.Errorf("when the service stops: %v", sets)
	}
}

func ids(t *testing.T, s *service, receiver string) string {
	waiting, err := s.store.Store.Notices(t.Context(), receiver, 100)
	if err != nil {
		t.Error(err)
	}
	var out []string
	for _, n := range waiting {
		out = append(out, fmt.Sprintf("%q", n.NoticeID))
	}
	return strings.Join(out, ",")
}

func TestNobodyButReceiversIsToldOfEvents(t *testing.T) {
	s := newService(t, setup{config: withReceivers})
	p := s.alice()
	for _, header := range [][]string{
		nil, {"Authorization", "Bearer "}, {"Authorization", "Bearer x"}, {"Authorization", "Bearer " + p.Access},
		{"Authorization", "Basic " + receiverToken(crm)}, {"Authorization", "Bearer " + receiverToken("other")},
		{"Authorization", "Bearer " + introspector},
		{"Authorization", "Bearer " + receiverToken(crm), "Authorization", "Bearer " + receiverToken(crm)},
	} {
		if a := s.json(pollRoute, `{"returnImmediately":true}`, header...); a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %s", header, a.raw())
		}
	}
	s.do("POST", "/oauth/introspect", "token="+p.Access, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+receiverToken(crm)).want(401, "invalid_token")
	without := newService(t)
	if a := without.pollAs(crm, `{"returnImmediately":true}`); a.status != 401 {
		t.Errorf("where there are no receivers: %s", a.raw())
	}
	for name, secrets := range map[string]map[string]string{
		"one is missing":    {crm: receiverToken(crm)},
		"one too many":      {crm: receiverToken(crm), "wiki": receiverToken("wiki"), "x": receiverToken("x")},
		"the same":          {crm: receiverToken(crm), "wiki": receiverToken(crm)},
		"one that is short": {crm: receiverToken(crm), "wiki": "x"},
	} {
		if _, err := httpapi.Public(s.Issuer, httpapi.Options{EventReceivers: secrets}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAPollThatIsOutOfTimeIsToldSo(t *testing.T) {
	s := newService(t, setup{config: withReceivers, wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel() // as a deadline of the program does
			h.ServeHTTP(w, r.WithContext(ctx))
		})
	}})
	s.pollAs(crm, `{}`).want(503, "temporarily_unavailable")
}

func TestAPollThatIsMalformedIsRefused(t *testing.T) {
	s := newService(t, setup{config: withReceivers})
	for _, body := range []string{
		``, `[]`, `{"maxEvents":-1}`, `{"maxEvents":"1"}`, `{"maxEvents":1.5}`, `{"ack":"x"}`, `{"ack":[1]}`, `{"setErrs":["x"]}`,
		`{"setErrs":{"x":"y"}}`, `{"returnImmediately":1}`, `{"ack":[],"ack":[]}`,
	} {
		s.pollAs(crm, body).want(400, "invalid_request")
	}
	s.pollAs(crm, `{"returnImmediately":true,"maxEvents":null,"ack":[],"setErrs":{},"more":{}}`).want(200, "")
	s.pollAs(crm, `{"ack":["`+strings.Repeat("x", 20_000)+`"]}`).want(413, "invalid_request")
	s.do("POST", pollRoute, "x=1", "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+receiverToken(crm)).want(415, "invalid_request")
	full := `{"maxEvents":0,"ack":["` + strings.Repeat(`AAYzwb8rAAAhWgQzBZcgXgAAAAAAAAAA","`, 299) + `x"]}`
	s.pollAs(crm, full).want(200, "")
	s.store.before(func(_ context.Context, method string) error {
		if method == "Notices" {
			return errors.New("no disk")
		}
		return nil
	})
	s.pollAs(crm, `{}`).want(500, "server_error")
}
