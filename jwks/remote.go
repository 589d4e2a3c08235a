package jwks

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton"
)

const (
	defaultRefresh  = 5 * time.Minute
	minLife         = time.Minute // bounds on an issuer's max-age
	maxLife         = time.Hour
	defaultCooldown = 30 * time.Second
	defaultMaxStale = 24 * time.Hour
	maxWait         = 2 * time.Second // of one look-up
	fetchTimeout    = 5 * time.Second
)

// RemoteOptions are the options of [NewRemote]. The zero value is good for an
// issuer that names the algorithms of its keys.
type RemoteOptions struct {
	// DefaultAlgorithm is the algorithm of keys that name none ("alg"). Without
	// it such keys are skipped, unless only one algorithm could be meant.
	DefaultAlgorithm jeton.Algorithm

	// RefreshEvery is the age from which on the set is fetched again, in the
	// background, while the old one serves. 0 means what the issuer says in
	// Cache-Control (max-age, but between a minute and an hour), and 5 minutes
	// if it says nothing.
	RefreshEvery time.Duration
	// Cooldown is the least time from the start of one fetch to that of the
	// next, whatever tokens ask for and however fetches fail. 0 means 30 s.
	Cooldown time.Duration
	// MaxStale is how long a set serves after the last fetch that confirmed it,
	// while the issuer is down or publishes nonsense. It is longer than
	// RefreshEvery and Cooldown. 0 means 24 h.
	MaxStale time.Duration

	// InsecureAllowUnusualExponent admits RSA keys whose public exponent is not
	// 65537: see [jeton.InsecureAllowUnusualExponent]. Without it such a key, as
	// any other that is refused, refuses the whole set.
	InsecureAllowUnusualExponent bool
	// InsecureLoopbackHTTP admits an http address if its host is localhost or a
	// loopback address, for tests and for issuers on the same machine.
	InsecureLoopbackHTTP bool
	// Transport replaces the way to the issuer, for client certificates or a
	// proxy. The check of the dialled address is then the transport's concern;
	// all other limits hold.
	Transport http.RoundTripper

	// OnRefresh, if set, is called after each fetch, with its error or nil: the
	// place to log and to count. It runs in the goroutine that fetched.
	OnRefresh func(err error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Remote is the key set that an issuer publishes at an address. It is fetched on
// the first look-up, or by [Remote.Refresh] before, and kept fresh by look-ups:
// there is nothing to close, and no goroutine lives longer than a fetch. It is
// safe for concurrent use.
type Remote struct {
	source                      *source
	refresh, cooldown, maxStale time.Duration
	onRefresh                   func(error)
	now                         func() time.Time

	// Look-ups read the state without a lock; mu is held to replace it.
	state atomic.Pointer[state]
	mu    sync.Mutex
}

// state is what a Remote knows at one moment. It is never changed, only
// replaced.
type state struct {
	keys      *Static // nil until a fetch succeeded
	etag      string  // of keys
	goodUntil time.Time
	refreshAt time.Time // from then on a look-up starts a fetch
	nextFetch time.Time // end of the cooldown
	flight    *flight   // the fetch under way, or nil
	failure   error     // why there are no good keys, once a fetch failed
}

func (s *state) good(now time.Time) bool { return s.keys != nil && now.Before(s.goodUntil) }

// flight is one fetch. Its error may be read once done is closed.
type flight struct {
	done chan struct{}
	err  error
}

// NewRemote makes the key set that is published at url, which is https and has
// neither user information nor a fragment. It fetches nothing yet.
//
// Errors: jeton.ErrInvalidPolicy for a refused address or option,
// jeton.ErrUnsupportedAlgorithm.
func NewRemote(url string, o RemoteOptions) (*Remote, error) {
	for _, f := range []struct {
		name  string
		value *time.Duration
		def   time.Duration
	}{
		{"RefreshEvery", &o.RefreshEvery, 0},
		{"Cooldown", &o.Cooldown, defaultCooldown},
		{"MaxStale", &o.MaxStale, defaultMaxStale},
	} {
		if *f.value < 0 {
			return nil, refuse("a negative %s", f.name)
		}
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	if o.MaxStale <= o.RefreshEvery || o.MaxStale <= o.Cooldown {
		return nil, refuse("MaxStale is not longer than RefreshEvery and Cooldown: the set would be gone before it is fetched again")
	}
	source, err := newSource(url, o)
	if err != nil {
		return nil, err
	}
	r := &Remote{
		source:    source,
		refresh:   o.RefreshEvery,
		cooldown:  o.Cooldown,
		maxStale:  o.MaxStale,
		onRefresh: o.OnRefresh,
		now:       o.Now,
	}
	if r.now == nil {
		r.now = time.Now
	}
	r.state.Store(&state{})
	return r, nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: remote key set: %s", jeton.ErrInvalidPolicy, fmt.Sprintf(format, args...))
}

// FindKey finds a key as [Static.FindKey] does. A known key is returned at once.
// For an unknown "kid" the set is fetched again, unless one of the last 30
// seconds was; the look-up waits for that no longer than 2 seconds and ctx.
//
// Errors: jeton.ErrUnknownKey if the set lacks the key; the set is then the last
// good one, even if it could not be fetched again. jeton.ErrKeysUnavailable if
// there is no good set, or ctx ended while waiting.
func (r *Remote) FindKey(ctx context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	s, now := r.state.Load(), r.now()
	if s.good(now) {
		if !now.Before(s.refreshAt) {
			r.start(ctx, false) // and don't wait for it
		}
		key, err := s.keys.FindKey(ctx, h)
		// A token that names no key can't name a new one.
		if err == nil || h.KeyID == "" {
			return key, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, interrupted(ctx)
	}
	if f := r.start(ctx, false); f != nil {
		timer := time.NewTimer(maxWait)
		defer timer.Stop()
		select {
		case <-f.done:
		case <-timer.C:
		case <-ctx.Done():
			return nil, interrupted(ctx)
		}
	}
	s = r.state.Load()
	switch {
	case s.good(r.now()):
		return s.keys.FindKey(ctx, h)
	case s.failure != nil:
		return nil, s.failure
	default:
		return nil, errUnderWay
	}
}

var errUnderWay = fmt.Errorf("%w: the fetch takes longer than a look-up waits", jeton.ErrKeysUnavailable)

func interrupted(ctx context.Context) error {
	return fmt.Errorf("%w: %w", jeton.ErrKeysUnavailable, context.Cause(ctx))
}

// Refresh fetches the set now, whatever its age and the cooldown, or waits for
// the fetch that is under way. Call it at start-up to have keys before the first
// token and to learn of a wrong address. If ctx ends first the fetch goes on.
//
// The error is jeton.ErrKeysUnavailable; a good set from before still serves.
func (r *Remote) Refresh(ctx context.Context) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	f := r.start(ctx, true)
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// start returns the fetch under way. If there is none it starts one, and returns
// nil if it is too early for that; with now it is never too early.
func (r *Remote) start(ctx context.Context, now bool) *flight {
	at := r.now()
	settled := func(s *state) bool { return s.flight != nil || !now && at.Before(s.nextFetch) }
	if s := r.state.Load(); settled(s) {
		return s.flight // a flood of unknown keys ends here, without a lock
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state.Load()
	if settled(s) {
		return s.flight
	}
	next := *s
	next.flight = &flight{done: make(chan struct{})}
	next.nextFetch = at.Add(r.cooldown)
	r.state.Store(&next)
	// The token that starts a fetch must not be able to end it for the others.
	go r.run(context.WithoutCancel(ctx), next.flight, s.etag, at)
	return next.flight
}

// run fetches the set and replaces the state. Times count from the start of the
// fetch: the set may be as old as that.
func (r *Remote) run(ctx context.Context, f *flight, etag string, at time.Time) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	a, err := r.source.fetch(ctx, etag)

	r.mu.Lock()
	next := *r.state.Load()
	next.flight = nil
	if err == nil {
		if !a.notModified {
			next.keys, next.etag = a.keys, a.etag
		}
		next.goodUntil = at.Add(r.maxStale)
		next.refreshAt = at.Add(r.life(a))
		next.failure = nil
	} else {
		f.err = fmt.Errorf("%w: %v", jeton.ErrKeysUnavailable, err)
		next.failure = f.err
	}
	r.state.Store(&next)
	r.mu.Unlock()

	close(f.done)
	if r.onRefresh != nil {
		r.onRefresh(f.err)
	}
}

// life is the age from which on an answer is asked for again. Unless the caller
// said otherwise it leaves half of MaxStale for asking.
func (r *Remote) life(a answer) time.Duration {
	switch {
	case r.refresh != 0:
		return r.refresh
	case a.hasMaxAge:
		return min(max(a.maxAge, minLife), maxLife, r.maxStale/2)
	default:
		return min(defaultRefresh, r.maxStale/2)
	}
}
