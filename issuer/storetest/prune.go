package storetest

import (
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func (c *check) prune(keep issuer.Retention, limit int) int {
	c.Helper()
	n, err := c.Prune(c.ctx, keep, limit)
	c.must(err, "prune")
	if n < 0 || n > limit {
		c.broken("Prune with the limit %d says that it deleted %d", limit, n)
	}
	return n
}

// pruneAll prunes as often as there is something to prune.
func (c *check) pruneAll(keep issuer.Retention, limit int) int {
	c.Helper()
	for all := 0; ; {
		n := c.prune(keep, limit)
		if all += n; n < limit {
			return all
		}
	}
}

func (c *check) gone(what string, s issuer.Session, want bool) {
	c.Helper()
	_, _, err := c.Session(c.ctx, s.ID)
	if want {
		c.wantsErr(what, err, issuer.ErrNotFound)
	} else if err != nil {
		c.broken("%s is gone: %v", what, err)
	}
}

func pruneRules() []rule {
	keep := issuer.Retention{Sessions: time.Hour, Log: 10 * time.Minute}
	return []rule{
		{name: "live", rule: "what is live is never pruned, whatever the retention", run: func(c *check) {
			c.session("alice")
			c.user("bob")
			c.putKeys(someKeys()...)
			want := c.contents()
			if n := c.pruneAll(issuer.Retention{}, 100); n != 0 {
				c.broken("%d rows were deleted", n)
			}
			c.wants("what is left", c.contents(), want)
		}},
		{name: "sessions", rule: "a session goes when its retention since its end is over, by revocation, absolute or idle limit, and not before", run: func(c *check) {
			short, idle := newSession("alice"), newSession("alice")
			short.Lifetime, short.IdleTimeout = 10*time.Minute, 0
			idle.Lifetime, idle.IdleTimeout = 24*time.Hour, 10*time.Minute
			long := newSession("bob")
			long.IdleTimeout = 0
			ends := []issuer.Session{c.create(short), c.create(idle), c.create(long)}
			used, live := c.create(again(idle)), c.create(again(long))
			c.clock.Move(5 * time.Minute)
			_, err := c.Rotate(c.ctx, used.ID, 0, 1)
			c.must(err, "rotate")
			c.clock.Move(5 * time.Minute)
			c.revoke(issuer.Revocation{SessionID: ends[2].ID, Reason: issuer.ReasonLogout})
			none := issuer.Retention{Sessions: time.Hour, Log: 1000 * time.Hour}
			c.clock.Move(time.Hour - time.Microsecond)
			if n := c.pruneAll(none, 100); n != 0 {
				c.broken("%d rows were deleted before their time", n)
			}
			for i, s := range ends {
				c.gone(fmt.Sprint("session ", i, ", within its retention,"), s, false)
			}
			c.clock.Move(time.Microsecond)
			if n := c.pruneAll(none, 2); n != 3 {
				c.broken("%d rows were deleted, not 3", n)
			}
			for i, s := range ends {
				c.gone(fmt.Sprint("session ", i, ", past its retention,"), s, true)
			}
			c.gone("a session that was used later", used, false)
			c.gone("a live session", live, false)
			left, _, err := c.Sessions(c.ctx, "bob", 10)
			c.must(err, "list")
			c.wants("the live sessions", len(left), 1)
			done := c.revoke(issuer.Revocation{Subject: "alice", Reason: issuer.ReasonRevoked})
			c.wants("the sessions that a revocation finds afterwards", sortedIDs(done.Sessions...), sortedIDs(used.ID))
		}},
		{name: "log", rule: "an entry goes when its retention is over and not before, the oldest first; the head stays", run: func(c *check) {
			for i := range 4 {
				_, err := c.RevokeBefore(c.ctx, issuer.EntrySubject, fmt.Sprint(i))
				c.must(err, "revoke")
				c.clock.Move(time.Minute)
			}
			all, head := c.entries(c.Store, 0, 10)
			c.clock.Move(keep.Log - 4*time.Minute - time.Microsecond)
			if n := c.pruneAll(keep, 100); n != 0 {
				c.broken("%d entries were deleted before their time", n)
			}
			c.clock.Move(2*time.Minute + time.Microsecond)
			for i := 1; i <= 2; i++ {
				c.wants("rows deleted with the limit 1", c.prune(keep, 1), 1)
				got, at := c.entries(c.Store, 0, 10)
				c.wants("what is left", got, all[i:])
				c.wants("the head", at, head)
			}
			c.clock.Move(time.Hour)
			c.pruneAll(keep, 100)
			got, at, _, err := c.Revocations(c.ctx, 0, 10)
			c.must(err, "read")
			if len(got) != 0 {
				c.broken("%v is left", got)
			}
			c.wants("the head", at, head)
		}},
		{name: "keys", rule: "a revoked key stays in the log for the retention of keys, and what follows it stays too", run: func(c *check) {
			keep := keep
			keep.Keys = 24 * time.Hour
			for _, e := range []struct {
				kind  issuer.EntryKind
				value string
			}{{issuer.EntrySubject, "before"}, {issuer.EntryKey, "kid"}, {issuer.EntrySubject, "after"}} {
				_, err := c.RevokeBefore(c.ctx, e.kind, e.value)
				c.must(err, "revoke")
				c.clock.Move(time.Second)
			}
			all, _ := c.entries(c.Store, 0, 10)
			c.clock.Move(keep.Keys - 2*time.Second - time.Microsecond)
			c.wants("rows deleted while the key has to stay", c.pruneAll(keep, 100), 1)
			got, _ := c.entries(c.Store, 0, 10)
			c.wants("what is left", got, all[1:])
			c.clock.Move(time.Microsecond)
			c.wants("rows deleted when its time is over", c.pruneAll(keep, 100), 2)
			_, err := c.RevokeBefore(c.ctx, issuer.EntryKey, "kid")
			c.must(err, "revoke")
			c.clock.Move(keep.Log - time.Microsecond)
			keep.Keys = 0
			c.wants("rows deleted before the log's own time", c.pruneAll(keep, 100), 0)
			c.clock.Move(time.Microsecond)
			c.wants("rows deleted without a retention of keys", c.pruneAll(keep, 100), 1)
		}},
		{name: "goes on", rule: "after everything was pruned the log goes on where it was, another opening of the place included", run: func(c *check) {
			c.revoke(issuer.Revocation{Subject: "alice", Reason: issuer.ReasonRevoked})
			_, head := c.entries(c.Store, 0, 10)
			c.clock.Move(24 * time.Hour)
			c.pruneAll(keep, 10)
			if c.place.Persistent {
				c.reopen()
			}
			e, err := c.RevokeBefore(c.ctx, issuer.EntryAll, "")
			c.must(err, "revoke")
			if e.Seq != head.Seq+1 || e.Chain != e.Link(head.Chain) {
				c.broken("entry %d after the head at %d, or not linked to it", e.Seq, head.Seq)
			}
			got, after := c.entries(c.Store, head.Seq, 10)
			c.wants("the log", got, []issuer.Entry{e})
			c.wants("the log's name", after.Log, head.Log)
		}},
		{name: "limit", rule: "Prune deletes at most limit rows; fewer than limit says that there were no more", run: func(c *check) {
			n := newSession("alice")
			n.Lifetime, n.IdleTimeout = time.Second, 0
			for range 7 {
				c.create(again(n))
			}
			for i := range 6 {
				_, err := c.RevokeBefore(c.ctx, issuer.EntryClient, fmt.Sprint(i))
				c.must(err, "revoke")
			}
			c.clock.Move(2 * time.Hour)
			if all := c.pruneAll(keep, 4); all != 13 {
				c.broken("%d rows were deleted, not 13", all)
			}
			c.wants("a further call", c.prune(keep, 4), 0)
		}},
		{name: "bad", rule: "Prune refuses a negative retention and a limit that is not positive, and deletes nothing", run: func(c *check) {
			s := c.session("alice")
			c.clock.Move(1000 * time.Hour)
			for _, bad := range []struct {
				keep  issuer.Retention
				limit int
			}{{keep, 0}, {keep, -1}, {issuer.Retention{Sessions: -1}, 10}, {issuer.Retention{Log: -1}, 10}, {issuer.Retention{Keys: -1}, 10}, {issuer.Retention{Audit: -1}, 10}} {
				if _, err := c.Prune(c.ctx, bad.keep, bad.limit); err == nil {
					c.broken("%v, limit %d: no error", bad.keep, bad.limit)
				}
			}
			c.gone("the session", s, false)
		}},
	}
}
