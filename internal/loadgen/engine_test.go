package loadgen_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
)

// Time in these tests is synctest's: it stands still while something runs, so
// that every latency is exact.

// fake is a client whose operations take as long as the test says.
type fake struct {
	prepare func() error
	do      func(context.Context) loadgen.Outcome
}

func (f fake) Prepare(context.Context) error {
	if f.prepare == nil {
		return nil
	}
	return f.prepare()
}

func (f fake) Do(ctx context.Context) loadgen.Outcome { return f.do(ctx) }

func takes(d time.Duration) fake {
	return fake{do: func(context.Context) loadgen.Outcome { time.Sleep(d); return loadgen.Outcome{} }}
}

func fails(err error) fake {
	return fake{do: func(context.Context) loadgen.Outcome { time.Sleep(time.Millisecond); return loadgen.Outcome{Err: err} }}
}

func clients(c loadgen.Client, n int) []loadgen.Client { return slices.Repeat([]loadgen.Client{c}, n) }

func plan(rate float64, d time.Duration, c ...loadgen.Client) *loadgen.Plan {
	return &loadgen.Plan{Op: "test", Clients: c, Duration: d, Rate: rate, Now: time.Now}
}

// near compares latencies, which are kept to three digits.
func near(t *testing.T, what string, got float64, want time.Duration) {
	t.Helper()
	w := float64(want) / float64(time.Millisecond)
	if got < w*0.998 || got > w*1.002 {
		t.Errorf("%s is %v ms, want %v", what, got, w)
	}
}

func TestAClosedLoopSendsWhenTheLastRequestWasAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := plan(0, time.Second, clients(takes(10*time.Millisecond), 4)...).Run(t.Context())
		if r.Ops != 400 || r.OpsPerS != 400 || r.Seconds != 1 || r.Clients != 4 || r.Errors != 0 || r.Early {
			t.Errorf("%+v", r)
		}
		near(t, "p50", r.P50, 10*time.Millisecond)
		near(t, "p99", r.P99, 10*time.Millisecond)
		near(t, "max", r.Max, 10*time.Millisecond)
	})
}

func TestAnOpenLoopKeepsItsSchedule(t *testing.T) {
	for _, c := range []struct {
		rate float64
		d    time.Duration
		n    int
	}{{10, time.Second, 10}, {3, time.Second, 3}, {0.5, 3 * time.Second, 2}, {1000, 2500 * time.Millisecond, 2500}} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var sent []time.Duration
			one := fake{do: func(context.Context) loadgen.Outcome {
				sent = append(sent, time.Since(start))
				return loadgen.Outcome{}
			}}
			r := plan(c.rate, c.d, one).Run(t.Context())
			if len(sent) != c.n || r.Ops != int64(c.n) || r.Early || r.Unsent != 0 {
				t.Fatalf("%v/s for %s: %d sent, %+v", c.rate, c.d, len(sent), r)
			}
			for i, at := range sent {
				if want := time.Duration(float64(i) / c.rate * 1e9); at != want {
					t.Errorf("%v/s: request %d was sent at %s, want %s", c.rate, i, at, want)
				}
			}
		})
	}
}

// Coordinated omission: the server answers in a millisecond, and stalls once for
// a second. In an open loop of 100/s that second held up 100 of 1,000 requests,
// and a tenth of all latencies must show it. A closed loop sees one.
func TestAStallCountsForEveryRequestThatItHeldUp(t *testing.T) {
	stalling := func() loadgen.Client {
		start, stalled := time.Now(), false
		return fake{do: func(context.Context) loadgen.Outcome {
			if !stalled && time.Since(start) >= 5*time.Second {
				stalled = true
				time.Sleep(time.Second)
			}
			time.Sleep(time.Millisecond)
			return loadgen.Outcome{}
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		r := plan(100, 10*time.Second, stalling()).Run(t.Context())
		if r.Ops != 1000 || r.Unsent != 0 {
			t.Fatalf("%+v", r)
		}
		near(t, "p50", r.P50, time.Millisecond)
		// Request k of the stall was due k * 10 ms into it, and sent k ms after
		// its end: it took 1001 - 9 k ms. Ten are worse than the one of rank 990.
		near(t, "p99", r.P99, 911*time.Millisecond)
		near(t, "max", r.Max, 1001*time.Millisecond)
	})
	synctest.Test(t, func(t *testing.T) {
		r := plan(0, 10*time.Second, stalling()).Run(t.Context())
		near(t, "p999 of a closed loop", r.P999, time.Millisecond)
		near(t, "max of a closed loop", r.Max, 1001*time.Millisecond)
	})
}

// A server that never catches up must not look better for what was not sent.
func TestWhatWasDueAndNotSentIsCountedAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := plan(10, time.Second, takes(600*time.Millisecond)).Run(t.Context())
		// Sent at 0 and 600 ms, answered at 600 and 1200. Due at 200 to 900 ms
		// and never sent: 8, which waited 1000 down to 300 ms.
		if r.Ops != 2 || r.Unsent != 8 || r.Seconds != 1.2 {
			t.Errorf("%+v", r)
		}
		near(t, "p99", r.P99, 1100*time.Millisecond) // due at 100, answered at 1200
		near(t, "p50", r.P50, 600*time.Millisecond)
	})
}

func TestARunThatIsEndedEarlyKeepsWhatItFound(t *testing.T) {
	for _, rate := range []float64{0, 100} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1005*time.Millisecond)
			defer cancel()
			r := plan(rate, time.Hour, takes(10*time.Millisecond)).Run(ctx)
			if r.Ops < 100 || r.Ops > 101 || r.Errors != 0 || !r.Early {
				t.Errorf("rate %v: %+v", rate, r)
			}
			if r.Unsent > 1 {
				t.Errorf("rate %v: %d that were never due count as unsent", rate, r.Unsent)
			}
		})
	}
}

// Whoever interrupts waits a second for answers, and not for a dead server.
func TestAnInterruptEndsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted := make(chan struct{})
		stuck := fake{do: func(context.Context) loadgen.Outcome {
			<-interrupted
			return loadgen.Outcome{Err: errors.New("closed")}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p := plan(0, time.Hour, stuck)
		p.Interrupt = func() { close(interrupted) }
		start := time.Now()
		r := p.Run(ctx)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %s", took)
		}
		if r.Errors != 0 || r.Ops != 0 {
			t.Errorf("what was broken off counts: %+v", r)
		}
	})
}

func TestFailuresAreCountedByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := fake{do: func(context.Context) loadgen.Outcome {
			n++
			switch n % 4 {
			case 0:
				return loadgen.Outcome{}
			case 1:
				return loadgen.Outcome{Err: &loadgen.Failure{Kind: "503 busy", Detail: "the first"}}
			case 2:
				return loadgen.Outcome{Err: errors.New("strange")}
			}
			return loadgen.Outcome{Err: &loadgen.Failure{Kind: "503 busy", Detail: "not the first"}}
		}}
		r := plan(100, 400*time.Millisecond, c).Run(t.Context())
		if r.Ops != 10 || r.Errors != 30 || len(r.ErrorKinds) != 2 {
			t.Fatalf("%+v", r)
		}
		if k := r.ErrorKinds["503 busy"]; k.Count != 20 || k.Example != "503 busy: the first" {
			t.Errorf("%+v", k)
		}
		if k := r.ErrorKinds["other"]; k.Count != 10 || k.Example != "strange" {
			t.Errorf("%+v", k)
		}
	})
}

// A refusal is quick and would flatter; a timeout is the worst latency there is.
func TestATimeoutHasALatencyAndARefusalHasNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := fake{do: func(context.Context) loadgen.Outcome {
			n++
			switch n {
			case 1:
				time.Sleep(10 * time.Second)
				return loadgen.Outcome{Err: &loadgen.Failure{Kind: "timeout", Timeout: true}}
			case 2:
				return loadgen.Outcome{Err: &loadgen.Failure{Kind: "400"}}
			}
			time.Sleep(5 * time.Second)
			return loadgen.Outcome{}
		}}
		r := plan(0, 11*time.Second, c).Run(t.Context())
		if r.Ops != 1 || r.Errors != 2 {
			t.Fatalf("%+v", r)
		}
		near(t, "max", r.Max, 10*time.Second)
		near(t, "p50", r.P50, 5*time.Second)
	})
}

func TestAClosedLoopDoesNotHammerAServerThatRefuses(t *testing.T) {
	for _, c := range []struct {
		err  error
		most int64
	}{
		{errors.New("refused"), 91}, // 10 ms of pause
		{&loadgen.Failure{Kind: "503", RetryAfter: 250 * time.Millisecond}, 4},
		{&loadgen.Failure{Kind: "503", RetryAfter: time.Hour}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := plan(0, time.Second, fails(c.err)).Run(t.Context())
			if r.Errors != c.most || r.Seconds > 1.01 {
				t.Errorf("%v: %d attempts in %v s, want %d in 1", c.err, r.Errors, r.Seconds, c.most)
			}
		})
	}
}

func TestPreparationIsNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := takes(time.Millisecond)
		c.prepare = func() error { time.Sleep(99 * time.Millisecond); return nil }
		r := plan(0, time.Second, c).Run(t.Context())
		if r.Ops != 10 {
			t.Errorf("%d operations", r.Ops)
		}
		near(t, "max", r.Max, time.Millisecond)
	})
}

func TestAClientWithoutSessionEndsAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		dying := takes(10 * time.Millisecond)
		dying.prepare = func() error {
			if n++; n > 3 {
				return loadgen.ErrLost
			}
			return nil
		}
		r := plan(0, time.Second, dying, takes(10*time.Millisecond)).Run(t.Context())
		if r.Ops != 103 || r.Lost != 1 || r.Errors != 0 || r.Early {
			t.Errorf("%+v", r)
		}
		n = 0
		r = plan(0, time.Hour, dying).Run(t.Context())
		if r.Ops != 3 || r.Lost != 1 || !r.Early {
			t.Errorf("no client is left: %+v", r)
		}
		n = 0
		r = plan(10, time.Hour, dying).Run(t.Context())
		if r.Ops != 3 || !r.Early {
			t.Errorf("no client is left in an open loop: %+v", r)
		}
	})
}

func TestAPreparationThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := takes(10 * time.Millisecond)
		c.prepare = func() error {
			if n++; n == 2 {
				return &loadgen.Failure{Kind: "503"}
			}
			return nil
		}
		r := plan(0, 100*time.Millisecond, c).Run(t.Context())
		if r.Ops != 9 || r.Errors != 1 {
			t.Errorf("%+v", r)
		}
	})
}

func TestProgressComesEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan(0, 3500*time.Millisecond, clients(takes(100*time.Millisecond), 2)...)
		var got []loadgen.Progress
		p.OnProgress = func(now loadgen.Progress) { got = append(got, now) }
		p.Run(t.Context())
		if len(got) != 3 {
			t.Fatalf("%d times: %+v", len(got), got)
		}
		if last := got[2]; last.Elapsed != 3*time.Second || last.Ops < 58 || last.Ops > 60 || last.P50 < 99*time.Millisecond {
			t.Errorf("%+v", last)
		}
	})
}

func TestOperationsOfAMixAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := fake{do: func(context.Context) loadgen.Outcome {
			if n.Add(1)%2 == 0 {
				time.Sleep(10 * time.Millisecond)
				return loadgen.Outcome{Op: "slow", Rotated: true}
			}
			time.Sleep(time.Millisecond)
			return loadgen.Outcome{Op: "fast", Repeated: true}
		}}
		r := plan(0, 1100*time.Millisecond, c).Run(t.Context())
		if r.Ops != 200 || r.ByOp["slow"].Ops != 100 || r.ByOp["fast"].Ops != 100 || r.Rotated != 100 || r.Repeated != 100 {
			t.Fatalf("%+v", r)
		}
		near(t, "p50 of the slow one", r.ByOp["slow"].P50, 10*time.Millisecond)
		near(t, "max of the fast one", r.ByOp["fast"].Max, time.Millisecond)
	})
}

func TestWhenFiguresMeanNothing(t *testing.T) {
	for _, c := range []struct {
		ops, errors int64
		bad         bool
	}{{0, 0, true}, {0, 1, true}, {1, 0, false}, {5, 5, false}, {5, 6, true}} {
		r := loadgen.Result{Ops: c.ops, Errors: c.errors}
		if err := r.Check(); errors.Is(err, loadgen.ErrMeaningless) != c.bad {
			t.Errorf("%d done, %d failed: %v", c.ops, c.errors, err)
		}
	}
}
