package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// errNoPolicy: there was no good policy yet.
var errNoPolicy = errors.New("guard: no policy yet")

// Live is the guard that decides now. A new policy replaces it between two
// requests; a broken one leaves it in place. It is safe for concurrent use.
type Live struct {
	name string
	read func() ([]byte, error)
	from Sources
	now  func() time.Time

	current atomic.Pointer[Guard]

	mu   sync.Mutex // of what follows
	last []byte     // what was read last, good or not
	err  error      // what is wrong with it
}

// NewLive makes a Live of the policy that read returns; name is the file's. It
// decides nothing before the first Reload.
func NewLive(name string, read func() ([]byte, error), from Sources, now func() time.Time) *Live {
	return &Live{name: name, read: read, from: from, now: now}
}

// Current returns the guard that decides; nil before the first good policy.
func (l *Live) Current() *Guard { return l.current.Load() }

// Err says what is wrong with the policy as it was read last; nil if it is the one
// that decides.
func (l *Live) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil && l.err == nil {
		return errNoPolicy
	}
	return l.err
}

// Reload reads the policy and decides by it from now on. With an error, the policy
// from before still decides.
func (l *Live) Reload() error {
	_, err := l.reload(true)
	return err
}

// reload tells whether it took a new policy or found a new fault. Unless it must,
// it does nothing when the file is as it was.
func (l *Live) reload(must bool) (changed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, err := l.read()
	if err != nil {
		changed = l.err == nil || l.err.Error() != err.Error()
		l.err, l.last = err, nil
		return changed, err
	}
	if !must && l.last != nil && bytes.Equal(data, l.last) {
		return false, l.err
	}
	l.last = data
	l.err = l.take(data)
	return true, l.err
}

func (l *Live) take(data []byte) error {
	policy, err := Parse(l.name, data)
	if err != nil {
		return err
	}
	if old := l.Current(); old != nil && (old.policy.Gateway == Envoy) != (policy.Gateway == Envoy) {
		return fmt.Errorf("%w:\n%s: the gateway can't change to or from envoy while the guard runs", ErrPolicy, l.name)
	}
	g, err := New(policy, l.from, l.now)
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	l.current.Store(g)
	return nil
}

// Watch reads the policy at each tick and takes it if it has changed, and whenever
// asked, until ctx ends. report hears of each policy that was taken, with nil, and
// of each that was refused.
//
// Looking at the file works where notifications don't: on network file systems,
// and where a file is a link that is exchanged.
func (l *Live) Watch(ctx context.Context, tick <-chan time.Time, asked <-chan struct{}, report func(error)) {
	for {
		must := false
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-asked:
			must = true
		}
		if changed, err := l.reload(must); changed {
			report(err)
		}
	}
}
