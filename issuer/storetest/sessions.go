package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func sessionRules() []rule {
	return []rule{
		{name: "create", rule: "CreateSession stores every field as given, at generation 0, created now, expiring a lifetime later", run: func(c *check) {
			for _, n := range []issuer.NewSession{
				newSession("alice"),
				{ID: issuer.NewSessionID(), Subject: "bare", Lifetime: time.Second},
				{ID: issuer.NewSessionID(), Subject: "short", Lifetime: time.Microsecond, IdleTimeout: time.Microsecond},
				{ID: issuer.NewSessionID(), Subject: "' \" ; -- % _ \\", Lifetime: 100 * 365 * 24 * time.Hour, Audience: []string{"", ",", `"`, "a b"}, Claims: []byte("\x00\xff")},
			} {
				created := c.create(n)
				c.wants("the session that CreateSession returned", created, issuer.Session{
					ID: n.ID, Subject: n.Subject, ClientID: n.ClientID, Seed: n.Seed,
					CreatedAt: instant(start), ExpiresAt: instant(start).Add(n.Lifetime), IdleTimeout: n.IdleTimeout,
					Audience: n.Audience, Scope: n.Scope, Claims: n.Claims, Device: n.Device,
				})
				got, now := c.read(n.ID)
				c.wants("the session read back", got, created)
				c.wants("now", now, instant(start))
				if n.Claims == nil && (created.Claims != nil || got.Claims != nil) {
					c.broken("claims that were nil came back as an empty slice")
				}
			}
		}},
		{name: "create/precision", rule: "durations are kept in whole microseconds", run: func(c *check) {
			n := newSession("alice")
			n.Lifetime, n.IdleTimeout = time.Minute+1999, time.Second+1001
			created := c.create(n)
			c.wants("ExpiresAt", created.ExpiresAt, instant(start).Add(time.Minute+time.Microsecond))
			c.wants("IdleTimeout", created.IdleTimeout, time.Second+time.Microsecond)
			got, _ := c.read(n.ID)
			c.wants("the session read back", got, created)
		}},
		{name: "create/id", rule: "CreateSession answers ErrConflict if the id is taken and leaves the session that has it alone", run: func(c *check) {
			first := c.session("alice")
			again := newSession("mallory")
			again.ID = first.ID
			s, err := c.CreateSession(c.ctx, again)
			c.wantsErr("CreateSession", err, issuer.ErrConflict)
			c.wants("what came beside the error", s, issuer.Created{})
			got, _ := c.read(first.ID)
			c.wants("the first session", got, first)
			_, err = c.Revoke(c.ctx, issuer.Revocation{SessionID: first.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			_, err = c.CreateSession(c.ctx, again)
			c.wantsErr("CreateSession with a revoked session's id", err, issuer.ErrConflict)
		}},
		{name: "create/condition", rule: "CreateSession with a user condition needs that user, enabled, at that version, or answers ErrConflict and stores nothing", run: func(c *check) {
			alice, bob := c.user("alice"), c.user("bob")
			_, err := c.SetDisabled(c.ctx, "bob", true)
			c.must(err, "disable a user")
			_, err = c.SetPassword(c.ctx, "alice", hashOf("new"))
			c.must(err, "set a password")
			for _, tt := range []struct {
				what string
				cond issuer.UserCondition
				want error
			}{
				{"the present version", issuer.UserCondition{ID: alice.ID, Version: 2}, nil},
				{"an old version", issuer.UserCondition{ID: alice.ID, Version: 1}, issuer.ErrConflict},
				{"a version to come", issuer.UserCondition{ID: alice.ID, Version: 3}, issuer.ErrConflict},
				{"no such user", issuer.UserCondition{ID: "nobody", Version: 1}, issuer.ErrConflict},
				{"a name for an id", issuer.UserCondition{ID: "alice", Version: 2}, issuer.ErrConflict},
				{"a disabled user", issuer.UserCondition{ID: bob.ID, Version: 2}, issuer.ErrConflict},
				{"a disabled user's old version", issuer.UserCondition{ID: bob.ID, Version: 1}, issuer.ErrConflict},
			} {
				n := newSession(tt.cond.ID)
				n.User = &tt.cond
				_, err := c.CreateSession(c.ctx, n)
				c.wantsErr(tt.what, err, tt.want)
				_, _, err = c.Session(c.ctx, n.ID)
				if tt.want != nil {
					c.wantsErr("reading the session that must not exist: "+tt.what, err, issuer.ErrNotFound)
				} else if err != nil {
					c.broken("%s: %v", tt.what, err)
				}
			}
		}},
		{name: "create/bad", rule: "CreateSession refuses a zero id, an empty subject and durations that make no session, and stores nothing", run: func(c *check) {
			for what, spoil := range map[string]func(*issuer.NewSession){
				"zero id":             func(n *issuer.NewSession) { n.ID = issuer.SessionID{} },
				"empty subject":       func(n *issuer.NewSession) { n.Subject = "" },
				"no lifetime":         func(n *issuer.NewSession) { n.Lifetime = 0 },
				"negative lifetime":   func(n *issuer.NewSession) { n.Lifetime = -time.Hour },
				"lifetime under 1us":  func(n *issuer.NewSession) { n.Lifetime = time.Nanosecond },
				"negative idle":       func(n *issuer.NewSession) { n.IdleTimeout = -1 },
				"idle under 1us is 0": func(n *issuer.NewSession) { n.IdleTimeout = time.Nanosecond },
			} {
				n := newSession("alice")
				spoil(&n)
				if _, err := c.CreateSession(c.ctx, n); err == nil {
					c.broken("%s: no error", what)
				}
				_, _, err := c.Session(c.ctx, n.ID)
				c.wantsErr("reading it: "+what, err, issuer.ErrNotFound)
			}
		}},
		{name: "read", rule: "Session answers ErrNotFound for an id that no session has", run: func(c *check) {
			c.session("alice")
			s, now, err := c.Session(c.ctx, issuer.NewSessionID())
			c.wantsErr("Session", err, issuer.ErrNotFound)
			c.wants("what came beside the error", s, issuer.Session{})
			c.wants("the instant beside the error", now, time.Time{})
		}},
		{name: "read/ended", rule: "Session returns revoked and expired sessions, and the store's now", run: func(c *check) {
			revoked, expired := c.session("alice"), c.session("alice")
			c.clock.Move(time.Minute)
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			c.clock.Move(48 * time.Hour)
			got, now := c.read(expired.ID)
			c.wants("the expired session", got, expired)
			c.wants("now", now, instant(start).Add(48*time.Hour+time.Minute))
			got, _ = c.read(revoked.ID)
			revoked.RevokedAt, revoked.RevokeReason = instant(start).Add(time.Minute), issuer.ReasonLogout
			c.wants("the revoked session", got, revoked)
		}},
		{name: "list", rule: "Sessions returns the live sessions of the subject, whole, newest first, and the store's now", run: func(c *check) {
			var want []issuer.Session
			for range 3 {
				want = append([]issuer.Session{c.session("alice")}, want...)
				c.session("bob")
				c.session("alice ")
				c.session("Alice")
				c.clock.Move(time.Second)
			}
			got, now, err := c.Sessions(c.ctx, "alice", 10)
			c.must(err, "list")
			c.wants("the list", got, want)
			c.wants("now", now, instant(start).Add(3*time.Second))
			got, _, err = c.Sessions(c.ctx, "nobody", 10)
			c.must(err, "list")
			c.wants("the list of a subject without sessions", got, []issuer.Session{})
		}},
		{name: "list/all", rule: "Sessions of no subject returns the live sessions of all, newest first", run: func(c *check) {
			var want []issuer.Session
			for i := range 4 {
				want = append([]issuer.Session{c.session(fmt.Sprint("subject ", i))}, want...)
				c.clock.Move(time.Second)
			}
			got, _, err := c.Sessions(c.ctx, "", 10)
			c.must(err, "list")
			c.wants("the list", got, want)
		}},
		{name: "list/live", rule: "Sessions leaves out what is revoked or expired at now, to the microsecond", run: func(c *check) {
			start := instant(start)
			revoked := c.session("alice")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			lasting := newSession("alice")
			lasting.IdleTimeout = 0
			long := c.create(lasting)
			brief := newSession("alice")
			brief.Lifetime, brief.IdleTimeout = 30*time.Minute, 0
			c.create(brief)
			used := c.session("alice") // idle for an hour at most
			for _, tt := range []struct {
				at   time.Duration
				want int
			}{
				{30*time.Minute - time.Microsecond, 3},
				{30 * time.Minute, 2},
				{time.Hour - time.Microsecond, 2},
			} {
				c.clock.Move(start.Add(tt.at).Sub(instant(c.clock.Now())))
				for _, subject := range []string{"alice", ""} {
					got, _, err := c.Sessions(c.ctx, subject, 10)
					c.must(err, "list")
					if len(got) != tt.want {
						c.broken("%d sessions of %q are live after %v, not %d", len(got), subject, tt.at, tt.want)
					}
				}
			}
			used, err = c.Rotate(c.ctx, used.ID, 0, 1)
			c.must(err, "rotate")
			c.clock.Move(time.Hour - time.Microsecond)
			got, _, err := c.Sessions(c.ctx, "alice", 10)
			c.must(err, "list")
			if len(got) != 2 {
				c.broken("%d sessions are live a microsecond before the idle limit counted from a rotation, not 2", len(got))
			}
			c.clock.Move(time.Microsecond)
			got, _, err = c.Sessions(c.ctx, "alice", 10)
			c.must(err, "list")
			c.wants("the list at the idle limit of "+used.ID.String(), got, []issuer.Session{long})
		}},
		{name: "list/limit", rule: "Sessions returns the newest up to the limit, which must be positive", run: func(c *check) {
			var newest issuer.Session
			for range 5 {
				newest = c.session("alice")
				c.clock.Move(time.Second)
			}
			for limit, want := range map[int]int{1: 1, 4: 4, 5: 5, 6: 5, math.MaxInt32: 5, math.MaxInt: 5} {
				for _, subject := range []string{"alice", ""} {
					got, _, err := c.Sessions(c.ctx, subject, limit)
					c.must(err, "list")
					if len(got) != want {
						c.broken("limit %d: %d sessions of 5", limit, len(got))
					} else if got[0].ID != newest.ID {
						c.broken("limit %d: the first is not the newest", limit)
					}
				}
			}
			for _, limit := range []int{0, -1, math.MinInt} {
				if got, _, err := c.Sessions(c.ctx, "alice", limit); err == nil || len(got) > 0 {
					c.broken("limit %d: %d sessions and the error %v", limit, len(got), err)
				}
			}
		}},
		{name: "memory", rule: "what a method takes or returns shares no memory with the store", run: func(c *check) {
			n := newSession("alice")
			condition := issuer.UserCondition{ID: c.user("alice").ID, Version: 1}
			n.User = &condition
			scribble := func(s *issuer.Session) {
				s.Audience[0] = "scribbled"
				s.Claims[0] = '#'
				s.Subject, s.Generation = "scribbled", 99
			}
			created := c.create(n)
			want := created
			want.Audience, want.Claims = newSession("").Audience, newSession("").Claims
			n.Audience[0], n.Claims[0] = "scribbled", '#'
			scribble(&created)
			got, _ := c.read(n.ID)
			c.wants("after a change to what CreateSession took and returned", got, want)
			scribble(&got)
			got, _ = c.read(n.ID)
			c.wants("after a change to what Session returned", got, want)
			list, _, err := c.Sessions(c.ctx, "alice", 1)
			c.must(err, "list")
			if len(list) != 1 {
				c.broken("the list has %d sessions, not 1", len(list))
				return
			}
			scribble(&list[0])
			rotated, err := c.Rotate(c.ctx, n.ID, 0, 1)
			c.must(err, "rotate")
			want.Generation, want.RotatedAt = 1, instant(start)
			c.wants("after a change to what Sessions returned", rotated, want)
			scribble(&rotated)
			got, _ = c.read(n.ID)
			c.wants("after a change to what Rotate returned", got, want)
		}},
	}
}

func rotationRules() []rule {
	return []rule{
		{name: "rotate", rule: "Rotate sets the generation and RotatedAt, leaves the rest alone, and returns the session as it is after", run: func(c *check) {
			want := c.session("alice")
			other := c.session("alice")
			from := uint32(0)
			for _, to := range []uint32{1, 2, 2, 7, 1 << 31, math.MaxUint32, 0} {
				c.clock.Move(time.Minute)
				got, err := c.Rotate(c.ctx, want.ID, from, to)
				c.must(err, "rotate")
				want.Generation, want.RotatedAt = to, instant(c.clock.Now())
				c.wants("the session that Rotate returned", got, want)
				got, _ = c.read(want.ID)
				c.wants("the session read back", got, want)
				from = to
			}
			got, _ := c.read(other.ID)
			c.wants("another session of the subject", got, other)
		}},
		{name: "generation", rule: "Rotate answers ErrConflict unless the generation is from, and writes nothing", run: func(c *check) {
			s := c.session("alice")
			s, err := c.Rotate(c.ctx, s.ID, 0, 5)
			c.must(err, "rotate")
			c.clock.Move(time.Minute)
			for _, from := range []uint32{0, 4, 6, math.MaxUint32} {
				got, err := c.Rotate(c.ctx, s.ID, from, 7)
				c.wantsErr(fmt.Sprint("Rotate from ", from), err, issuer.ErrConflict)
				c.wants("what came beside the error", got, issuer.Session{})
			}
			got, _ := c.read(s.ID)
			c.wants("the session after", got, s)
		}},
		{name: "unknown", rule: "Rotate answers ErrNotFound for an id that no session has", run: func(c *check) {
			c.session("alice")
			_, err := c.Rotate(c.ctx, issuer.NewSessionID(), 0, 1)
			c.wantsErr("Rotate", err, issuer.ErrNotFound)
		}},
		{name: "revoked", rule: "Rotate answers ErrConflict for a revoked session and writes nothing", run: func(c *check) {
			s := c.session("alice")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonReuse})
			c.must(err, "revoke")
			before, _ := c.read(s.ID)
			_, err = c.Rotate(c.ctx, s.ID, 0, 1)
			c.wantsErr("Rotate", err, issuer.ErrConflict)
			after, _ := c.read(s.ID)
			c.wants("the session after", after, before)
		}},
		{name: "absolute limit", rule: "a session rotates until the microsecond before ExpiresAt, which no rotation moves", run: func(c *check) {
			n := newSession("alice")
			n.Lifetime, n.IdleTimeout = 10*time.Minute, 8*time.Minute
			s := c.create(n)
			c.clock.Move(5 * time.Minute)
			_, err := c.Rotate(c.ctx, s.ID, 0, 1)
			c.must(err, "rotate at half of the lifetime")
			c.clock.Move(5*time.Minute - time.Microsecond)
			last, err := c.Rotate(c.ctx, s.ID, 1, 2)
			c.must(err, "rotate a microsecond before the end")
			c.wants("ExpiresAt", last.ExpiresAt, s.ExpiresAt)
			for _, d := range []time.Duration{time.Microsecond, time.Hour, 365 * 24 * time.Hour} {
				c.clock.Move(d)
				_, err = c.Rotate(c.ctx, s.ID, 2, 3)
				c.wantsErr("Rotate of an expired session", err, issuer.ErrConflict)
			}
			got, _ := c.read(s.ID)
			c.wants("the session after", got, last)
		}},
		{name: "idle limit", rule: "the idle timeout counts from the last rotation, or else from the creation", run: func(c *check) {
			n := newSession("alice")
			n.IdleTimeout = 10 * time.Minute
			s := c.create(n)
			for g := range uint32(5) {
				c.clock.Move(10*time.Minute - time.Microsecond)
				var err error
				s, err = c.Rotate(c.ctx, s.ID, g, g+1)
				c.must(err, "rotate a microsecond before the idle limit")
			}
			c.clock.Move(10 * time.Minute)
			_, err := c.Rotate(c.ctx, s.ID, 5, 6)
			c.wantsErr("Rotate at the idle limit", err, issuer.ErrConflict)
			got, _ := c.read(s.ID)
			c.wants("the session after", got, s)

			n.ID = issuer.NewSessionID()
			unused := c.create(n)
			c.clock.Move(10 * time.Minute)
			_, err = c.Rotate(c.ctx, unused.ID, 0, 1)
			c.wantsErr("Rotate of a session that was never used, at the idle limit", err, issuer.ErrConflict)
		}},
	}
}
