package issuer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The tests run on the synthetic clock of package synctest: no real time passes.

func TestGateLetsSlotsInAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots, callers = 3, 40
		g := newGate(slots, callers, time.Hour)
		var inside, most atomic.Int32
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if err := g.enter(t.Context()); err != nil {
					t.Errorf("enter: %v", err)
					return
				}
				defer g.leave()
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Second)
				inside.Add(-1)
			})
		}
		all.Wait()
		if most.Load() != slots {
			t.Errorf("%d at once, want %d", most.Load(), slots)
		}
		if w := g.waiting.Load(); w != 0 {
			t.Errorf("%d are counted as waiting", w)
		}
	})
}

func TestGateTurnsAwayWhoeverIsTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 2, time.Minute)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 2)
		for range 2 {
			go func() { waited <- g.enter(t.Context()) }()
		}
		synctest.Wait()
		before := time.Now()
		if err := g.enter(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("the queue is full: %v, want ErrBusy", err)
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("turned away after %v, want at once", d)
		}
		g.leave()
		if err := <-waited; err != nil {
			t.Errorf("a slot came free: %v", err)
		}
		// Now there is room in the queue again.
		go func() { waited <- g.enter(t.Context()) }()
		synctest.Wait()
		for range 2 {
			g.leave()
			if err := <-waited; err != nil {
				t.Errorf("a slot came free: %v", err)
			}
		}
	})
}

func TestGateWaitsSoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1, 2*time.Second)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 { // whoever gave up does not fill the queue
			before := time.Now()
			if err := g.enter(t.Context()); !errors.Is(err, ErrBusy) {
				t.Errorf("the wait is over: %v, want ErrBusy", err)
			}
			if d := time.Since(before); d != 2*time.Second {
				t.Errorf("waited %v", d)
			}
		}
	})
}

func TestGateLetsGoOfWhoHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1, time.Hour)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.enter(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrBusy) {
			t.Errorf("the client hung up: %v", err)
		}
		if d := time.Since(before); d != time.Second {
			t.Errorf("waited %v", d)
		}
		g.leave()
		if err := g.enter(t.Context()); err != nil {
			t.Errorf("the slot is lost: %v", err)
		}
	})
}
