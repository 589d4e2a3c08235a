package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func transactionRules() []rule {
	return []rule{
		{name: "ping", rule: "Ping returns nil from a store that works", run: func(c *check) {
			c.must(c.Ping(c.ctx), "ping")
			c.session("alice")
			c.must(c.Ping(c.ctx), "ping")
		}},
		{name: "cancelled before", rule: "a write whose context has ended writes nothing and returns the context's error", run: func(c *check) {
			writes := c.writes()
			before := c.contents()
			cancelled, cancel := context.WithCancel(c.ctx)
			cancel()
			late, cancel := context.WithDeadline(c.ctx, time.Unix(0, 0))
			defer cancel()
			for _, w := range writes {
				c.wantsErr(w.name+", cancelled", w.do(cancelled, c.Store), context.Canceled)
				c.wantsErr(w.name+", past the deadline", w.do(late, c.Store), context.DeadlineExceeded)
				c.wants("the store after "+w.name, c.contents(), before)
			}
			for _, w := range writes {
				c.must(w.do(c.ctx, c.Store), w.name)
			}
		}},
		{name: "cancelled during", rule: "a write whose context ends on the way happens whole or not at all, and if it returned nil it happened", run: func(c *check) {
			for i := range 40 {
				u := c.user(fmt.Sprint("user ", i))
				s := c.session(u.ID)
				ctx, cancel := context.WithCancel(c.ctx)
				var err error
				together(2, func(j int) {
					if j == 0 {
						cancel()
						return
					}
					_, err = c.SetPassword(ctx, u.Name, hashOf("new"))
				})
				// The write may yet happen, also between one read and the next.
				after := c.readUser(u.Name)
				got, _ := c.read(s.ID)
				for again := c.readUser(u.Name); again.Version != after.Version; again = c.readUser(u.Name) {
					after = again
					got, _ = c.read(s.ID)
				}
				changed := after.Version == 2
				if changed != (after.PasswordHash == hashOf("new")) || changed != got.Revoked() {
					c.broken("version %d, new hash: %v, session revoked: %v", after.Version, after.PasswordHash == hashOf("new"), got.Revoked())
				}
				if err == nil && !changed {
					c.broken("SetPassword returned nil and changed nothing")
				}
			}
		}},
		{name: "cancelled in decide", rule: "a context that ends in decide leaves all of its keys or none", run: func(c *check) {
			ctx, cancel := context.WithCancel(c.ctx)
			err := c.UpdateKeys(ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) {
				cancel()
				return someKeys(), nil
			})
			switch got := c.readKeys(); {
			case err == nil && len(got) != len(someKeys()):
				c.broken("UpdateKeys returned nil, and %d of %d keys are there", len(got), len(someKeys()))
			case len(got) != 0 && len(got) != len(someKeys()):
				c.broken("%d of %d keys are there", len(got), len(someKeys()))
			}
		}},
		{name: "refused", rule: "a write whose condition does not hold changes nothing else", run: func(c *check) {
			c.writes()
			before := c.contents()
			c.clock.Move(time.Minute)
			for name, err := range map[string]error{
				"CreateUser":  second(c.CreateUser(c.ctx, newUser("alice"))),
				"SetPassword": second(c.SetPassword(c.ctx, "nobody", hashOf("new"))),
				"SetDisabled": second(c.SetDisabled(c.ctx, "nobody", true)),
				"Rehash":      c.Rehash(c.ctx, "alice", "another", hashOf("new")),
				"Rotate":      second(c.Rotate(c.ctx, before.Sessions[0].ID, 7, 8)),
				"Revoke":      second(c.Revoke(c.ctx, issuer.Revocation{SessionID: before.Sessions[0].ID, OwnedBy: "nobody"})),
			} {
				if err == nil {
					c.broken("%s: no error", name)
				}
			}
			c.wants("the store after", c.contents(), before)
		}},
	}
}

func second[T any](_ T, err error) error { return err }

func durabilityRules() []rule {
	return []rule{
		onPersistentPlace(rule{name: "everything", rule: "all that was written is there when the store is opened again", run: func(c *check) {
			writes := c.writes()
			for _, w := range writes {
				c.must(w.do(c.ctx, c.Store), w.name)
				before := c.contents()
				c.reopen()
				c.wants("the store after "+w.name+" and opening it again", c.contents(), before)
			}
		}}),
		onPersistentPlace(rule{name: "ended sessions", rule: "ended sessions are there when the store is opened again, and stay ended", run: func(c *check) {
			revoked, expired := c.session("alice"), c.session("bob")
			revoked, err := c.Rotate(c.ctx, revoked.ID, 0, 4)
			c.must(err, "rotate")
			_, err = c.Revoke(c.ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonReuse})
			c.must(err, "revoke")
			revoked, _ = c.read(revoked.ID)
			c.clock.Move(24 * time.Hour)
			c.session("carol")
			c.clock.Move(-24 * time.Hour)
			c.reopen()
			for _, want := range []issuer.Session{revoked, expired} {
				got, _ := c.read(want.ID)
				c.wants("the session of "+want.Subject, got, want)
				_, err := c.Rotate(c.ctx, want.ID, want.Generation, want.Generation+1)
				c.wantsErr("Rotate", err, issuer.ErrConflict)
			}
		}}),
		onSharedPlace(rule{name: "shared", rule: "what one store's method returned is there for the next method of any other on the same place", run: func(c *check) {
			other := c.openWith(c.clock)
			for _, w := range c.writes() {
				c.must(w.do(c.ctx, other), w.name)
				mine := c.contents()
				c.Store, other = other, c.Store
				c.wants("the other store after "+w.name, c.contents(), mine)
			}
			s := c.session("zoe")
			_, err := other.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			_, err = c.Rotate(c.ctx, s.ID, 0, 1)
			c.wantsErr("Rotate of a session that another store revoked", err, issuer.ErrConflict)
		}}),
	}
}
