package storetest

import (
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// whole seconds of the suite's clock: it starts within one.
var startSecond = instant(start).Truncate(time.Second)

// entries reads the log after a number, in pages of a size, and checks that it
// is one: no gap, every link right, no instant before the one ahead of it.
func (c *check) entries(s issuer.Store, after uint64, page int) ([]issuer.Entry, issuer.LogHead) {
	c.Helper()
	var all []issuer.Entry
	for {
		got, head, _, err := s.Revocations(c.ctx, after, page)
		c.must(err, "read the log")
		if len(got) > page {
			c.broken("%d entries, more than the limit of %d", len(got), page)
		}
		for i, e := range got {
			if i == 0 && len(all) == 0 {
				if e.Seq == 1 && e.Chain != e.Link(issuer.Chain{}) {
					c.broken("entry 1 is not linked to the empty log")
				}
			} else if before := last(all); e.Seq != before.Seq+1 {
				c.broken("entry %d follows entry %d", e.Seq, before.Seq)
			} else if e.Chain != e.Link(before.Chain) {
				c.broken("entry %d is not linked to the one before", e.Seq)
			} else if e.At.Before(before.At) {
				c.broken("entry %d was written before entry %d", e.Seq, before.Seq)
			}
			all = append(all, e)
			after = e.Seq
		}
		if len(got) < page {
			if len(all) > 0 && (head.Seq != last(all).Seq || head.Chain != last(all).Chain) {
				c.broken("the log ends with entry %d and the head is at %d, or their chains differ", last(all).Seq, head.Seq)
			}
			return all, head
		}
	}
}

func last(entries []issuer.Entry) issuer.Entry { return entries[len(entries)-1] }

// wantsEntries compares what entries say, whatever their numbers.
func (c *check) wantsEntries(what string, got []issuer.Entry, want ...issuer.Entry) {
	c.Helper()
	if len(got) != len(want) {
		c.broken("%s: %d entries, not %d: %v", what, len(got), len(want), got)
		return
	}
	for i := range got {
		g := got[i]
		g.Seq, g.Chain = 0, issuer.Chain{}
		c.wants(fmt.Sprintf("%s, entry %d", what, i), g, want[i])
	}
}

func logRules() []rule {
	session := func(s issuer.Session, at time.Time) issuer.Entry {
		return issuer.Entry{Kind: issuer.EntrySession, Value: s.ID.String(), At: at}
	}
	subject := func(name string, at time.Time) issuer.Entry {
		return issuer.Entry{Kind: issuer.EntrySubject, Value: name, Before: at.Truncate(time.Second), At: at}
	}
	return []rule{
		{name: "empty", rule: "an empty log has a name, the number 0 and the zero chain", run: func(c *check) {
			got, head := c.entries(c.Store, 0, 10)
			if len(got) != 0 || head.Seq != 0 || head.Chain != (issuer.Chain{}) || head.Log == ([16]byte{}) {
				c.broken("got %v, %v", got, head)
			}
		}},
		{name: "another log", rule: "no two stores have logs of one name", run: func(c *check) {
			_, mine := c.entries(c.Store, 0, 10)
			other := *c
			other.place = c.another(c.T)
			other.Store = other.open()
			if _, its := other.entries(other.Store, 0, 10); its.Log == mine.Log {
				c.broken("both are %x", mine.Log)
			}
		}},
		{name: "session", rule: "revoking a session appends one entry for it, and revoking it again none", run: func(c *check) {
			s := c.session("alice")
			c.clock.Move(time.Minute)
			done := c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout})
			c.clock.Move(time.Minute)
			c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonReuse})
			got, _ := c.entries(c.Store, 0, 10)
			c.wantsEntries("the log", got, session(s, done.At))
		}},
		{name: "subject", rule: "revoking a subject appends an entry for each session that this revokes and one for the subject, whose Before is now cut to the second", run: func(c *check) {
			before, s, other := c.session("alice"), c.session("alice"), c.session("bob")
			first := c.revoke(issuer.Revocation{SessionID: before.ID, Reason: issuer.ReasonLogout})
			c.clock.Move(time.Minute)
			done := c.revoke(issuer.Revocation{Subject: "alice", Reason: issuer.ReasonRevoked})
			none := c.revoke(issuer.Revocation{Subject: "nobody", Reason: issuer.ReasonRevoked})
			got, _ := c.entries(c.Store, 0, 10)
			c.wantsEntries("the log", got, session(before, first.At), session(s, done.At), subject("alice", done.At), subject("nobody", none.At))
			if live, _ := c.read(other.ID); live.Revoked() {
				c.broken("another subject's session was revoked")
			}
		}},
		{name: "login after", rule: "a token issued in the second of the revocation, or later, is not before it", run: func(c *check) {
			e, err := c.RevokeBefore(c.ctx, issuer.EntrySubject, "alice")
			c.must(err, "revoke")
			if !e.Before.Equal(startSecond) || e.Before.After(e.At) {
				c.broken("Before is %v, at %v", e.Before, e.At)
			}
		}},
		{name: "expired", rule: "a session that is revoked because it expired leaves no entry", run: func(c *check) {
			s := c.session("alice")
			c.clock.Move(48 * time.Hour)
			c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonExpired})
			if got, head := c.entries(c.Store, 0, 10); len(got) != 0 || head.Seq != 0 {
				c.broken("got %v", got)
			}
		}},
		{name: "user", rule: "a new password and disabling a user append entries for the sessions and for the subject; enabling appends none", run: func(c *check) {
			u := c.user("alice")
			one := c.session(u.ID)
			c.clock.Move(time.Second)
			first, err := c.SetPassword(c.ctx, "alice", hashOf("new"))
			c.must(err, "set the password")
			two := c.session(u.ID)
			c.clock.Move(time.Second)
			second, err := c.SetDisabled(c.ctx, "alice", true)
			c.must(err, "disable")
			_, err = c.SetDisabled(c.ctx, "alice", false)
			c.must(err, "enable")
			got, _ := c.entries(c.Store, 0, 10)
			c.wantsEntries("the log", got, session(one, first.At), subject(u.ID, first.At), session(two, second.At), subject(u.ID, second.At))
		}},
		{name: "nothing", rule: "what does not happen is not in the log", run: func(c *check) {
			s := c.session("alice")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: issuer.NewSessionID(), Reason: issuer.ReasonLogout})
			c.wantsErr("Revoke of an unknown session", err, issuer.ErrNotFound)
			_, err = c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, OwnedBy: "bob", Reason: issuer.ReasonLogout})
			c.wantsErr("Revoke of another's session", err, issuer.ErrNotFound)
			_, err = c.SetPassword(c.ctx, "nobody", hashOf("new"))
			c.wantsErr("SetPassword of an unknown user", err, issuer.ErrNotFound)
			if got, _ := c.entries(c.Store, 0, 10); len(got) != 0 {
				c.broken("got %v", got)
			}
		}},
		{name: "before", rule: "RevokeBefore appends one entry of its kind, returns it, and touches no session", run: func(c *check) {
			s := c.session("alice")
			c.clock.Move(90 * time.Second)
			at := instant(start).Add(90 * time.Second)
			var want []issuer.Entry
			for kind, value := range map[issuer.EntryKind]string{issuer.EntrySubject: "alice", issuer.EntryClient: "l'appli ü", issuer.EntryAll: ""} {
				e, err := c.RevokeBefore(c.ctx, kind, value)
				c.must(err, "revoke before")
				c.wantsEntries("what RevokeBefore returned", []issuer.Entry{e}, issuer.Entry{Kind: kind, Value: value, Before: at.Truncate(time.Second), At: at})
				want = append(want, e)
			}
			got, _ := c.entries(c.Store, 0, 10)
			c.wants("the log", got, want)
			still, _ := c.read(s.ID)
			c.wants("the session", still, s)
		}},
		{name: "key", rule: "an entry for a key has no Before: it concerns all that the key signed", run: func(c *check) {
			e, err := c.RevokeBefore(c.ctx, issuer.EntryKey, "kid")
			c.must(err, "revoke a key")
			want := issuer.Entry{Kind: issuer.EntryKey, Value: "kid", At: instant(start)}
			c.wantsEntries("what RevokeBefore returned", []issuer.Entry{e}, want)
			got, _ := c.entries(c.Store, 0, 10)
			c.wants("the log", got, []issuer.Entry{e})
		}},
		{name: "bad", rule: "RevokeBefore refuses sessions, unknown kinds, a missing value and one that has no place, and a limit must be positive", run: func(c *check) {
			for _, e := range []issuer.Entry{
				{Kind: issuer.EntrySession, Value: issuer.NewSessionID().String()}, {Kind: "", Value: "x"}, {Kind: "user", Value: "x"},
				{Kind: issuer.EntrySubject}, {Kind: issuer.EntryClient}, {Kind: issuer.EntryKey}, {Kind: issuer.EntryAll, Value: "x"},
			} {
				if _, err := c.RevokeBefore(c.ctx, e.Kind, e.Value); err == nil {
					c.broken("%q %q: no error", e.Kind, e.Value)
				}
			}
			for _, limit := range []int{0, -1} {
				if _, _, _, err := c.Revocations(c.ctx, 0, limit); err == nil {
					c.broken("limit %d: no error", limit)
				}
			}
			if got, _ := c.entries(c.Store, 0, 10); len(got) != 0 {
				c.broken("the log has %v", got)
			}
		}},
		{name: "pages", rule: "Revocations returns the entries after a number, at most limit, and where the log ends", run: func(c *check) {
			for i := range 10 {
				_, err := c.RevokeBefore(c.ctx, issuer.EntrySubject, fmt.Sprint("s", i))
				c.must(err, "revoke")
				c.clock.Move(-time.Second) // which changes nothing: the store's time never goes back
			}
			all, head := c.entries(c.Store, 0, 3)
			if len(all) != 10 || head.Seq != 10 {
				c.broken("%d entries, the head at %d", len(all), head.Seq)
			}
			for _, after := range []uint64{0, 1, 7, 9, 10, 11, 1 << 40} {
				got, at, now, err := c.Revocations(c.ctx, after, 4)
				c.must(err, "read")
				from := min(int(after), len(all))
				c.wants(fmt.Sprint("the entries after ", after), got, all[from:min(from+4, len(all))])
				c.wants("the head", at, head)
				c.wants("now", now, instant(start))
			}
		}},
		{name: "order", rule: "with writers at once, over all stores on the place, a reader that follows the log misses nothing and no link is wrong", run: func(c *check) {
			const writers, each = 8, 12
			stores := c.stores()
			reader := c.Store
			if c.place.Shared {
				reader = c.openWith(c.clock)
			}
			c.clock.Tick(time.Microsecond)
			written := make(chan struct{})
			var followed []issuer.Entry
			together(2, func(i int) {
				if i == 0 {
					defer close(written)
					together(writers, func(w int) {
						for n := range each {
							s := stores[w%len(stores)]
							var err error
							if n%2 == 0 {
								_, err = s.RevokeBefore(c.ctx, issuer.EntryClient, fmt.Sprint(w, " ", n))
							} else {
								_, err = s.Revoke(c.ctx, issuer.Revocation{Subject: fmt.Sprint(w, " ", n), Reason: issuer.ReasonRevoked})
							}
							if err != nil {
								c.broken("write: %v", err)
							}
						}
					})
					return
				}
				for over := false; ; {
					var after uint64
					if len(followed) > 0 {
						after = last(followed).Seq
					}
					got, _, _, err := reader.Revocations(c.ctx, after, 7)
					if err != nil {
						c.broken("read: %v", err)
						return
					}
					followed = append(followed, got...)
					if len(got) == 0 && over {
						return
					}
					select {
					case <-written:
						over = true // and once more, for what came last
					default:
					}
				}
			})
			all, head := c.entries(c.Store, 0, 1000)
			if len(all) != writers*each || head.Seq != writers*each {
				c.broken("%d writes leave %d entries and the head at %d", writers*each, len(all), head.Seq)
			}
			c.wants("what the reader followed", followed, all)
		}},
		onPersistentPlace(rule{name: "reopen", rule: "the log, its head and its name are there after the place was opened again", run: func(c *check) {
			c.revoke(issuer.Revocation{SessionID: c.session("alice").ID, Reason: issuer.ReasonLogout})
			c.revoke(issuer.Revocation{Subject: "bob", Reason: issuer.ReasonRevoked})
			want, head := c.entries(c.Store, 0, 10)
			c.reopen()
			got, again := c.entries(c.Store, 0, 10)
			c.wants("the log", got, want)
			c.wants("the head", again, head)
		}}),
	}
}

// revoke revokes and returns what that did.
func (c *check) revoke(r issuer.Revocation) issuer.Revoked {
	c.Helper()
	done, err := c.Revoke(c.ctx, r)
	c.must(err, "revoke")
	return done
}
