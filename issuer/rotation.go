package issuer

import (
	"math"
	"time"
)

// verdict is what an authentic refresh token is worth.
type verdict int

const (
	// refuse: the session is revoked or over. No write.
	refuse verdict = iota
	// expire: the session is over and the store has yet to write that down, so
	// that no clock that steps back brings it to life again.
	expire
	// rotate: compare-and-set the generation from G to G+1, new pair.
	rotate
	// repeat: the refresh token of generation G again, and a fresh access
	// token. No write.
	repeat
	// forward: the token is newer than the store, which must have lost
	// acknowledged writes: set the generation to g+1, new pair, and record it.
	forward
	// reuse: a superseded token came back: two parties hold tokens of this
	// session and one of them is a thief. Revoke it.
	reuse
)

// judge is the rotation table: what happens when an authentic token of
// generation g is presented to session s at now, the store's time. It reads and
// decides, and writes nothing.
//
// Inside the grace window after a rotation, the token just superseded and the
// current one are both answered with the current one. So a retry after a lost
// answer, a second tab and a fan-out of parallel requests all end with the same
// token. A grace of 0 means that every use rotates and every reuse revokes.
func judge(s *Session, g uint32, now time.Time, grace time.Duration) verdict {
	G := s.Generation
	inWindow := grace > 0 && !s.RotatedAt.IsZero() && now.Sub(s.RotatedAt) < grace
	switch {
	case s.Revoked():
		return refuse
	case s.Expired(now):
		return expire
	case inWindow && g <= G && G-g <= 1:
		return repeat
	case g < G:
		return reuse
	case g == math.MaxUint32:
		// There is no generation after this one: the session has used itself
		// up. At one rotation a second that takes 136 years.
		return expire
	case g == G:
		return rotate
	default:
		return forward
	}
}
