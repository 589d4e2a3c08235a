package storetest

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// waiting returns what waits for a receiver.
func (c *check) waiting(receiver string) []issuer.Notice {
	c.Helper()
	return c.waitingIn(c.Store, receiver)
}

func (c *check) waitingIn(s issuer.Store, receiver string) []issuer.Notice {
	c.Helper()
	n, err := s.Notices(c.ctx, receiver, 1000)
	c.must(err, "read notices")
	return n
}

func (c *check) name(names ...string) {
	c.Helper()
	c.must(c.NameReceivers(c.ctx, names), "name receivers")
}

// wantsNotices compares without regard to an order within an instant.
func (c *check) wantsNotices(what string, got []issuer.Notice, want ...issuer.Notice) {
	c.Helper()
	slices.SortFunc(want, func(a, b issuer.Notice) int {
		if d := a.At.Compare(b.At); d != 0 {
			return d
		}
		return bytes.Compare(a.Session[:], b.Session[:])
	})
	if len(got) == 0 && len(want) == 0 {
		return
	}
	c.wants(what, got, want)
}

func noticeOf(s issuer.Session, at time.Time, why issuer.Reason) issuer.Notice {
	return issuer.Notice{NoticeID: issuer.NoticeID{At: at, Session: s.ID}, Subject: s.Subject, Reason: why}
}

func noticeRules() []rule {
	return []rule{
		{name: "nobody", rule: "without receivers nothing is kept, and one that is named later is not told of what was before", run: func(c *check) {
			c.revoke(issuer.Revocation{SessionID: c.session("alice").ID, Reason: issuer.ReasonLogout})
			c.wantsNotices("what waits for a receiver that was not named", c.waiting("crm"))
			c.name("crm")
			c.wantsNotices("what waits for one that was named after", c.waiting("crm"))
		}},
		{name: "each", rule: "every session that is revoked leaves a notice for each receiver, once, in the order of the instants", run: func(c *check) {
			c.name("crm", "wiki")
			c.name("wiki")
			u := c.user("alice")
			one, two, three, four := c.session(u.ID), c.session(u.ID), c.session(u.ID), c.session("bob")
			c.clock.Move(time.Minute)
			first := c.revoke(issuer.Revocation{SessionID: one.ID, Reason: issuer.ReasonReuse})
			c.clock.Move(time.Minute)
			c.revoke(issuer.Revocation{SessionID: one.ID, Reason: issuer.ReasonLogout})
			second := c.revoke(issuer.Revocation{Subject: u.ID, Reason: issuer.ReasonRevoked})
			c.revoke(issuer.Revocation{Subject: u.ID, Reason: issuer.ReasonRevoked})
			c.clock.Move(time.Minute)
			five := c.session(u.ID)
			third, err := c.SetPassword(c.ctx, "alice", hashOf("new"))
			c.must(err, "set the password")
			six := c.session(u.ID)
			c.clock.Move(time.Minute)
			fourth, err := c.SetDisabled(c.ctx, "alice", true)
			c.must(err, "disable")
			_, err = c.SetDisabled(c.ctx, "alice", false)
			c.must(err, "enable")
			for _, name := range []string{"crm", "wiki"} {
				c.wantsNotices("what waits for "+name, c.waiting(name),
					noticeOf(one, first.At, issuer.ReasonReuse),
					noticeOf(two, second.At, issuer.ReasonRevoked), noticeOf(three, second.At, issuer.ReasonRevoked),
					noticeOf(five, third.At, issuer.ReasonPassword), noticeOf(six, fourth.At, issuer.ReasonDisabled))
			}
			if s, _ := c.read(four.ID); s.Revoked() {
				c.broken("another subject's session was revoked")
			}
		}},
		{name: "surplus", rule: "a session that goes for a new one leaves a notice, too", run: func(c *check) {
			c.name("crm")
			old := c.session("alice")
			c.clock.Move(time.Minute)
			n := newSession("alice")
			n.MaxLive = 1
			at := c.create(n).CreatedAt
			c.wantsNotices("what waits", c.waiting("crm"), noticeOf(old, at, issuer.ReasonLimit))
		}},
		{name: "nothing", rule: "what revokes no session leaves no notice, nor does an expired one", run: func(c *check) {
			c.name("crm")
			s := c.session("alice")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, OwnedBy: "bob", Reason: issuer.ReasonLogout})
			c.wantsErr("Revoke of another's session", err, issuer.ErrNotFound)
			_, err = c.RevokeBefore(c.ctx, issuer.EntrySubject, "alice")
			c.must(err, "revoke before")
			c.revoke(issuer.Revocation{Subject: "nobody", Reason: issuer.ReasonRevoked})
			c.clock.Move(48 * time.Hour)
			c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonExpired})
			c.wantsNotices("what waits", c.waiting("crm"))
		}},
		{name: "limit", rule: "Notices returns the oldest, at most limit, and limit is positive", run: func(c *check) {
			c.name("crm")
			var want []issuer.Notice
			for range 5 {
				s := c.session("alice")
				c.clock.Move(time.Second)
				want = append(want, noticeOf(s, c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout}).At, issuer.ReasonLogout))
			}
			got, err := c.Notices(c.ctx, "crm", 3)
			c.must(err, "read notices")
			c.wantsNotices("the first three", got, want[:3]...)
			for _, limit := range []int{0, -1} {
				if _, err := c.Notices(c.ctx, "crm", limit); err == nil {
					c.broken("limit %d: no error", limit)
				}
			}
		}},
		{name: "drop", rule: "DropNotices deletes what it names, of one receiver; what is not there is no error", run: func(c *check) {
			c.name("crm", "wiki")
			one, two := c.session("alice"), c.session("alice")
			c.clock.Move(time.Second)
			at := c.revoke(issuer.Revocation{Subject: "alice", Reason: issuer.ReasonLogout}).At
			first, second := noticeOf(one, at, issuer.ReasonLogout), noticeOf(two, at, issuer.ReasonLogout)
			other := first.NoticeID
			other.At = other.At.Add(time.Microsecond)
			for range 2 {
				c.must(c.DropNotices(c.ctx, "crm", []issuer.NoticeID{first.NoticeID, {At: at, Session: issuer.NewSessionID()}}), "drop")
			}
			c.must(c.DropNotices(c.ctx, "wiki", []issuer.NoticeID{other}), "drop one of another instant")
			c.must(c.DropNotices(c.ctx, "nobody", []issuer.NoticeID{first.NoticeID}), "drop for nobody")
			c.must(c.DropNotices(c.ctx, "wiki", nil), "drop nothing")
			c.wantsNotices("what waits for who dropped one", c.waiting("crm"), second)
			c.wantsNotices("what waits for the other", c.waiting("wiki"), first, second)
		}},
		{name: "names", rule: "a receiver may have any name but none", run: func(c *check) {
			if err := c.NameReceivers(c.ctx, []string{"crm", ""}); err == nil {
				c.broken("an empty name: no error")
			}
			odd := "l'appli \"ü\" % " + strings.Repeat("x", 200)
			c.name(odd, odd)
			c.name()
			s := c.session("alice")
			at := c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout}).At
			c.wantsNotices("what waits for it", c.waiting(odd), noticeOf(s, at, issuer.ReasonLogout))
			c.wantsNotices("what waits for one whose naming failed", c.waiting("crm"))
		}},
		{name: "prune", rule: "a notice goes when its retention is over and not before; a receiver that nobody named for so long goes with all that waits for it", run: func(c *check) {
			keep := issuer.Retention{Sessions: 1000 * time.Hour, Log: 1000 * time.Hour, Keys: 1000 * time.Hour, Notices: time.Hour}
			c.name("crm", "wiki")
			s := c.session("alice")
			at := c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout}).At
			c.clock.Move(time.Hour - time.Microsecond)
			if n := c.pruneAll(keep, 10); n != 0 {
				c.broken("%d rows were deleted before their time", n)
			}
			c.name("crm")
			later := c.session("alice")
			second := c.revoke(issuer.Revocation{SessionID: later.ID, Reason: issuer.ReasonLogout}).At
			c.wantsNotices("what waits", c.waiting("wiki"), noticeOf(s, at, issuer.ReasonLogout), noticeOf(later, second, issuer.ReasonLogout))
			c.clock.Move(time.Microsecond)
			if n := c.pruneAll(keep, 1); n != 4 {
				c.broken("%d rows were deleted, not 4: two of a receiver, that receiver, and one", n)
			}
			c.wantsNotices("what waits for who was named again", c.waiting("crm"), noticeOf(later, second, issuer.ReasonLogout))
			c.wantsNotices("what waits for who was not", c.waiting("wiki"))
			c.revoke(issuer.Revocation{SessionID: c.session("alice").ID, Reason: issuer.ReasonLogout})
			c.wantsNotices("what is left for who is forgotten", c.waiting("wiki"))
			if _, err := c.Prune(c.ctx, issuer.Retention{Notices: -1}, 1); err == nil {
				c.broken("a negative retention: no error")
			}
		}},
		onPersistentPlace(rule{name: "reopen", rule: "receivers, notices and what was dropped are as they were after the place was opened again", run: func(c *check) {
			c.name("crm")
			one, two := c.session("alice"), c.session("alice")
			first := c.revoke(issuer.Revocation{SessionID: one.ID, Reason: issuer.ReasonLogout})
			c.clock.Move(time.Second)
			second := c.revoke(issuer.Revocation{SessionID: two.ID, Reason: issuer.ReasonLogout})
			c.must(c.DropNotices(c.ctx, "crm", []issuer.NoticeID{{At: first.At, Session: one.ID}}), "drop")
			c.reopen()
			three := c.session("bob")
			c.clock.Move(time.Second)
			third := c.revoke(issuer.Revocation{SessionID: three.ID, Reason: issuer.ReasonLogout})
			c.wantsNotices("what waits", c.waiting("crm"), noticeOf(two, second.At, issuer.ReasonLogout), noticeOf(three, third.At, issuer.ReasonLogout))
		}}),
		onSharedPlace(rule{name: "shared", rule: "a receiver that one store named is told of what another revokes, and what one dropped is gone for all", run: func(c *check) {
			other := c.openWith(c.clock)
			c.name("crm")
			one, two := c.session("alice"), c.session("alice")
			done, err := other.Revoke(c.ctx, issuer.Revocation{SessionID: one.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			c.clock.Move(time.Second)
			second, err := other.Revoke(c.ctx, issuer.Revocation{Subject: "alice", Reason: issuer.ReasonRevoked})
			c.must(err, "revoke")
			c.must(other.DropNotices(c.ctx, "crm", []issuer.NoticeID{{At: done.At, Session: one.ID}}), "drop")
			for _, s := range []issuer.Store{c.Store, other} {
				c.wantsNotices("what waits", c.waitingIn(s, "crm"), noticeOf(two, second.At, issuer.ReasonRevoked))
			}
		}}),
	}
}
