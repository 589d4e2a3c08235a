package revocation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton"
)

// ErrStale: the feed is older than the follower tolerates, so it can't be told
// whether a token was revoked. It is a jeton.ErrRevocationsUnavailable, and a
// server answers it with 503.
var ErrStale = fmt.Errorf("%w: the feed is older than is tolerated", jeton.ErrRevocationsUnavailable)

const (
	dialTimeout = 3 * time.Second
	// silence is how long nothing may come before a connection is given up: the
	// issuer says something every 5 s.
	silence = 15 * time.Second
	// firstWord is how long a stream may be silent at its beginning, where the
	// issuer speaks at once. A proxy that collects an answer before it passes
	// it on shows this way.
	firstWord = 10 * time.Second
	// pollWait is how long the issuer is asked to wait for something new. So old
	// the feed becomes, where there is no stream.
	pollWait = 10 * time.Second
	// streamAgain is how long long poll is used before a stream is tried again.
	streamAgain = 5 * time.Minute

	leastDelay = 250 * time.Millisecond
	mostDelay  = 10 * time.Second
	mostAsked  = time.Minute // of Retry-After

	// repeatEvery is how often OnError is told that it still does not work.
	repeatEvery = 30 * time.Second
)

// Follower holds what an issuer has revoked, and keeps up with it. It is a
// [jeton.RevocationList], safe for concurrent use. Make it with [Follow].
type Follower struct {
	options
	set      *Set
	feed     *url.URL
	verifier *jeton.Verifier

	asOf  atomic.Int64 // nanoseconds since 1970; 0: never
	ready chan struct{}
	done  chan struct{}
	stop  context.CancelFunc

	mu    sync.Mutex // of what follows
	stats Stats
	stale *time.Timer

	// Of the follower's goroutine.
	cursor      cursor
	disk        *disk
	diskRead    bool
	noStream    int // streams in a row that did not come through
	streamAfter time.Time
	sweepAfter  time.Time
}

// Stats are counters since the follower began, and its state. They are made for
// expvar.Func and the like: nothing here names a session or a subject.
type Stats struct {
	Mode      string    `json:"mode"`      // "stream", "poll", or "" while there is no connection
	Connects  uint64    `json:"connects"`  // connections that delivered something
	Failures  uint64    `json:"failures"`  // connections that failed or broke
	Batches   uint64    `json:"batches"`   // that were taken in
	Refused   uint64    `json:"refused"`   // batches that were refused
	Snapshots uint64    `json:"snapshots"` // that were begun
	Received  uint64    `json:"received"`  // entries that came
	Bytes     uint64    `json:"bytes"`     // of batches
	Entries   int       `json:"entries"`   // that are held now
	Seq       uint64    `json:"seq"`       // the number of the last entry
	AsOf      time.Time `json:"as_of"`     // up to when all is known, in the issuer's time; zero: never
	Stale     bool      `json:"stale"`     // older than is tolerated
}

// Follow follows the feed of an issuer at an address, GET /v1/revocations of
// "jeton serve", until ctx ends or Close is called. keys are those of the
// issuer, as for its tokens: they verify each batch, so that a cache, a proxy or
// a content network may lie between. issuer is the "iss" of its tokens.
//
// Follow returns at once; what a list that is still empty means is for FailOpen
// and FailClosed to say, and [Follower.Wait] waits. Errors:
// jeton.ErrInvalidPolicy for a refused address or option.
func Follow(ctx context.Context, address string, keys jeton.KeySet, issuer string, list ...Option) (*Follower, error) {
	o, err := newOptions(list)
	if err != nil {
		return nil, err
	}
	u, err := checkAddress(address, o.insecure)
	if err != nil {
		return nil, err
	}
	f := &Follower{
		options: o,
		set:     NewSet(o.now),
		feed:    u,
		ready:   make(chan struct{}),
		done:    make(chan struct{}),
	}
	if f.verifier, err = newBatchVerifier(keys, issuer, f.set, o.now); err != nil {
		return nil, err
	}
	if o.file != "" {
		f.disk = &disk{path: o.file}
	}
	ctx, f.stop = context.WithCancel(ctx)
	f.mu.Lock() // for a timer that is faster than this function
	f.stale = time.AfterFunc(o.tolerate, f.tellStale)
	f.mu.Unlock()
	go f.run(ctx)
	return f, nil
}

// CheckRevoked makes the follower a [jeton.RevocationList]: jeton.ErrRevoked for
// a token that was called back; with FailClosed, ErrStale for any other while
// the feed is too old.
func (f *Follower) CheckRevoked(ctx context.Context, v *jeton.Verified) error {
	if err := f.set.CheckRevoked(ctx, v); err != nil {
		return err
	}
	if f.closed && f.Stale() > f.tolerate {
		return ErrStale
	}
	return nil
}

// Stale tells how old the knowledge is: the time since the issuer last said,
// signed, that there is nothing more. It is a few seconds at most while the feed
// flows, by clocks that agree, and never less than 0; before the first snapshot
// it is the longest Duration there is.
func (f *Follower) Stale() time.Duration {
	asOf := f.asOf.Load()
	if asOf == 0 {
		return math.MaxInt64
	}
	return max(0, f.now().Sub(time.Unix(0, asOf)))
}

// Ready is closed once the first snapshot is complete.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Wait waits for the first snapshot. The error is the context's, or ErrStale if
// the follower was closed before.
func (f *Follower) Wait(ctx context.Context) error {
	select {
	case <-f.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.done:
		return ErrStale
	}
}

// Stats returns counters and state.
func (f *Follower) Stats() Stats {
	f.mu.Lock()
	s := f.stats
	f.mu.Unlock()
	if asOf := f.asOf.Load(); asOf != 0 {
		s.AsOf = time.Unix(0, asOf).UTC()
	}
	s.Entries, s.Stale = f.set.Len(), f.Stale() > f.tolerate
	return s
}

// Entries returns what is called back now, ordered by kind and value.
func (f *Follower) Entries() []Entry { return f.set.Entries() }

// Close ends following and waits until that is so. What is known stays known,
// and grows stale.
func (f *Follower) Close() error {
	f.stop()
	<-f.done
	return nil
}

func (f *Follower) count(change func(*Stats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.stats)
}

// tellStale runs when the tolerated age has gone by since the last fresh batch.
func (f *Follower) tellStale() {
	select {
	case <-f.done:
		return
	default:
	}
	if age := f.Stale(); age == math.MaxInt64 {
		f.onError(fmt.Errorf("%w: there was no snapshot yet", ErrStale))
	} else if left := f.tolerate - age; left >= 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stale.Reset(left + time.Millisecond)
	} else {
		f.onError(fmt.Errorf("%w: by %s", ErrStale, age.Truncate(time.Second)))
	}
}

// run connects again and again.
func (f *Follower) run(ctx context.Context) {
	defer close(f.done)
	defer f.stop()
	defer f.stale.Stop()
	defer f.flush()
	lastGood, quietUntil := f.now(), time.Time{}
	for ctx.Err() == nil {
		f.readDisk(ctx)
		progress, err := f.connect(ctx)
		f.count(func(s *Stats) { s.Mode = "" })
		if ctx.Err() != nil {
			return
		}
		if progress {
			lastGood, quietUntil = f.now(), time.Time{}
		}
		if err == nil {
			continue // it is time to try the other way
		}
		f.count(func(s *Stats) { s.Failures++ })
		// An outage is many failures, and news once; what was refused always is.
		if now := f.now(); isRefusal(err) || !now.Before(quietUntil) {
			quietUntil = now.Add(repeatEvery)
			f.onError(err)
		}
		if !sleep(ctx, delay(f.now().Sub(lastGood), err)) {
			return
		}
	}
}

// delay is how long to wait before the next attempt: in proportion to how long
// it has not worked, so that coming back takes a hundredth of an outage, and
// with a random part, so that all the followers of an issuer don't come at once.
func delay(outage time.Duration, err error) time.Duration {
	most := min(max(outage/100, leastDelay), mostDelay)
	d := most/4 + rand.N(most*3/4)
	var busy *statusError
	if errors.As(err, &busy) && busy.retryAfter > 0 {
		asked := min(busy.retryAfter, mostAsked)
		d = asked + rand.N(asked/4+leastDelay)
	}
	return d
}

func isRefusal(err error) bool {
	return errors.Is(err, ErrForged) || errors.Is(err, ErrGap) || errors.Is(err, ErrReplayed) || errors.Is(err, ErrHistory)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connect follows one connection to its end, in one way or the other.
func (f *Follower) connect(ctx context.Context) (progress bool, err error) {
	if f.polling || f.now().Before(f.streamAfter) {
		return f.poll(ctx)
	}
	progress, err = f.stream(ctx)
	switch {
	case progress:
		f.noStream = 0
	case errors.Is(err, errNoStream):
		// Once may be an accident, unless the answer is of another kind.
		if f.noStream++; f.noStream >= 2 || errors.Is(err, errOtherAnswer) {
			f.noStream = 0
			f.streamAfter = f.now().Add(streamAgain)
		}
	}
	return progress, err
}

// take verifies a batch and takes it in, or refuses it.
func (f *Follower) take(ctx context.Context, token string) error {
	b, err := readBatch(ctx, f.verifier, token)
	var note error
	if err == nil {
		note, err = f.cursor.advance(b, f.now())
	}
	if err != nil {
		f.count(func(s *Stats) { s.Refused++ })
		return err
	}
	if note != nil {
		f.onError(note)
	}
	for _, e := range b.Entries {
		if r := e.revoked(); f.set.Add(r) && f.onRevoke != nil {
			f.onRevoke(r)
		}
	}
	f.count(func(s *Stats) {
		s.Batches++
		s.Bytes += uint64(len(token))
		s.Received += uint64(len(b.Entries))
		s.Seq = b.To
		if b.Snapshot {
			s.Snapshots++
		}
	})
	f.keep(b, token)
	// After the entries: whoever sees that the list is fresh sees them too.
	f.fresh(f.cursor.asOf)
	if f.cursor.whole() {
		select {
		case <-f.ready:
		default:
			close(f.ready)
		}
	}
	if now := f.now(); !now.Before(f.sweepAfter) {
		f.sweepAfter = now.Add(time.Minute)
		f.set.Sweep()
	}
	return nil
}

func (f *Follower) fresh(asOf time.Time) {
	if asOf.IsZero() || asOf.UnixNano() <= f.asOf.Load() {
		return
	}
	f.asOf.Store(asOf.UnixNano())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stale.Reset(max(0, f.tolerate-f.Stale()) + time.Millisecond)
}
