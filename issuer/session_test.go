package issuer_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jeton-go/jeton/issuer"
)

func TestSessionID(t *testing.T) {
	seen := map[issuer.SessionID]bool{}
	for range 1000 {
		id := issuer.NewSessionID()
		text := id.String()
		if len(text) != 22 || strings.HasPrefix(text, "-") {
			t.Fatalf("%q: 22 characters that don't begin with a dash", text)
		}
		if got, err := issuer.ParseSessionID(text); err != nil || got != id {
			t.Fatalf("parse(%q) = %v, %v", text, got, err)
		}
		if seen[id] {
			t.Fatal("an id twice")
		}
		seen[id] = true
	}
	const good = "AAECAwQFBgcICQoLDA0ODw"
	for _, bad := range []string{
		"", good[:21], good + "A", good + "==", good[:21] + "x", " " + good, good + "\n", good[:10] + "\n" + good[11:], strings.Repeat("+", 22),
		"000102030405060708090a0b0c0d0e0f", strings.Repeat("A", 1<<16),
	} {
		if got, err := issuer.ParseSessionID(bad); err == nil || got != (issuer.SessionID{}) {
			t.Errorf("parse(%.40q) = %v, %v", bad, got, err)
		}
	}
	if _, err := issuer.ParseSessionID(good); err != nil {
		t.Error(err)
	}
}

// A session ends at the earlier of its limits; at that instant it is over.
func TestSessionEnds(t *testing.T) {
	t0 := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	micros := func(t *rapid.T, name string) time.Duration {
		return time.Duration(rapid.Int64Range(1, 5).Draw(t, name)) * time.Microsecond
	}
	rapid.Check(t, func(t *rapid.T) {
		s := issuer.Session{CreatedAt: t0, ExpiresAt: t0.Add(micros(t, "lifetime"))}
		used := t0
		if rapid.Bool().Draw(t, "rotated") {
			used = t0.Add(micros(t, "rotated at"))
			s.RotatedAt = used
		}
		if rapid.Bool().Draw(t, "has an idle time") {
			s.IdleTimeout = micros(t, "idle time")
		}
		now := t0.Add(micros(t, "now"))
		over := !now.Before(s.ExpiresAt) || s.IdleTimeout > 0 && now.Sub(used) >= s.IdleTimeout
		if !s.LastUsedAt().Equal(used) || s.Expired(now) != over || s.Live(now) == over || s.EndsAt().After(s.ExpiresAt) {
			t.Fatalf("%+v at %v: last used %v, ends %v, expired %v", s, now, s.LastUsedAt(), s.EndsAt(), s.Expired(now))
		}
		s.RevokedAt = t0
		if s.Live(now) || !s.Revoked() {
			t.Fatal("it is revoked, and lives")
		}
	})
}
