package issuer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
)

// A lost answer, two tabs (C3): inside the window the same successor comes back,
// each time with another access token.
func TestRefreshIsIdempotentInsideTheWindow(t *testing.T) {
	w := newWorld(t)
	first := w.open("somebody")
	second := w.next(first.RefreshToken)
	if second.RefreshToken == first.RefreshToken {
		t.Fatal("the first refresh did not rotate")
	}
	seen := map[string]bool{first.AccessToken: true, second.AccessToken: true}
	for _, step := range []time.Duration{0, time.Second, grace - time.Second - time.Microsecond} {
		w.clock.Move(step)
		for _, held := range []string{first.RefreshToken, second.RefreshToken} {
			again := w.next(held)
			if again.RefreshToken != second.RefreshToken {
				t.Error("a retry inside the window got another refresh token")
			}
			if seen[again.AccessToken] {
				t.Error("a retry got an access token that was given out before")
			}
			seen[again.AccessToken] = true
			if again.SessionID != first.SessionID || again.Scope != first.Scope || again.ExpiresIn != accessTTL {
				t.Errorf("a retry got session %v, scope %q, %v", again.SessionID, again.Scope, again.ExpiresIn)
			}
		}
	}
	if got := w.store.Count("Rotate"); got != 1 {
		t.Errorf("%d rotations, want 1: retries must not write", got)
	}
	w.clock.Move(time.Microsecond)
	third := w.next(second.RefreshToken)
	if third.RefreshToken == second.RefreshToken {
		t.Error("after the window the current token did not rotate")
	}
}

// A used token is replayed after the window (C1): the whole session ends, and
// one event tells, however many requests there are.
func TestReplayEndsTheSession(t *testing.T) {
	w := newWorld(t)
	stolen := w.open("somebody")
	owner := w.next(stolen.RefreshToken)
	w.clock.Move(grace)

	const requests = 200
	var all, judged sync.WaitGroup
	judged.Add(requests)
	w.store.Before("Revoke", func() error { judged.Done(); judged.Wait(); return nil }) // all at once
	for range requests {
		all.Go(func() { w.refused(stolen.RefreshToken, "replayed") })
	}
	all.Wait()
	w.store.Before("Revoke", nil)
	w.dead(stolen, owner)

	s := w.session(stolen.SessionID)
	if s.RevokeReason != issuer.ReasonReuse || !s.RevokedAt.Equal(w.clock.Now()) {
		t.Errorf("revoked at %v because of %q", s.RevokedAt, s.RevokeReason)
	}
	for _, kind := range []issuer.EventKind{issuer.EventReuse, issuer.EventRevoked} {
		events := w.of(kind)
		if len(events) != 1 {
			t.Fatalf("%d events %q, want 1", len(events), kind)
		}
		e := events[0]
		if e.Subject != "somebody" || e.Reason != issuer.ReasonReuse || len(e.Sessions) != 1 || e.Sessions[0] != s.ID || !e.At.Equal(s.RevokedAt) {
			t.Errorf("event %+v", e)
		}
	}
	if got := w.of(issuer.EventReuse)[0].ClientID; got != "app" {
		t.Errorf("the event is about client %q", got)
	}
}

// Only the session of the replayed token ends.
func TestReplayLeavesOtherSessionsAlone(t *testing.T) {
	w := newWorld(t)
	stolen, other := w.open("somebody"), w.open("somebody")
	w.next(stolen.RefreshToken)
	w.clock.Move(grace)
	w.refused(stolen.RefreshToken, "replayed")
	w.next(other.RefreshToken)
}

// A thief who hangs up before the answer is found out all the same.
func TestReplayEndsTheSessionThoughTheClientHungUp(t *testing.T) {
	w := newWorld(t)
	stolen := w.open("somebody")
	owner := w.next(stolen.RefreshToken)
	w.clock.Move(grace)

	hangUp, cancel := context.WithCancel(ctx())
	w.store.After("Session", func() error { cancel(); return nil })
	if pair, err := w.Refresh(hangUp, issuer.RefreshRequest{RefreshToken: stolen.RefreshToken}); err == nil {
		t.Fatalf("replayed: %v", pair)
	}
	w.store.After("Session", nil)
	if !w.session(stolen.SessionID).Revoked() {
		t.Error("the session lives on")
	}
	w.dead(owner)
	if len(w.of(issuer.EventReuse)) != 1 {
		t.Error("no event tells of the replay")
	}
}

// N parallel uses of one token (C2), inside the window: one rotation, and all get
// its successor.
func TestParallelUsesInsideTheWindow(t *testing.T) {
	w := newWorld(t)
	first := w.open("somebody")
	const requests = 1000
	answers := make([]string, requests)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			pair, err := w.refresh(first.RefreshToken)
			if err != nil {
				t.Errorf("refresh: %v", err)
				return
			}
			answers[i] = pair.RefreshToken
		})
	}
	all.Wait()
	for _, answer := range answers {
		if answer != answers[0] || answer == first.RefreshToken {
			t.Fatal("not all got the same successor")
		}
	}
	if n, events := w.store.Count("Rotate"), len(w.of(issuer.EventRefresh)); n != 1 || events != 1 {
		t.Errorf("%d rotations and %d events, want one of each", n, events)
	}
	if s := w.session(first.SessionID); s.Generation != 1 || s.Revoked() {
		t.Errorf("generation %d, revoked %v", s.Generation, s.Revoked())
	}
}

// The same without a window: one winner, and the losers' reuse ends the session.
func TestParallelUsesWithoutAWindow(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.RefreshGrace = issuer.NoGrace })
	first := w.open("somebody")
	const requests = 1000
	var winners atomic.Int32
	var won atomic.Pointer[issuer.TokenPair]
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			pair, err := w.refresh(first.RefreshToken)
			switch {
			case err == nil:
				winners.Add(1)
				won.Store(pair)
			case !errors.Is(err, issuer.ErrInvalidGrant):
				t.Errorf("refresh: %v", err)
			}
		})
	}
	all.Wait()
	if winners.Load() != 1 {
		t.Fatalf("%d winners, want 1", winners.Load())
	}
	w.dead(first, won.Load())
	if n := len(w.of(issuer.EventReuse)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	if n := w.store.Count("Rotate"); n != 1 {
		t.Errorf("%d rotations, want 1", n)
	}
}

// Forged, unknown and malformed tokens (C6): one answer, which tells nothing, and
// nothing happens to any session.
func TestForgedAndUnknownTokensAreAlike(t *testing.T) {
	w := newWorld(t)
	good := w.open("somebody")
	elsewhere := newWorld(t)
	unknown := elsewhere.open("somebody") // authentic, but for another service
	forged := edited(t, good.RefreshToken, func(b []byte) { b[53]++ })

	_, wantErr := w.refresh(forged)
	if !errors.Is(wantErr, issuer.ErrInvalidGrant) {
		t.Fatalf("forged: %v", wantErr)
	}
	for name, token := range map[string]string{
		"of an unknown session":           unknown.RefreshToken,
		"with another session id":         edited(t, good.RefreshToken, func(b []byte) { b[2]++ }),
		"with a generation of the future": edited(t, good.RefreshToken, func(b []byte) { b[21]++ }),
		"with an unknown key number":      edited(t, good.RefreshToken, func(b []byte) { b[1]++ }),
		"with a mac of zeros":             edited(t, good.RefreshToken, func(b []byte) { clear(b[22:]) }),
	} {
		if _, err := w.refresh(token); !errors.Is(err, issuer.ErrInvalidGrant) || err.Error() != wantErr.Error() {
			t.Errorf("%s: %v; for a forged one: %v", name, err, wantErr)
		}
	}
	if s := w.session(good.SessionID); s.Revoked() || s.Generation != 0 {
		t.Error("a forged token changed the session")
	}
	if n := w.store.Count("Rotate") + w.store.Count("Revoke"); n != 0 {
		t.Errorf("%d writes", n)
	}
	w.next(good.RefreshToken)
}

// edited returns a token with its bytes changed.
func edited(t *testing.T, token string, edit func([]byte)) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, issuer.RefreshTokenPrefix))
	if err != nil {
		t.Fatal(err)
	}
	edit(b)
	return issuer.RefreshTokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

func TestEveryChangedRefreshTokenIsRefused(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n"
	w := newWorld(t)
	good := w.open("somebody").RefreshToken
	for i := range good {
		for _, c := range []byte(alphabet) {
			if c != good[i] {
				w.refused(good[:i]+string(c)+good[i+1:], "changed")
			}
		}
	}
	w.next(good)
}

// Another client's token, or a scope that was not granted (C8): refused before
// anything happens, so the token stays good.
func TestRefusedRequestsLeaveTheTokenGood(t *testing.T) {
	w := newWorld(t)
	first := w.open("somebody")
	for _, c := range []struct {
		name string
		req  issuer.RefreshRequest
		want error
	}{
		{"another client", issuer.RefreshRequest{ClientID: "other"}, issuer.ErrInvalidGrant},
		{"another client's case", issuer.RefreshRequest{ClientID: "App"}, issuer.ErrInvalidGrant},
		{"a scope more", issuer.RefreshRequest{Scope: "orders:read orders:write admin"}, issuer.ErrInvalidScope},
		{"another scope", issuer.RefreshRequest{Scope: "admin"}, issuer.ErrInvalidScope},
		{"part of a scope's name", issuer.RefreshRequest{Scope: "orders"}, issuer.ErrInvalidScope},
		{"another case", issuer.RefreshRequest{Scope: "ORDERS:read"}, issuer.ErrInvalidScope},
		{"no scope at all", issuer.RefreshRequest{Scope: "orders:read\torders:write"}, issuer.ErrInvalidRequest},
	} {
		c.req.RefreshToken = first.RefreshToken
		pair, err := w.Refresh(ctx(), c.req)
		if !errors.Is(err, c.want) || pair != nil {
			t.Errorf("%s: %v, %v; want %v", c.name, pair, err, c.want)
		}
	}
	if s := w.session(first.SessionID); s.Generation != 0 || s.Revoked() {
		t.Errorf("generation %d, revoked %v: a refused request must change nothing", s.Generation, s.Revoked())
	}
	if _, err := w.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: first.RefreshToken, ClientID: "app"}); err != nil {
		t.Errorf("its own client: %v", err)
	}
}

// Another client can't end a session with a superseded token either.
func TestAnotherClientsReplayIsNoReplay(t *testing.T) {
	w := newWorld(t)
	first := w.open("somebody")
	second := w.next(first.RefreshToken)
	w.clock.Move(grace)
	if _, err := w.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: first.RefreshToken, ClientID: "other"}); !errors.Is(err, issuer.ErrInvalidGrant) {
		t.Fatalf("refresh: %v", err)
	}
	w.next(second.RefreshToken)
}

// What an embedding program stored as a scope is divided at spaces alone (RFC
// 6749 section 3.3): a part of it is no scope that was granted.
func TestOnlySpacesDivideAGrantedScope(t *testing.T) {
	w := newWorld(t)
	for _, divider := range []string{"\t", "\n", "\u00a0", "\u2003", ","} {
		pair := w.open("somebody", func(n *issuer.NewSession) { n.Scope = "read" + divider + "admin" })
		_, err := w.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: pair.RefreshToken, Scope: "admin"})
		if !errors.Is(err, issuer.ErrInvalidScope) {
			t.Errorf("divided by %q: %v", divider, err)
		}
	}
}

func TestRefreshNarrowsTheScope(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	scope := func(asked string) string {
		t.Helper()
		var err error
		if pair, err = w.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: pair.RefreshToken, Scope: asked}); err != nil {
			t.Fatalf("refresh with scope %q: %v", asked, err)
		}
		v, err := w.Verifier().Verify(ctx(), pair.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.StringClaim("scope"); got != pair.Scope {
			t.Errorf("the token has scope %q, the answer says %q", got, pair.Scope)
		}
		return pair.Scope
	}
	for _, c := range []struct{ asked, want string }{
		{"orders:read", "orders:read"},
		{"", "orders:read orders:write"}, // the session keeps its scope
		{"orders:write orders:read", "orders:write orders:read"},
		{" orders:write  orders:write ", "orders:write"},
	} {
		if got := scope(c.asked); got != c.want {
			t.Errorf("asked for %q: %q, want %q", c.asked, got, c.want)
		}
		w.clock.Move(grace)
	}
}

// A session ends for good (C9): rotation never moves the absolute limit.
func TestAbsoluteLimit(t *testing.T) {
	w := newWorld(t)
	const lifetime = time.Hour
	pair := w.open("somebody", func(n *issuer.NewSession) { n.Lifetime, n.IdleTimeout = lifetime, 0 })
	created := w.session(pair.SessionID)
	for range 5 {
		w.clock.Move(10 * time.Minute)
		pair = w.next(pair.RefreshToken)
		if got := w.session(pair.SessionID).ExpiresAt; !got.Equal(created.ExpiresAt) {
			t.Fatalf("a refresh moved the absolute limit to %v", got)
		}
	}
	w.clock.Move(10*time.Minute - time.Microsecond)
	last := w.next(pair.RefreshToken)
	if last.ExpiresIn > time.Second {
		t.Errorf("an access token of %v, a moment before the session's end", last.ExpiresIn)
	}
	w.clock.Move(time.Microsecond)
	w.dead(last, pair)
	if got := w.session(pair.SessionID).RevokeReason; got != issuer.ReasonExpired {
		t.Errorf("ended because of %q", got)
	}
}

func TestIdleLimit(t *testing.T) {
	w := newWorld(t)
	const idle = time.Hour
	pair := w.open("somebody", func(n *issuer.NewSession) { n.IdleTimeout = idle })
	for range 30 { // longer than one idle time
		w.clock.Move(idle - time.Microsecond)
		pair = w.next(pair.RefreshToken)
	}
	w.clock.Move(grace / 2)
	pair = w.next(pair.RefreshToken) // no rotation, so not a use that counts
	w.clock.Move(idle - grace/2)
	w.dead(pair)
}

// The clock steps back after a session was seen to be over (C26): it stays over,
// also for a service that starts anew.
func TestExpiredStaysExpired(t *testing.T) {
	for _, c := range []struct {
		name string
		seen func(w *world, p *issuer.TokenPair)
	}{
		{"seen by a refresh", func(w *world, p *issuer.TokenPair) { w.refused(p.RefreshToken, "expired") }},
		{"seen by a verifier", func(w *world, p *issuer.TokenPair) {
			if _, err := w.Verifier().Verify(ctx(), p.AccessToken); !errors.Is(err, jeton.ErrRevoked) {
				w.t.Errorf("verify: %v, want ErrRevoked", err)
			}
		}},
		{"seen by a write", func(w *world, _ *issuer.TokenPair) { w.open("somebody else") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			pair := w.open("somebody", func(n *issuer.NewSession) { n.Lifetime = 2 * time.Hour })
			w.clock.Move(2*time.Hour - time.Second)
			pair = w.next(pair.RefreshToken)
			w.clock.Move(time.Second)
			c.seen(w, pair)
			w.clock.Move(-time.Hour)
			w.dead(pair)
			w.restart().dead(pair)
		})
	}
}

// A clock that steps back opens no window again.
func TestClockThatStepsBackOpensNoWindow(t *testing.T) {
	w := newWorld(t)
	first := w.open("somebody")
	second := w.next(first.RefreshToken)
	w.clock.Move(grace)
	w.open("somebody else") // the store sees the time
	w.clock.Move(-grace / 2)
	w.refused(first.RefreshToken, "superseded")
	w.dead(second)
}
