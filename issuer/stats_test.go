package issuer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

func TestEachLoginIsCountedOnceByItsOutcome(t *testing.T) {
	w := newWorld(t)
	w.alice()
	right := issuer.LoginRequest{Username: "alice", Password: testPassword}
	wrong, nobody, target := right, right, right
	wrong.Password, nobody.Username, target.Audience = "wrong", "nobody", "elsewhere"
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		want   issuer.LoginOutcome
		ctx    context.Context
		req    issuer.LoginRequest
		before func()
	}{
		{issuer.LoginOK, ctx(), right, nil},
		{issuer.LoginWrongPassword, ctx(), wrong, nil},
		{issuer.LoginUnknownUser, ctx(), nobody, nil},
		{issuer.LoginInvalid, ctx(), target, nil},
		{issuer.LoginInvalid, ctx(), issuer.LoginRequest{}, nil},
		{issuer.LoginFailed, ctx(), right, func() { w.store.Before("User", func() error { return errDisk }) }},
		{issuer.LoginCanceled, ctx(), right, func() { w.store.Before("User", canceled.Err) }},
		{issuer.LoginUserChanged, ctx(), right, func() {
			w.store.Before("User", func() error { return nil })
			w.store.Before("CreateSession", func() error { return issuer.ErrConflict })
		}},
		{issuer.LoginDisabled, ctx(), right, func() {
			if err := w.SetDisabled(ctx(), "alice", true); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		if c.before != nil {
			c.before()
		}
		before := w.Stats().Logins
		_, _ = w.Login(c.ctx, c.req)
		after := w.Stats().Logins
		for outcome, n := range after {
			want := before[outcome]
			if outcome == c.want {
				want++
			}
			if n != want {
				t.Errorf("a login that is %s: %s went from %d to %d", c.want, outcome, before[outcome], n)
			}
		}
	}
}

func TestAFullQueueOfHashesIsCounted(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.HashSlots, c.HashWait = 1, time.Nanosecond })
	w.alice()
	if err := w.TakeHashSlot(ctx()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, issuer.ErrBusy) {
		t.Fatal(err)
	}
	s := w.Stats()
	if s.Logins[issuer.LoginBusy] != 1 || s.Hashes != (issuer.HashStats{Slots: 1, Busy: 1, Queue: 64, TurnedAway: 1}) {
		t.Errorf("%+v", s)
	}
}

func TestEachRefreshIsCountedOnceByItsOutcome(t *testing.T) {
	w := newWorld(t)
	counted := func(want issuer.RefreshOutcome, req issuer.RefreshRequest) *issuer.TokenPair {
		t.Helper()
		before := w.Stats().Refreshes
		pair, _ := w.Refresh(ctx(), req)
		for outcome, n := range w.Stats().Refreshes {
			more := n - before[outcome]
			if outcome == want && more != 1 || outcome != want && more != 0 {
				t.Errorf("a refresh that is %s: %d more %s", want, more, outcome)
			}
		}
		return pair
	}
	of := func(token string) issuer.RefreshRequest { return issuer.RefreshRequest{RefreshToken: token} }
	first := w.open("somebody").RefreshToken
	counted(issuer.RefreshMalformed, of("jtr_nonsense"))
	counted(issuer.RefreshNotAuthentic, of(newWorld(t).open("somebody").RefreshToken))
	counted(issuer.RefreshOtherClient, issuer.RefreshRequest{RefreshToken: first, ClientID: "another"})
	counted(issuer.RefreshBadScope, issuer.RefreshRequest{RefreshToken: first, Scope: "admin"})
	counted(issuer.RefreshBadScope, issuer.RefreshRequest{RefreshToken: first, Scope: `"`})
	w.store.Before("Rotate", func() error { return errDisk })
	counted(issuer.RefreshFailed, of(first))
	w.store.Before("Rotate", func() error { return context.Canceled })
	counted(issuer.RefreshCanceled, of(first))
	w.store.Before("Rotate", func() error { return issuer.ErrConflict })
	counted(issuer.RefreshFailed, of(first)) // the session kept changing
	w.store.Before("Rotate", func() error { return nil })
	second := counted(issuer.RefreshRotated, of(first)).RefreshToken
	counted(issuer.RefreshRetried, of(first))
	w.clock.Move(grace)
	third := counted(issuer.RefreshRotated, of(second)).RefreshToken
	counted(issuer.RefreshReuse, of(first))
	counted(issuer.RefreshRevoked, of(third))
	late := w.open("somebody").RefreshToken
	w.clock.Move(8 * 24 * time.Hour)
	counted(issuer.RefreshExpired, of(late))
	for why, n := range w.Stats().Revoked {
		want := map[issuer.Reason]uint64{issuer.ReasonReuse: 1, issuer.ReasonExpired: 1}[why]
		if n != want {
			t.Errorf("%d sessions revoked for %q, want %d", n, why, want)
		}
	}
}

func TestAnAuthenticTokenThatIsNewerIsCountedAsStoreBehind(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	s := *w.session(pair.SessionID)
	w.clock.Move(grace)
	next := w.next(pair.RefreshToken)
	w.clock.Move(grace)
	next = w.next(next.RefreshToken)

	behind := memory.New(w.clock.Now)
	keys, _, err := w.store.Keys(ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := behind.UpdateKeys(ctx(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return keys, nil }); err != nil {
		t.Fatal(err)
	}
	w = newWorldOn(t, w.clock, behind)
	w.open("somebody", func(n *issuer.NewSession) { n.ID, n.Seed = s.ID, s.Seed })
	w.next(next.RefreshToken)
	if got := w.Stats().Refreshes[issuer.RefreshStoreBehind]; got != 1 {
		t.Errorf("counted %d times", got)
	}
}

func TestRevokedSessionsAreCountedByReason(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.open("many")
	}
	one := w.open("one")
	if _, err := w.RevokeSubject(ctx(), "many", issuer.ReasonLogout); err != nil {
		t.Fatal(err)
	}
	if err := w.RevokeSession(ctx(), one.SessionID, "a reason of the program's own"); err != nil {
		t.Fatal(err)
	}
	s := w.Stats().Revoked
	if s[issuer.ReasonLogout] != 3 || s["other"] != 1 || s[issuer.ReasonRevoked] != 0 {
		t.Errorf("%v", s)
	}
}

func TestStatsTellOfTheKeys(t *testing.T) {
	w := newWorld(t)
	if err := rotateKeys(w); err != nil {
		t.Fatal(err)
	}
	w.clock.Move(time.Hour)
	next, active := 0, 0
	for _, k := range w.Stats().Keys {
		switch {
		case k.Use == issuer.UseAccess && k.State == issuer.KeyNext:
			next++
			if until := k.Until.Sub(k.Since); until != issuer.KeyLead {
				t.Errorf("the next key signs after %s", until)
			}
		case k.Use == issuer.UseAccess && k.State == issuer.KeyActive:
			active++
			if age := w.clock.Now().Sub(k.Since); age != time.Hour || k.Until.IsZero() || k.Algorithm != "HS256" {
				t.Errorf("the active key: %+v, %s old", k, age)
			}
		}
	}
	if next != 1 || active != 1 {
		t.Errorf("%d next, %d active", next, active)
	}
}

func rotateKeys(w *world) error {
	_, err := w.keyring().Rotate(ctx(), issuer.UseAccess, "", false)
	w.tick()
	return err
}

func TestStatsTellOfTheFeed(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	if s := w.Stats().Feed; s.Readers != 0 || !s.ReadAt.IsZero() {
		t.Errorf("nobody reads: %+v", s)
	}
	r, err := w.Feed().Read(ctx(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Feed().Close()
	defer r.Close()
	if _, err := r.Next(ctx()); err != nil {
		t.Fatal(err)
	}
	if err := w.RevokeSession(ctx(), pair.SessionID, issuer.ReasonRevoked); err != nil {
		t.Fatal(err)
	}
	b, err := r.Next(ctx())
	for err == nil && b.Empty() {
		b, err = r.Next(ctx())
	}
	if err != nil {
		t.Fatal(err)
	}
	s := w.Stats().Feed
	if s.Readers != 1 || s.Batches == 0 || s.Entries != 1 || s.Seq != 1 || !s.ReadAt.Equal(w.clock.Now()) || s.Delay != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAHashTellsWhenItBeginsAndEnds(t *testing.T) {
	var mu sync.Mutex
	var told []string
	w := newWorld(t, func(c *issuer.Config) {
		c.HashWait = time.Nanosecond
		c.HashSlots = 1
		c.OnWork = func(_ context.Context, work issuer.Work) func(error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, string(work))
			return func(err error) {
				mu.Lock()
				defer mu.Unlock()
				end := "end of " + string(work)
				if err != nil {
					end += ", refused"
				}
				told = append(told, end)
			}
		}
	})
	w.alice()
	if err := w.TakeHashSlot(ctx()); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword})
	got := strings.Join(told, "; ")
	want := "password_wait; end of password_wait; password_hash; end of password_hash; password_wait; end of password_wait, refused"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
