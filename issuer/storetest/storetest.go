// Package storetest is the conformance suite of [issuer.Store]: each obligation
// in that interface's documentation has a subtest here, and every
// implementation, in this module or outside of it, passes them all.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Place {
//			path := filepath.Join(t.TempDir(), "jeton.db")
//			return storetest.Place{
//				Open: func(now func() time.Time) (issuer.Store, error) {
//					return mystore.Open(t.Context(), path, now)
//				},
//				Close:      func(s issuer.Store) error { return s.(*mystore.Store).Close() },
//				Persistent: true,
//				Shared:     true,
//			}
//		})
//	}
//
// A failure prints the rule that the store broke. The suite drives the store's
// clock and never sleeps. Only tests import this package.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Opener makes a fresh, empty place for a store, another one with each call. It
// ends the test through t if it can't. The place lasts as long as t.
type Opener func(t testing.TB) Place

// Place is where a store keeps its state: a file, a schema, a map.
type Place struct {
	// Open opens a store on the place, with a clock that is safe for
	// concurrent use. If Persistent, the suite opens the place again after
	// Close; if Shared, also while another store is open on it.
	Open func(now func() time.Time) (issuer.Store, error)

	// Close closes a store that Open returned. The suite closes every store
	// that it opens. Nil: there is nothing to close.
	Close func(issuer.Store) error

	// Persistent says that the state survives Close. Without it the suite
	// skips what it says of durability.
	Persistent bool

	// Shared says that several stores may be open on the place at once, as
	// when a command works beside a running service or several nodes share a
	// database. Without it the suite leaves out what it says of that.
	Shared bool
}

// Run checks a store against every rule, one subtest each, and against a model
// with random operations (package rapid; its -rapid.* flags apply).
func Run(t *testing.T, open Opener) {
	t.Helper()
	kind := open(t) // what it says of itself holds for all places
	for _, area := range []struct {
		name  string
		rules []rule
	}{
		{"sessions", sessionRules()},
		{"counting", countRules()},
		{"rotation", rotationRules()},
		{"limit", limitRules()},
		{"revocation", revocationRules()},
		{"users", userRules()},
		{"keys", keyRules()},
		{"time", timeRules()},
		{"races", raceRules()},
		{"transactions", transactionRules()},
		{"durability", durabilityRules()},
		{"invariants", invariantRules()},
		{"failures", failureRules()},
		{"log", logRules()},
		{"pruning", pruneRules()},
		{"audit", auditRules()},
		{"notices", noticeRules()},
	} {
		t.Run(area.name, func(t *testing.T) {
			for _, r := range area.rules {
				if r.applies(kind) {
					t.Run(r.name, func(t *testing.T) { r.check(t, open) })
				}
			}
		})
	}
	t.Run("model", func(t *testing.T) { checkModel(t, open) })
}

// rule is one obligation and its test.
type rule struct {
	name string
	rule string // what holds for a store that obeys; printed on failure
	run  func(c *check)

	// Not every place can show whether a store obeys.
	persistent, shared bool // the places that can
}

func onPersistentPlace(r rule) rule { r.persistent = true; return r }
func onSharedPlace(r rule) rule     { r.shared = true; return r }

// applies tells whether a place can show that a store obeys. The rules that it
// can't show are not run for it.
func (r rule) applies(p Place) bool {
	return (p.Persistent || !r.persistent) && (p.Shared || !r.shared)
}

func (r rule) check(t *testing.T, open Opener) {
	c := &check{T: t, ctx: t.Context(), rule: r.rule, place: open(t), another: open, clock: newClock()}
	c.Store = c.open()
	r.run(c)
}

// check is a rule's test under way: a store in a fresh place, and its clock.
type check struct {
	*testing.T
	issuer.Store
	ctx     context.Context
	rule    string
	place   Place
	another Opener // for a rule that needs more places
	clock   *clock
}

// open opens a store on the check's place with the check's clock.
func (c *check) open() issuer.Store {
	c.Helper()
	return c.openWith(c.clock)
}

// openWith opens a store on the check's place; it is closed with the test at
// the latest.
func (c *check) openWith(clock *clock) issuer.Store {
	c.Helper()
	s, err := c.place.Open(clock.Now)
	c.must(err, "open the store")
	opened := &closeOnce{Store: s, close: c.place.Close}
	c.Cleanup(func() {
		if err := opened.closeStore(); err != nil {
			c.broken("close the store: %v", err)
		}
	})
	return opened
}

// closeOnce lets a test close a store before the test's end.
type closeOnce struct {
	issuer.Store
	close func(issuer.Store) error
}

func (s *closeOnce) closeStore() error {
	shut := s.close
	s.close = nil
	if shut == nil {
		return nil
	}
	return shut(s.Store)
}

// reopen closes the check's store and opens the place again.
func (c *check) reopen() {
	c.Helper()
	c.must(c.Store.(*closeOnce).closeStore(), "close the store")
	c.Store = c.open()
}

// broken reports that the store broke the rule. It may be called from any
// goroutine.
func (c *check) broken(format string, args ...any) {
	c.Helper()
	c.Errorf("rule: "+c.rule+"\n\t"+format, args...)
}

// must ends the test if a step on the way to the rule failed.
func (c *check) must(err error, doing string) {
	c.Helper()
	if err != nil {
		c.Fatalf("rule: %s\n\t%s: unexpected error: %v", c.rule, doing, err)
	}
}
