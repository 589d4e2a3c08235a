package loadgen

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept to three digits between these, in nanoseconds. What is
// longer counts as the longest.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(10 * time.Minute)
	digits   = 3
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

// tally is what some clients did. There are a few tallies for all clients: one
// for each client would take 200 KiB each, and one for all would make them wait
// for each other.
type tally struct {
	mu                sync.Mutex
	all               *hdrhistogram.Histogram
	byOp              map[string]*hdrhistogram.Histogram // where Outcome names it
	ops, errors       int64
	rotated, repeated int64
	unsent            int64
	max               time.Duration
	kinds             map[string]*ErrorKind
}

func newTally() *tally {
	return &tally{all: newHistogram(), byOp: map[string]*hdrhistogram.Histogram{}, kinds: map[string]*ErrorKind{}}
}

func newTallies(clients int) []*tally {
	tallies := make([]*tally, max(1, min(clients, 2*runtime.GOMAXPROCS(0))))
	for i := range tallies {
		tallies[i] = newTally()
	}
	return tallies
}

// record counts an operation. A refusal has no latency: it is quick, and would
// make the rest look better than it is. What timed out has: to leave it out
// would do the same.
func (t *tally) record(o Outcome, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.Err != nil {
		t.fail(o.Err)
		var f *Failure
		if errors.As(o.Err, &f) && f.Timeout {
			t.latency(took)
		}
		return
	}
	t.ops++
	if o.Rotated {
		t.rotated++
	}
	if o.Repeated {
		t.repeated++
	}
	t.latency(took)
	if o.Op != "" {
		h := t.byOp[o.Op]
		if h == nil {
			h = newHistogram()
			t.byOp[o.Op] = h
		}
		observe(h, took)
	}
}

func (t *tally) latency(took time.Duration) {
	t.max = max(t.max, took)
	observe(t.all, took)
}

func observe(h *hdrhistogram.Histogram, took time.Duration) {
	// It can't fail between these two.
	_ = h.RecordValue(min(max(int64(took), shortest), longest))
}

// unsentIf counts a request that was due before now and was not answered. Its
// latency is at least what it waited.
func (t *tally) unsentIf(due, now time.Time) {
	if !due.Before(now) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsent++
	t.latency(now.Sub(due))
}

func (t *tally) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail(err)
}

func (t *tally) fail(err error) {
	t.errors++
	kind, example := "other", err.Error()
	var f *Failure
	if errors.As(err, &f) {
		kind = f.Kind
	}
	k := t.kinds[kind]
	if k == nil {
		k = &ErrorKind{Example: example}
		t.kinds[kind] = k
	}
	k.Count++
}

// merge returns the sum of tallies.
func merge(tallies []*tally) *tally {
	sum := newTally()
	for _, t := range tallies {
		t.mu.Lock()
		sum.add(t)
		t.mu.Unlock()
	}
	return sum
}

func (t *tally) add(u *tally) {
	t.all.Merge(u.all)
	for op, h := range u.byOp {
		if t.byOp[op] == nil {
			t.byOp[op] = newHistogram()
		}
		t.byOp[op].Merge(h)
	}
	t.ops += u.ops
	t.errors += u.errors
	t.rotated += u.rotated
	t.repeated += u.repeated
	t.unsent += u.unsent
	t.max = max(t.max, u.max)
	for kind, k := range u.kinds {
		if t.kinds[kind] == nil {
			t.kinds[kind] = &ErrorKind{Example: k.Example}
		}
		t.kinds[kind].Count += k.Count
	}
}

func quantile(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(percent))
}
