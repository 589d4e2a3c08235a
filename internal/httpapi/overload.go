package httpapi

import (
	"errors"
	"math"
	"net/http"
	"sync"
	"time"
)

// class is what a request is to the service when there is too much to do: what
// comes first is shed first.
type class int

// Somebody who can't log in tries again later. Who can't refresh has a good
// access token for a while. What asks about a token stands before somebody's
// work, and a revocation must not wait. Keys, metadata and the feed ask no store
// and are never shed.
const (
	classLogin class = iota
	classRefresh
	classVerify
	classes
)

func (c class) String() string { return [...]string{"login", "refresh", "verify"}[c] }

const (
	// Clients that ask again as soon as they have an answer are all under way at
	// once, a thousand of them too, and where they are served there is nothing to
	// turn away.
	startLimit, leastLimit, mostLimit = 4096, 64, 8192
	// A window of calls is judged once it is so long and has so many.
	windowTime, windowCalls = time.Second, 20
	// slow is a mean latency under which nothing is overloaded; else it is
	// overloaded when calls take slowdown times as long as they use to. It is
	// what a queue of a thousand takes where processors are shared with others,
	// and far less than any client waits.
	slow, slowdown = time.Second, 4
	// growth of the limit in a second without overload.
	growth = 1.1
	// stall is how long no call may have ended while some are under way.
	stall, stallCalls = 2 * time.Second, 4
)

// share is how much of the limit must be taken before a class is shed.
var share = [classes]float64{classLogin: 0.5, classRefresh: 0.75, classVerify: 1}

// Overload turns requests away when the service, which mostly means its store,
// can't keep up: logins first, then refreshes, and what verifies or revokes last.
// It measures two things. How many calls are under way, against a limit that
// shrinks when calls become slower than they use to be and grows again when they
// are not; and whether any call ends at all. Reading a body takes as long as the
// client likes and is no part of it, nor is writing a long answer, nor is the queue for password hashes, which
// has bounds of its own. It is safe for concurrent use. Make it with
// [NewOverload].
type Overload struct {
	now func() time.Time

	mu       sync.Mutex
	limit    float64
	underWay [classes]int
	progress time.Time // when a call ended, or the first one of several began
	usual    time.Duration
	shed     [classes]uint64
	window   struct {
		start time.Time
		sum   time.Duration
		calls int
		peak  int // of what was under way
	}
}

// OverloadStats are the state of an [Overload].
type OverloadStats struct {
	Limit    int               // of calls under way, without logins
	UnderWay map[string]int    // by class: login, refresh, verify
	Shed     map[string]uint64 // requests that were turned away, by class
}

// NewOverload makes an Overload that reads a clock.
func NewOverload(now func() time.Time) *Overload { return &Overload{now: now, limit: startLimit} }

// Stats returns the state and what was counted.
func (o *Overload) Stats() OverloadStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := OverloadStats{Limit: int(o.limit), UnderWay: map[string]int{}, Shed: map[string]uint64{}}
	for c := range classes {
		s.UnderWay[c.String()], s.Shed[c.String()] = o.underWay[c], o.shed[c]
	}
	return s
}

var errOverloaded = errors.New("httpapi: overloaded")

// enter admits a call, which ends with done, or returns errOverloaded.
func (o *Overload) enter(c class) (done func(), err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	calls := o.calls()
	room := o.limit * share[c]
	full := float64(calls) >= room
	if c == classLogin { // most of a login is its hash, so that it takes no room but its own
		full = full || float64(o.underWay[c]) >= room
	}
	if full || c < classVerify && o.stalled(now, c) {
		o.shed[c]++
		return nil, errOverloaded
	}
	o.underWay[c]++
	if c == classLogin {
		return func() { o.leaveLogin() }, nil
	}
	if calls == 0 {
		o.progress = now
	}
	if o.window.start.IsZero() {
		o.window.start = now
	}
	o.window.peak = max(o.window.peak, calls+1)
	return func() { o.leave(c, now) }, nil
}

// calls is how many calls are under way, without logins. mu is held.
func (o *Overload) calls() int { return o.underWay[classRefresh] + o.underWay[classVerify] }

// stalled tells whether so little goes on that a class must stay out. mu is held.
func (o *Overload) stalled(now time.Time, c class) bool {
	return o.calls() >= stallCalls && now.Sub(o.progress) >= stall*time.Duration(c+1)
}

func (o *Overload) leaveLogin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.underWay[classLogin]--
}

func (o *Overload) leave(c class, began time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	o.underWay[c]--
	o.progress = now
	w := &o.window
	w.sum += max(0, now.Sub(began))
	w.calls++
	if w.calls < windowCalls || now.Sub(w.start) < windowTime {
		return
	}
	mean := w.sum / time.Duration(w.calls)
	// A store may become slower for good. That it is no overload shows after some
	// minutes in which fewer calls made it no faster. There is an end to what one
	// gets used to, or an overload that lasts would become the usual.
	learn := time.Duration(64)
	switch {
	case mean > max(slow, slowdown*o.usual):
		o.limit = max(leastLimit, 0.8*min(o.limit, float64(w.peak)))
		learn = 1024
	case o.limit < startLimit:
		// Back to where it began, whether or not it is used: an overload that is
		// over must not turn away the next crowd, a night later.
		o.limit = min(startLimit, o.limit*math.Pow(growth, now.Sub(w.start).Seconds()))
	case float64(w.peak) > o.limit/2:
		o.limit = min(mostLimit, o.limit*growth)
	}
	if o.usual == 0 || mean < o.usual {
		o.usual = mean
	} else {
		o.usual += (mean - o.usual) / learn
	}
	o.usual = min(slow, o.usual)
	w.start, w.sum, w.calls, w.peak = now, 0, 0, o.calls()
}

// admit admits a request of a class, or answers it; then ok is false.
func (a *api) admit(w http.ResponseWriter, r *http.Request, c class) (done func(), ok bool) {
	done, err := a.Overload.enter(c)
	if err != nil {
		a.fail(w, r, overloaded.after(time.Duration(classes-c)*time.Second))
		return nil, false
	}
	return done, true
}

// admitted is a handler without a body behind admit.
func (a *api) admitted(c class, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		done, ok := a.admit(w, r, c)
		if !ok {
			return
		}
		defer done()
		h(w, r)
	}
}

var overloaded = answer{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "the service has too much to do, try again later"}
