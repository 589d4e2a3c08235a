package storetest

import (
	"slices"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// limitRules are those of NewSession.MaxLive.
func limitRules() []rule {
	bounded := func(subject string, limit int) issuer.NewSession {
		n := newSession(subject)
		n.MaxLive = limit
		return n
	}
	return []rule{
		{name: "oldest goes", rule: "beyond MaxLive the sessions whose last use is longest ago are revoked, with ReasonLimit and an entry in the log", run: func(c *check) {
			var made []issuer.Session
			for range 4 {
				made = append(made, c.session("alice"))
				c.clock.Move(time.Second)
			}
			other := c.session("bob")
			used, err := c.Rotate(c.ctx, made[0].ID, 0, 1) // the first one is in use
			c.must(err, "rotate")
			c.clock.Move(time.Second)
			created, err := c.CreateSession(c.ctx, bounded("alice", 3))
			c.must(err, "create a session")
			c.wants("those that were ended", sortedIDs(created.Ended...), sortedIDs(made[1].ID, made[2].ID))
			for _, id := range []issuer.SessionID{made[1].ID, made[2].ID} {
				got, now := c.read(id)
				c.wants("the reason", got.RevokeReason, issuer.ReasonLimit)
				c.wants("the instant", got.RevokedAt, now)
				_, err := c.Rotate(c.ctx, id, 0, 1)
				c.wantsErr("Rotate of one that was ended", err, issuer.ErrConflict)
			}
			for _, want := range []issuer.Session{used, made[3], other, created.Session} {
				got, _ := c.read(want.ID)
				c.wants("a session that stays", got, want)
			}
			entries, _, _, err := c.Revocations(c.ctx, 0, 10)
			c.must(err, "read the log")
			var told []issuer.SessionID
			for _, e := range entries {
				id, err := issuer.ParseSessionID(e.Value)
				c.must(err, "the id in an entry")
				c.wants("the kind of an entry", e.Kind, issuer.EntrySession)
				told = append(told, id)
			}
			c.wants("the log", sortedIDs(told...), sortedIDs(created.Ended...))
		}},
		{name: "new one stays", rule: "the session that was created is not among those that go for it, not even when the clock stands still", run: func(c *check) {
			c.session("alice")
			for range 5 {
				n := bounded("alice", 1)
				_, err := c.CreateSession(c.ctx, n)
				c.must(err, "create a session")
				live, _, err := c.Sessions(c.ctx, "alice", 10)
				c.must(err, "list")
				if len(live) != 1 || live[0].ID != n.ID {
					c.broken("%d sessions are live, or not the new one", len(live))
				}
			}
		}},
		{name: "none", rule: "without MaxLive nothing is ended, and a negative one is refused", run: func(c *check) {
			for range 10 {
				created, err := c.CreateSession(c.ctx, newSession("alice"))
				c.must(err, "create a session")
				c.wants("those that were ended", created.Ended, []issuer.SessionID{})
			}
			n := bounded("alice", -1)
			if _, err := c.CreateSession(c.ctx, n); err == nil {
				c.broken("MaxLive -1: no error")
			}
			_, _, err := c.Session(c.ctx, n.ID)
			c.wantsErr("reading it", err, issuer.ErrNotFound)
		}},
		{name: "live ones", rule: "only sessions that are live count towards MaxLive, and only those are ended", run: func(c *check) {
			n := bounded("alice", 2)
			n.Lifetime, n.IdleTimeout = time.Minute, 0
			expired := c.create(n)
			revoked := c.session("alice")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			idle := newSession("alice")
			idle.IdleTimeout = 30 * time.Second
			c.create(idle)
			c.clock.Move(time.Minute)
			stays := c.session("alice")
			created, err := c.CreateSession(c.ctx, bounded("alice", 2))
			c.must(err, "create a session")
			c.wants("those that were ended", created.Ended, []issuer.SessionID{})
			for _, want := range []issuer.Session{expired, stays} {
				got, _ := c.read(want.ID)
				c.wants("a session that did not count", got, want)
			}
			got, _ := c.read(revoked.ID)
			c.wants("why another one ended", got.RevokeReason, issuer.ReasonLogout)
		}},
		{name: "refused", rule: "a creation that is refused ends no other session", run: func(c *check) {
			u := c.user("alice")
			first := c.session(u.ID)
			n := bounded(u.ID, 1)
			n.User = &issuer.UserCondition{ID: u.ID, Version: 2}
			_, err := c.CreateSession(c.ctx, n)
			c.wantsErr("a condition that does not hold", err, issuer.ErrConflict)
			n = bounded(u.ID, 1)
			n.ID = first.ID
			_, err = c.CreateSession(c.ctx, n)
			c.wantsErr("an id that is taken", err, issuer.ErrConflict)
			got, _ := c.read(first.ID)
			c.wants("the session that was there", got, first)
		}},
		{name: "races", rule: "creations that run at once never leave more than MaxLive sessions behind, and each one that ended is reported once", run: func(c *check) {
			const limit, n = 3, 40
			stores := c.stores()
			ended := make([][]issuer.SessionID, n)
			var created [n]issuer.SessionID
			together(n, func(i int) {
				s := bounded([]string{"alice", "bob"}[i/2%2], limit)
				got, err := stores[i%len(stores)].CreateSession(c.ctx, s)
				if err != nil {
					c.broken("CreateSession: %v", err)
				}
				created[i], ended[i] = s.ID, got.Ended
			})
			var live []issuer.SessionID
			for _, subject := range []string{"alice", "bob"} {
				sessions, _, err := c.Sessions(c.ctx, subject, n)
				c.must(err, "list")
				if len(sessions) != limit {
					c.broken("%d sessions of %s are live, not %d", len(sessions), subject, limit)
				}
				for _, s := range sessions {
					live = append(live, s.ID)
				}
			}
			c.wants("those that are live and those that were ended", sortedIDs(append(live, slices.Concat(ended...)...)...), sortedIDs(created[:]...))
		}},
	}
}
