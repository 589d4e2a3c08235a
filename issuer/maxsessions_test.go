package issuer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func TestALoginBeyondTheBoundEndsTheSessionThatWasUnusedForLongest(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.MaxSessions = 2 })
	alice := w.alice()
	used := w.login()
	w.clock.Move(time.Minute)
	unused := w.login()
	w.clock.Move(time.Minute)
	used = w.next(used.RefreshToken)
	w.clock.Move(time.Minute)
	third := w.login()

	w.dead(unused)
	if got := w.session(unused.SessionID).RevokeReason; got != issuer.ReasonLimit {
		t.Errorf("it was revoked for %q", got)
	}
	events := w.of(issuer.EventRevoked)
	if len(events) != 1 || events[0].Reason != issuer.ReasonLimit || events[0].Subject != alice.ID || !slices.Equal(events[0].Sessions, []issuer.SessionID{unused.SessionID}) {
		t.Errorf("events %+v", events)
	}
	w.next(used.RefreshToken)
	w.next(third.RefreshToken)
}

func TestWithoutABoundAUserHasAnyNumberOfSessions(t *testing.T) {
	w := newWorld(t)
	alice := w.alice()
	for range 20 {
		w.login()
	}
	if got := must(w.Sessions(ctx(), alice.ID)); len(got) != 20 {
		t.Errorf("%d of 20 sessions are live", len(got))
	}
}
