package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
	"github.com/jeton-go/jeton/issuer/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Place {
		path := filepath.Join(t.TempDir(), "jeton.db")
		return storetest.Place{
			Open: func(now func() time.Time) (issuer.Store, error) {
				return sqlite.Open(t.Context(), path, sqlite.Options{Now: now})
			},
			Close:      func(s issuer.Store) error { return s.(*sqlite.Store).Close() },
			Persistent: true,
			Shared:     true,
		}
	})
}
