package postgres_test

import (
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

// refreshed is a session that is read and rotated, again and again.
type refreshed struct {
	*postgres.Store
	id         issuer.SessionID
	generation uint32
}

func newRefreshed(t *testing.T, url string, now func() time.Time) *refreshed {
	t.Helper()
	s, err := open(url, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	r := &refreshed{Store: s, id: issuer.NewSessionID()}
	if _, err := s.CreateSession(t.Context(), serviceSession(r.id)); err != nil {
		t.Fatal(err)
	}
	return r
}

// refresh fails the test unless the session is as it was left, and rotates.
func (r *refreshed) refresh(t *testing.T) {
	t.Helper()
	s, _, err := r.Session(t.Context(), r.id)
	if err != nil || s.Generation != r.generation || s.Device != "phone" {
		t.Fatalf("the session is of generation %d, not %d: %v", s.Generation, r.generation, err)
	}
	if s, err = r.Rotate(t.Context(), r.id, r.generation, r.generation+1); err != nil || s.Generation != r.generation+1 {
		t.Fatalf("rotated to %d: %v", s.Generation, err)
	}
	r.generation++
}

func (r *refreshed) prepared(t *testing.T) int {
	t.Helper()
	n, err := r.Prepared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStatementsArePreparedStraightToTheServerAndNotThroughAPooler(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	direct := newRefreshed(t, server.URL(database), time.Now)
	pooled := newRefreshed(t, server.Bouncer(t).URL(database), time.Now)
	for range 10 { // more than the five after which a plan is kept
		direct.refresh(t)
		pooled.refresh(t)
	}
	if n := direct.prepared(t); n == 0 {
		t.Error("straight to the server nothing is prepared")
	}
	if n := pooled.prepared(t); n != 0 {
		t.Errorf("%d statements are prepared behind a pooler", n)
	}
}

func TestPreparedStatementsThatGetLostAreDoneWithout(t *testing.T) {
	server := pgtest.Shared(t)
	r := newRefreshed(t, server.URL(server.Database(t)), time.Now)
	r.refresh(t)
	if err := r.LosePrepared(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.refresh(t)
	if n := r.prepared(t); n != 0 {
		t.Errorf("%d statements are prepared where they get lost", n)
	}
	r.refresh(t)
}

func TestPreparedStatementsFollowTheSchema(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	r := newRefreshed(t, server.URL(database), time.Now)
	r.refresh(t)
	// As another node that is newer might.
	server.Exec(t, database, `ALTER TABLE sessions ALTER COLUMN device TYPE varchar(1000)`)
	r.refresh(t)
	if r.prepared(t) == 0 {
		t.Error("nothing is prepared any more")
	}
}

func TestPlansAreMadeAnew(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	clock := newStillClock()
	r := newRefreshed(t, server.URL(database), clock.Now)
	server.Exec(t, database, `ALTER TABLE sessions SET (autovacuum_enabled = false)`)
	for range 10 {
		r.refresh(t)
	}
	// The table has grown a thousandfold since the plans were made, and nobody
	// has analyzed it.
	server.Exec(t, database, `INSERT INTO sessions (id, seed, created_at, rotated_at, expires_at, idle_timeout, generation, due, subject, client_id, audience, scope, device, revoke_reason)
		SELECT gen_random_uuid(), gen_random_uuid(), 0, 0, 1, 0, 0, 0, 'someone', 'client', '[]', '', '', '' FROM generate_series(1, 20000)`)
	clock.Move(time.Minute)
	r.refresh(t)
	scans := func() int64 {
		r.Store.Close() // the server's processes tell what they did at their end
		server.AwaitIn(t, database, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()`)
		return pgtest.Query[int64](t, server, database, `SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'sessions'`)
	}
	if n := scans(); n > 1000 {
		t.Errorf("%d rows were looked at in a table of 20000 to rotate one", n)
	}
}
