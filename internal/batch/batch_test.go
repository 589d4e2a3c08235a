package batch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/batch"
)

type result = batch.Result[string]

// echo answers each request with its own text.
func echo(reqs []string) []result {
	out := make([]result, len(reqs))
	for i, r := range reqs {
		out[i].Value = r
	}
	return out
}

// answer is what one Do returned.
type answer struct {
	value string
	err   error
}

// hand hands in a request from a goroutine of its own.
func hand(ctx context.Context, b *batch.Batcher[string, string], req string) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		v, err := b.Do(ctx, req)
		out <- answer{v, err}
	}()
	return out
}

// held is a batcher whose commits wait to be let go.
type held struct {
	*batch.Batcher[string, string]
	begun   chan []string // the batches that commit was called with
	release chan ending   // how each ends
}

type ending struct {
	results []result
	err     error
}

func newHeld(t *testing.T, o batch.Options) *held {
	h := &held{begun: make(chan []string), release: make(chan ending)}
	h.Batcher = batch.New(o, func(_ context.Context, reqs []string) ([]result, error) {
		h.begun <- slices.Clone(reqs)
		end := <-h.release
		if end.err == nil && end.results == nil {
			end.results = echo(reqs)
		}
		return end.results, end.err
	})
	return h
}

// waiting hands in requests while a batch is held, and returns once all of them
// wait, in order.
func (h *held) waiting(ctx context.Context, reqs ...string) []<-chan answer {
	var out []<-chan answer
	for _, req := range reqs {
		before := h.Waiting()
		out = append(out, hand(ctx, h.Batcher, req))
		for h.Waiting() == before {
			runtime.Gosched()
		}
	}
	return out
}

func check(t *testing.T, got answer, value string, err error) {
	t.Helper()
	if got.value != value || !errors.Is(got.err, err) {
		t.Errorf("got %q, %v; want %q, %v", got.value, got.err, value, err)
	}
}

func TestALoneCallerIsCommittedAtOnce(t *testing.T) {
	b := batch.New(batch.Options{}, func(_ context.Context, reqs []string) ([]result, error) { return echo(reqs), nil })
	for range 3 {
		if got, err := b.Do(t.Context(), "a"); got != "a" || err != nil {
			t.Fatal(got, err)
		}
	}
}

func TestCallersThatWaitTogetherAreCommittedTogether(t *testing.T) {
	h := newHeld(t, batch.Options{})
	first := hand(t.Context(), h.Batcher, "first")
	<-h.begun
	rest := h.waiting(t.Context(), "a", "b", "c")
	h.release <- ending{}
	check(t, <-first, "first", nil)
	if got := <-h.begun; !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("the next batch is %q", got)
	}
	h.release <- ending{}
	for i, want := range []string{"a", "b", "c"} {
		check(t, <-rest[i], want, nil)
	}
}

func TestABatchIsBounded(t *testing.T) {
	var told []int // one committer: no two at once
	h := newHeld(t, batch.Options{MaxBatch: 2, OnBatch: func(size int) { told = append(told, size) }})
	all := []<-chan answer{hand(t.Context(), h.Batcher, "first")}
	<-h.begun
	all = append(all, h.waiting(t.Context(), "a", "b", "c", "d", "e")...)
	h.release <- ending{}
	for _, want := range [][]string{{"a", "b"}, {"c", "d"}, {"e"}} {
		if got := <-h.begun; !slices.Equal(got, want) {
			t.Errorf("a batch is %q, not %q", got, want)
		}
		h.release <- ending{}
	}
	for _, a := range all {
		<-a
	}
	if !slices.Equal(told, []int{1, 2, 2, 1}) {
		t.Errorf("batches of %v were told of", told)
	}
}

func TestCommittersWorkAtTheSameTimeAndNotMore(t *testing.T) {
	h := newHeld(t, batch.Options{Committers: 2})
	a := hand(t.Context(), h.Batcher, "a")
	<-h.begun
	b := hand(t.Context(), h.Batcher, "b")
	<-h.begun // while a is held
	c := h.waiting(t.Context(), "c")[0]
	select {
	case got := <-h.begun:
		t.Errorf("a third batch %q has begun", got)
	default:
	}
	h.release <- ending{}
	if got := <-h.begun; !slices.Equal(got, []string{"c"}) {
		t.Errorf("the third batch is %q", got)
	}
	h.release <- ending{}
	h.release <- ending{}
	check(t, <-a, "a", nil)
	check(t, <-b, "b", nil)
	check(t, <-c, "c", nil)
}

func TestABatchBesideAnotherWaitsForACrowd(t *testing.T) {
	h := newHeld(t, batch.Options{Committers: 2, Crowd: 3})
	all := []<-chan answer{hand(t.Context(), h.Batcher, "alone")}
	<-h.begun // nobody is under way: at once
	all = append(all, h.waiting(t.Context(), "a", "b")...)
	select {
	case got := <-h.begun:
		t.Errorf("%q have begun and are no crowd", got)
	default:
	}
	all = append(all, hand(t.Context(), h.Batcher, "c"))
	if got := <-h.begun; !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("the crowd is %q", got)
	}
	all = append(all, h.waiting(t.Context(), "d", "e")...)
	h.release <- ending{} // of one: the other is under way still
	select {
	case got := <-h.begun:
		t.Errorf("%q have begun and are no crowd", got)
	default:
	}
	h.release <- ending{}
	if got := <-h.begun; !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("the last batch is %q", got)
	}
	h.release <- ending{}
	for _, a := range all {
		if got := <-a; got.err != nil {
			t.Error(got.err)
		}
	}
}

func TestOneRequestsErrorIsItsOwn(t *testing.T) {
	mine := errors.New("mine")
	h := newHeld(t, batch.Options{})
	first := hand(t.Context(), h.Batcher, "first")
	<-h.begun
	rest := h.waiting(t.Context(), "a", "b", "c")
	h.release <- ending{}
	<-first
	<-h.begun
	h.release <- ending{results: []result{{Value: "a"}, {Err: mine}, {Value: "c"}}}
	check(t, <-rest[0], "a", nil)
	check(t, <-rest[1], "", mine)
	check(t, <-rest[2], "c", nil)
}

func TestABatchsErrorReachesAllOfItAndNobodyElse(t *testing.T) {
	disk := errors.New("disk")
	h := newHeld(t, batch.Options{})
	first := hand(t.Context(), h.Batcher, "first")
	<-h.begun
	second := h.waiting(t.Context(), "a", "b")
	h.release <- ending{}
	<-first
	<-h.begun
	third := h.waiting(t.Context(), "c")
	h.release <- ending{results: echo([]string{"a", "b"}), err: disk} // the error counts
	check(t, <-second[0], "", disk)
	check(t, <-second[1], "", disk)
	<-h.begun
	h.release <- ending{}
	check(t, <-third[0], "c", nil)
}

func TestACommitThatMiscountsIsAnError(t *testing.T) {
	for _, n := range []int{0, 2} {
		b := batch.New(batch.Options{}, func(context.Context, []string) ([]result, error) { return make([]result, n), nil })
		if _, err := b.Do(t.Context(), "a"); err == nil {
			t.Errorf("%d results for one request were taken", n)
		}
	}
}

func TestACommitThatPanicsFailsItsCallersAndTheNextBatchGoesOn(t *testing.T) {
	b := batch.New(batch.Options{}, func(_ context.Context, reqs []string) ([]result, error) {
		switch reqs[0] {
		case "panic":
			panic("boom")
		case "exit":
			runtime.Goexit()
		}
		return echo(reqs), nil
	})
	_, err := b.Do(t.Context(), "panic")
	var p *batch.PanicError
	if !errors.As(err, &p) || p.Value != "boom" || !strings.Contains(err.Error(), "batch_test.go") {
		t.Errorf("got %v", err)
	}
	if _, err := b.Do(t.Context(), "exit"); err == nil {
		t.Error("a commit that left was no error")
	}
	if got, err := b.Do(t.Context(), "a"); got != "a" || err != nil {
		t.Error(got, err)
	}
	b.Close()
}

func TestACallerWhoseContextEndsIsAnsweredAtOnce(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		b := batch.New(batch.Options{}, func(_ context.Context, reqs []string) ([]result, error) {
			t.Error("it was committed")
			return echo(reqs), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Do(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		b.Close()
	})
	t.Run("while it waits: its write never happens", func(t *testing.T) {
		h := newHeld(t, batch.Options{})
		first := hand(t.Context(), h.Batcher, "first")
		<-h.begun
		ctx, cancel := context.WithCancel(t.Context())
		a := h.waiting(t.Context(), "a")[0]
		left := h.waiting(ctx, "left")[0]
		c := h.waiting(t.Context(), "c")[0]
		cancel()
		check(t, <-left, "", context.Canceled) // though first is still held
		if got := h.Waiting(); got != 2 {
			t.Errorf("%d wait, not 2", got)
		}
		h.release <- ending{}
		<-first
		if got := <-h.begun; !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("the batch is %q", got)
		}
		h.release <- ending{}
		<-a
		<-c
	})
	t.Run("while it is committed: its write happens", func(t *testing.T) {
		h := newHeld(t, batch.Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		a := hand(ctx, h.Batcher, "a")
		if got := <-h.begun; !slices.Equal(got, []string{"a"}) {
			t.Fatal(got)
		}
		cancel(errors.New("the cause is not the context's error"))
		check(t, <-a, "", context.Canceled)
		h.release <- ending{} // the commit was not interrupted
		h.Close()
	})
	t.Run("all that wait", func(t *testing.T) {
		h := newHeld(t, batch.Options{})
		first := hand(t.Context(), h.Batcher, "first")
		<-h.begun
		ctx, cancel := context.WithCancel(t.Context())
		left := h.waiting(ctx, "a", "b")
		cancel()
		<-left[0]
		<-left[1]
		h.release <- ending{}
		<-first
		h.Close() // no batch of none
	})
}

func TestTheContextOfACommitEndsByTheTimeoutAlone(t *testing.T) {
	caller, cancel := context.WithCancel(t.Context())
	defer cancel()
	var b *batch.Batcher[string, string]
	commit := func(ctx context.Context, reqs []string) ([]result, error) {
		cancel()
		if reqs[0] == "hang" {
			<-ctx.Done()
		}
		return echo(reqs), ctx.Err()
	}
	b = batch.New(batch.Options{}, commit)
	hand(caller, b, "a")
	b.Close()
	b = batch.New(batch.Options{Timeout: time.Millisecond}, commit)
	if _, err := b.Do(t.Context(), "hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestCloseCommitsWhatWaitsAndRefusesWhatComes(t *testing.T) {
	h := newHeld(t, batch.Options{MaxBatch: 1})
	first := hand(t.Context(), h.Batcher, "first")
	<-h.begun
	rest := h.waiting(t.Context(), "a", "b")
	closed := make(chan struct{}, 2)
	for range 2 {
		go func() {
			h.Close()
			closed <- struct{}{}
		}()
	}
	for {
		ctx, cancel := context.WithCancel(t.Context())
		after := hand(ctx, h.Batcher, "after")
		for h.Waiting() == 2 && len(after) == 0 {
			runtime.Gosched()
		}
		cancel()
		if got := <-after; errors.Is(got.err, batch.ErrClosed) {
			break
		}
	}
	select {
	case <-closed:
		t.Error("Close returned before the batches were committed")
	default:
	}
	h.release <- ending{}
	for range rest {
		<-h.begun
		h.release <- ending{}
	}
	check(t, <-first, "first", nil)
	check(t, <-rest[0], "a", nil)
	check(t, <-rest[1], "b", nil)
	<-closed
	<-closed
	h.Close()
}

func TestNegativeOptionsAreRefused(t *testing.T) {
	for _, o := range []batch.Options{{Committers: -1}, {Crowd: -1}, {MaxBatch: -1}, {Timeout: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", o)
				}
			}()
			batch.New(o, func(context.Context, []string) ([]result, error) { return nil, nil })
		}()
	}
}

// Many callers, some of whom leave, some of whose requests fail and some of
// whose batches do: whoever was answered without an error is in the store, once;
// whoever was told of an error of its own or of its batch is not; whoever left
// is there once or not at all.
func TestWhatCallersAreToldIsWhatHappened(t *testing.T) {
	for _, o := range []batch.Options{{}, {Committers: 3, MaxBatch: 4}, {Committers: 2, Crowd: 5}, {MaxBatch: 1}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			var mu sync.Mutex
			stored := make(map[string]int)
			own, whole := errors.New("own"), errors.New("whole")
			var batches, under, most atomic.Int32
			b := batch.New(o, func(_ context.Context, reqs []string) ([]result, error) {
				for now := under.Add(1); ; {
					if m := most.Load(); now <= m || most.CompareAndSwap(m, now) {
						break
					}
				}
				defer under.Add(-1)
				if len(reqs) == 0 || o.MaxBatch > 0 && len(reqs) > o.MaxBatch {
					t.Errorf("a batch of %d", len(reqs))
				}
				if batches.Add(1)%7 == 0 {
					return nil, whole
				}
				out := echo(reqs)
				mu.Lock()
				defer mu.Unlock()
				for i, r := range reqs {
					if strings.HasSuffix(r, "3") {
						out[i] = result{Err: own}
						continue
					}
					stored[r]++
				}
				return out, nil
			})
			told := make(map[string]error)
			var toldMu sync.Mutex
			var callers sync.WaitGroup
			for i := range 40 {
				callers.Go(func() {
					for j := range 25 {
						req := fmt.Sprintf("%d.%d", i, j)
						ctx, cancel := context.WithCancel(t.Context())
						if j%5 == 4 {
							go cancel()
						}
						v, err := b.Do(ctx, req)
						cancel()
						if err == nil && v != req {
							t.Errorf("%s was answered with %s", req, v)
						}
						toldMu.Lock()
						told[req] = err
						toldMu.Unlock()
					}
				})
			}
			callers.Wait()
			b.Close()
			if len(told) != 1000 {
				t.Fatalf("%d callers were answered", len(told))
			}
			for req, err := range told {
				n := stored[req]
				switch {
				case err == nil && n != 1,
					(errors.Is(err, own) || errors.Is(err, whole)) && n != 0,
					errors.Is(err, context.Canceled) && n > 1:
					t.Errorf("%s: the caller was told %v, and it is stored %d times", req, err, n)
				}
			}
			if limit := int32(max(1, o.Committers)); most.Load() > limit {
				t.Errorf("%d batches at once, not at most %d", most.Load(), limit)
			}
		})
	}
}

func BenchmarkDo(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			bt := batch.New(batch.Options{}, func(_ context.Context, reqs []string) ([]result, error) {
				return make([]result, len(reqs)), nil
			})
			b.ReportAllocs()
			b.SetParallelism(callers)
			if callers == 1 {
				for b.Loop() {
					bt.Do(b.Context(), "a")
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					bt.Do(b.Context(), "a")
				}
			})
		})
	}
}
