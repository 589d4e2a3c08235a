package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// auditOf returns the whole audit log of a store.
func auditOf(t fataler, s issuer.AuditLog) []issuer.AuditEntry {
	t.Helper()
	entries, _, err := s.Audit(ctx(), 0, 10_000)
	if err != nil {
		t.Fatalf("read the audit log: %v", err)
	}
	return entries
}

// told returns what the audit log says that came after a number of entries,
// without the chain.
func (w *world) told(after int) []issuer.AuditRecord {
	w.t.Helper()
	var records []issuer.AuditRecord
	for _, e := range auditOf(w.t, w.store)[after:] {
		records = append(records, e.AuditRecord)
	}
	return records
}

func checkAudit(t fataler, s issuer.Store, c issuer.AuditCheck) issuer.AuditReport {
	t.Helper()
	r, err := c.Run(ctx(), s)
	if err != nil {
		t.Fatalf("check the audit log: %v", err)
	}
	return r
}

// Whatever changes something, or is refused, leaves an entry that says who, what
// and from where.
func TestEveryActIsInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	from := issuer.WithRequestInfo(ctx(), issuer.RequestInfo{ID: "r1", Client: netip.MustParseAddr("192.0.2.7"), Agent: "phone/1"})
	command := issuer.WithRequestInfo(ctx(), issuer.RequestInfo{Actor: "cli:root@host"})
	alice := w.alice()
	pair := w.login()
	other := w.open(alice.ID)
	stolen := w.open(alice.ID)
	w.clock.Move(time.Minute)
	w.next(stolen.RefreshToken)
	w.clock.Move(time.Minute)
	access := w.open(alice.ID)
	ring := issuer.NewKeyring(w.store, master)

	for _, tt := range []struct {
		name string
		do   func() error
		want []issuer.AuditRecord
	}{
		{"a login", func() error {
			_, err := w.Login(from, issuer.LoginRequest{Username: "Alice", Password: testPassword})
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditLogin, Actor: "user:" + alice.ID, Subject: alice.ID, User: "alice", ClientID: "jeton-login",
			Session: "*", Address: "192.0.2.7", Agent: "phone/1", Request: "r1"}}},
		{"a wrong password", func() error {
			_, err := w.Login(from, issuer.LoginRequest{Username: "alice", Password: "wrong"})
			if !errors.Is(err, issuer.ErrInvalidCredentials) {
				return fmt.Errorf("the login is answered with %v", err)
			}
			return w.Tick(ctx())
		}, []issuer.AuditRecord{{Action: issuer.AuditLoginRefused, Actor: issuer.ActorUnknown, Subject: alice.ID, User: "alice", ClientID: "jeton-login",
			Detail: "wrong password", Address: "192.0.2.7", Agent: "phone/1", Request: "r1"}}},
		{"a stolen token", func() error {
			_, err := w.Refresh(from, issuer.RefreshRequest{RefreshToken: stolen.RefreshToken})
			if !errors.Is(err, issuer.ErrInvalidGrant) {
				return fmt.Errorf("the token is answered with %v", err)
			}
			_, err = w.Refresh(from, issuer.RefreshRequest{RefreshToken: stolen.RefreshToken})
			if !errors.Is(err, issuer.ErrInvalidGrant) {
				return fmt.Errorf("the token is answered with %v", err)
			}
			return nil
		}, []issuer.AuditRecord{{Action: issuer.AuditReuse, Actor: issuer.ActorUnknown, Subject: alice.ID, ClientID: "app", Session: stolen.SessionID.String(),
			Reason: issuer.ReasonReuse, Count: 1, Address: "192.0.2.7", Agent: "phone/1", Request: "r1"}}},
		{"a logout", func() error {
			return w.RevokeSessionOf(from, alice.ID, pair.SessionID, issuer.ReasonLogout)
		}, []issuer.AuditRecord{{Action: issuer.AuditRevoke, Actor: "user:" + alice.ID, Subject: alice.ID, Session: pair.SessionID.String(),
			Reason: issuer.ReasonLogout, Count: 1, Address: "192.0.2.7", Agent: "phone/1", Request: "r1"}}},
		{"a token that is revoked", func() error { return w.RevokeToken(ctx(), access.RefreshToken, "") },
			[]issuer.AuditRecord{{Action: issuer.AuditRevoke, Actor: "user:" + alice.ID, Subject: alice.ID, Session: access.SessionID.String(),
				Reason: issuer.ReasonRevoked, Count: 1}}},
		{"an operator's revocation", func() error { return w.RevokeSession(command, other.SessionID, issuer.ReasonRevoked) },
			[]issuer.AuditRecord{{Action: issuer.AuditRevoke, Actor: "cli:root@host", Subject: alice.ID, Session: other.SessionID.String(),
				Reason: issuer.ReasonRevoked, Count: 1}}},
		{"a subject's revocation", func() error {
			_, err := w.RevokeSubject(command, alice.ID, issuer.ReasonRevoked)
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditRevoke, Actor: "cli:root@host", Subject: alice.ID, Reason: issuer.ReasonRevoked, Detail: "every session of the subject", Count: 1}}},
		{"a recall", func() error {
			_, err := w.RevokeIssued(command, issuer.EntryClient, "app")
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditRecall, Actor: "cli:root@host", ClientID: "app", Reason: issuer.ReasonRevoked, Detail: "access tokens issued before now: client"}}},
		{"a new user", func() error {
			_, err := w.AddUser(command, issuer.NewUser{Name: "Bob", Password: testPassword, Scopes: []string{"a"}, Roles: []string{"r"}})
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditUserAdd, Actor: "cli:root@host", Subject: "*", User: "bob", Detail: "scopes: a; roles: r"}}},
		{"a password", func() error { return w.SetPassword(command, "alice", testPassword) },
			[]issuer.AuditRecord{{Action: issuer.AuditUserPassword, Actor: "cli:root@host", Subject: alice.ID, User: "alice", Reason: issuer.ReasonPassword}}},
		{"disabling", func() error { return w.SetDisabled(command, "alice", true) },
			[]issuer.AuditRecord{{Action: issuer.AuditUserDisable, Actor: "cli:root@host", Subject: alice.ID, User: "alice", Reason: issuer.ReasonDisabled}}},
		{"enabling", func() error { return w.SetDisabled(command, "alice", false) },
			[]issuer.AuditRecord{{Action: issuer.AuditUserEnable, Actor: "cli:root@host", Subject: alice.ID, User: "alice"}}},
		{"a key's export", func() error {
			_, err := issuer.ExportHMACKey(command, w.store, master)
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditKeyExport, Actor: "cli:root@host", Key: "*", Detail: "the HMAC secret was given out"}}},
		{"a rotation", func() error {
			_, err := ring.Rotate(command, issuer.UseRefresh, "", false)
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditKey, Actor: "cli:root@host", Key: "2", Detail: "*"}}},
		{"the schedule", func() error {
			w.clock.Move(issuer.KeyLead)
			return w.Tick(ctx())
		}, []issuer.AuditRecord{{Action: issuer.AuditKey, Actor: issuer.ActorService, Key: "1", Detail: "refresh key 1 retires"},
			{Action: issuer.AuditKey, Actor: issuer.ActorService, Key: "2", Detail: "refresh key 2 is active"}}},
		{"a key's revocation", func() error {
			_, err := ring.Revoke(command, "1")
			return err
		}, []issuer.AuditRecord{{Action: issuer.AuditKey, Actor: "cli:root@host", Key: "1", Detail: "refresh key 1 is revoked"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(auditOf(t, w.store))
			if err := tt.do(); err != nil {
				t.Fatal(err)
			}
			got := w.told(before)
			for i := range min(len(got), len(tt.want)) {
				for _, f := range []struct{ got, want *string }{{&got[i].Session, &tt.want[i].Session}, {&got[i].Subject, &tt.want[i].Subject},
					{&got[i].Key, &tt.want[i].Key}, {&got[i].Detail, &tt.want[i].Detail}} {
					if *f.want == "*" && *f.got != "" {
						*f.want = *f.got
					}
				}
				// What only fills in where nobody asked.
				if tt.want[i].Actor == "" {
					tt.want[i].Actor = issuer.ActorService
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the audit log says\n\t%+v, not\n\t%+v", got, tt.want)
			}
		})
	}
	if r := checkAudit(t, w.store, issuer.AuditCheck{MasterKey: master}); len(r.Breaks) > 0 || r.Head.Seal.Seq == 0 {
		t.Errorf("the log does not hold, or is not sealed: %+v", r)
	}
}

// A refresh is no act: the log does not grow with the traffic.
func TestRefreshesAreNotInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	token := w.open("somebody").RefreshToken
	before := len(auditOf(t, w.store))
	for range 5 {
		w.clock.Move(grace)
		token = w.next(token).RefreshToken
		w.refused("jtr_nonsense", "form")
	}
	w.tick()
	if got := w.told(before); len(got) > 0 {
		t.Errorf("the audit log says %+v", got)
	}
}

// People type their password where the name belongs. It must not be in the log.
func TestUnknownNameIsNotInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	w.alice()
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "my-secret-password", Password: "alice"}); !errors.Is(err, issuer.ErrInvalidCredentials) {
		t.Fatal(err)
	}
	w.tick()
	entries := auditOf(t, w.store)
	if last := entries[len(entries)-1]; last.Action != issuer.AuditLoginRefused || last.Detail != "no such user" || last.User != "" || last.Subject != "" {
		t.Errorf("the log says %+v", last)
	}
	if text := fmt.Sprintf("%+v", entries); strings.Contains(text, "my-secret-password") {
		t.Error("the name is in the log")
	}
}

// A flood of refused logins fills a bounded part of the log, and is counted.
func TestFloodOfRefusedLoginsIsBoundedAndCounted(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.LoginLimits.Off = true })
	w.UnknownUsersCostNothing()
	w.alice()
	before := len(auditOf(t, w.store))
	const flood = 200
	refuse := func(n int, name string) {
		for range n {
			if _, err := w.Login(ctx(), issuer.LoginRequest{Username: name, Password: "wrong"}); !errors.Is(err, issuer.ErrInvalidCredentials) {
				t.Fatal(err)
			}
		}
	}
	refuse(flood, "nobody")
	refuse(3, "alice") // another kind, with a supply of its own
	w.tick()
	w.clock.Move(time.Minute)
	w.tick()
	single, counted, alice := 0, int64(0), 0
	for _, r := range w.told(before) {
		switch {
		case r.User == "alice":
			alice++
		case r.Count > 0:
			counted += r.Count
			if r.Detail != "no such user" || r.Action != issuer.AuditLoginRefused {
				t.Errorf("the count is told as %+v", r)
			}
		default:
			single++
		}
	}
	if single >= flood/2 || single == 0 || single+int(counted) != flood || alice != 3 {
		t.Errorf("%d told one by one, %d counted, of %d; and %d of 3 of alice", single, counted, flood, alice)
	}
	// Later there is room again.
	w.clock.Move(time.Hour)
	before = len(auditOf(t, w.store))
	refuse(1, "nobody")
	w.tick()
	if got := w.told(before); len(got) != 1 || got[0].Count != 0 {
		t.Errorf("after an hour: %+v", got)
	}
}

// What is in memory while the store takes no writes is written when it does
// again, and in the order in which it happened.
func TestRefusalsWaitForTheStore(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.LoginLimits.Off = true })
	w.alice()
	w.tick()
	before := len(auditOf(t, w.store))
	wrong := func() {
		if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: "wrong"}); !errors.Is(err, issuer.ErrInvalidCredentials) {
			t.Fatal(err)
		}
	}
	wrong()
	w.store.Before("AppendAudit", func() error { return errDisk })
	if err := w.Tick(ctx()); !errors.Is(err, errDisk) {
		t.Errorf("Tick: %v", err)
	}
	w.store.Before("CreateSession", func() error { return errDisk })
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, errDisk) {
		t.Errorf("login: %v", err)
	}
	wrong()
	w.store.Before("CreateSession", nil)
	w.login()
	var got []issuer.AuditAction
	for _, r := range w.told(before) {
		got = append(got, r.Action)
	}
	if want := []issuer.AuditAction{issuer.AuditLoginRefused, issuer.AuditLoginRefused, issuer.AuditLogin}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	w.store.Before("AppendAudit", nil)
	if err := w.SettleAudit(ctx()); err != nil || len(w.told(before)) != 3 {
		t.Errorf("settling wrote something twice: %v, %v", w.told(before), err)
	}
}

// forger shows another log than the one that is there.
type forger struct {
	issuer.Store
	forge func([]issuer.AuditEntry, *issuer.AuditHead) []issuer.AuditEntry
}

func (f *forger) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	all, head, err := f.Store.Audit(ctx, 0, 10_000)
	if err == nil && f.forge != nil {
		all = f.forge(all, &head)
	}
	all = slices.DeleteFunc(all, func(e issuer.AuditEntry) bool { return e.Seq <= after })
	return all[:min(limit, len(all))], head, err
}

// rechain makes the chain anew, as whoever can write the database can.
func rechain(all []issuer.AuditEntry, head *issuer.AuditHead) {
	prev := head.PrunedChain
	for i := range all {
		all[i].Chain = all[i].Link(prev)
		prev = all[i].Chain
	}
	head.Chain, head.Seq, head.At = prev, all[len(all)-1].Seq, all[len(all)-1].At
}

// sealedLog is a log of ten entries, of which the first two are pruned and the
// eighth is the last that is sealed.
func sealedLog(t *testing.T) (w *world, f *forger) {
	t.Helper()
	c := newClock()
	f = &forger{Store: memory.New(c.Now)}
	w = newWorldOn(t, c, f, func(cfg *issuer.Config) { cfg.AuditKeep = time.Hour })
	if err := w.SettleAudit(ctx()); err != nil { // the keys' two entries
		t.Fatal(err)
	}
	c.Move(2 * time.Hour)
	if _, err := w.Prune(ctx(), time.Hour); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		r := issuer.AuditRecord{Action: "a", Actor: "b", Subject: "c", User: "d", ClientID: "e", Session: "f", Key: "g", Reason: "h", Detail: "i", Count: 1, Address: "j", Agent: "k", Request: "l"}
		if err := f.AppendAudit(ctx(), r); err != nil {
			t.Fatal(err)
		}
		c.Move(time.Second)
		if i == 5 {
			if err := w.SettleAudit(ctx()); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := checkAudit(t, f, issuer.AuditCheck{MasterKey: master})
	if len(r.Breaks) > 0 || r.Head.Pruned != 2 || r.Head.Seal.Seq != 8 || r.Head.Seq != 10 {
		t.Fatalf("an honest log: %+v", r)
	}
	return w, f
}

func TestEveryFieldOfEveryEntryIsChecked(t *testing.T) {
	_, f := sealedLog(t)
	for i := range 8 {
		fields := reflect.TypeFor[issuer.AuditEntry]()
		for _, field := range reflect.VisibleFields(fields) {
			if field.Anonymous {
				continue
			}
			t.Run(fmt.Sprint(i+3, " ", field.Name), func(t *testing.T) {
				f.forge = func(all []issuer.AuditEntry, _ *issuer.AuditHead) []issuer.AuditEntry {
					all = slices.Clone(all)
					change(t, reflect.ValueOf(&all[i]).Elem().FieldByIndex(field.Index))
					return all
				}
				r := checkAudit(t, f, issuer.AuditCheck{MasterKey: master})
				if len(r.Breaks) == 0 {
					t.Fatal("nobody notices")
				}
				if at := r.Breaks[0].Seq; field.Name != "Seq" && at != uint64(i+3) {
					t.Errorf("it is found at entry %d", at)
				}
			})
		}
	}
}

// change makes another value of a field.
func change(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint64:
		v.SetUint(v.Uint() + 100)
	case reflect.Array:
		v.Index(3).SetUint(v.Index(3).Uint() ^ 1)
	case reflect.Struct:
		v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Microsecond)))
	case reflect.Slice:
		v.Set(reflect.ValueOf(append(slices.Clone(v.Bytes()), 1)))
	default:
		t.Fatalf("don't know how to change a %v", v.Type())
	}
}

func TestEveryFieldOfTheHeadIsChecked(t *testing.T) {
	_, f := sealedLog(t)
	for _, part := range []struct {
		name string
		of   func(*issuer.AuditHead) reflect.Value
	}{
		{"head", func(h *issuer.AuditHead) reflect.Value { return reflect.ValueOf(h).Elem() }},
		{"seal", func(h *issuer.AuditHead) reflect.Value { return reflect.ValueOf(&h.Seal).Elem() }},
	} {
		var head issuer.AuditHead
		for _, field := range reflect.VisibleFields(part.of(&head).Type()) {
			if field.Name == "Seal" {
				continue
			}
			t.Run(part.name+" "+field.Name, func(t *testing.T) {
				f.forge = func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
					change(t, part.of(head).FieldByIndex(field.Index))
					return all
				}
				if r := checkAudit(t, f, issuer.AuditCheck{MasterKey: master}); len(r.Breaks) == 0 {
					t.Error("nobody notices")
				}
			})
		}
	}
}

// forgeries are what somebody does who can write the database, knows the chain's
// formula, and lacks the master key.
var forgeries = []struct {
	name     string
	at       uint64 // where the check finds it
	unsealed bool   // it concerns nothing that was sealed: the anchor finds it
	forge    func([]issuer.AuditEntry, *issuer.AuditHead) []issuer.AuditEntry
}{
	{"an entry rewritten, and the chain", 8, false, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all[3].Actor = "somebody else"
		rechain(all, head)
		return all
	}},
	{"an entry taken out", 5, false, func(all []issuer.AuditEntry, _ *issuer.AuditHead) []issuer.AuditEntry {
		return slices.Delete(all, 2, 3)
	}},
	{"an entry taken out, and the others numbered anew", 8, false, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all = slices.Delete(all, 2, 3)
		for i := range all {
			all[i].Seq = uint64(i + 3)
		}
		rechain(all, head)
		return all
	}},
	{"the beginning pruned before its time", 6, false, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		head.Pruned, head.PrunedChain = 5, all[1].Chain
		return all[3:]
	}},
	{"cut off before the seal", 8, false, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all = all[:5]
		rechain(all, head)
		return all
	}},
	{"the seal taken away", 2, false, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		head.Seal = issuer.AuditSeal{}
		return all
	}},
	{"a seal of one's own", 8, false, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all[3].Actor = "somebody else"
		rechain(all, head)
		head.Seal.Chain = all[5].Chain
		return all
	}},
	{"cut off after the seal", 10, true, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all = all[:7]
		rechain(all, head)
		return all
	}},
	{"rewritten after the seal", 10, true, func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all[7].Actor = "somebody else"
		rechain(all, head)
		return all
	}},
}

func TestForgeriesAreFound(t *testing.T) {
	for _, tt := range forgeries {
		t.Run(tt.name, func(t *testing.T) {
			_, f := sealedLog(t)
			honest := checkAudit(t, f, issuer.AuditCheck{MasterKey: master})
			anchors := map[uint64]issuer.Chain{honest.Head.Seq: honest.Head.Chain, 1: {}}
			f.forge = func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
				return tt.forge(slices.Clone(all), head)
			}
			r := checkAudit(t, f, issuer.AuditCheck{MasterKey: master})
			if (len(r.Breaks) == 0) != tt.unsealed || !tt.unsealed && r.Breaks[0].Seq != tt.at {
				t.Errorf("without an anchor: %+v", r.Breaks)
			}
			r = checkAudit(t, f, issuer.AuditCheck{MasterKey: master, Anchors: anchors})
			if len(r.Breaks) == 0 || !slices.Equal(r.Gone, []uint64{1}) {
				t.Errorf("with an anchor: %+v, %v", r.Breaks, r.Gone)
			}
		})
	}
}

// The service seals what follows from what it sealed before, and nothing else:
// else it would bless a forgery within a second.
func TestServiceDoesNotSealAForgery(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		for _, tt := range forgeries {
			if tt.unsealed || tt.name == "an entry rewritten, and the chain" {
				continue // what is not sealed is not safe; the other is below
			}
			t.Run(fmt.Sprint(tt.name, ", restarted: ", restarted), func(t *testing.T) {
				w, f := sealedLog(t)
				f.forge = func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
					return tt.forge(slices.Clone(all), head)
				}
				if restarted {
					w = w.restart()
				}
				_, before, _ := f.Store.Audit(ctx(), 0, 1)
				err := w.SettleAudit(ctx())
				_, after, _ := f.Store.Audit(ctx(), 0, 1)
				// What lies before the last seal is not read again each second.
				if tt.name == "an entry taken out" || strings.HasPrefix(tt.name, "the beginning") {
					if err != nil {
						t.Errorf("what only a check sees: %v", err)
					}
					return
				}
				if !errors.Is(err, issuer.ErrAudit) || !reflect.DeepEqual(after.Seal, before.Seal) {
					t.Errorf("it was sealed, or nobody was told: %v", err)
				}
				if len(w.of(issuer.EventWarning)) == 0 {
					t.Error("no event")
				}
				if err := w.SettleAudit(ctx()); err != nil {
					t.Errorf("it is told again: %v", err)
				}
			})
		}
	}
	w, f := sealedLog(t)
	f.forge = func(all []issuer.AuditEntry, head *issuer.AuditHead) []issuer.AuditEntry {
		all = slices.Clone(all)
		all[3].Actor = "somebody else"
		rechain(all, head)
		return all
	}
	if err := w.SettleAudit(ctx()); !errors.Is(err, issuer.ErrAudit) {
		t.Errorf("a rewritten chain: %v", err)
	}
}

// Two nodes seal by turns; neither takes the other's seal for a forgery, and a
// node that is behind takes nothing back.
func TestNodesSealByTurns(t *testing.T) {
	w := newWorld(t)
	other := w.restart()
	for i := range 6 {
		node := []*world{w, other}[i%2]
		if _, err := node.RevokeIssued(ctx(), issuer.EntryAll, ""); err != nil {
			t.Fatal(err)
		}
		for _, each := range []*world{node, w, other} {
			if err := each.SettleAudit(ctx()); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := checkAudit(t, w.store, issuer.AuditCheck{MasterKey: master})
	if len(r.Breaks) > 0 || r.Head.Seal.Seq != r.Head.Seq {
		t.Errorf("%+v", r)
	}
	if _, err := (issuer.AuditCheck{MasterKey: issuer.GenerateMasterKey()}).Run(ctx(), w.store); !errors.Is(err, issuer.ErrMasterKey) {
		t.Errorf("another master key: %v", err)
	}
}

// meanwhile is a store in which something happens before the second look at the
// audit log.
type meanwhile struct {
	issuer.Store
	looks int
	do    func()
}

func (m *meanwhile) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	if m.looks++; m.looks == 2 {
		m.do()
	}
	return m.Store.Audit(ctx, after, limit)
}

// A log that is pruned while somebody reads it is an honest one.
func TestPruningIsNoForgery(t *testing.T) {
	setUp := func() (w *world, m *meanwhile) {
		w = newWorld(t, func(c *issuer.Config) { c.AuditKeep, c.Algorithm = time.Hour, jeton.HS256 })
		w.tick()
		w.clock.Move(2 * time.Hour)
		if _, err := w.RevokeIssued(ctx(), issuer.EntryAll, ""); err != nil {
			t.Fatal(err)
		}
		return w, &meanwhile{Store: w.store, do: func() {
			if err := w.SettleAudit(ctx()); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Prune(ctx(), time.Hour); n == 0 || err != nil {
				t.Fatalf("rule: this test is about a log that is pruned: %d, %v", n, err)
			}
		}}
	}
	_, m := setUp()
	if r := checkAudit(t, m, issuer.AuditCheck{MasterKey: master}); len(r.Breaks) > 0 || r.Head.Pruned == 0 {
		t.Errorf("to who verifies it: %+v", r)
	}

	w, m := setUp()
	w.clock.Move(2 * time.Hour) // what is not sealed yet is old too
	other := w.restart(func(c *issuer.Config) { c.Store = m })
	m.looks = 0
	if err := other.SettleAudit(ctx()); err != nil || m.looks < 2 {
		t.Errorf("to who seals it: %v, after %d looks", err, m.looks)
	}
	if _, err := w.RevokeIssued(ctx(), issuer.EntryAll, ""); err != nil {
		t.Fatal(err)
	}
	if err := other.SettleAudit(ctx()); err != nil {
		t.Error(err)
	}
	if r := checkAudit(t, w.store, issuer.AuditCheck{MasterKey: master}); len(r.Breaks) > 0 || r.Head.Seal.Seq != r.Head.Seq {
		t.Errorf("rule: it goes on sealing: %+v", r)
	}
}

func TestAuditLogIsPrunedByItsOwnRetention(t *testing.T) {
	for keep, left := range map[time.Duration]bool{time.Hour: false, 3 * time.Hour: true, issuer.KeepAudit: true} {
		w := newWorld(t, func(c *issuer.Config) { c.AuditKeep, c.Algorithm = keep, jeton.HS256 })
		w.tick()
		w.clock.Move(2 * time.Hour)
		if _, err := w.Prune(ctx(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := len(auditOf(t, w.store)) > 0; got != left {
			t.Errorf("kept for %v, looked at after 2 h: something is left: %v", keep, got)
		}
		if r := checkAudit(t, w.store, issuer.AuditCheck{MasterKey: master}); len(r.Breaks) > 0 {
			t.Errorf("%+v", r.Breaks)
		}
	}
}

// The seal outlives a change of the master key: it is made with a key that is
// derived from what that one seals.
func TestSealOutlivesARekey(t *testing.T) {
	w := newWorld(t)
	if err := w.SettleAudit(ctx()); err != nil {
		t.Fatal(err)
	}
	fresh := issuer.GenerateMasterKey()
	before := len(auditOf(t, w.store))
	if _, err := issuer.NewKeyring(w.store, fresh.WithOlder(master)).Rekey(ctx()); err != nil {
		t.Fatal(err)
	}
	told := w.told(before)
	if len(told) == 0 || told[0].Action != issuer.AuditKey || !strings.Contains(told[0].Detail, "sealed under the master key") {
		t.Errorf("a rekey is told as %+v", told)
	}
	w = w.restart(func(c *issuer.Config) { c.MasterKey = fresh })
	for range 2 {
		if r := checkAudit(t, w.store, issuer.AuditCheck{MasterKey: fresh}); len(r.Breaks) > 0 {
			t.Errorf("%+v", r.Breaks)
		}
		if err := w.SettleAudit(ctx()); err != nil {
			t.Fatal(err)
		}
	}
}
