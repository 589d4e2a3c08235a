package httpapi_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/httpapi"
)

// blocked is a service whose store answers nothing, or does again.
type blocked struct {
	*service
	overload *httpapi.Overload
	calls    sync.WaitGroup
	release  chan struct{}
}

// newBlocked makes a service whose calls of one method of the store hang.
func newBlocked(t *testing.T) *blocked {
	b := &blocked{release: make(chan struct{})}
	clock := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	b.overload = httpapi.NewOverload(clock.Now)
	b.service = newService(t, setup{options: func(o *httpapi.Options) { o.Overload = b.overload }})
	b.clock = clock
	t.Cleanup(b.unblock)
	return b
}

// block lets n verifications begin and not end.
func (b *blocked) block(access string, n int) {
	b.t.Helper()
	entered := make(chan struct{}, n)
	hook := func(_ context.Context, method string) error {
		if method == "Session" {
			entered <- struct{}{}
			<-b.release
		}
		return nil
	}
	b.store.hook.Store(&hook)
	for range n {
		b.calls.Go(func() {
			r := httptest.NewRequest("GET", "/verify", nil)
			r.Header.Set("Authorization", "Bearer "+access)
			b.handler.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	for range n {
		<-entered
	}
}

// unblock lets all calls end, and waits for them.
func (b *blocked) unblock() {
	b.store.recover()
	select {
	case <-b.release:
	default:
		close(b.release)
	}
	b.calls.Wait()
}

func TestOverloadShedsLoginsThenRefreshesThenVerification(t *testing.T) {
	b := newBlocked(t)
	p := b.alice()
	limit := b.overload.Stats().Limit
	// With room enough everybody is let in, though some calls hang.
	for _, c := range []struct {
		underWay               int
		login, refresh, verify bool // shed
	}{
		{limit/2 - 1, false, false, false},
		{limit / 2, true, false, false},
		{limit * 3 / 4, true, true, false},
		{limit, true, true, true},
	} {
		b.block(p.Access, c.underWay-b.overload.Stats().UnderWay["verify"])
		before := b.overload.Stats().Shed
		b.store.recover() // what comes now does not hang
		login := b.login("alice", alicesWord)
		refresh := b.form("/oauth/token", "grant_type", "refresh_token", "refresh_token", "jtr_nonsense")
		verify := b.with(p.Access, "GET", "/verify")
		for _, a := range []struct {
			class string
			answer
			shed bool
			ok   int
		}{{"login", login, c.login, 200}, {"refresh", refresh, c.refresh, 400}, {"verify", verify, c.verify, 200}} {
			if a.shed {
				a.want(503, "temporarily_unavailable")
			} else if a.status != a.ok {
				t.Errorf("%d calls under way: %s gets %d", c.underWay, a.class, a.status)
			}
			if got := b.overload.Stats().Shed[a.class] - before[a.class]; (got == 1) != a.shed {
				t.Errorf("%d calls under way: %d %ss are counted as shed", c.underWay, got, a.class)
			}
		}
		if c.verify {
			for _, route := range []string{"GET /v1/sessions", "DELETE /v1/sessions", "DELETE /v1/sessions/x", "POST /v1/logout"} {
				method, target, _ := strings.Cut(route, " ")
				b.with(p.Access, method, target).want(503, "temporarily_unavailable")
			}
			b.form("/oauth/revoke", "token", p.Refresh).want(503, "temporarily_unavailable")
			b.introspect(p.Access).want(503, "temporarily_unavailable")
		}
		if a := login.header.Get("Retry-After"); c.login && a != "3" {
			t.Errorf("a login is told to come again in %q", a)
		}
		// What asks no store is there to the end.
		b.do("GET", "/.well-known/jwks.json", "").want(200, "")
		b.do("GET", "/.well-known/oauth-authorization-server", "").want(200, "")
	}
	b.unblock()
	b.login("alice", alicesWord).want(200, "")
	b.with(p.Access, "GET", "/verify").want(200, "")
}

// A store that hangs is seen long before its callers are many.
func TestAStoreThatStandsStillShedsLoginsAndThenRefreshes(t *testing.T) {
	b := newBlocked(t)
	p := b.alice()
	b.block(p.Access, 4)
	b.store.recover()
	refresh := func() answer {
		return b.form("/oauth/token", "grant_type", "refresh_token", "refresh_token", "jtr_nonsense")
	}
	b.clock.advance(2*time.Second - time.Millisecond)
	b.login("alice", alicesWord).want(200, "")
	b.clock.advance(time.Millisecond)
	b.login("alice", alicesWord).want(503, "temporarily_unavailable")
	refresh().want(400, "invalid_grant") // and that it ended is progress
	b.login("alice", alicesWord).want(200, "")
	b.clock.advance(4 * time.Second)
	refresh().want(503, "temporarily_unavailable")
	b.login("alice", alicesWord).want(503, "temporarily_unavailable")
	b.with(p.Access, "GET", "/verify").want(200, "")
	refresh().want(400, "invalid_grant")
}

// One request that hangs is a slow request, and no overload.
func TestAFewSlowCallsShedNothing(t *testing.T) {
	b := newBlocked(t)
	p := b.alice()
	b.block(p.Access, 3)
	b.store.recover()
	b.clock.advance(time.Hour)
	b.login("alice", alicesWord).want(200, "")
}

// Logins whose queue is that of the hashes are none of the store's load.
func TestLoginsUnderWayShedNoRefreshes(t *testing.T) {
	o := httpapi.NewOverload((&clock{}).Now)
	for range o.Stats().Limit / 2 {
		if _, err := o.Enter("login"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.Enter("login"); err == nil {
		t.Error("there may be any number of logins")
	}
	for _, class := range []string{"refresh", "verify"} {
		if _, err := o.Enter(class); err != nil {
			t.Errorf("%s: %v", class, err)
		}
	}
}

func TestTheLimitFollowsHowLongCallsTake(t *testing.T) {
	clock := &clock{now: time.Unix(1e9, 0)}
	o := httpapi.NewOverload(clock.Now)
	// window lets n calls run at once for so long, several times.
	window := func(n int, took time.Duration) int {
		t.Helper()
		for range 3 {
			var done []func()
			for range min(n, o.Stats().Limit) {
				d, err := o.Enter("verify")
				if err != nil {
					t.Fatalf("%d calls at once: %v", n, err)
				}
				done = append(done, d)
			}
			clock.advance(took)
			for _, d := range done {
				d()
			}
			clock.advance(time.Second)
		}
		return o.Stats().Limit
	}
	if got := window(100, 2*time.Millisecond); got != 1024 {
		t.Errorf("calls that are few and fast: %d", got)
	}
	if got := window(900, 100*time.Millisecond); got <= 1024 {
		t.Errorf("calls that are many and fast enough: %d", got)
	}
	last := window(600, 2*time.Second)
	if last >= 600 {
		t.Errorf("calls that became slow: %d", last)
	}
	for range 30 {
		last = window(1000, 2*time.Second)
	}
	if last != 64 {
		t.Errorf("calls that stay slow: %d", last)
	}
	for range 100 {
		last = window(2000, 2*time.Millisecond)
	}
	if last < 1024 {
		t.Errorf("calls that are fast again: %d", last)
	}
}

// The health of the service is asked for elsewhere, by somebody who would restart
// it.
func TestTheAdminListenerShedsNothing(t *testing.T) {
	b := newBlocked(t)
	p := b.alice()
	b.block(p.Access, b.overload.Stats().Limit)
	admin := httpapi.Admin(b.Issuer, nil, httpapi.Options{Overload: b.overload})
	for _, path := range []string{"/healthz", "/readyz"} {
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
