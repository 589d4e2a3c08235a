package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// together runs do n times at once, as nearly as can be, and waits.
func together(n int, do func(i int)) {
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			do(i)
		})
	}
	close(gate)
	all.Wait()
}

// stores returns stores to race with: two on the same place if it can be
// shared.
func (c *check) stores() []issuer.Store {
	c.Helper()
	if !c.place.Shared {
		return []issuer.Store{c.Store}
	}
	return []issuer.Store{c.Store, c.openWith(c.clock)}
}

func raceRules() []rule {
	rules := []rule{
		{name: "one winner", rule: "of 1,000 rotations from one generation exactly one wins; the others get ErrConflict", run: func(c *check) {
			s := c.session("alice")
			c.raceToRotate(1000, s, []issuer.Store{c.Store})
		}},
		onSharedPlace(rule{name: "one winner, shared", rule: "of 200 rotations from one generation over two stores exactly one wins", run: func(c *check) {
			stores := c.stores()
			for range 3 {
				c.raceToRotate(200, c.session("alice"), stores)
			}
		}}),
		{name: "one session", rule: "of many sessions created with one id exactly one is stored", run: func(c *check) {
			stores := c.stores()
			n := newSession("alice")
			c.oneWins(50, issuer.ErrConflict, func(i int) error {
				mine := n
				mine.Device = fmt.Sprint("device ", i)
				_, err := stores[i%len(stores)].CreateSession(c.ctx, mine)
				return err
			})
		}},
		{name: "one user", rule: "of many users created with one name exactly one is stored", run: func(c *check) {
			stores := c.stores()
			c.oneWins(50, issuer.ErrExists, func(i int) error {
				u := newUser("alice")
				u.ID = fmt.Sprint("id ", i)
				_, err := stores[i%len(stores)].CreateUser(c.ctx, u)
				return err
			})
		}},
		{name: "keys", rule: "updates of the keys that run at once each see what the others did", run: func(c *check) {
			const n = 40
			stores := c.stores()
			together(n, func(i int) {
				err := stores[i%len(stores)].UpdateKeys(c.ctx, func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
					return append(keys, issuer.StoredKey{ID: fmt.Sprint(i), Use: issuer.UseRefresh, State: issuer.KeyNext, CreatedAt: now}), nil
				})
				if err != nil {
					c.broken("UpdateKeys: %v", err)
				}
			})
			if got := len(c.readKeys()); got != n {
				c.broken("%d updates that each append a key leave %d keys", n, got)
			}
		}},
		{name: "rehash", rule: "a rehash that was under way when the password changed does not bring the old one back", run: func(c *check) {
			stores := c.stores()
			for i := range 20 {
				u := c.user(fmt.Sprint("user ", i))
				together(2, func(j int) {
					var err error
					if j == 0 {
						_, err = c.SetPassword(c.ctx, u.Name, hashOf("new"))
					} else {
						err = stores[i%len(stores)].Rehash(c.ctx, u.Name, u.PasswordHash, hashOf("old, stronger"))
						if errors.Is(err, issuer.ErrConflict) {
							err = nil
						}
					}
					if err != nil {
						c.broken("%v", err)
					}
				})
				if got := c.readUser(u.Name); got.PasswordHash != hashOf("new") || got.Version != 2 {
					c.broken("the old password's hash is back, or the version is %d, not 2", got.Version)
				}
			}
		}},
		{name: "reader", rule: "to a reader beside writers a session never goes back, nor does now", run: func(c *check) {
			c.clock.Tick(time.Microsecond)
			s := c.session("alice")
			stores := c.stores()
			var done atomic.Bool
			together(3, func(i int) {
				if i == 0 {
					defer done.Store(true)
					for g := range uint32(100) {
						if _, err := c.Rotate(c.ctx, s.ID, g, g+1); err != nil {
							c.broken("Rotate: %v", err)
							return
						}
					}
					return
				}
				seen, then := s, s.CreatedAt
				for !done.Load() {
					got, now, err := stores[i%len(stores)].Session(c.ctx, s.ID)
					switch {
					case err != nil:
						c.broken("Session: %v", err)
						return
					case got.Generation < seen.Generation, now.Before(then), got.LastUsedAt().After(now):
						c.broken("generation %d, used at %v, now %v came after generation %d at %v",
							got.Generation, got.LastUsedAt(), now, seen.Generation, then)
						return
					}
					seen, then = got, now
				}
			})
		}},
	}
	for _, e := range endings() {
		rules = append(rules, rule{name: "rotate against " + e.name, rule: "no rotation succeeds after " + e.name + " returned, and none that succeeded is lost", run: func(c *check) {
			stores := c.stores()
			c.clock.Tick(time.Microsecond)
			for i := 0; i < 10 && !c.Failed(); i++ {
				c.raceToEnd(i, e, stores)
			}
		}})
	}
	for name, change := range map[string]func(context.Context, issuer.Store, issuer.User) error{
		"SetPassword": setPassword,
		"SetDisabled": setDisabled,
	} {
		rules = append(rules, rule{name: "create against " + name, rule: "a login that was under way when " + name + " returned leaves no live session", run: func(c *check) {
			stores := c.stores()
			for i := range 20 {
				u := c.user(fmt.Sprint("user ", i))
				together(9, func(j int) {
					if j == i%9 {
						if err := change(c.ctx, stores[i%len(stores)], u); err != nil {
							c.broken("%s: %v", name, err)
						}
						return
					}
					n := newSession(u.ID)
					n.User = &issuer.UserCondition{ID: u.ID, Version: u.Version}
					_, err := stores[j%len(stores)].CreateSession(c.ctx, n)
					if err != nil && !errors.Is(err, issuer.ErrConflict) {
						c.broken("CreateSession: %v", err)
					}
				})
				live, _, err := c.Sessions(c.ctx, u.ID, 100)
				c.must(err, "list")
				if len(live) > 0 {
					c.broken("%d sessions of the old version are live", len(live))
				}
			}
		}})
	}
	return rules
}

// raceToRotate lets n rotations of a session race.
func (c *check) raceToRotate(n int, s issuer.Session, stores []issuer.Store) {
	c.Helper()
	c.oneWins(n, issuer.ErrConflict, func(i int) error {
		_, err := stores[i%len(stores)].Rotate(c.ctx, s.ID, s.Generation, s.Generation+1)
		return err
	})
	got, _ := c.read(s.ID)
	s.Generation, s.RotatedAt = s.Generation+1, got.RotatedAt
	c.wants("the session after", got, s)
	if got.RotatedAt.IsZero() {
		c.broken("RotatedAt is zero")
	}
}

// oneWins does something n times at once: one must succeed, the others fail
// with want.
func (c *check) oneWins(n int, want error, do func(i int) error) {
	c.Helper()
	var won atomic.Int32
	together(n, func(i int) {
		switch err := do(i); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, want):
			c.broken("a loser got the error %v, not %v", err, want)
		}
	})
	if won.Load() != 1 {
		c.broken("%d of %d won", won.Load(), n)
	}
}

// ending is one way in which a session ends.
type ending struct {
	name string
	end  func(c *check, s issuer.Store, u issuer.User, session issuer.Session) error
}

func setPassword(ctx context.Context, s issuer.Store, u issuer.User) error {
	_, err := s.SetPassword(ctx, u.Name, hashOf("new"))
	return err
}

func setDisabled(ctx context.Context, s issuer.Store, u issuer.User) error {
	_, err := s.SetDisabled(ctx, u.Name, true)
	return err
}

func endings() []ending {
	return []ending{
		{"Revoke", func(c *check, s issuer.Store, _ issuer.User, session issuer.Session) error {
			_, err := s.Revoke(c.ctx, issuer.Revocation{SessionID: session.ID, Reason: issuer.ReasonLogout})
			return err
		}},
		{"Revoke of the subject", func(c *check, s issuer.Store, u issuer.User, _ issuer.Session) error {
			_, err := s.Revoke(c.ctx, issuer.Revocation{Subject: u.ID, Reason: issuer.ReasonRevoked})
			return err
		}},
		{"SetPassword", func(c *check, s issuer.Store, u issuer.User, _ issuer.Session) error {
			return setPassword(c.ctx, s, u)
		}},
		{"SetDisabled", func(c *check, s issuer.Store, u issuer.User, _ issuer.Session) error {
			return setDisabled(c.ctx, s, u)
		}},
		{"the idle limit", func(c *check, _ issuer.Store, _ issuer.User, session issuer.Session) error {
			c.clock.Move(session.IdleTimeout)
			return nil
		}},
		{"the absolute limit", func(c *check, _ issuer.Store, _ issuer.User, session issuer.Session) error {
			c.clock.Move(session.ExpiresAt.Sub(session.CreatedAt))
			return nil
		}},
	}
}

// raceToEnd rotates a session from several goroutines until it ends by the
// hand of another.
func (c *check) raceToEnd(round int, e ending, stores []issuer.Store) {
	c.Helper()
	const rotators = 3
	u := c.user(fmt.Sprint("user ", round))
	n := newSession(u.ID)
	if e.name == "the absolute limit" {
		n.IdleTimeout = 0
	}
	s := c.create(n)

	var ended atomic.Bool
	var rotations atomic.Int32
	warm := make(chan struct{}) // closed when enough rotations have succeeded, or none will
	var once sync.Once
	warmUp := func() { once.Do(func() { close(warm) }) }
	together(rotators+1, func(i int) {
		store := stores[i%len(stores)]
		if i == rotators {
			<-warm
			if err := e.end(c, store, u, s); err != nil {
				c.broken("end the session: %v", err)
			}
			ended.Store(true)
			return
		}
		defer warmUp()
		g := uint32(0)
		for range 1_000_000 { // a store that obeys ends it far sooner
			late := ended.Load()
			got, err := store.Rotate(c.ctx, s.ID, g, g+1)
			switch {
			case err == nil && late:
				c.broken("generation %d came after the end", got.Generation)
				return
			case err == nil && got.RotatedAt.After(s.ExpiresAt):
				c.broken("RotatedAt is %v, after ExpiresAt %v", got.RotatedAt, s.ExpiresAt)
				return
			case err == nil:
				g = got.Generation
				if int(rotations.Add(1)) > round*2 {
					warmUp()
				}
				continue
			case !errors.Is(err, issuer.ErrConflict):
				c.broken("Rotate: %v", err)
				return
			}
			now, at, err := store.Session(c.ctx, s.ID)
			if err != nil {
				c.broken("Session: %v", err)
				return
			}
			if !now.Live(at) {
				return
			}
			g = now.Generation
		}
		c.broken("the session goes on and on")
	})
	got, now := c.read(s.ID)
	if got.Live(now) {
		c.broken("the session is live after its end")
	}
	if got.Generation != uint32(rotations.Load()) {
		c.broken("%d rotations succeeded, but the generation is %d", rotations.Load(), got.Generation)
	}
	if got.Revoked() && got.RevokedAt.Before(got.RotatedAt) {
		c.broken("it was rotated at %v, after it was revoked at %v", got.RotatedAt, got.RevokedAt)
	}
}
