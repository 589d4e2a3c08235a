package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
)

// A rotation leaves nothing behind: no row, no entry of an index, and no byte
// once the table was vacuumed.
func TestRotationsLeaveNothingBehind(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	clock := newStillClock()
	s, err := open(server.URL(database), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	// Of many sessions a few are rotated at a time, as it is in life: a page
	// has room for some of its rows, not for all at once.
	const sessions, part, rounds = 3200, 16, 3
	ids := make([]issuer.SessionID, sessions)
	var all sync.WaitGroup
	for i := range ids {
		ids[i] = issuer.NewSessionID()
		all.Go(func() {
			n := issuer.NewSession{ID: ids[i], Subject: "someone", ClientID: "client", Seed: issuer.NewSeed(), Lifetime: time.Hour, IdleTimeout: time.Hour, Audience: []string{"orders"}, Scope: "orders:read"}
			if _, err := s.CreateSession(t.Context(), n); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	const sizes = `SELECT pg_total_relation_size('sessions') || ' ' || pg_total_relation_size('clock') || ' ' || (SELECT count(*) FROM sessions)`
	rotate := func(from, to uint32) {
		for g := from; g < to; g++ {
			clock.Move(time.Second)
			for first := range part {
				for i := first; i < sessions; i += part {
					all.Go(func() {
						if _, err := s.Rotate(t.Context(), ids[i], g, g+1); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
			}
		}
		server.Exec(t, database, `VACUUM sessions`)
		server.Exec(t, database, `VACUUM clock`)
	}
	// At first the room that a page keeps for new versions comes into use, and where
	// many callers want it at once a row may move to a page of its own, once. That
	// ends: what a rotation left behind would be there after each of the phases.
	const phases = 5
	done, grew := uint32(0), true
	for phase := 0; grew && phase < phases; phase++ {
		before := pgtest.Query[string](t, server, database, sizes)
		rotate(done, done+rounds)
		done += rounds
		after := pgtest.Query[string](t, server, database, sizes)
		t.Logf("bytes of sessions and clock, and rows: %s, and %s after %d rotations", before, after, sessions*rounds)
		grew = after != before
	}
	if grew {
		t.Errorf("the tables have grown in each of %d phases", phases)
	}
	s.Close() // a backend counts when it ends, at the latest
	server.AwaitIn(t, database, fmt.Sprintf(`SELECT n_tup_upd = %d FROM pg_stat_user_tables WHERE relname = 'sessions'`, sessions*done))
	hot := pgtest.Query[float64](t, server, database, `SELECT n_tup_hot_upd::float8 / n_tup_upd FROM pg_stat_user_tables WHERE relname = 'sessions'`)
	t.Logf("%.1f %% of the rotations were HOT", 100*hot)
	if hot < 0.8 {
		t.Errorf("%.1f %% of the rotations were HOT: does an index hold what they change, or is there no room?", 100*hot)
	}
}
