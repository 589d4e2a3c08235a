package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
)

// A write that PostgreSQL picks as the victim of a deadlock is done again.
func TestADeadlockIsNobodysTrouble(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	s, err := open(server.URL(database), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var ids [2][16]byte
	for i := range ids {
		ids[i] = issuer.NewSessionID()
		if _, err := s.CreateSession(t.Context(), issuer.NewSession{ID: ids[i], Subject: "id", Lifetime: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	// Another program has the second session and will want the first.
	conn, err := pgx.Connect(t.Context(), server.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	other, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const lock = `SELECT FROM sessions WHERE id = $1 FOR UPDATE`
	if _, err := other.Exec(t.Context(), lock, ids[1]); err != nil {
		t.Fatal(err)
	}
	revoked := make(chan error, 1)
	go func() {
		_, err := s.Revoke(t.Context(), issuer.Revocation{Subject: "id", Reason: issuer.ReasonRevoked})
		revoked <- err
	}()
	server.AwaitIn(t, database, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	if _, err := other.Exec(t.Context(), lock, ids[0]); err != nil {
		t.Fatalf("the other program was the victim: %v", err)
	}
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-revoked; err != nil {
		t.Errorf("rule: a deadlock is tried again\n\t%v", err)
	}
	for _, id := range ids {
		if got, _, err := s.Session(t.Context(), id); err != nil || !got.Revoked() {
			t.Errorf("%v is not revoked, %v", got.ID, err)
		}
	}
	server.AwaitIn(t, database, `SELECT deadlocks > 0 FROM pg_stat_database WHERE datname = current_database()`)
}
