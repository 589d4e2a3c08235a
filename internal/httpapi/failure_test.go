package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

var errStore = errors.New("the disk is full")

// fails makes one method of the store fail.
func fails(method string) func(context.Context, string) error {
	return func(_ context.Context, called string) error {
		if called == method {
			return errStore
		}
		return nil
	}
}

// C10: a revocation that could not be written is never answered as done, and a
// token that could not be looked up is not answered as a bad one: a client that
// is told so throws its session away.
func TestAFailureOfTheStoreIsNotARefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string // of the store
		send   func(s *service, p pair) answer
		status int
		code   string
	}{
		{"login: no user", "User", func(s *service, _ pair) answer { return s.login("alice", alicesWord) }, 500, "server_error"},
		{"login: no session", "CreateSession", func(s *service, _ pair) answer { return s.login("alice", alicesWord) }, 500, "server_error"},
		{"refresh: no look-up", "Session", func(s *service, p pair) answer { return s.refresh(p.Refresh) }, 500, "server_error"},
		{"refresh: no rotation", "Rotate", func(s *service, p pair) answer { return s.refresh(p.Refresh) }, 500, "server_error"},
		{"revoke a refresh token: no look-up", "Session", func(s *service, p pair) answer { return s.form("/oauth/revoke", "token", p.Refresh) }, 500, "server_error"},
		{"revoke a refresh token: no write", "Revoke", func(s *service, p pair) answer { return s.form("/oauth/revoke", "token", p.Refresh) }, 500, "server_error"},
		{"revoke an access token: no look-up", "Session", func(s *service, p pair) answer { return s.form("/oauth/revoke", "token", p.Access) }, 500, "server_error"},
		{"revoke an access token: no write", "Revoke", func(s *service, p pair) answer { return s.form("/oauth/revoke", "token", p.Access) }, 500, "server_error"},
		{"list: no look-up", "Session", func(s *service, p pair) answer { return s.with(p.Access, "GET", "/v1/sessions") }, 503, "temporarily_unavailable"},
		{"list: no list", "Sessions", func(s *service, p pair) answer { return s.with(p.Access, "GET", "/v1/sessions") }, 500, "server_error"},
		{"logout: no look-up", "Session", func(s *service, p pair) answer { return s.with(p.Access, "POST", "/v1/logout") }, 503, "temporarily_unavailable"},
		{"logout: no write", "Revoke", func(s *service, p pair) answer { return s.with(p.Access, "POST", "/v1/logout") }, 500, "server_error"},
		{"delete one: no look-up", "Session", func(s *service, p pair) answer { return s.with(p.Access, "DELETE", "/v1/sessions/"+s.sid(p.Access)) }, 503, "temporarily_unavailable"},
		{"delete one: no write", "Revoke", func(s *service, p pair) answer { return s.with(p.Access, "DELETE", "/v1/sessions/"+s.sid(p.Access)) }, 500, "server_error"},
		{"delete all: no look-up", "Session", func(s *service, p pair) answer { return s.with(p.Access, "DELETE", "/v1/sessions") }, 503, "temporarily_unavailable"},
		{"delete all: no write", "Revoke", func(s *service, p pair) answer { return s.with(p.Access, "DELETE", "/v1/sessions") }, 500, "server_error"},
		{"feed: no log", "Revocations", func(s *service, _ pair) answer { return s.do("GET", "/v1/revocations", "") }, 500, "server_error"},
		{"feed: no log for a stream", "Revocations", func(s *service, _ pair) answer {
			return s.do("GET", "/v1/revocations", "", "Accept", "text/event-stream")
		}, 500, "server_error"},
		{"introspect an access token: no look-up", "Session", func(s *service, p pair) answer { return s.introspect(p.Access) }, 500, "server_error"},
		{"introspect a refresh token: no look-up", "Session", func(s *service, p pair) answer { return s.introspect(p.Refresh) }, 500, "server_error"},
		{"verify: no look-up", "Session", func(s *service, p pair) answer { return s.with(p.Access, "GET", "/verify") }, 503, "temporarily_unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			p := s.alice()
			s.store.before(fails(c.method))
			a := c.send(s, p).want(c.status, c.code)
			if len(a.authHeaders()) > 0 {
				t.Errorf("a failure with %v", a.authHeaders())
			}
			s.store.recover()
			s.alive(p)
		})
	}
}

// The operator learns what the client does not.
func TestAFailureIsReportedWithItsCause(t *testing.T) {
	s := newService(t)
	s.store.before(fails("User"))
	s.login("alice", alicesWord).want(500, "server_error")
	found := false
	for _, reports := range s.reports {
		for _, r := range reports {
			found = found || errors.Is(r.err, errStore)
		}
	}
	if !found {
		t.Error("nobody was told that the disk is full")
	}
}

// A reuse whose revocation fails must be tried again, not be answered as done.
func TestAReuseThatCanNotRevokeIsAFailure(t *testing.T) {
	s := newService(t)
	first := s.alice()
	s.refresh(first.Refresh).want(200, "")
	s.clock.advance(time.Minute)
	s.store.before(fails("Revoke"))
	s.refresh(first.Refresh).want(500, "server_error")
	s.store.recover()
	s.refresh(first.Refresh).want(400, "invalid_grant")
}

// waiting makes the store wait in a method for the end of the request.
func waiting(method string, arrived chan<- struct{}) func(context.Context, string) error {
	return func(ctx context.Context, called string) error {
		if called != method {
			return nil
		}
		arrived <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
}

// The fixture's server ends the test with a complaint if a handler panics, and
// does not end it before every handler has returned.
func TestAClientThatGoesAwayLeavesNothingBehind(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string // of the store
		build  func(s *service, p pair) (method, target, body, mediaType string)
	}{
		{"login", "User", func(*service, pair) (string, string, string, string) {
			return "POST", "/v1/login", `{"username":"alice","password":"` + alicesWord + `"}`, "application/json"
		}},
		{"refresh", "Rotate", func(_ *service, p pair) (string, string, string, string) {
			return "POST", "/oauth/token", encode("grant_type", "refresh_token", "refresh_token", p.Refresh), "application/x-www-form-urlencoded"
		}},
		{"revoke", "Revoke", func(_ *service, p pair) (string, string, string, string) {
			return "POST", "/oauth/revoke", encode("token", p.Refresh), "application/x-www-form-urlencoded"
		}},
		{"logout", "Revoke", func(*service, pair) (string, string, string, string) { return "POST", "/v1/logout", "", "" }},
		{"verify", "Session", func(*service, pair) (string, string, string, string) { return "GET", "/verify", "", "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			returned := make(chan struct{}, 100)
			s := newService(t, setup{wrap: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() { returned <- struct{}{} }()
					h.ServeHTTP(w, r)
				})
			}})
			p := s.alice()
			<-returned
			arrived := make(chan struct{})
			s.store.before(waiting(c.method, arrived))
			method, target, body, mediaType := c.build(s, p)
			ctx, leave := context.WithCancel(t.Context())
			r := s.request(method, target, strings.NewReader(body), "Content-Type", mediaType, "Authorization", "Bearer "+p.Access).WithContext(ctx)
			go func() {
				<-arrived
				leave()
			}()
			if resp, err := s.client.Do(r); err == nil {
				resp.Body.Close()
				t.Errorf("the client that left got %d", resp.StatusCode)
			}
			<-returned
			s.store.recover()
			s.alive(p)
		})
	}
}

// A program may give requests a deadline. The client is still there and must
// not take the silence for a success.
func TestARequestThatRunsOutOfTimeIsAnswered(t *testing.T) {
	for _, c := range []struct {
		name, method string
		send         func(s *service, p pair) answer
	}{
		{"login", "User", func(s *service, _ pair) answer { return s.login("alice", alicesWord) }},
		{"refresh", "Rotate", func(s *service, p pair) answer { return s.refresh(p.Refresh) }},
		{"revoke", "Revoke", func(s *service, p pair) answer { return s.form("/oauth/revoke", "token", p.Refresh) }},
		{"introspect", "Session", func(s *service, p pair) answer { return s.introspect(p.Refresh) }},
		{"logout", "Revoke", func(s *service, p pair) answer { return s.with(p.Access, "POST", "/v1/logout") }},
		{"delete one", "Revoke", func(s *service, p pair) answer { return s.with(p.Access, "DELETE", "/v1/sessions/"+s.sid(p.Access)) }},
		{"delete all", "Revoke", func(s *service, p pair) answer { return s.with(p.Access, "DELETE", "/v1/sessions") }},
		{"list", "Sessions", func(s *service, p pair) answer { return s.with(p.Access, "GET", "/v1/sessions") }},
		{"verify", "Session", func(s *service, p pair) answer { return s.with(p.Access, "GET", "/verify") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var end context.CancelFunc
			s := newService(t, setup{wrap: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithCancel(r.Context())
					defer cancel()
					mu.Lock()
					end = cancel
					mu.Unlock()
					h.ServeHTTP(w, r.WithContext(ctx))
				})
			}})
			p := s.alice()
			s.store.before(func(ctx context.Context, called string) error {
				if called != c.method {
					return nil
				}
				mu.Lock()
				end()
				mu.Unlock()
				return ctx.Err()
			})
			c.send(s, p).want(503, "temporarily_unavailable")
			s.store.recover()
			s.alive(p)
		})
	}
}

// The clock that the store has seen is the one that counts.
func TestAClockThatStepsBackRevivesNothing(t *testing.T) {
	s := newService(t)
	p := s.alice()
	s.clock.advance(8 * 24 * time.Hour)
	s.refresh(p.Refresh).want(400, "invalid_grant")
	s.clock.advance(-8 * 24 * time.Hour)
	s.refresh(p.Refresh).want(400, "invalid_grant")
	s.with(p.Access, "GET", "/verify").want(401, "invalid_token")
}

// C4: whoever is faster, after the answer to a logout no token works.
func TestRefreshAndLogoutAtOnce(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.RefreshGrace = issuer.NoGrace }})
	for range 20 {
		p := s.alice()
		var refreshed, out answer
		var wait sync.WaitGroup
		wait.Go(func() { refreshed = s.refresh(p.Refresh) })
		wait.Go(func() { out = s.with(p.Access, "POST", "/v1/logout") })
		wait.Wait()
		out.want(204, "")
		s.dead(p)
		if refreshed.status == 200 {
			s.dead(refreshed.pair())
		}
	}
}
