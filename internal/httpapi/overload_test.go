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
	began := o.Stats().Limit
	if got := window(100, 2*time.Millisecond); got != began {
		t.Errorf("calls that are few and fast: %d", got)
	}
	if got := window(3600, 100*time.Millisecond); got <= began {
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
	if last < began {
		t.Errorf("calls that are fast again: %d", last)
	}
}

// crowd is clients that refresh again and again, each as soon as it has its
// answer, while the service answers so many in a second.
func crowd(clock *clock, o *httpapi.Overload, clients, rate int, during time.Duration) (shed uint64) {
	before := o.Stats().Shed["refresh"]
	var queue []func()
	const step = 50 * time.Millisecond
	for range during / step {
		for len(queue) < clients {
			done, err := o.Enter("refresh")
			if err != nil {
				break // and this one comes later
			}
			queue = append(queue, done)
		}
		clock.advance(step)
		for range min(len(queue), rate*int(step)/int(time.Second)) {
			queue[0]()
			queue = queue[1:]
		}
	}
	for _, done := range queue {
		done()
	}
	return o.Stats().Shed["refresh"] - before
}

func TestACrowdThatIsServedIsNoOverload(t *testing.T) {
	for _, c := range []struct {
		name          string
		clients, rate int
	}{
		{"few", 64, 4000},
		{"a thousand", 1000, 4000},
		{"where hashes take the processors", 256, 600},
		{"a thousand there", 1000, 1200},
		{"three thousand", 3000, 4000},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := &clock{now: time.Unix(1e9, 0)}
			o := httpapi.NewOverload(clock.Now)
			// It has seen better times.
			crowd(clock, o, 4, 100, 10*time.Second)
			if n := crowd(clock, o, c.clients, c.rate, time.Minute); n > 0 {
				t.Errorf("%d refreshes were turned away", n)
			}
		})
	}
}

// What an overload left of the limit must not meet the crowd of the next morning.
func TestTheLimitIsBackAfterAQuietTime(t *testing.T) {
	clock := &clock{now: time.Unix(1e9, 0)}
	o := httpapi.NewOverload(clock.Now)
	began := o.Stats().Limit
	crowd(clock, o, 4, 100, 10*time.Second)
	crowd(clock, o, 4000, 100, 20*time.Minute) // and nobody gets used to it
	if got := o.Stats().Limit; got > began/4 {
		t.Fatalf("an overload left a limit of %d", got)
	}
	crowd(clock, o, 2, 100, 2*time.Minute) // never near any limit
	if got := o.Stats().Limit; got != began {
		t.Errorf("two quiet minutes later it is %d", got)
	}
	if n := crowd(clock, o, 1000, 4000, 10*time.Second); n > 0 {
		t.Errorf("%d refreshes were turned away", n)
	}
}

// Whoever takes a list of sessions as slowly as can be holds nobody else up.
func TestAnAnswerOnItsWayIsNoCallUnderWay(t *testing.T) {
	b := newBlocked(t)
	p := b.alice()
	r := httptest.NewRequest("GET", "/v1/sessions", nil)
	r.Header.Set("Authorization", "Bearer "+p.Access)
	w := &slowReader{ResponseRecorder: httptest.NewRecorder(), underWay: func() int { return b.overload.Stats().UnderWay["verify"] }}
	b.handler.ServeHTTP(w, r)
	if w.Code != 200 || w.writes == 0 {
		t.Fatalf("status %d, %d writes", w.Code, w.writes)
	}
	if w.most > 0 {
		t.Errorf("while the list is written %d calls are under way", w.most)
	}
}

// slowReader looks at what is under way while a body is written to it.
type slowReader struct {
	*httptest.ResponseRecorder
	underWay     func() int
	writes, most int
}

func (w *slowReader) Write(p []byte) (int, error) {
	w.writes++
	w.most = max(w.most, w.underWay())
	return w.ResponseRecorder.Write(p)
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
