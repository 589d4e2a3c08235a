package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"pgregory.net/rapid"
)

// checkModel does random operations on a store and on a model of one and wants
// the same answers. The model is written for reading: it is the contract in
// the fewest words, without locks, and shares no code with any store.
func checkModel(t *testing.T, open Opener) {
	const rule = "a store answers any sequence of operations as the model in model.go does"
	rapid.Check(t, func(rt *rapid.T) {
		// A place lasts as long as its sequence, so that the next may have it.
		one := &sequence{TB: t}
		defer one.end()
		c := &check{T: t, ctx: t.Context(), rule: rule, place: open(one), clock: newClock()}
		r := &modelRun{T: rt, check: c, model: newModel()}
		c.Store = r.openOrFail()
		defer func() {
			if err := c.Store.(*closeOnce).closeStore(); err != nil {
				rt.Errorf("close the store: %v", err)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"":              r.compareAll,
			"clock":         r.moveClock,
			"reopen":        r.reopen,
			"createSession": r.createSession,
			"session":       r.session,
			"sessions":      r.sessions,
			"rotate":        r.rotate,
			"rotate ahead":  r.rotateFittingly,
			"revoke":        r.revoke,
			"createUser":    r.createUser,
			"setPassword":   r.setPassword,
			"setDisabled":   r.setDisabled,
			"rehash":        r.rehash,
			"updateKeys":    r.updateKeys,
		})
	})
}

// sequence is a test that ends before the test that it is a part of.
type sequence struct {
	testing.TB
	cleanups []func()
}

// Cleanup implements [testing.TB].
func (s *sequence) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *sequence) end() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}

// model is what a store must behave like.
type model struct {
	mark     time.Time // the latest instant seen
	sessions map[issuer.SessionID]issuer.Session
	users    map[string]issuer.User // by name
	keys     []issuer.StoredKey
}

func newModel() *model {
	return &model{sessions: map[issuer.SessionID]issuer.Session{}, users: map[string]issuer.User{}}
}

func (m *model) now(reading time.Time) time.Time {
	if t := instant(reading); t.After(m.mark) {
		m.mark = t
	}
	return m.mark
}

func (m *model) revoke(now time.Time, why issuer.Reason, which func(issuer.Session) bool) issuer.Revoked {
	done := issuer.Revoked{At: now}
	for id, s := range m.sessions {
		if which(s) && s.RevokedAt.IsZero() {
			s.RevokedAt, s.RevokeReason = now, why
			m.sessions[id] = s
			done.Sessions = append(done.Sessions, id)
		}
	}
	return done
}

func (m *model) user(id string) (issuer.User, bool) {
	for _, u := range m.users {
		if u.ID == id {
			return u, true
		}
	}
	return issuer.User{}, false
}

// live says again, in its own words, when a session is live.
func live(s issuer.Session, now time.Time) bool {
	used := s.CreatedAt
	if !s.RotatedAt.IsZero() {
		used = s.RotatedAt
	}
	idle := s.IdleTimeout > 0 && now.Sub(used) >= s.IdleTimeout
	return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) && !idle
}

// modelRun is one sequence of operations. Ids, names and the rest come from
// small sets, so that operations meet.
type modelRun struct {
	*rapid.T
	check *check
	model *model
}

func (r *modelRun) openOrFail() issuer.Store {
	s, err := r.check.place.Open(r.check.clock.Now)
	if err != nil {
		r.Fatalf("open the store: %v", err)
	}
	return &closeOnce{Store: s, close: r.check.place.Close}
}

// same ends the run if an answer differs.
func (r *modelRun) same(what string, got any, err error, want any, wantErr error) {
	r.Helper()
	if !errors.Is(err, wantErr) || wantErr == nil && err != nil {
		r.Fatalf("rule: %s\n\t%s: the error is %v, not %v", r.check.rule, what, err, wantErr)
	}
	if d := diff(got, want); d != "" {
		r.Fatalf("rule: %s\n\t%s: %s", r.check.rule, what, d)
	}
}

func (r *modelRun) now() time.Time { return r.model.now(r.check.clock.Now()) }

func (r *modelRun) drawID(t *rapid.T) issuer.SessionID {
	return issuer.SessionID{byte(rapid.IntRange(1, 5).Draw(t, "session"))}
}

func (r *modelRun) drawSubject(t *rapid.T) string {
	return rapid.SampledFrom([]string{"id-of-alice", "id-of-bob", "someone"}).Draw(t, "subject")
}

func (r *modelRun) drawName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"alice", "bob"}).Draw(t, "name")
}

func (r *modelRun) drawHash(t *rapid.T) issuer.PasswordHash {
	return hashOf(rapid.SampledFrom([]string{"alice", "bob", "1", "2"}).Draw(t, "password"))
}

func (r *modelRun) moveClock(t *rapid.T) {
	r.check.clock.Move(time.Duration(rapid.Int64Range(-int64(20*time.Minute), int64(40*time.Minute)).Draw(t, "by")))
}

// reopen closes the store and opens it again, after a write that makes the
// high-water mark durable.
func (r *modelRun) reopen(t *rapid.T) {
	c := r.check
	if !c.place.Persistent {
		t.Skip("forgets everything when it is closed")
	}
	r.now()
	err := c.UpdateKeys(c.ctx, func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) { return keys, nil })
	r.same("UpdateKeys", 0, err, 0, nil)
	if err := c.Store.(*closeOnce).closeStore(); err != nil {
		r.Fatalf("close the store: %v", err)
	}
	c.Store = r.openOrFail()
}

func (r *modelRun) createSession(t *rapid.T) {
	n := newSession(r.drawSubject(t))
	n.ID = r.drawID(t)
	n.Lifetime = time.Duration(rapid.IntRange(1, 180).Draw(t, "lifetime")) * time.Minute
	n.IdleTimeout = time.Duration(rapid.IntRange(0, 60).Draw(t, "idle")) * time.Minute
	n.Claims = rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "claims")
	n.Audience = rapid.SliceOfN(rapid.String().Filter(noNUL), 0, 3).Draw(t, "audience")
	n.MaxLive = rapid.IntRange(0, 3).Draw(t, "max live")
	if rapid.Bool().Draw(t, "conditional") {
		n.User = &issuer.UserCondition{ID: n.Subject, Version: int64(rapid.IntRange(1, 3).Draw(t, "version"))}
	}

	now := r.now()
	var wantErr error
	if _, taken := r.model.sessions[n.ID]; taken {
		wantErr = issuer.ErrConflict
	}
	if n.User != nil {
		if u, ok := r.model.user(n.User.ID); !ok || u.Disabled || u.Version != n.User.Version {
			wantErr = issuer.ErrConflict
		}
	}
	var want issuer.Session
	if wantErr == nil {
		want = issuer.Session{
			ID: n.ID, Subject: n.Subject, ClientID: n.ClientID, Seed: n.Seed,
			CreatedAt: now, ExpiresAt: now.Add(n.Lifetime), IdleTimeout: n.IdleTimeout,
			Audience: n.Audience, Scope: n.Scope, Claims: n.Claims, Device: n.Device,
		}
		r.model.sessions[n.ID] = want
	}
	got, err := r.check.CreateSession(r.check.ctx, n)
	r.same("CreateSession", got.Session, err, want, wantErr)
	if err != nil {
		r.same("CreateSession", got, nil, issuer.Created{}, nil)
	} else if why := r.model.end(now, n, got.Ended); why != "" {
		r.Fatalf("rule: %s\n\tCreateSession: %s", r.check.rule, why)
	}
}

// end ends the sessions that a store says went for a new one, and tells what is
// wrong with its choice: of those that were used at the same instant any may go.
func (m *model) end(now time.Time, n issuer.NewSession, ended []issuer.SessionID) string {
	goes := make(map[issuer.SessionID]bool, len(ended))
	for _, id := range ended {
		goes[id] = true
	}
	gone, stay, surplus := 0, 0, 0
	var lastGone, firstKept time.Time
	for id, s := range m.sessions {
		if id == n.ID || s.Subject != n.Subject || !live(s, now) {
			continue
		}
		surplus++
		switch used := s.LastUsedAt(); {
		case !goes[id]:
			if stay++; firstKept.IsZero() || used.Before(firstKept) {
				firstKept = used
			}
		case used.After(lastGone):
			lastGone = used
		}
		if goes[id] {
			gone++
			s.RevokedAt, s.RevokeReason = now, issuer.ReasonLimit
			m.sessions[id] = s
		}
	}
	surplus = max(0, surplus-(n.MaxLive-1))
	if n.MaxLive == 0 {
		surplus = 0
	}
	switch {
	case len(ended) != surplus || gone != surplus:
		return fmt.Sprintf("%d sessions went, not %d", len(ended), surplus)
	case surplus > 0 && stay > 0 && firstKept.Before(lastGone):
		return "a session went that was used after one that stays"
	}
	return ""
}

// noNUL leaves out what PostgreSQL can't keep in a text.
func noNUL(s string) bool { return !strings.Contains(s, "\x00") }

func (r *modelRun) session(t *rapid.T) {
	id := r.drawID(t)
	now := r.now()
	want, ok := r.model.sessions[id]
	got, at, err := r.check.Session(r.check.ctx, id)
	if !ok {
		r.same("Session", got, err, want, issuer.ErrNotFound)
		return
	}
	r.same("Session", got, err, want, nil)
	r.same("Session's now", at, nil, now, nil)
}

func (r *modelRun) sessions(t *rapid.T) {
	subject := rapid.SampledFrom([]string{"", "id-of-alice", "someone"}).Draw(t, "subject")
	now := r.now()
	var want []issuer.SessionID
	for id, s := range r.model.sessions {
		if live(s, now) && (subject == "" || s.Subject == subject) {
			want = append(want, id)
		}
	}
	limit := rapid.IntRange(1, 6).Draw(t, "limit")
	got, at, err := r.check.Sessions(r.check.ctx, subject, limit)
	r.same("Sessions' now", at, err, now, nil)
	r.same("Sessions' length", len(got), nil, min(limit, len(want)), nil)
	for i, s := range got {
		r.same("a session of Sessions", s, nil, r.model.sessions[s.ID], nil)
		if !slices.Contains(want, s.ID) {
			r.Fatalf("rule: %s\n\tSessions: %v does not belong there", r.check.rule, s.ID)
		}
		if i > 0 && s.CreatedAt.After(got[i-1].CreatedAt) {
			r.Fatalf("rule: %s\n\tSessions: not the newest first", r.check.rule)
		}
	}
}

func (r *modelRun) rotate(t *rapid.T) {
	r.rotateFrom(r.drawID(t), uint32(rapid.IntRange(0, 3).Draw(t, "from")), uint32(rapid.IntRange(0, 4).Draw(t, "to")))
}

func (r *modelRun) rotateFittingly(t *rapid.T) {
	id := r.drawID(t)
	g := r.model.sessions[id].Generation
	r.rotateFrom(id, g, g+1)
}

func (r *modelRun) rotateFrom(id issuer.SessionID, from, to uint32) {
	now := r.now()
	got, err := r.check.Rotate(r.check.ctx, id, from, to)
	s, ok := r.model.sessions[id]
	switch {
	case !ok:
		r.same("Rotate", got, err, issuer.Session{}, issuer.ErrNotFound)
	case s.Generation != from || !live(s, now):
		r.same("Rotate", got, err, issuer.Session{}, issuer.ErrConflict)
	default:
		s.Generation, s.RotatedAt = to, now
		r.model.sessions[id] = s
		r.same("Rotate", got, err, s, nil)
	}
}

func (r *modelRun) revoke(t *rapid.T) {
	why := issuer.Reason(rapid.SampledFrom([]string{"logout", "reuse"}).Draw(t, "reason"))
	now := r.now()
	rev := issuer.Revocation{Reason: why}
	want := issuer.Revoked{}
	var wantErr error
	if rapid.Bool().Draw(t, "by subject") {
		rev.Subject = r.drawSubject(t)
		want = r.model.revoke(now, why, func(s issuer.Session) bool { return s.Subject == rev.Subject })
	} else {
		rev.SessionID = r.drawID(t)
		if rapid.Bool().Draw(t, "owned") {
			rev.OwnedBy = r.drawSubject(t)
		}
		s, ok := r.model.sessions[rev.SessionID]
		if !ok || rev.OwnedBy != "" && rev.OwnedBy != s.Subject {
			wantErr = issuer.ErrNotFound
		} else {
			want = r.model.revoke(now, why, func(s issuer.Session) bool { return s.ID == rev.SessionID })
		}
	}
	got, err := r.check.Revoke(r.check.ctx, rev)
	r.sameRevoked("Revoke", got, err, want, wantErr)
}

func (r *modelRun) sameRevoked(what string, got issuer.Revoked, err error, want issuer.Revoked, wantErr error) {
	r.Helper()
	got.Sessions, want.Sessions = sortedIDs(got.Sessions...), sortedIDs(want.Sessions...)
	r.same(what, got, err, want, wantErr)
}

func (r *modelRun) createUser(t *rapid.T) {
	u := newUser(r.drawName(t))
	if rapid.Bool().Draw(t, "another id") {
		u.ID = r.drawSubject(t)
	}
	u.Disabled = rapid.Bool().Draw(t, "disabled")
	now := r.now()
	got, err := r.check.CreateUser(r.check.ctx, u)
	_, nameTaken := r.model.users[u.Name]
	_, idTaken := r.model.user(u.ID)
	if nameTaken || idTaken {
		r.same("CreateUser", got, err, issuer.User{}, issuer.ErrExists)
		return
	}
	u.CreatedAt, u.Version = now, 1
	r.model.users[u.Name] = u
	r.same("CreateUser", got, err, u, nil)
}

func (r *modelRun) setPassword(t *rapid.T) {
	name, hash := r.drawName(t), r.drawHash(t)
	now := r.now()
	got, err := r.check.SetPassword(r.check.ctx, name, hash)
	u, ok := r.model.users[name]
	if !ok {
		r.sameRevoked("SetPassword", got, err, issuer.Revoked{}, issuer.ErrNotFound)
		return
	}
	u.PasswordHash = hash
	u.Version++
	r.model.users[name] = u
	want := r.model.revoke(now, issuer.ReasonPassword, func(s issuer.Session) bool { return s.Subject == u.ID })
	r.sameRevoked("SetPassword", got, err, want, nil)
}

func (r *modelRun) setDisabled(t *rapid.T) {
	name, disabled := r.drawName(t), rapid.Bool().Draw(t, "disabled")
	now := r.now()
	got, err := r.check.SetDisabled(r.check.ctx, name, disabled)
	u, ok := r.model.users[name]
	if !ok {
		r.sameRevoked("SetDisabled", got, err, issuer.Revoked{}, issuer.ErrNotFound)
		return
	}
	u.Disabled = disabled
	u.Version++
	r.model.users[name] = u
	want := r.model.revoke(now, issuer.ReasonDisabled, func(s issuer.Session) bool { return disabled && s.Subject == u.ID })
	r.sameRevoked("SetDisabled", got, err, want, nil)
}

func (r *modelRun) rehash(t *rapid.T) {
	name, old, new := r.drawName(t), r.drawHash(t), r.drawHash(t)
	r.now()
	err := r.check.Rehash(r.check.ctx, name, old, new)
	u, ok := r.model.users[name]
	switch {
	case !ok:
		r.same("Rehash", 0, err, 0, issuer.ErrNotFound)
	case u.PasswordHash != old:
		r.same("Rehash", 0, err, 0, issuer.ErrConflict)
	default:
		u.PasswordHash = new
		r.model.users[name] = u
		r.same("Rehash", 0, err, 0, nil)
	}
}

func (r *modelRun) updateKeys(t *rapid.T) {
	all := someKeys()
	keep := rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 0, len(all), rapid.ID).Draw(t, "keys")
	var refused error
	if rapid.IntRange(0, 3).Draw(t, "refuse") == 0 {
		refused = errors.New("refused")
	}
	now := r.now()
	var keys []issuer.StoredKey
	for _, i := range keep {
		keys = append(keys, all[i])
	}
	err := r.check.UpdateKeys(r.check.ctx, func(at time.Time, stored []issuer.StoredKey) ([]issuer.StoredKey, error) {
		r.same("the keys given to decide", sortedKeys(stored), nil, sortedKeys(r.model.keys), nil)
		r.same("the now given to decide", at, nil, now, nil)
		return keys, refused
	})
	r.same("UpdateKeys", 0, err, 0, refused)
	if refused == nil {
		r.model.keys = keys
	}
}

// compareAll compares, after each operation, all that the store has.
func (r *modelRun) compareAll(*rapid.T) {
	c := r.check
	now := r.now()
	for id, want := range r.model.sessions {
		got, _, err := c.Session(c.ctx, id)
		r.same(fmt.Sprint("session ", id[0]), got, err, want, nil)
	}
	users, err := c.Users(c.ctx)
	want := slices.SortedFunc(maps.Values(r.model.users), func(a, b issuer.User) int { return strings.Compare(a.Name, b.Name) })
	r.same("Users", users, err, want, nil)
	keys, at, err := c.Keys(c.ctx)
	r.same("Keys", sortedKeys(keys), err, sortedKeys(r.model.keys), nil)
	r.same("Keys' now", at, nil, now, nil)
}
