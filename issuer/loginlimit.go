package issuer

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// LoginLimits bound how fast passwords can be guessed. A login that comes too
// soon is refused with a [RetryError] before its password is looked at, right or
// wrong. Nobody is ever locked out: what grows is the wait between two tries. A
// zero field means its default.
type LoginLimits struct {
	// Off leaves all of it out, for a program that sees to it elsewhere.
	Off bool
	// SlowestLogin is the longest wait between two tries; default 1 h, at least
	// 1 s.
	SlowestLogin time.Duration
	// AddressFailures is how many failed logins an address may have at once,
	// whatever the accounts; default 50. One more every AddressEvery; default 2
	// s.
	AddressFailures int
	AddressEvery    time.Duration
	// IPv4Bits and IPv6Bits are how much of a client's address counts as one
	// address; default 32 and 64. The address is RequestInfo.Client; clients
	// whose address is not known are not limited by it.
	IPv4Bits, IPv6Bits int
}

func (l LoginLimits) complete() (LoginLimits, error) {
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&l.SlowestLogin, time.Hour}, {&l.AddressEvery, 2 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	for _, n := range []struct {
		value *int
		def   int
	}{{&l.AddressFailures, 50}, {&l.IPv4Bits, 32}, {&l.IPv6Bits, 64}} {
		if *n.value == 0 {
			*n.value = n.def
		}
	}
	switch {
	case l.SlowestLogin < time.Second:
		return l, because(ErrConfig, "the longest wait between two logins must be at least 1s")
	case l.AddressEvery < 0 || l.AddressFailures < 1:
		return l, because(ErrConfig, "an address must be allowed a positive number of failed logins")
	case l.IPv4Bits < 1 || l.IPv4Bits > 32 || l.IPv6Bits < 1 || l.IPv6Bits > 128:
		return l, because(ErrConfig, "the prefix of an address has 1 to 32 bits (IPv4) or 1 to 128 (IPv6)")
	}
	return l, nil
}

// steps is how waits grow with failures in a row: none for the first few, then a
// second, and twice that after each step.
type steps struct{ free, step int }

var (
	// one account, tried from one address or one known device
	fromOne = steps{free: 5, step: 1}
	// one account, tried from wherever nobody knows: a hundred tries take an
	// hour and a half
	fromAnywhere = steps{free: 10, step: 10}
)

// maxFailures is how many failures in a row an account may have before all
// further ones are as slow as can be (NIST SP 800-63B-4 section 3.2.2).
const maxFailures = 100

// wait is how long after the last of some failures the next try may be made.
func (s steps) wait(failures int, slowest time.Duration) time.Duration {
	switch doublings := (failures - s.free) / s.step; {
	case failures < s.free:
		return 0
	case failures >= maxFailures || doublings > 30:
		return slowest
	default:
		return min(time.Second<<doublings, slowest)
	}
}

const (
	trackedAddresses = 1 << 16 // some 10 MiB
	trackedSources   = 1 << 16
)

// source is one account as tried from one address.
type source struct {
	account FailureKey
	address netip.Prefix
}

// loginGuard enforces LoginLimits. What is counted by account is in the store,
// where all nodes see it and a restart leaves it; what is counted by address is
// in memory, the least recently used forgotten first.
type loginGuard struct {
	LoginLimits
	keys  loginKeys
	store FailureStore
	now   func() time.Time

	mu        sync.Mutex
	addresses *recent[netip.Prefix, *rate.Limiter]
	sources   *recent[source, Failures]
	underWay  map[FailureKey]int // tries whose outcome is not known yet
	changed   chan struct{}      // closed when one of them ends
	refused   map[LoginLimit]uint64
}

func newLoginGuard(cfg Config, root []byte) *loginGuard {
	return &loginGuard{
		LoginLimits: cfg.LoginLimits,
		keys:        newLoginKeys(root),
		store:       cfg.Store,
		now:         cfg.Now,
		addresses:   newRecent[netip.Prefix, *rate.Limiter](trackedAddresses),
		sources:     newRecent[source, Failures](trackedSources),
		underWay:    make(map[FailureKey]int),
		changed:     make(chan struct{}),
		refused:     map[LoginLimit]uint64{LimitAddress: 0, LimitSource: 0, LimitDevice: 0, LimitAccount: 0},
	}
}

// try is one login on its way past the guard.
type try struct {
	*loginGuard
	account FailureKey
	device  device     // zero: not a known one
	key     FailureKey // what its failure is stored under: of the device or else of the account
	steps   steps      // of key
	address netip.Prefix
	stored  Failures // under key
	begun   bool
}

// try looks at where a login comes from. name is in its normal form.
func (g *loginGuard) try(ctx context.Context, name, deviceToken string) *try {
	t := &try{loginGuard: g, account: g.keys.account(name), address: g.prefix(RequestInfoOf(ctx).Client)}
	t.key, t.steps = t.account, fromAnywhere
	if d, ok := g.keys.known(deviceToken, t.account, g.now()); ok {
		t.device, t.key, t.steps = d, g.keys.device(t.account, d), fromOne
	}
	return t
}

func (g *loginGuard) prefix(client netip.Addr) netip.Prefix {
	bits := g.IPv6Bits
	if client = client.Unmap().WithZone(""); client.Is4() {
		bits = g.IPv4Bits
	}
	p, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// check tells whether the try may be made now. It costs one read of the store at
// most, and no write.
func (t *try) check(ctx context.Context) error {
	if t.Off {
		return nil
	}
	t.mu.Lock()
	err := t.checkMemory()
	t.mu.Unlock()
	if err != nil {
		return err
	}
	return t.checkStore(ctx)
}

// checkMemory checks what this process counts by address. mu is held.
func (t *try) checkMemory() error {
	now := t.now()
	if bucket, ok := t.addresses.get(t.address); ok && t.address.IsValid() {
		if missing := 1 - bucket.TokensAt(now); missing > 0 {
			return t.refuse(LimitAddress, time.Duration(missing*float64(t.AddressEvery)))
		}
	}
	if t.device == (device{}) {
		f, _ := t.sources.get(source{t.account, t.address})
		if wait := fromOne.wait(f.Count, t.SlowestLogin) - max(0, now.Sub(f.Last)); wait > 0 {
			return t.refuse(LimitSource, wait)
		}
	}
	return nil
}

// checkStore checks what all nodes count.
func (t *try) checkStore(ctx context.Context) error {
	stored, now, err := t.store.LoginFailures(ctx, t.key)
	if err != nil {
		return err
	}
	t.stored = stored
	if wait := t.steps.wait(stored.Count, t.SlowestLogin) - now.Sub(stored.Last); wait > 0 {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.refuse(t.limit(), wait)
	}
	return nil
}

func (t *try) limit() LoginLimit {
	if t.device != (device{}) {
		return LimitDevice
	}
	return LimitAccount
}

// begin begins the try, which end ends; the caller holds a slot for the hash. It
// checks again, as others may have failed meanwhile. Tries of this process that
// are under way count as failed: of those that come together only as many go on
// as are free, and then one at a time.
func (t *try) begin(ctx context.Context) error {
	if t.Off {
		return nil
	}
	for {
		t.mu.Lock()
		others, changed := t.underWay[t.key], t.changed
		wait := !t.room(others)
		if !wait {
			t.underWay[t.key]++
		}
		t.mu.Unlock()
		// Who waits does not count, or two that wait would wait for each other.
		if wait {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := t.check(ctx); err != nil {
			t.leave()
			return err
		}
		if t.room(others) {
			t.begun = true
			return nil
		}
		t.leave() // more failed by now than when this began
	}
}

// room tells whether the try may be made beside others, by the failures that were
// stored when it was checked last.
func (t *try) room(others int) bool { return others == 0 || t.stored.Count+others < t.steps.free }

// leave takes the try out of those under way, and tells who waits for one.
func (t *try) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.underWay[t.key]--; t.underWay[t.key] == 0 {
		delete(t.underWay, t.key)
	}
	t.tell()
}

// tell wakes those who wait for tries under way. mu is held.
func (g *loginGuard) tell() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// end ends a try that was begun.
func (t *try) end() {
	if t.begun {
		t.begun = false
		t.leave()
	}
}

// failed counts the try as failed, whether or not its client is still there: one
// that hangs up has made a guess all the same.
func (t *try) failed(ctx context.Context) error {
	if t.Off {
		return nil
	}
	t.mu.Lock()
	now := t.now()
	if t.address.IsValid() {
		bucket, ok := t.addresses.get(t.address)
		if !ok {
			bucket = rate.NewLimiter(rate.Every(t.AddressEvery), t.AddressFailures)
			t.addresses.put(t.address, bucket)
		}
		bucket.ReserveN(now, 1) // into debt, if several failed at once
	}
	if t.device == (device{}) {
		from := source{t.account, t.address}
		f, _ := t.sources.get(from)
		t.sources.put(from, Failures{Count: f.Count + 1, Last: now})
	}
	t.mu.Unlock()
	return t.store.CountLoginFailure(context.WithoutCancel(ctx), t.key)
}

// succeeded forgets the failures before: a known device's if it was one, or
// else everybody's.
func (t *try) succeeded(ctx context.Context) error {
	if t.Off {
		return nil
	}
	t.mu.Lock()
	t.sources.remove(source{t.account, t.address})
	t.mu.Unlock()
	if t.stored.Count == 0 {
		return nil
	}
	return t.store.ForgetLoginFailures(ctx, t.key)
}

// deviceToken is the token that a successful login takes home.
func (t *try) deviceToken() string { return t.keys.issue(t.account, t.device, t.now()) }

// refuse counts a refusal. mu is held.
func (g *loginGuard) refuse(why LoginLimit, wait time.Duration) error {
	g.refused[why]++
	return &RetryError{After: wait, Limit: why}
}

func (g *loginGuard) stats() GuessStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return GuessStats{Refused: maps.Clone(g.refused), Addresses: g.addresses.len(), Sources: g.sources.len()}
}
