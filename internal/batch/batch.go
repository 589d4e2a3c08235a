// Package batch is group commit: callers that wait together are committed
// together. While one batch is being committed, the next one gathers; a caller
// that comes alone is committed at once, so nobody ever waits for a timer. It
// knows nothing about what is committed.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// ErrClosed is what Do returns once Close was called.
var ErrClosed = errors.New("batch: closed")

// A PanicError is what the callers of a batch get whose commit panicked.
// Whether their writes happened is unknown.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("batch: the commit panicked: %v\n%s", e.Value, e.Stack)
}

// Options are the settings of a Batcher. A zero field means its default.
type Options struct {
	// Committers is how many batches may be committed at once; default 1, which
	// also makes the batches follow each other in order.
	Committers int
	// Crowd is how many requests must wait for a batch to begin while another one
	// is under way; default 1. Where each batch costs as much as many requests, a
	// second one that takes a few of them away makes both dearer. At most
	// MaxBatch.
	Crowd int
	// MaxBatch is how many requests a batch may have; default 512.
	MaxBatch int
	// Timeout is when the context of a commit ends; default never.
	Timeout time.Duration
	// OnBatch, if set, is told of each batch before it is committed: how many
	// requests are in it. It must not call the Batcher.
	OnBatch func(size int)
}

// Result is the outcome of one request: a value or an error.
type Result[Res any] struct {
	Value Res
	Err   error
}

// Batcher commits requests in groups. Make it with [New]. It is safe for
// concurrent use.
type Batcher[Req, Res any] struct {
	commit  func(context.Context, []Req) ([]Result[Res], error)
	options Options

	mu         sync.Mutex
	queue      list[Req, Res]
	committing int // batches under way
	closed     bool
	idle       sync.Cond // committing has become 0
}

// New makes a Batcher that writes with commit.
//
// commit gets the requests of one batch, in the order in which they came, never
// none. It returns as many results, in the same order: a request that fails for
// a reason of its own says so in its result and leaves the others alone. An
// error concerns the whole batch and is what all its callers get. The context
// does not end when callers leave, only by Options.Timeout; commit must see to
// it that each write happens whole or not at all. commit must not keep the
// slice, and must not call the Batcher. If it panics, its callers get a
// [PanicError] and the next batch goes on.
//
// New panics if an option is negative.
func New[Req, Res any](o Options, commit func(ctx context.Context, reqs []Req) ([]Result[Res], error)) *Batcher[Req, Res] {
	if o.Committers < 0 || o.Crowd < 0 || o.MaxBatch < 0 || o.Timeout < 0 {
		panic("batch: a negative option")
	}
	if o.Committers == 0 {
		o.Committers = 1
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = 512
	}
	o.Crowd = min(max(1, o.Crowd), o.MaxBatch)
	b := &Batcher[Req, Res]{commit: commit, options: o}
	b.idle.L = &b.mu
	return b
}

// Do hands in a request and waits for its result. If the context ends first it
// returns the context's error at once; the request has then either not been
// begun and never will be, or it is in a batch under way, which happens as if
// the caller were still there. ErrClosed after Close; nothing was written.
func (b *Batcher[Req, Res]) Do(ctx context.Context, req Req) (Res, error) {
	var none Res
	if err := ctx.Err(); err != nil {
		return none, err
	}
	c := &call[Req, Res]{req: req, done: make(chan struct{})}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return none, ErrClosed
	}
	b.queue.push(c)
	b.start()
	b.mu.Unlock()

	select {
	case <-c.done:
		return c.result.Value, c.result.Err
	case <-ctx.Done():
	}
	b.mu.Lock()
	b.queue.remove(c) // unless a batch has it
	b.mu.Unlock()
	select {
	case <-c.done: // both at once: what is known is better than "unknown"
		return c.result.Value, c.result.Err
	default:
		return none, ctx.Err()
	}
}

// Close lets what was handed in be committed, waits for it, and makes Do refuse
// what comes after. It may be called more than once.
func (b *Batcher[Req, Res]) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for b.committing > 0 {
		b.idle.Wait()
	}
}

// Waiting tells how many requests wait for a batch to take them.
func (b *Batcher[Req, Res]) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.len
}

// start begins a batch if there is something to commit and someone free to do
// it. The caller holds the lock.
func (b *Batcher[Req, Res]) start() {
	enough := 1
	if b.committing > 0 {
		enough = b.options.Crowd
	}
	if b.queue.len >= enough && b.committing < b.options.Committers {
		b.committing++
		go b.next()
	}
}

// next commits one batch and begins the one after. A goroutine does one batch,
// so that whatever happens to it in commit, the next is a fresh one.
func (b *Batcher[Req, Res]) next() {
	// Who is about to hand something in may do so first. It is no delay: where
	// nobody else has anything to do it returns at once.
	runtime.Gosched()
	b.mu.Lock()
	batch := b.queue.pop(b.options.MaxBatch)
	b.mu.Unlock()

	var results []Result[Res]
	err := errGone // which stays if commit ends the goroutine
	defer func() {
		for i, c := range batch {
			if err != nil {
				c.result.Err = err
			} else {
				c.result = results[i]
			}
			close(c.done)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.committing--
		b.start()
		if b.committing == 0 {
			b.idle.Broadcast()
		}
	}()
	if len(batch) == 0 { // all of them have left
		return
	}
	if b.options.OnBatch != nil {
		b.options.OnBatch(len(batch))
	}
	reqs := make([]Req, len(batch))
	for i, c := range batch {
		reqs[i] = c.req
	}
	results, err = b.attempt(reqs)
}

var errGone = errors.New("batch: the commit ended its goroutine")

// attempt calls commit and makes an error of whatever is wrong with how it ends.
func (b *Batcher[Req, Res]) attempt(reqs []Req) (results []Result[Res], err error) {
	ctx := context.Background()
	if b.options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.options.Timeout)
		defer cancel()
	}
	want := len(reqs)
	defer func() {
		if v := recover(); v != nil {
			results, err = nil, &PanicError{v, debug.Stack()}
		}
	}()
	results, err = b.commit(ctx, reqs)
	if err == nil && len(results) != want {
		return nil, fmt.Errorf("batch: the commit gave %d results for %d requests", len(results), want)
	}
	return results, err
}
