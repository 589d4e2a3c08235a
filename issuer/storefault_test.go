package issuer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

var errDisk = errors.New("the disk is full")

// The store loses acknowledged writes: another one is promoted that is behind.
// Authentic tokens that are newer than the store go on.
func TestStoreThatIsBehind(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	session := w.session(pair.SessionID)
	tokens := []string{pair.RefreshToken}
	for range 3 {
		w.clock.Move(grace)
		tokens = append(tokens, w.next(tokens[len(tokens)-1]).RefreshToken)
	}

	behind := memory.New(w.clock.Now)
	keys, _, err := w.store.Keys(ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := behind.UpdateKeys(ctx(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return keys, nil }); err != nil {
		t.Fatal(err)
	}
	_, err = behind.CreateSession(ctx(), issuer.NewSession{ID: session.ID, Subject: session.Subject, ClientID: session.ClientID,
		Seed: session.Seed, Lifetime: time.Hour, Audience: session.Audience, Scope: session.Scope})
	if err != nil {
		t.Fatal(err)
	}
	w = newWorldOn(t, w.clock, behind)
	w.clock.Move(time.Minute)

	next := w.next(tokens[3])
	if got := w.session(session.ID).Generation; got != 4 {
		t.Errorf("generation %d, want 4: the one after the token's", got)
	}
	events := w.of(issuer.EventStoreBehind)
	if len(events) != 1 || len(events[0].Sessions) != 1 || events[0].Sessions[0] != session.ID || events[0].Subject != "somebody" {
		t.Errorf("events %+v, want one that names the session", events)
	}
	if len(w.of(issuer.EventRefresh)) != 0 {
		t.Error("it is told as an ordinary refresh, too")
	}
	// From here on all is as usual: a retry is answered, an old token is reuse.
	if got := w.next(tokens[3]).RefreshToken; got != next.RefreshToken {
		t.Error("a retry got another refresh token")
	}
	w.clock.Move(grace)
	w.refused(tokens[2], "superseded")
	w.dead(next)
}

// Writes that fail (C10, C27): no answer but a failure, and a retry works.
func TestStoreFailures(t *testing.T) {
	for _, method := range []string{"Session", "Rotate"} {
		t.Run("before "+method, func(t *testing.T) {
			w := newWorld(t)
			first := w.open("somebody")
			w.store.Before(method, func() error { return errDisk })
			pair, err := w.refresh(first.RefreshToken)
			if !errors.Is(err, errDisk) || !isFailure(err) || pair != nil {
				t.Errorf("%v, %v; want the store's error and no more", pair, err)
			}
			w.store.Before(method, nil)
			w.next(first.RefreshToken)
			if n := w.store.Count("Rotate"); n != 1 {
				t.Errorf("%d rotations", n)
			}
		})
	}
	t.Run("after Rotate", func(t *testing.T) {
		// The write happened and the store could not say so.
		w := newWorld(t)
		first := w.open("somebody")
		w.store.After("Rotate", func() error { return errDisk })
		pair, err := w.refresh(first.RefreshToken)
		if !errors.Is(err, errDisk) || !isFailure(err) || pair != nil {
			t.Errorf("%v, %v; want the store's error and no more", pair, err)
		}
		w.store.After("Rotate", nil)
		w.clock.Move(grace - time.Microsecond)
		next := w.next(first.RefreshToken)
		if n := w.store.Count("Rotate"); n != 1 {
			t.Errorf("%d rotations", n)
		}
		w.clock.Move(grace)
		w.next(next.RefreshToken)
	})
	t.Run("Revoke of a replayed token", func(t *testing.T) {
		w := newWorld(t)
		first := w.open("somebody")
		w.next(first.RefreshToken)
		w.clock.Move(grace)
		w.store.Before("Revoke", func() error { return errDisk })
		if _, err := w.refresh(first.RefreshToken); !errors.Is(err, errDisk) || !isFailure(err) {
			t.Errorf("%v; want the store's error", err)
		}
		if len(w.of(issuer.EventReuse)) != 0 {
			t.Error("an event tells of a revocation that did not happen")
		}
		w.store.Before("Revoke", nil)
		w.refused(first.RefreshToken, "replayed")
	})
	t.Run("Revoke of an expired session", func(t *testing.T) {
		w := newWorld(t)
		first := w.open("somebody", func(n *issuer.NewSession) { n.Lifetime = time.Hour })
		w.clock.Move(time.Hour)
		w.store.Before("Revoke", func() error { return errDisk })
		if _, err := w.refresh(first.RefreshToken); !errors.Is(err, errDisk) || !isFailure(err) {
			t.Errorf("%v; want the store's error", err)
		}
	})
	t.Run("a conflict without end", func(t *testing.T) {
		w := newWorld(t)
		first := w.open("somebody")
		w.store.Before("Rotate", func() error { return issuer.ErrConflict })
		if pair, err := w.refresh(first.RefreshToken); !isFailure(err) || pair != nil {
			t.Errorf("%v, %v; want a failure", pair, err)
		}
	})
}

// A store may remove sessions that ended. One that is gone between two steps is
// an invalid grant, like one that was never there.
func TestSessionThatVanishes(t *testing.T) {
	gone := func() error { return issuer.ErrNotFound }
	t.Run("before Rotate", func(t *testing.T) {
		w := newWorld(t)
		first := w.open("somebody")
		w.store.Before("Rotate", func() error { w.store.Before("Session", gone); return issuer.ErrNotFound })
		w.refused(first.RefreshToken, "gone")
	})
	t.Run("before Revoke", func(t *testing.T) {
		w := newWorld(t)
		first := w.open("somebody")
		w.next(first.RefreshToken)
		w.clock.Move(grace)
		w.store.Before("Revoke", gone)
		pair := w.open("somebody")
		for _, token := range []string{pair.RefreshToken, pair.AccessToken} {
			if err := w.RevokeToken(ctx(), token, ""); err != nil {
				t.Errorf("revoke a token: %v; what is gone is revoked enough", err)
			}
		}
		if _, err := w.refresh(first.RefreshToken); !errors.Is(err, issuer.ErrInvalidGrant) || errors.Is(err, issuer.ErrNotFound) {
			t.Errorf("%v; want ErrInvalidGrant", err)
		}
	})
}
