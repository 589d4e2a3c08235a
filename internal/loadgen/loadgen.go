// Package loadgen puts load on a token service over HTTP and measures how it
// answers: the engine of "jeton bench".
//
// A [Plan] runs clients, each of which does one operation at a time, in one of
// two ways. In a closed loop each client sends its next request when the last
// one was answered, so a slow server gets fewer requests: what it can do at
// most. In an open loop requests fall due on a fixed schedule, whatever the
// server does, and a latency counts from the instant at which the request was
// due. A server that stalls then pays for every request that the stall held up,
// where a closed loop sees one slow request for each client ("coordinated
// omission").
//
// A [Target] makes the clients that talk to a token service, or to any OAuth 2
// server.
package loadgen

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Client does operations for one user, one after the other.
type Client interface {
	// Prepare makes ready for the next Do. It is not measured. An error that
	// is [ErrLost] ends the client, any other is counted and Prepare is called
	// again after a pause.
	Prepare(context.Context) error
	// Do does one operation.
	Do(context.Context) Outcome
}

// ErrLost means that a client's session is gone and it can't go on.
var ErrLost = errors.New("loadgen: the session is lost")

// Outcome is how one operation went.
type Outcome struct {
	Op  string // which operation, where clients do more than one
	Err error  // nil, or usually a [*Failure]
	// A refresh may return another refresh token (Rotated) or the one that was
	// sent (Repeated).
	Rotated, Repeated bool
}

// Plan is one measurement.
type Plan struct {
	Op       string // its name
	Clients  []Client
	Duration time.Duration
	// Rate is how many operations fall due in a second; 0 is a closed loop.
	Rate float64
	// Now is a clock that does not step, and agrees with the runtime's timers.
	Now func() time.Time
	// OnProgress, if set, is told every second how far things are.
	OnProgress func(Progress)
	// Interrupt, if set, ends what the clients have under way. It is called if
	// the context ends, after a second in which answers may still come.
	Interrupt func()
}

// Progress is what happened until now.
type Progress struct {
	Elapsed  time.Duration
	Ops      int64
	Errors   int64
	P50, P99 time.Duration
}

const (
	pauseAfterFailure = 10 * time.Millisecond
	longestPause      = 5 * time.Second
	graceToFinish     = time.Second
)

// Run measures. It returns once the duration is over and what was under way
// then is answered, or early if the context ends or no client is left.
func (p *Plan) Run(ctx context.Context) *Result {
	r := &run{Plan: p, tallies: newTallies(len(p.Clients)), start: p.Now()}
	r.end = r.start.Add(p.Duration)
	if p.Rate > 0 {
		r.arrivals = int64(math.Ceil(p.Rate * p.Duration.Seconds()))
	}

	over := make(chan struct{})
	var watchers sync.WaitGroup
	watchers.Go(func() { r.watch(over) })
	watchers.Go(func() { r.interrupt(ctx, over) })
	var clients sync.WaitGroup
	for i, c := range p.Clients {
		t := r.tallies[i%len(r.tallies)]
		clients.Go(func() {
			if p.Rate > 0 {
				r.open(ctx, c, t)
			} else {
				r.closed(ctx, c, t)
			}
		})
	}
	clients.Wait()
	finish := p.Now()
	close(over)
	watchers.Wait()
	r.unsent(finish)
	return r.result(finish)
}

type run struct {
	*Plan
	tallies    []*tally
	start, end time.Time
	arrivals   int64        // that fall due before the end, in an open loop
	taken      atomic.Int64 // of those
	lost       atomic.Int64 // clients
}

// prepare readies a client and tells whether it can go on.
func (r *run) prepare(ctx context.Context, c Client, t *tally) bool {
	for ctx.Err() == nil && r.Now().Before(r.end) {
		err := c.Prepare(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if errors.Is(err, ErrLost) {
			r.lost.Add(1)
			return false
		}
		t.failed(err)
		r.pause(ctx, err)
	}
	return false
}

// closed sends a client's next request when the last one was answered.
func (r *run) closed(ctx context.Context, c Client, t *tally) {
	for r.prepare(ctx, c, t) {
		began := r.Now()
		if !began.Before(r.end) {
			return
		}
		o := c.Do(ctx)
		took := r.Now().Sub(began)
		if o.Err != nil && ctx.Err() != nil {
			return // we ended it
		}
		t.record(o, took)
		if o.Err != nil {
			r.pause(ctx, o.Err)
		}
	}
}

// open takes the next request that is due, of all clients, and measures from
// when it was due.
func (r *run) open(ctx context.Context, c Client, t *tally) {
	for r.prepare(ctx, c, t) {
		n := r.taken.Add(1) - 1
		if n >= r.arrivals {
			return
		}
		due := r.due(n)
		if !sleep(ctx, due.Sub(r.Now())) {
			t.unsentIf(due, r.Now())
			return
		}
		if now := r.Now(); !now.Before(r.end) {
			t.unsentIf(due, now)
			return
		}
		o := c.Do(ctx)
		now := r.Now()
		if o.Err != nil && ctx.Err() != nil {
			t.unsentIf(due, now)
			return
		}
		t.record(o, now.Sub(due))
	}
}

// due is when request n falls due. It is computed from n, so that nothing adds
// up to a drift.
func (r *run) due(n int64) time.Time {
	return r.start.Add(time.Duration(float64(n) / r.Rate * float64(time.Second)))
}

// unsent counts requests that had fallen due and that nobody sent. They waited
// until now at least, and to leave them out would make a server that can't keep
// up look as if it could.
func (r *run) unsent(finish time.Time) {
	for n := r.taken.Load(); n < r.arrivals && r.due(n).Before(finish); n++ {
		r.tallies[0].unsentIf(r.due(n), finish)
	}
}

// pause keeps a closed loop from hammering a server that refuses.
func (r *run) pause(ctx context.Context, err error) {
	pause := pauseAfterFailure
	var f *Failure
	if errors.As(err, &f) && f.RetryAfter > 0 {
		pause = min(f.RetryAfter, longestPause)
	}
	sleep(ctx, min(pause, max(0, r.end.Sub(r.Now()))))
}

func (r *run) watch(over <-chan struct{}) {
	if r.OnProgress == nil {
		return
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-over:
			return
		case <-every.C:
			all := merge(r.tallies)
			r.OnProgress(Progress{
				Elapsed: r.Now().Sub(r.start), Ops: all.ops, Errors: all.errors,
				P50: quantile(all.all, 50), P99: quantile(all.all, 99),
			})
		}
	}
}

func (r *run) interrupt(ctx context.Context, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	if r.Interrupt == nil {
		return
	}
	timer := time.NewTimer(graceToFinish)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
		r.Interrupt()
	}
}

// sleep returns true after d, or false at once when the context ends.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
