package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

// Two nodes whose clocks differ by less than the mark of time may be behind:
// what one of them wrote is still never in the other's future.
func TestTwoClocksThatDifferALittle(t *testing.T) {
	server := pgtest.Shared(t)
	url := server.URL(server.Database(t))
	ahead, behind := newStillClock(), newStillClock()
	behind.micros.Store(ahead.micros.Load())
	var stores [2]*postgres.Store
	for i, clock := range []*stillClock{ahead, behind} {
		s, err := open(url, clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores[i] = s
	}
	ctx := t.Context()
	n := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "id", Seed: issuer.NewSeed(), Lifetime: time.Hour}
	created, err := stores[0].CreateSession(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	last := created.Session
	ahead.Move(30 * time.Millisecond) // the mark stays where it is
	for g := range uint32(6) {
		s, err := stores[g%2].Rotate(ctx, n.ID, g, g+1)
		if err != nil {
			t.Fatal(err)
		}
		if s.RotatedAt.Before(last.LastUsedAt()) {
			t.Errorf("rule: RotatedAt never goes back\n\t%v after %v", s.RotatedAt, last.LastUsedAt())
		}
		last = s
		if g%2 != 0 {
			continue
		}
		for method, read := range map[string]func(*postgres.Store) (time.Time, error){
			"Session":  func(s *postgres.Store) (time.Time, error) { _, now, err := s.Session(ctx, n.ID); return now, err },
			"Sessions": func(s *postgres.Store) (time.Time, error) { _, now, err := s.Sessions(ctx, "id", 1); return now, err },
		} {
			fresh, err := open(url, behind.Now) // which has seen nothing yet
			if err != nil {
				t.Fatal(err)
			}
			if now, err := read(fresh); err != nil || now.Before(last.RotatedAt) {
				t.Errorf("rule: what a reader sees is not in its future\n\t%s: now %v, rotated at %v, %v", method, now, last.RotatedAt, err)
			}
			fresh.Close()
		}
	}
	ahead.Move(30 * time.Millisecond)
	if last, err = stores[0].Rotate(ctx, n.ID, 6, 7); err != nil {
		t.Fatal(err)
	}
	done, err := stores[1].Revoke(ctx, issuer.Revocation{SessionID: n.ID, Reason: issuer.ReasonLogout})
	if err != nil || done.At.Before(last.RotatedAt) {
		t.Errorf("rule: a session is not revoked before it was rotated\n\t%v, %v, %v", done.At, last.RotatedAt, err)
	}
}

// A session that is over in a moment is due, and not to be looked at again and
// again until then.
func TestPruneEndsBesideASessionThatIsAlmostOver(t *testing.T) {
	server := pgtest.Shared(t)
	clock := newStillClock()
	clock.micros.Store(time.Now().Truncate(time.Minute).UnixMicro())
	s, err := open(server.URL(server.Database(t)), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "id", Lifetime: time.Minute + 30*time.Second}
	if _, err := s.CreateSession(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	clock.Move(time.Minute + 10*time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if n, err := s.Prune(ctx, issuer.Retention{}, 1); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	clock.Move(20 * time.Second)
	if n, err := s.Prune(ctx, issuer.Retention{}, 1); n != 1 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}
