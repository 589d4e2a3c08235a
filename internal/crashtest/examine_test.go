package crashtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
)

// live is how many live sessions there are at the beginning of a round.
const live = 64

// examine compares what a program left behind with what its clients were told.
// Then it does what clients do after a crash, and opens sessions for the next
// round. If exact, what was not answered must not have happened.
func (h *history) examine(t testing.TB, p place, exact bool) {
	t.Helper()
	p.check(t)
	// By this clock, now is the mark that the store kept.
	reading := time.Unix(0, 0)
	clock := func() time.Time { return reading }
	store, closeStore := p.open(t, func() time.Time { return clock() })
	defer closeStore()
	_, mark, err := store.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mark = mark.Add(p.lag())
	if mark.Before(h.mark) {
		h.violated(timeGoesOnward, "it was %v and is %v", h.mark, mark)
	}
	for _, s := range h.sessions {
		row, _, err := store.Session(t.Context(), s.id)
		if errors.Is(err, issuer.ErrNotFound) {
			h.violated(acknowledged, "session %s is not there", s.id)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		h.compare(s, row, mark, exact)
	}
	h.countStrays(t, store, exact)
	clock = time.Now
	h.recover(t, p, store)
	// A write, so that the mark is durable.
	err = store.UpdateKeys(t.Context(), func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		h.mark = now
		return keys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range h.broken {
		t.Error(broken)
	}
	h.broken = nil
}

// compare compares a session with its row.
func (h *history) compare(s *session, row issuer.Session, mark time.Time, exact bool) {
	mayRotate := !exact && (s.pending == refresh || s.pending == twice)
	mayEnd := !exact && (s.pending == revoke || s.pending == replay || s.pending == twice || s.brief && s.pending == refresh)
	switch g := row.Generation; {
	case g < s.generation:
		h.violated(acknowledged, "session %s: generation %d was acknowledged, %d is stored; this round: %q", s.id, s.generation, g, s.trail)
	case g > s.generation && !mayRotate, g > s.generation+1:
		h.violated(nothingHalf, "session %s: generation %d was acknowledged, %d is stored; revoked: %q; this round: %q", s.id, s.generation, g, row.RevokeReason, s.trail)
	case g > s.generation:
		h.told["refresh without an answer, found done"]++
	}
	switch {
	case s.ended != "" && !row.Revoked():
		h.violated(acknowledged, "session %s is not revoked: %s", s.id, s.ended)
	case s.ended == "" && row.Revoked() && !mayEnd:
		h.violated(nothingHalf, "session %s is revoked (%s); this round: %q", s.id, row.RevokeReason, s.trail)
	case s.ended == "" && row.Revoked():
		s.ended = revokedIsDead
		h.told["end without an answer, found done"]++
	}
	if s.expiresAt.IsZero() {
		s.expiresAt = row.ExpiresAt
	}
	if !row.ExpiresAt.Equal(s.expiresAt) {
		h.violated(expiryStays, "session %s: it was %v and is %v", s.id, s.expiresAt, row.ExpiresAt)
	}
	for _, at := range []time.Time{row.CreatedAt, row.RotatedAt, row.RevokedAt} {
		if at.After(mark) {
			h.violated(timeGoesOnward, "session %s has an instant %v, after the store's time %v", s.id, at, mark)
		}
	}
}

// countStrays looks for sessions that no client was told of: there may be as
// many as there were logins without an answer.
func (h *history) countStrays(t testing.TB, store issuer.Store, exact bool) {
	t.Helper()
	rows, _, err := store.Sessions(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	strays := 0
	for _, row := range rows {
		if slices.ContainsFunc(h.sessions, func(s *session) bool { return s.id == row.ID }) {
			continue
		}
		strays++
		if _, err := store.Revoke(t.Context(), issuer.Revocation{SessionID: row.ID, Reason: issuer.ReasonRevoked}); err != nil {
			t.Fatal(err)
		}
	}
	if strays > h.logins || exact && strays > 0 {
		h.violated(nothingHalf, "%d sessions that nobody knows, and %d logins without an answer", strays, h.logins)
	}
	h.logins = 0
}

// recover does what clients do that got no answer: they ask again. With a window
// that is long enough each is answered, and with what the lost answer held.
func (h *history) recover(t testing.TB, p place, store issuer.Store) {
	t.Helper()
	iss := newIssuer(t, p, store, 30*24*time.Hour)
	alive := 0
	var kept []*session
	for _, s := range h.sessions {
		s.pending, s.trail = nothing, nil
		row, _, err := store.Session(t.Context(), s.id)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := iss.Refresh(t.Context(), issuer.RefreshRequest{RefreshToken: s.token})
		switch {
		case err == nil:
			if _, g := read(pair.RefreshToken); row.Generation > s.generation && g != row.Generation {
				h.violated(staysSignedIn, "session %s: generation %d is stored, and the one who lost the answer got %d", s.id, row.Generation, g)
			}
			h.answered(s, s.token, pair.RefreshToken)
			if !s.brief {
				alive++
			}
		case !errors.Is(err, issuer.ErrInvalidGrant):
			t.Fatal(err)
		case s.ended != "":
			s.buried++
		case s.brief:
			s.ended = expiredIsOver
		default:
			h.violated(staysSignedIn, "session %s: its newest token is refused after a crash", s.id)
			s.ended = staysSignedIn
		}
		if err != nil {
			s.generation = row.Generation // no answer will tell any more
		}
		if s.buried < 3 {
			kept = append(kept, s)
		}
	}
	h.sessions = kept
	for ; alive < live; alive++ {
		h.add(login(t, iss))
	}
	h.add(login(t, newIssuer(t, p, store, time.Second))).brief = true
}

// newIssuer is an issuer in this process, with a long window.
func newIssuer(t testing.TB, p place, store issuer.Store, ttl time.Duration) *issuer.Issuer {
	t.Helper()
	iss, err := issuer.New(t.Context(), issuer.Config{
		Store: store, MasterKey: masterKey(t, p), Algorithm: jeton.Ed25519,
		Issuer: "http://localhost", Audiences: []string{"api"},
		RefreshTTL: ttl, RefreshIdle: issuer.NoIdle, RefreshGrace: 5 * time.Minute,
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1, Threads: 1},
		Now:      time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return iss
}

func login(t testing.TB, iss *issuer.Issuer) string {
	t.Helper()
	pair, err := iss.Login(t.Context(), issuer.LoginRequest{Username: userName, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return pair.RefreshToken
}

// prepare makes the user and the sessions of the first round.
func prepare(t testing.TB, p place) *history {
	t.Helper()
	h := newHistory()
	store, closeStore := p.open(t, time.Now)
	_, err := newIssuer(t, p, store, time.Hour).AddUser(t.Context(), issuer.NewUser{Name: userName, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	closeStore()
	h.examine(t, p, true)
	return h
}
