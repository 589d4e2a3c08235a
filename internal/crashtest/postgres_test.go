package crashtest

import (
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

// postgresPlace is a database on a server of its own, and a directory with the
// master key.
type postgresPlace struct {
	data string
	on   *pgtest.Server
	name string
}

func newPostgresPlace(t *testing.T) place {
	server := pgtest.Start(t)
	return postgresPlace{t.TempDir(), server, server.Database(t)}
}

func (p postgresPlace) dir() string              { return p.data }
func (p postgresPlace) flags() []string          { return []string{"--data", p.data, "--db", p.on.URL(p.name)} }
func (p postgresPlace) database() *pgtest.Server { return p.on }

// lag: see postgres.Store.
func (p postgresPlace) lag() time.Duration { return 100 * time.Millisecond }

func (p postgresPlace) open(t testing.TB, now func() time.Time) (issuer.Store, func()) {
	t.Helper()
	// A server that has got a transaction whole goes on with it after the one
	// who sent it was killed.
	p.on.Await(t, `SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = '`+p.name+`' AND backend_type = 'client backend'`)
	s, err := postgres.Open(t.Context(), p.on.URL(p.name), postgres.Options{Now: now})
	if err != nil {
		t.Fatalf("open what the program left behind: %v", err)
	}
	return s, func() { s.Close() }
}

// check reads every row by the table and by its primary key.
func (p postgresPlace) check(t testing.TB) {
	t.Helper()
	p.on.Exec(t, p.name, `CREATE EXTENSION IF NOT EXISTS amcheck`)
	p.on.Exec(t, p.name, `SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p'`)
}

func (p postgresPlace) deaths() []death {
	return []death{
		{anywhere, 600, 60},
		{anEnd, 10, 30},
		{theDatabase, 600, 60},
	}
}
