package storetest

import (
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// nows calls every method that tells the store's now and returns what they
// tell. It leaves a session, a user and keys behind.
func (c *check) nows() map[string]time.Time {
	c.Helper()
	out := make(map[string]time.Time)
	u, err := c.CreateUser(c.ctx, newUser(issuer.NewSessionID().String()))
	c.must(err, "create a user")
	out["CreateUser"] = u.CreatedAt
	s := c.session(u.ID)
	out["CreateSession"], out["CreateSession, the expiry"] = s.CreatedAt, s.ExpiresAt.Add(-24*time.Hour)
	s, err = c.Rotate(c.ctx, s.ID, 0, 1)
	c.must(err, "rotate")
	out["Rotate"] = s.RotatedAt
	_, out["Session"], err = c.Session(c.ctx, s.ID)
	c.must(err, "read a session")
	_, out["Sessions"], err = c.Sessions(c.ctx, u.ID, 1)
	c.must(err, "list")
	_, out["Keys"], err = c.Keys(c.ctx)
	c.must(err, "read the keys")
	c.must(c.UpdateKeys(c.ctx, func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		out["UpdateKeys"] = now
		return keys, nil
	}), "update the keys")
	done, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout})
	c.must(err, "revoke")
	out["Revoke"] = done.At
	s, _ = c.read(s.ID)
	out["Revoke, the session"] = s.RevokedAt
	done, err = c.SetPassword(c.ctx, u.Name, hashOf("new"))
	c.must(err, "set a password")
	out["SetPassword"] = done.At
	done, err = c.SetDisabled(c.ctx, u.Name, true)
	c.must(err, "disable")
	out["SetDisabled"] = done.At
	return out
}

// wantsNow reports every method whose now is not want.
func (c *check) wantsNow(when string, want time.Time) {
	c.Helper()
	for method, now := range c.nows() {
		c.wants("now of "+method+" "+when, now, want)
	}
}

func timeRules() []rule {
	return []rule{
		{name: "clock", rule: "now is the clock's reading in UTC, cut to the microsecond", run: func(c *check) {
			c.wantsNow("at the start", instant(start))
			c.clock.Move(time.Hour + 999)
			c.wantsNow("an hour later", instant(start.Add(time.Hour+999)))
		}},
		{name: "back after a write", rule: "now never goes back when the clock does after a write", run: func(c *check) {
			c.session("alice")
			c.clock.Move(-time.Hour)
			c.wantsNow("after the clock went back by an hour", instant(start))
			c.clock.Move(time.Hour - time.Microsecond)
			c.wantsNow("when the clock has not caught up", instant(start))
			c.clock.Move(2 * time.Microsecond)
			c.wantsNow("when the clock has caught up", instant(start).Add(time.Microsecond))
		}},
		{name: "back after a read", rule: "now never goes back when the clock does after a read", run: func(c *check) {
			s := c.session("alice")
			reads := map[string]func() error{
				"Session":                 func() error { _, _, err := c.Session(c.ctx, s.ID); return err },
				"Sessions":                func() error { _, _, err := c.Sessions(c.ctx, "alice", 1); return err },
				"Keys":                    func() error { _, _, err := c.Keys(c.ctx); return err },
				"a Rotate that conflicts": func() error { _, _ = c.Rotate(c.ctx, s.ID, 7, 8); return nil },
			}
			want := instant(start)
			for name, read := range reads {
				c.clock.Move(time.Hour)
				want = instant(c.clock.Now())
				c.must(read(), name)
				c.clock.Move(-30 * time.Minute)
				_, now := c.read(s.ID)
				c.wants("now after "+name, now, want)
			}
			c.wantsNow("after reads", want)
		}},
		{name: "expired by a write", rule: "a session that is expired at an instant that a write has seen can't be rotated, whatever the clock does", run: func(c *check) {
			s := c.session("alice") // an hour idle at most
			c.clock.Move(time.Hour)
			c.user("alice")
			for range 3 {
				c.clock.Move(-59 * time.Minute)
				_, err := c.Rotate(c.ctx, s.ID, 0, 1)
				c.wantsErr("Rotate", err, issuer.ErrConflict)
				live, _, err := c.Sessions(c.ctx, "alice", 1)
				c.must(err, "list")
				c.wants("the live sessions", live, []issuer.Session{})
			}
		}},
		{name: "expired by a read", rule: "a session that was shown to be expired can't be rotated, whatever the clock does", run: func(c *check) {
			s := c.session("alice")
			c.clock.Move(24 * time.Hour)
			got, now := c.read(s.ID)
			if !got.Expired(now) {
				c.broken("the session is not expired at %v", now)
			}
			c.clock.Move(-24 * time.Hour)
			_, err := c.Rotate(c.ctx, s.ID, 0, 1)
			c.wantsErr("Rotate", err, issuer.ErrConflict)
			got, now = c.read(s.ID)
			if !got.Expired(now) {
				c.broken("the session is live again at %v", now)
			}
		}},
		{name: "rotation in order", rule: "RotatedAt never goes back, and stays within the session's life", run: func(c *check) {
			s := c.session("alice")
			last := s.CreatedAt
			for g := range uint32(10) {
				c.clock.Move(time.Duration(1-2*int(g%2)) * 20 * time.Minute) // forth and back
				got, err := c.Rotate(c.ctx, s.ID, g, g+1)
				c.must(err, "rotate")
				if got.RotatedAt.Before(last) || !got.RotatedAt.Before(s.ExpiresAt) {
					c.broken("RotatedAt is %v after %v", got.RotatedAt, last)
				}
				c.wants("ExpiresAt", got.ExpiresAt, s.ExpiresAt)
				last = got.RotatedAt
			}
		}},
		onPersistentPlace(rule{name: "durable", rule: "the high-water mark of time is durable with each write", run: func(c *check) {
			var want time.Time
			for _, w := range c.writes() {
				c.clock.Move(time.Minute)
				want = instant(c.clock.Now())
				c.must(w.do(c.ctx, c.Store), w.name)
				c.clock.Move(-24 * time.Hour)
				c.reopen()
				_, now, err := c.Keys(c.ctx)
				c.must(err, "read the keys")
				c.wants("now after "+w.name+" and opening the store again", now, want)
				c.clock.Move(24 * time.Hour)
			}
			c.clock.Move(-24 * time.Hour)
			c.wantsNow("after opening the store again", want)
		}}),
		onSharedPlace(rule{name: "shared", rule: "what one store has written is the past for every other on the same place", run: func(c *check) {
			ahead := newClock()
			other := c.openWith(ahead)
			want := instant(start)
			for _, w := range c.writes() {
				ahead.Move(time.Minute)
				want = want.Add(time.Minute)
				c.must(w.do(c.ctx, other), w.name)
				_, now, err := c.Keys(c.ctx)
				c.must(err, "read the keys")
				c.wants("now beside a store that did "+w.name, now, want)
			}
			ahead.Move(time.Minute)
			c.must(second(other.CreateUser(c.ctx, newUser("zoe"))), "create a user")
			s := c.session("zoe")
			c.wants("CreatedAt beside a store that is ahead", s.CreatedAt, want.Add(time.Minute))
			ahead.Move(time.Hour)
			c.must(second(other.CreateUser(c.ctx, newUser("yves"))), "create a user")
			_, err := c.Rotate(c.ctx, s.ID, 0, 1)
			c.wantsErr("Rotate of a session that another store's write saw expired", err, issuer.ErrConflict)
			c.wantsNow("beside a store that is ahead", want.Add(time.Hour+time.Minute))
		}}),
	}
}
