package crashtest

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// place is where the program keeps its state.
type place interface {
	flags() []string // of "jeton serve"
	dir() string     // with the master key
	// open opens the store in this process. Nobody else has it open.
	open(t testing.TB, now func() time.Time) (store issuer.Store, closeStore func())
	// check looks for damage, while nobody has the store open.
	check(t testing.TB)
	// lag is how far the durable high-water mark of time may be behind.
	lag() time.Duration
	// database is the server that the store is on, or nil.
	database() *pgtest.Server
	// deaths are what the program dies of, in turn.
	deaths() []death
}

type sqlitePlace string // the data directory

func (p sqlitePlace) dir() string        { return string(p) }
func (p sqlitePlace) file() string       { return filepath.Join(string(p), "jeton.db") }
func (p sqlitePlace) flags() []string    { return []string{"--data", string(p)} }
func (p sqlitePlace) lag() time.Duration { return 0 }

func (p sqlitePlace) database() *pgtest.Server { return nil }

func (p sqlitePlace) deaths() []death {
	return []death{
		{anywhere, 600, 60},
		{at(sqlite.FaultCommit), 120, 60},
		{anEnd, 10, 30},
		{at(sqlite.FaultAnswer), 120, 60},
		{at(sqlite.FaultBegin), 120, 60},
		{at(sqlite.FaultWrite), 300, 60},
		{anywhere, 600, 60},
		{at(sqlite.FaultCheckpoint), 2, 600}, // it takes some thousand writes to get there
		{at(sqlite.FaultCommit), 120, 60},
		{at(sqlite.FaultAnswer), 120, 60},
		{at(sqlite.FaultWrite), 300, 60},
		{at(sqlite.FaultRestart), 1, 600},
	}
}

func at(p sqlite.FaultPoint) string { return string(p) }

func (p sqlitePlace) open(t testing.TB, now func() time.Time) (issuer.Store, func()) {
	t.Helper()
	if err := os.MkdirAll(string(p), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), p.file(), sqlite.Options{Now: now})
	if err != nil {
		t.Fatalf("open what the program left behind: %v", err)
	}
	return s, func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func (p sqlitePlace) check(t testing.TB) {
	t.Helper()
	db, err := sql.Open("sqlite", p.file())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, pragma := range []string{"integrity_check", "foreign_key_check"} {
		rows, err := db.Query("PRAGMA " + pragma)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var found string
			if pragma == "integrity_check" && rows.Scan(&found) == nil && found == "ok" {
				continue
			}
			t.Errorf("%s: %s", pragma, found)
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
		rows.Close()
	}
}

// masterKey is that of a place, made if there is none.
func masterKey(t testing.TB, p place) issuer.MasterKey {
	t.Helper()
	name := filepath.Join(p.dir(), "master.key")
	text, err := os.ReadFile(name)
	if err != nil {
		key := issuer.GenerateMasterKey()
		if err := os.WriteFile(name, []byte(key.Text()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return key
	}
	key, err := issuer.ParseMasterKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
