package issuer

import (
	"math"
	"testing"
	"time"
)

// at is the instant zero of these tests, in the store's precision.
var at = time.Date(2031, 5, 6, 7, 8, 9, 123_456_000, time.UTC)

const (
	us        = time.Microsecond
	testGrace = 10 * time.Second
)

func (v verdict) String() string {
	return []string{"refuse", "expire", "rotate", "repeat", "forward", "reuse"}[v]
}

// TestJudge is the rotation table of the design, row by row.
func TestJudge(t *testing.T) {
	rotatedAgo := func(d time.Duration) func(*Session) { return func(s *Session) { s.RotatedAt = at.Add(-d) } }
	never := func(s *Session) { s.RotatedAt = time.Time{} }
	revoked := func(s *Session) { s.RevokedAt = at.Add(-time.Hour) }
	expiresAt := func(d time.Duration) func(*Session) { return func(s *Session) { s.ExpiresAt = at.Add(d) } }
	idle := func(d time.Duration) func(*Session) { return func(s *Session) { s.IdleTimeout = d } }
	const long = time.Hour

	for _, c := range []struct {
		name    string
		g, G    uint32
		grace   time.Duration
		session []func(*Session)
		want    verdict
	}{
		// The current token.
		{"current, never rotated", 0, 0, testGrace, []func(*Session){never}, rotate},
		{"current, never rotated, no grace", 0, 0, 0, []func(*Session){never}, rotate},
		{"current, rotated long ago", 7, 7, testGrace, []func(*Session){rotatedAgo(long)}, rotate},
		{"current, rotated the grace ago", 7, 7, testGrace, []func(*Session){rotatedAgo(testGrace)}, rotate},
		{"current, rotated a moment less ago", 7, 7, testGrace, []func(*Session){rotatedAgo(testGrace - us)}, repeat},
		{"current, rotated a moment more ago", 7, 7, testGrace, []func(*Session){rotatedAgo(testGrace + us)}, rotate},
		{"current, rotated now", 7, 7, testGrace, []func(*Session){rotatedAgo(0)}, repeat},
		{"current, rotated now, no grace", 7, 7, 0, []func(*Session){rotatedAgo(0)}, rotate},
		{"current, rotated in the future", 7, 7, testGrace, []func(*Session){rotatedAgo(-us)}, repeat},
		{"current, rotated in the future, no grace", 7, 7, 0, []func(*Session){rotatedAgo(-us)}, rotate},

		// The one before.
		{"previous, rotated now", 6, 7, testGrace, []func(*Session){rotatedAgo(0)}, repeat},
		{"previous, rotated a moment less than the grace ago", 6, 7, testGrace, []func(*Session){rotatedAgo(testGrace - us)}, repeat},
		{"previous, rotated the grace ago", 6, 7, testGrace, []func(*Session){rotatedAgo(testGrace)}, reuse},
		{"previous, rotated long ago", 6, 7, testGrace, []func(*Session){rotatedAgo(long)}, reuse},
		{"previous, no grace", 6, 7, 0, []func(*Session){rotatedAgo(0)}, reuse},
		{"previous, rotated in the future, no grace", 6, 7, 0, []func(*Session){rotatedAgo(-us)}, reuse},
		{"the first, after one rotation", 0, 1, testGrace, []func(*Session){rotatedAgo(0)}, repeat},

		// Older ones.
		{"before the previous, in the window", 5, 7, testGrace, []func(*Session){rotatedAgo(0)}, reuse},
		{"the first, in the window", 0, 7, testGrace, []func(*Session){rotatedAgo(0)}, reuse},
		{"the first, long ago", 0, 7, testGrace, []func(*Session){rotatedAgo(long)}, reuse},

		// The store lost writes.
		{"next", 8, 7, testGrace, []func(*Session){rotatedAgo(long)}, forward},
		{"next, in the window", 8, 7, testGrace, []func(*Session){rotatedAgo(0)}, forward},
		{"next, never rotated", 1, 0, testGrace, []func(*Session){never}, forward},
		{"far ahead", 1000, 7, testGrace, []func(*Session){rotatedAgo(long)}, forward},
		{"far ahead, no grace", 1000, 7, 0, []func(*Session){rotatedAgo(0)}, forward},
		{"as far ahead as there is a next", math.MaxUint32 - 1, 7, testGrace, []func(*Session){rotatedAgo(long)}, forward},

		// Generations end.
		{"last but one", math.MaxUint32 - 1, math.MaxUint32 - 1, testGrace, []func(*Session){rotatedAgo(long)}, rotate},
		{"last, in the window", math.MaxUint32, math.MaxUint32, testGrace, []func(*Session){rotatedAgo(0)}, repeat},
		{"before the last, in the window", math.MaxUint32 - 1, math.MaxUint32, testGrace, []func(*Session){rotatedAgo(0)}, repeat},
		{"last, after the window", math.MaxUint32, math.MaxUint32, testGrace, []func(*Session){rotatedAgo(testGrace)}, expire},
		{"last, no grace", math.MaxUint32, math.MaxUint32, 0, []func(*Session){rotatedAgo(0)}, expire},
		{"last, the store is behind", math.MaxUint32, 7, testGrace, []func(*Session){rotatedAgo(long)}, expire},
		{"last, the store is at the start", math.MaxUint32, 0, testGrace, []func(*Session){never}, expire},
		{"before the last, after the window", math.MaxUint32 - 1, math.MaxUint32, testGrace, []func(*Session){rotatedAgo(long)}, reuse},

		// Sessions end: at the instant itself, whatever else holds.
		{"at the absolute limit", 7, 7, testGrace, []func(*Session){rotatedAgo(long), expiresAt(0)}, expire},
		{"a moment before the absolute limit", 7, 7, testGrace, []func(*Session){rotatedAgo(long), expiresAt(us)}, rotate},
		{"at the absolute limit, in the window", 7, 7, testGrace, []func(*Session){rotatedAgo(0), expiresAt(0)}, expire},
		{"at the absolute limit, previous in the window", 6, 7, testGrace, []func(*Session){rotatedAgo(0), expiresAt(0)}, expire},
		{"at the absolute limit, superseded", 1, 7, testGrace, []func(*Session){rotatedAgo(long), expiresAt(0)}, expire},
		{"at the absolute limit, store behind", 9, 7, testGrace, []func(*Session){rotatedAgo(long), expiresAt(0)}, expire},
		{"at the idle limit", 7, 7, testGrace, []func(*Session){rotatedAgo(long), idle(long)}, expire},
		{"a moment before the idle limit", 7, 7, testGrace, []func(*Session){rotatedAgo(long - us), idle(long)}, rotate},
		{"at the idle limit, never rotated", 0, 0, testGrace, []func(*Session){never, idle(24 * time.Hour)}, expire},
		{"a moment before the idle limit, never rotated", 0, 0, testGrace, []func(*Session){never, idle(24*time.Hour + us)}, rotate},
		{"no idle limit", 7, 7, testGrace, []func(*Session){rotatedAgo(20 * time.Hour), idle(0)}, rotate},
		{"the idle limit after the absolute one", 7, 7, testGrace, []func(*Session){rotatedAgo(long), idle(2 * long), expiresAt(0)}, expire},

		// Revoked comes before everything.
		{"revoked, current", 7, 7, testGrace, []func(*Session){rotatedAgo(long), revoked}, refuse},
		{"revoked, previous in the window", 6, 7, testGrace, []func(*Session){rotatedAgo(0), revoked}, refuse},
		{"revoked, superseded", 0, 7, testGrace, []func(*Session){rotatedAgo(0), revoked}, refuse},
		{"revoked, store behind", 8, 7, testGrace, []func(*Session){rotatedAgo(0), revoked}, refuse},
		{"revoked, expired", 7, 7, testGrace, []func(*Session){rotatedAgo(0), revoked, expiresAt(0)}, refuse},
		{"revoked, last", math.MaxUint32, 7, testGrace, []func(*Session){rotatedAgo(0), revoked}, refuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Session{Generation: c.G, CreatedAt: at.Add(-24 * time.Hour), ExpiresAt: at.Add(24 * time.Hour)}
			for _, f := range c.session {
				f(&s)
			}
			before := s
			if got := judge(&s, c.g, at, c.grace); got != c.want {
				t.Errorf("judge = %v, want %v", got, c.want)
			}
			if s.Generation != before.Generation || s.RotatedAt != before.RotatedAt || s.RevokedAt != before.RevokedAt {
				t.Error("judge changed the session")
			}
		})
	}
}

// TestJudgeEverySmallCase compares the code with the table, written down once
// more as the design has it, in every case of a small model.
func TestJudgeEverySmallCase(t *testing.T) {
	generations := []uint32{0, 1, 2, 3, 4, math.MaxUint32 - 2, math.MaxUint32 - 1, math.MaxUint32}
	const small = 3 // grace and all times in microseconds
	cases := 0
	for _, G := range generations {
		for _, g := range generations {
			for _, grace := range []time.Duration{0, 1, small} {
				for ago := time.Duration(-2); ago <= small+1; ago++ { // -2: never rotated
					for _, revoked := range []bool{false, true} {
						for left := time.Duration(-1); left <= 1; left++ { // to the absolute limit
							for idleLeft := time.Duration(-2); idleLeft <= 1; idleLeft++ { // -2: no idle limit
								s := Session{Generation: G, CreatedAt: at.Add(-9 * us), ExpiresAt: at.Add(left * us)}
								if ago != -2 {
									s.RotatedAt = at.Add(-ago * us)
								}
								if idleLeft != -2 {
									s.IdleTimeout = at.Add(idleLeft * us).Sub(s.LastUsedAt())
									if s.IdleTimeout <= 0 {
										continue
									}
								}
								if revoked {
									s.RevokedAt = at
								}
								over := left <= 0 || idleLeft != -2 && idleLeft <= 0
								want := table(g, G, ago != -2 && grace > 0 && ago < grace, revoked, over)
								if got := judge(&s, g, at, grace*us); got != want {
									t.Fatalf("g=%d G=%d grace=%d rotated %d ago revoked=%v left=%d idle left=%d: %v, want %v",
										g, G, grace, ago, revoked, left, idleLeft, got, want)
								}
								cases++
							}
						}
					}
				}
			}
		}
	}
	if cases < 10000 {
		t.Errorf("only %d cases", cases)
	}
}

// table is the rotation table, by signed arithmetic that can't wrap.
func table(g, G uint32, inWindow, revoked, over bool) verdict {
	behind := int64(G) - int64(g)
	const last = math.MaxUint32
	switch {
	case revoked:
		return refuse
	case over:
		return expire
	case behind == 0 && inWindow, behind == 1 && inWindow:
		return repeat
	case behind > 0:
		return reuse
	case g == last: // no next generation
		return expire
	case behind == 0:
		return rotate
	default:
		return forward
	}
}
