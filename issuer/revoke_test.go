package issuer_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// ways are all ways in which sessions of alice end. Each returns once that was
// acknowledged.
var ways = []struct {
	name   string
	reason issuer.Reason
	end    func(w *world, p *issuer.TokenPair) error
}{
	{"revoke", issuer.ReasonRevoked, func(w *world, p *issuer.TokenPair) error {
		return w.RevokeSession(ctx(), p.SessionID, issuer.ReasonRevoked)
	}},
	{"logout", issuer.ReasonLogout, func(w *world, p *issuer.TokenPair) error {
		return w.RevokeSessionOf(ctx(), w.session(p.SessionID).Subject, p.SessionID, issuer.ReasonLogout)
	}},
	{"revoke all", issuer.ReasonRevoked, func(w *world, p *issuer.TokenPair) error {
		_, err := w.RevokeSubject(ctx(), w.session(p.SessionID).Subject, issuer.ReasonRevoked)
		return err
	}},
	{"revoke by refresh token", issuer.ReasonRevoked, func(w *world, p *issuer.TokenPair) error {
		return w.RevokeToken(ctx(), p.RefreshToken, "")
	}},
	{"revoke by access token", issuer.ReasonRevoked, func(w *world, p *issuer.TokenPair) error {
		return w.RevokeToken(ctx(), p.AccessToken, "")
	}},
	{"new password", issuer.ReasonPassword, func(w *world, _ *issuer.TokenPair) error {
		return w.SetPassword(ctx(), "alice", "another password")
	}},
	{"disable", issuer.ReasonDisabled, func(w *world, _ *issuer.TokenPair) error {
		return w.SetDisabled(ctx(), "alice", true)
	}},
}

func TestWhatEndsSessions(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.alice()
			subject := func(n *issuer.NewSession) { n.Subject = alice.ID }
			first := w.open("", subject)
			pair := w.next(first.RefreshToken)
			other := w.open("somebody else")
			if err := way.end(w, pair); err != nil {
				t.Fatal(err)
			}
			w.dead(first, pair)
			s := w.session(pair.SessionID)
			if s.RevokeReason != way.reason {
				t.Errorf("ended because of %q, want %q", s.RevokeReason, way.reason)
			}
			events := w.of(issuer.EventRevoked)
			if len(events) != 1 || !slices.Equal(events[0].Sessions, []issuer.SessionID{s.ID}) || events[0].Reason != way.reason || !events[0].At.Equal(s.RevokedAt) {
				t.Errorf("events %+v", events)
			}
			// Once more changes nothing and tells nothing.
			if err := way.end(w, pair); err != nil {
				t.Fatal(err)
			}
			if again := w.session(pair.SessionID); again.RevokedAt != s.RevokedAt || again.RevokeReason != s.RevokeReason {
				t.Error("a second revocation changed the first")
			}
			if n := len(w.of(issuer.EventRevoked)); n != 1 {
				t.Errorf("%d events, want 1", n)
			}
			w.next(other.RefreshToken)
		})
	}
}

// A refresh races with what ends the session (C4). One that begins after the end
// was acknowledged never succeeds, and what one got that began before is worth
// nothing.
func TestRefreshRacesTheEnd(t *testing.T) {
	for _, way := range ways {
		for _, grace := range []time.Duration{grace, issuer.NoGrace} {
			t.Run(fmt.Sprintf("%s, grace %v", way.name, max(grace, 0)), func(t *testing.T) {
				t.Parallel()
				rounds := 1000
				if way.name == "new password" {
					rounds = 50 // each costs a hash
				}
				if testing.Short() {
					rounds /= 10
				}
				w := newWorld(t, func(c *issuer.Config) { c.RefreshGrace = grace })
				alice := w.alice()
				for range rounds {
					pair := w.open("", func(n *issuer.NewSession) { n.Subject = alice.ID })
					raceTheEnd(t, w, pair, way.end)
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

func raceTheEnd(t *testing.T, w *world, first *issuer.TokenPair, end func(*world, *issuer.TokenPair) error) {
	var ended atomic.Bool
	var all sync.WaitGroup
	start := make(chan struct{})
	begin := sync.OnceFunc(func() { close(start) })
	for _, method := range []string{"Revoke", "SetPassword", "SetDisabled"} {
		w.store.Before(method, func() error { begin(); return nil })
	}
	got := make([][]*issuer.TokenPair, 2)
	for i := range got {
		all.Go(func() {
			<-start
			held := first.RefreshToken
			for after := false; !after; {
				after = ended.Load()
				pair, err := w.refresh(held)
				switch {
				case err == nil && after:
					t.Error("a refresh began after the end was acknowledged, and succeeded")
				case err == nil:
					got[i] = append(got[i], pair)
					held = pair.RefreshToken
				case !errors.Is(err, issuer.ErrInvalidGrant):
					t.Errorf("refresh: %v", err)
				}
			}
		})
	}
	if err := end(w, first); err != nil {
		t.Errorf("end: %v", err)
	}
	ended.Store(true)
	begin() // whatever happened
	all.Wait()
	for _, pairs := range got {
		if len(pairs) > 0 {
			w.dead(pairs[0], pairs[len(pairs)-1])
		}
	}
}

// The end comes between the look at the session and the write of its rotation.
func TestEndBeforeTheRotationIsWritten(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.alice()
			pair := w.open("", func(n *issuer.NewSession) { n.Subject = alice.ID })
			w.store.Before("Rotate", func() error { return way.end(w, pair) })
			w.refused(pair.RefreshToken, "the session ended")
			if s := w.session(pair.SessionID); s.Generation != 0 || s.RevokeReason != way.reason {
				t.Errorf("generation %d, ended because of %q", s.Generation, s.RevokeReason)
			}
			w.dead(pair)
		})
	}
}

// A login that is under way when the password changes or the user is disabled
// opens nothing (C11).
func TestLoginRacesAChangeOfTheUser(t *testing.T) {
	for name, change := range map[string]func(w *world) error{
		"password": func(w *world) error { return w.SetPassword(ctx(), "alice", "another password") },
		"disable":  func(w *world) error { return w.SetDisabled(ctx(), "alice", true) },
		"disable and enable": func(w *world) error {
			return errors.Join(w.SetDisabled(ctx(), "alice", true), w.SetDisabled(ctx(), "alice", false))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.alice()
			w.store.Before("CreateSession", func() error { return change(w) })
			pair, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword})
			if !errors.Is(err, issuer.ErrInvalidCredentials) || pair != nil {
				t.Errorf("%v, %v; want ErrInvalidCredentials", pair, err)
			}
			if live, err := w.Sessions(ctx(), alice.ID); err != nil || len(live) != 0 {
				t.Errorf("%d sessions, %v", len(live), err)
			}
			if n := len(w.of(issuer.EventLoginRefused)); n != 1 {
				t.Errorf("%d events tell of the refusal, want 1", n)
			}
		})
	}
}

// The store fails to revoke (C10): nobody is told that it is done.
func TestRevocationFailures(t *testing.T) {
	for _, way := range ways {
		for _, when := range []string{"before", "after"} {
			t.Run(way.name+" "+when, func(t *testing.T) {
				w := newWorld(t)
				alice := w.alice()
				pair := w.open("", func(n *issuer.NewSession) { n.Subject = alice.ID })
				fail := w.store.Before
				if when == "after" {
					fail = w.store.After
				}
				for _, method := range []string{"Revoke", "SetPassword", "SetDisabled"} {
					fail(method, func() error { return errDisk })
				}
				if err := way.end(w, pair); !errors.Is(err, errDisk) || !isFailure(err) {
					t.Errorf("%v, want the store's error and no client's", err)
				}
				if n := len(w.of(issuer.EventRevoked)); n != 0 {
					t.Error("an event tells of a revocation that may not have happened")
				}
				if when == "before" {
					w.next(pair.RefreshToken)
				}
			})
		}
	}
	t.Run("the session can't be read", func(t *testing.T) {
		w := newWorld(t)
		pair := w.open("somebody")
		w.store.Before("Session", func() error { return errDisk })
		for _, token := range []string{pair.RefreshToken, pair.AccessToken} {
			if err := w.RevokeToken(ctx(), token, ""); !errors.Is(err, errDisk) || !isFailure(err) {
				t.Errorf("revoke a token: %v, want the store's error", err)
			}
		}
		if _, err := w.Verifier().Verify(ctx(), pair.AccessToken); !errors.Is(err, errDisk) || !errors.Is(err, jeton.ErrRevocationsUnavailable) || errors.Is(err, jeton.ErrRevoked) {
			t.Errorf("verify: %v, want the store's error: nothing is known of the token", err)
		}
	})
}

// RFC 7009: what is no token, or not this client's, is no error, and nothing
// happens.
func TestRevokeTokenThatIsNone(t *testing.T) {
	w, elsewhere := newWorld(t), newWorld(t)
	pair, foreign := w.open("somebody"), elsewhere.open("somebody")
	for name, c := range map[string]struct{ token, client string }{
		"empty":                        {"", ""},
		"garbage":                      {"x", ""},
		"garbage of the form":          {issuer.RefreshTokenPrefix + "x", ""},
		"forged refresh token":         {edited(t, pair.RefreshToken, func(b []byte) { b[53]++ }), ""},
		"another service's refresh":    {foreign.RefreshToken, ""},
		"another service's access":     {foreign.AccessToken, ""},
		"a broken access token":        {pair.AccessToken[:len(pair.AccessToken)-2], ""},
		"another client's refresh":     {pair.RefreshToken, "other"},
		"another client's access":      {pair.AccessToken, "other"},
		"a session id, which is none":  {pair.SessionID.String(), ""},
		"a refresh token in a bracket": {"<" + pair.RefreshToken + ">", ""},
	} {
		if err := w.RevokeToken(ctx(), c.token, c.client); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.session(pair.SessionID).Revoked() {
		t.Error("the session was revoked")
	}
	if err := w.RevokeToken(ctx(), pair.RefreshToken, "app"); err != nil || !w.session(pair.SessionID).Revoked() {
		t.Errorf("its own client: %v", err)
	}
}

// A superseded token is still proof enough to end the session.
func TestRevokeSupersededToken(t *testing.T) {
	w := newWorld(t)
	first := w.open("somebody")
	w.next(first.RefreshToken)
	w.clock.Move(grace)
	if err := w.RevokeToken(ctx(), first.RefreshToken, "app"); err != nil {
		t.Fatal(err)
	}
	if s := w.session(first.SessionID); s.RevokeReason != issuer.ReasonRevoked {
		t.Errorf("revoked because of %q", s.RevokeReason)
	}
}

func TestRevokeSessionOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	for name, c := range map[string]struct {
		id    issuer.SessionID
		owner string
		want  error
	}{
		"another's":       {pair.SessionID, "somebody else", issuer.ErrNotFound},
		"unknown":         {issuer.NewSessionID(), "somebody", issuer.ErrNotFound},
		"the zero":        {issuer.SessionID{}, "somebody", issuer.ErrNotFound},
		"nobody's, known": {pair.SessionID, "", issuer.ErrInvalidRequest},
	} {
		if err := w.RevokeSessionOf(ctx(), c.owner, c.id, issuer.ReasonRevoked); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, id := range map[string]issuer.SessionID{"unknown": issuer.NewSessionID(), "the zero": {}} {
		if err := w.RevokeSession(ctx(), id, issuer.ReasonRevoked); !errors.Is(err, issuer.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if list, err := w.Sessions(ctx(), ""); list != nil || !errors.Is(err, issuer.ErrInvalidRequest) {
		t.Errorf("sessions of no subject: %v, %v", list, err)
	}
	if n, err := w.RevokeSubject(ctx(), "", issuer.ReasonRevoked); n != 0 || !errors.Is(err, issuer.ErrInvalidRequest) {
		t.Errorf("no subject: %d, %v", n, err)
	}
	if n, err := w.RevokeSubject(ctx(), "nobody", issuer.ReasonRevoked); n != 0 || err != nil {
		t.Errorf("a subject without sessions: %d, %v", n, err)
	}
	w.next(pair.RefreshToken)
}

func TestSessionsAreListed(t *testing.T) {
	w := newWorld(t)
	list := func(subject string) (ids []issuer.SessionID) {
		t.Helper()
		all, err := w.AllSessions(ctx())
		if subject != "" {
			all, err = w.Sessions(ctx(), subject)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		return ids
	}
	a1 := w.open("a")
	w.clock.Move(time.Second)
	b := w.open("b")
	w.clock.Move(time.Second)
	a2 := w.open("a")
	if got := list("a"); !slices.Equal(got, []issuer.SessionID{a2.SessionID, a1.SessionID}) {
		t.Errorf("of a: %v", got)
	}
	if got := list(""); !slices.Equal(got, []issuer.SessionID{a2.SessionID, b.SessionID, a1.SessionID}) {
		t.Errorf("of all: %v", got)
	}
	if n, err := w.RevokeSubject(ctx(), "a", issuer.ReasonRevoked); n != 2 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if got := list("a"); len(got) != 0 {
		t.Errorf("after revocation: %v", got)
	}
	if got := list(""); !slices.Equal(got, []issuer.SessionID{b.SessionID}) {
		t.Errorf("after revocation, of all: %v", got)
	}
}

// What is known of a session is on disk (C5): a restart forgets nothing.
func TestStateSurvivesARestart(t *testing.T) {
	clock, path := newClock(), filepath.Join(t.TempDir(), "jeton.db")
	var store *sqlite.Store
	restart := func() *world {
		var err error
		if store != nil {
			if err = store.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if store, err = sqlite.Open(ctx(), path, sqlite.Options{Now: clock.Now}); err != nil {
			t.Fatal(err)
		}
		return newWorldOn(t, clock, store)
	}
	defer func() { store.Close() }()

	w := restart()
	replayed, revoked, live := w.open("a"), w.open("b"), w.open("c")
	access := live.AccessToken
	newer, live := w.next(replayed.RefreshToken), w.next(live.RefreshToken)
	if err := w.RevokeSession(ctx(), revoked.SessionID, issuer.ReasonLogout); err != nil {
		t.Fatal(err)
	}

	w = restart() // in the same second
	w.dead(revoked)
	if got := w.next(live.RefreshToken).RefreshToken; got != live.RefreshToken {
		t.Error("after a restart inside the window a retry got another token")
	}
	if _, err := w.Verifier().Verify(ctx(), access); err != nil {
		t.Errorf("an access token from before: %v", err)
	}
	clock.Move(grace)
	w = restart()
	w.refused(replayed.RefreshToken, "replayed after a restart")
	w = restart()
	w.dead(newer)
	w.next(live.RefreshToken)
}
