package postgres_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

func TestEachGroupTellsHowManyCallsAreInIt(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	database := server.Database(t)
	var mu sync.Mutex
	calls := map[postgres.Batch]int{}
	s, err := postgres.Open(t.Context(), server.URLFor(server.User(t, database), database), postgres.Options{
		Now: time.Now,
		OnBatch: func(b postgres.Batch, n int) {
			mu.Lock()
			defer mu.Unlock()
			calls[b] += n
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := issuer.NewSessionID()
	if _, err := s.CreateSession(t.Context(), issuer.NewSession{ID: id, Subject: "alice", Lifetime: time.Hour}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := s.Session(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Rotate(t.Context(), id, 0, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Revoke(t.Context(), issuer.Revocation{SessionID: id, Reason: issuer.ReasonLogout}); err != nil {
		t.Fatal(err)
	}
	s.Close() // waits for what is under way
	want := map[postgres.Batch]int{postgres.BatchCreate: 1, postgres.BatchRead: 2, postgres.BatchRotate: 1, postgres.BatchRevoke: 1}
	if !maps.Equal(calls, want) {
		t.Errorf("told of %v, want %v", calls, want)
	}
}
