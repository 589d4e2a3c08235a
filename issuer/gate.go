package issuer

import (
	"context"
	"sync/atomic"
	"time"
)

// gate lets a fixed number of callers do something expensive at once. The rest
// wait briefly, up to a number of them, and are then turned away: a flood of
// logins must cost neither the memory of a flood of hashes nor the time of
// everybody else.
type gate struct {
	slots   chan struct{}
	waiting atomic.Int32
	queue   int32
	wait    time.Duration
}

func newGate(slots, queue int, wait time.Duration) *gate {
	return &gate{slots: make(chan struct{}, slots), queue: int32(queue), wait: wait}
}

// enter returns nil once the caller has a slot, which leave gives back. ErrBusy
// if there is none in time, or the context's error.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return because(ErrBusy, "the queue for password hashing is full")
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return because(ErrBusy, "no slot for password hashing within %s", g.wait)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) leave() { <-g.slots }

func (g *gate) stats() HashStats {
	return HashStats{Slots: cap(g.slots), Busy: len(g.slots), Queue: int(g.queue), Waiting: int(g.waiting.Load())}
}
