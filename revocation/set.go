// Package revocation lets a verifier refuse tokens that were called back before
// they expired.
//
// A [Set] is the list itself: exact, in memory, one look-up per token. Put it in
// a [jeton.Policy] as Revocations and tell it of revocations as they happen:
//
//	revoked := revocation.NewSet(time.Now)
//	verifier, err := jeton.NewVerifier(keys, jeton.Policy{..., Revocations: revoked})
//	revoked.RevokeSession(sid, until)
package revocation

import (
	"context"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
)

// Set holds revoked sessions for as long as access tokens of theirs could be
// alive; after that the tokens have expired by themselves, so the set stays
// small. It is safe for concurrent use.
type Set struct {
	now func() time.Time

	mu       sync.RWMutex
	sessions map[string]time.Time // "sid" -> when the entry may go
	swept    time.Time
}

// sweepEvery is how often additions look for entries whose time is over.
const sweepEvery = time.Minute

// NewSet makes an empty set with a clock.
func NewSet(now func() time.Time) *Set {
	return &Set{now: now, sessions: map[string]time.Time{}}
}

// RevokeSession adds a session ("sid") until an instant by which all its access
// tokens have expired: their longest life, and the leeway, from now. Of two
// instants for one session the later one holds. Adding twice, and in any order,
// comes to the same.
func (s *Set) RevokeSession(sid string, until time.Time) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.After(s.sessions[sid]) && until.After(now) {
		s.sessions[sid] = until
	}
	if now.Sub(s.swept) < sweepEvery {
		return
	}
	s.swept = now
	for id, until := range s.sessions {
		if !until.After(now) {
			delete(s.sessions, id)
		}
	}
}

// Len returns the number of entries, some of whose time may be over.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.sessions)
}

// CheckRevoked makes the set a [jeton.RevocationList]: jeton.ErrRevoked for a
// token whose "sid" is in it.
func (s *Set) CheckRevoked(_ context.Context, v *jeton.Verified) error {
	sid := v.StringClaim("sid")
	s.mu.RLock()
	_, revoked := s.sessions[sid]
	s.mu.RUnlock()
	if revoked {
		return jeton.ErrRevoked
	}
	return nil
}
