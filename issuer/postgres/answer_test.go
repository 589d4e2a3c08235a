package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
)

// "No" is an answer and no trouble: the connection that brought it is kept, and
// nothing stays locked.
func TestAnAnswerKeepsItsConnection(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	database := server.Database(t)
	s, err := open(server.URLFor(server.User(t, database), database), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.CreateUser(t.Context(), issuer.User{ID: "id", Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	ask := func() {
		for name, c := range map[string]struct {
			call func() error
			want error
		}{
			"create who is there":          {func() error { _, err := s.CreateUser(t.Context(), issuer.User{ID: "id", Name: "alice"}); return err }, issuer.ErrExists},
			"the password of nobody":       {func() error { _, err := s.SetPassword(t.Context(), "nobody", "hash"); return err }, issuer.ErrNotFound},
			"disable nobody":               {func() error { _, err := s.SetDisabled(t.Context(), "nobody", true); return err }, issuer.ErrNotFound},
			"rotate what there is not":     {func() error { _, err := s.Rotate(t.Context(), issuer.SessionID{1}, 0, 1); return err }, issuer.ErrNotFound},
			"keys that the caller refuses": {func() error { return s.UpdateKeys(t.Context(), refuseKeys) }, errRefusedKeys},
		} {
			if err := c.call(); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, not %v", name, err, c.want)
			}
		}
	}
	ask()
	before := s.Connections()
	for range 10 {
		ask()
	}
	if more := s.Connections() - before; more != 0 {
		t.Errorf("%d answers took %d connections", 10*5, more)
	}
	if n := pgtest.Query[int](t, server, database, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`); n != 0 {
		t.Errorf("%d connections are still in a transaction", n)
	}
}

var errRefusedKeys = errors.New("these keys will not do")

func refuseKeys(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) {
	return nil, errRefusedKeys
}
