package postgres_test

import (
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

func TestExamineTellsTheHealthOfADatabase(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	role := server.User(t, database) // no superuser
	url := server.URLFor(role, database)
	e, err := postgres.Examine(t.Context(), url, time.Now)
	if present, _ := issuer.SchemaVersions(e.Steps); err != nil || present != 0 || e.Number < 100000 || e.Keys != nil {
		t.Errorf("no store: %+v, %v", e, err)
	}
	s, err := open(url, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := time.Now().Truncate(time.Microsecond)
	key := issuer.StoredKey{ID: "k", Use: issuer.UseAccess, Algorithm: "RS256", State: issuer.KeyNext, CreatedAt: before, ActiveAt: before.Add(time.Hour)}
	err = s.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return []issuer.StoredKey{key}, nil })
	if err != nil {
		t.Fatal(err)
	}
	e, err = postgres.Examine(t.Context(), url, time.Now)
	if err != nil || e.SynchronousCommit != "on" || e.Fsync != "on" || e.FullPageWrites != "on" || e.Fill != 90 || e.Size == 0 || e.Latest.Before(before) {
		t.Errorf("%+v, %v", e, err)
	}
	if len(e.Keys) != 1 || !e.Keys[0].ActiveAt.Equal(key.ActiveAt) {
		t.Errorf("keys: %v", e.Keys)
	}
}
