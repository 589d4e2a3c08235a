package storetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// records are two records of a write, with every text set.
func (c *check) records(what string) []issuer.AuditRecord {
	r := issuer.AuditRecord{
		Action: "test", Actor: "user:Zoë", Subject: "subject", User: "zoë", ClientID: "client", Session: "session", Key: "key",
		Reason: issuer.ReasonRevoked, Detail: what, Address: "192.0.2.1", Agent: "curl/8 📱", Request: "4711",
	}
	second := r
	second.Detail += ", too"
	return []issuer.AuditRecord{r, second}
}

// audit reads the audit log after a number, in pages of a size, and checks that
// it is one: no gap, every link right, no instant before the one ahead of it.
func (c *check) audit(s issuer.Store, after uint64, page int) ([]issuer.AuditEntry, issuer.AuditHead) {
	c.Helper()
	var all []issuer.AuditEntry
	for {
		got, head, err := s.Audit(c.ctx, after, page)
		c.must(err, "read the audit log")
		if len(got) > page {
			c.broken("%d entries, more than the limit of %d", len(got), page)
		}
		for _, e := range got {
			before := issuer.AuditEntry{Seq: head.Pruned, Chain: head.PrunedChain}
			if len(all) > 0 {
				before = all[len(all)-1]
			}
			switch {
			case len(all) == 0 && after != head.Pruned: // what comes before was not asked for
			case e.Seq != before.Seq+1:
				c.broken("entry %d follows entry %d", e.Seq, before.Seq)
			case e.Chain != e.Link(before.Chain):
				c.broken("entry %d is not linked to the one before", e.Seq)
			case e.At.Before(before.At):
				c.broken("entry %d was written before entry %d", e.Seq, before.Seq)
			}
			all, after = append(all, e), e.Seq
		}
		if len(got) < page {
			if n := len(all); n > 0 && (head.Seq != all[n-1].Seq || head.Chain != all[n-1].Chain || !head.At.Equal(all[n-1].At)) {
				c.broken("the log ends with entry %d and the head is at %d, or their chains or instants differ", all[n-1].Seq, head.Seq)
			}
			return all, head
		}
	}
}

// wantsAudit compares what entries say.
func (c *check) wantsAudit(what string, want ...issuer.AuditRecord) {
	c.Helper()
	entries, _ := c.audit(c.Store, 0, 1000)
	var got []issuer.AuditRecord
	for _, e := range entries {
		got = append(got, e.AuditRecord)
	}
	c.wants(what, got, want)
}

// sealed seals the log up to an entry, as far as a store can tell.
func (c *check) sealed(e issuer.AuditEntry) issuer.AuditSeal {
	c.Helper()
	seal := issuer.AuditSeal{Seq: e.Seq, Chain: e.Chain, At: instant(c.clock.Now()), MAC: []byte{1, 0, 2, byte(e.Seq)}}
	c.must(c.SealAudit(c.ctx, seal), "seal")
	return seal
}

func auditRules() []rule {
	return []rule{
		{name: "empty", rule: "an empty audit log has a name of its own, the number 0, the zero chain and no seal", run: func(c *check) {
			got, head := c.audit(c.Store, 0, 10)
			name := head.Log
			head.Log = [16]byte{}
			if len(got) > 0 || name == head.Log {
				c.broken("got %v, named %x", got, name)
			}
			c.wants("the head", head, issuer.AuditHead{})
			other := *c
			other.place = c.another(c.T)
			other.Store = other.open()
			if _, its := other.audit(other.Store, 0, 10); its.Log == name {
				c.broken("two stores' logs have the name %x", name)
			}
		}},
		{name: "with the write", rule: "a write and what the audit log says of it are both there, at the store's now", run: func(c *check) {
			revokes := map[string]int64{"Revoke": 1, "Revoke of a subject": 1, "SetPassword": 1, "SetDisabled": 0}
			var want []issuer.AuditRecord
			writes := c.writes()
			for _, w := range writes {
				c.clock.Move(time.Minute)
				c.must(w.do(c.ctx, c.Store), w.name)
				if w.name == "Rotate" || w.name == "Rehash" {
					continue
				}
				for _, r := range c.records(w.name) {
					r.Count = revokes[w.name]
					want = append(want, r)
				}
			}
			c.wantsAudit("the audit log", want...)
			all, _ := c.audit(c.Store, 0, 1)
			if at := all[len(all)-1].At; !at.Equal(instant(start).Add(time.Duration(len(writes)) * time.Minute)) {
				c.broken("the last entry is of %v", at)
			}
		}},
		{name: "refused", rule: "of a write that is refused, or that finds nothing to do, the audit log says nothing", run: func(c *check) {
			u, s := c.user("alice"), c.session("bob")
			c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout})
			told := c.records("refused")
			stale, taken := newSession(u.ID), newSession("bob")
			stale.User, stale.Audit = &issuer.UserCondition{ID: u.ID, Version: 7}, told
			taken.ID, taken.Audit = s.ID, told
			mine := errors.New("refused by the test")
			for what, err := range map[string]error{
				"CreateSession":        second(c.CreateSession(c.ctx, stale)),
				"CreateSession, taken": second(c.CreateSession(c.ctx, taken)),
				"Revoke":               second(c.Revoke(c.ctx, issuer.Revocation{SessionID: issuer.NewSessionID(), Audit: told})),
				"Revoke of another's":  second(c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, OwnedBy: "alice", Audit: told})),
				"CreateUser":           second(c.CreateUser(c.ctx, newUser("alice"), told...)),
				"SetPassword":          second(c.SetPassword(c.ctx, "nobody", hashOf("x"), told...)),
				"SetDisabled":          second(c.SetDisabled(c.ctx, "nobody", true, told...)),
				"RevokeBefore":         second(c.RevokeBefore(c.ctx, "nothing", "x", told...)),
				"UpdateKeys": c.UpdateKeys(c.ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return nil, mine },
					func() []issuer.AuditRecord { return told }),
			} {
				if err == nil {
					c.broken("%s: no error", what)
				}
			}
			c.revoke(issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonReuse, Audit: told})
			c.wantsAudit("the audit log")
		}},
		{name: "who", rule: "a revocation by session says whose it was, and one by subject how many sessions there were", run: func(c *check) {
			a := c.session("alice")
			c.session("bob")
			c.session("bob")
			c.revoke(issuer.Revocation{SessionID: a.ID, Audit: []issuer.AuditRecord{{Action: "a"}}})
			c.revoke(issuer.Revocation{Subject: "bob", Audit: []issuer.AuditRecord{{Action: "b"}}})
			c.revoke(issuer.Revocation{Subject: "nobody", Audit: []issuer.AuditRecord{{Action: "c"}}})
			c.wantsAudit("the audit log", issuer.AuditRecord{Action: "a", Subject: "alice", Count: 1},
				issuer.AuditRecord{Action: "b", Subject: "bob", Count: 2}, issuer.AuditRecord{Action: "c", Subject: "nobody"})
		}},
		{name: "limit", rule: "a creation says how many sessions had to go for it, in records of its own session", run: func(c *check) {
			c.session("alice")
			c.session("alice")
			n := newSession("alice")
			n.MaxLive = 1
			n.Audit = []issuer.AuditRecord{{Action: "other"}, {Action: "login", Session: n.ID.String()}}
			c.create(n)
			c.wantsAudit("the audit log", issuer.AuditRecord{Action: "other"}, issuer.AuditRecord{Action: "login", Session: n.ID.String(), Count: 2})
		}},
		{name: "any text", rule: "any text is kept as AuditHead.Append mends it, and spoils no other write", run: func(c *check) {
			var head issuer.AuditHead
			var want []issuer.AuditRecord
			for _, text := range []string{"", "ü", "a\x00b", "\xff\xfe", strings.Repeat("x", 5000), strings.Repeat("é", 5000), "\u2028\"'\\;--", string([]byte{0xe2, 0x82})} {
				r := issuer.AuditRecord{Action: issuer.AuditAction(text), Actor: text, Subject: text, User: text, ClientID: text, Session: text,
					Key: text, Reason: issuer.Reason(text), Detail: text, Count: -1 << 63, Address: text, Agent: text, Request: text}
				c.must(c.AppendAudit(c.ctx, r), "append")
				want = append(want, head.Append(time.Time{}, r).AuditRecord)
			}
			c.wantsAudit("the audit log", want...)
		}},
		{name: "pages", rule: "Audit returns what comes after a number, in order and at most limit, and refuses a limit that is not positive", run: func(c *check) {
			for i := range 7 {
				c.must(c.AppendAudit(c.ctx, issuer.AuditRecord{Detail: fmt.Sprint(i)}), "append")
			}
			all, _ := c.audit(c.Store, 0, 100)
			for _, page := range []int{1, 3, 7} {
				got, _ := c.audit(c.Store, 0, page)
				c.wants(fmt.Sprint("pages of ", page), got, all)
			}
			got, _ := c.audit(c.Store, 5, 100)
			c.wants("after 5", got, all[5:])
			got, head, err := c.Audit(c.ctx, 1<<64-1, 1)
			c.must(err, "read behind the end")
			if len(got) > 0 || head.Seq != 7 {
				c.broken("behind the end there is %v, and the head is at %d", got, head.Seq)
			}
			for _, limit := range []int{0, -1} {
				if _, _, err := c.Audit(c.ctx, 0, limit); err == nil {
					c.broken("limit %d: no error", limit)
				}
			}
		}},
		{name: "time", rule: "no entry is earlier than the one before, whatever the clock does", run: func(c *check) {
			for _, d := range []time.Duration{time.Hour, -2 * time.Hour, time.Minute} {
				c.clock.Move(d)
				c.must(c.AppendAudit(c.ctx, issuer.AuditRecord{}), "append")
				c.session("alice")
			}
			c.audit(c.Store, 0, 10)
		}},
		{name: "seal", rule: "a seal is kept as it is, takes the place of one that is not later, and is refused unless it fits an entry", run: func(c *check) {
			for range 3 {
				c.must(c.AppendAudit(c.ctx, issuer.AuditRecord{}), "append")
			}
			all, _ := c.audit(c.Store, 0, 10)
			c.sealed(all[1])
			c.clock.Move(time.Minute)
			want := c.sealed(all[1])
			_, head := c.audit(c.Store, 0, 10)
			c.wants("the seal", head.Seal, want)
			for what, seal := range map[string]issuer.AuditSeal{
				"an earlier entry":  {Seq: 1, Chain: all[0].Chain},
				"another chain":     {Seq: 3, Chain: all[0].Chain},
				"no entry":          {Seq: 4, Chain: all[2].Chain},
				"nothing":           {},
				"a number too high": {Seq: 1<<64 - 1},
			} {
				c.wantsErr("a seal of "+what, c.SealAudit(c.ctx, seal), issuer.ErrConflict)
			}
			_, head = c.audit(c.Store, 0, 10)
			c.wants("the seal after", head.Seal, want)
		}},
		{name: "pruning", rule: "the oldest entries go when their time is over and they are sealed; what is left fits what the head says of those that went", run: func(c *check) {
			key := issuer.GenerateMasterKey()
			for i := range 6 {
				c.must(c.AppendAudit(c.ctx, issuer.AuditRecord{Detail: fmt.Sprint(i)}), "append")
				c.clock.Move(time.Minute)
			}
			all, _ := c.audit(c.Store, 0, 10)
			keep := issuer.Retention{Audit: 10 * time.Minute}
			c.clock.Move(keep.Audit - 5*time.Minute - time.Microsecond)
			c.sealed(all[3])
			c.wants("rows deleted with everything kept", c.pruneAll(issuer.Retention{}, 10), 0)
			c.wants("rows deleted", c.pruneAll(keep, 10), 1)
			c.clock.Move(time.Hour)
			c.wants("rows deleted with the limit 1", c.prune(keep, 1), 1)
			c.wants("rows deleted up to the seal", c.pruneAll(keep, 10), 2)
			if c.place.Persistent {
				c.reopen()
			}
			got, head := c.audit(c.Store, 0, 10)
			c.wants("what is left", got, all[4:])
			if head.Pruned != 4 || head.PrunedChain != all[3].Chain {
				c.broken("the head says that entry %d was the last to go", head.Pruned)
			}
			c.sealed(all[5])
			c.wants("rows deleted when all is sealed", c.pruneAll(keep, 10), 2)
			c.must(c.AppendAudit(c.ctx, issuer.AuditRecord{}), "append")
			got, _ = c.audit(c.Store, 0, 10)
			if len(got) != 1 || got[0].Seq != 7 || got[0].Chain != got[0].Link(all[5].Chain) {
				c.broken("the log does not go on where it was: %v", got)
			}
			report, err := (issuer.AuditCheck{}).Run(c.ctx, c.Store)
			c.must(err, "check")
			if len(report.Breaks) > 0 {
				c.broken("the log does not hold: %v", report.Breaks)
			}
			if report, err = (issuer.AuditCheck{MasterKey: key}).Run(c.ctx, c.Store); err == nil && len(report.Breaks) == 0 {
				c.broken("the log holds with a seal that nobody made")
			}
		}},
		{name: "64 writers", rule: "the chain holds whoever writes at once, each write's entry is there once, and a loser's is not", run: func(c *check) { checkAuditRace(c, c.Store) }},
		onSharedPlace(rule{name: "several stores", rule: "the chain holds whoever writes at once, through whatever store of the place", run: func(c *check) {
			checkAuditRace(c, c.Store, c.openWith(c.clock), c.openWith(c.clock))
		}}),
	}
}

func checkAuditRace(c *check, stores ...issuer.Store) {
	const writers, rounds = 64, 5
	contested := make([]issuer.Session, rounds)
	for i := range contested {
		contested[i] = c.session("contested")
	}
	for i := range writers {
		c.user(fmt.Sprint("user ", i))
	}
	record := func(kind string, writer, round int) []issuer.AuditRecord {
		return []issuer.AuditRecord{{Action: issuer.AuditAction(kind), Detail: fmt.Sprint(writer, " ", round)}}
	}
	together(writers, func(i int) {
		s := stores[i%len(stores)]
		for round := range rounds {
			n := newSession(fmt.Sprint("subject ", i))
			n.Audit = record("create", i, round)
			if _, err := s.CreateSession(c.ctx, n); err != nil {
				c.broken("create: %v", err)
			}
			if _, err := s.Revoke(c.ctx, issuer.Revocation{SessionID: n.ID, Audit: record("revoke", i, round)}); err != nil {
				c.broken("revoke: %v", err)
			}
			if _, err := s.Revoke(c.ctx, issuer.Revocation{SessionID: contested[round].ID, Audit: record("win", 0, round)}); err != nil {
				c.broken("revoke: %v", err)
			}
			if err := s.AppendAudit(c.ctx, record("append", i, round)...); err != nil {
				c.broken("append: %v", err)
			}
		}
		if _, err := s.SetPassword(c.ctx, fmt.Sprint("user ", i), hashOf("new"), record("password", i, 0)...); err != nil {
			c.broken("set the password: %v", err)
		}
	})
	all, _ := c.audit(c.Store, 0, 100)
	seen := make(map[string]int)
	for _, e := range all {
		seen[string(e.Action)+" "+e.Detail]++
	}
	for what, n := range seen {
		if n != 1 {
			c.broken("%s is there %d times", what, n)
		}
	}
	if want := writers*(3*rounds+1) + rounds; len(all) != want {
		c.broken("%d entries, not %d", len(all), want)
	}
}
