package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

func open(t testing.TB, path string) (*sqlite.Store, error) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func mustOpen(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := open(t, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSession() issuer.NewSession {
	return issuer.NewSession{ID: issuer.NewSessionID(), Subject: "alice", Seed: issuer.NewSeed(), Lifetime: time.Hour}
}

// runOn runs statements on the file at path as another program would.
func runOn(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// overwrite writes text over a file from an offset on.
func overwrite(t *testing.T, path string, at int64, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, path string) string // returns the path to open
		want    string
	}{
		{"an empty path", func(*testing.T, string) string { return "" }, "the path is empty"},
		{"a directory", func(_ *testing.T, path string) string { return filepath.Dir(path) }, "is a directory; give the path of a file in it"},
		{"a missing directory", func(_ *testing.T, path string) string { return filepath.Join(path, "x", "jeton.db") }, "does not exist; make it first"},
		{"a file for a directory", func(t *testing.T, path string) string {
			overwrite(t, path, 0, "x")
			return filepath.Join(path, "jeton.db")
		}, "not a directory"},
		{"a device", func(*testing.T, string) string { return os.DevNull }, "is not a regular file"},
		{"a text", func(t *testing.T, path string) string {
			overwrite(t, path, 0, strings.Repeat("Dear diary, ", 1000))
			return path
		}, "this is not a SQLite file; give another path"},
		{"another program's file", func(t *testing.T, path string) string {
			runOn(t, path, "CREATE TABLE bookmarks (url TEXT)")
			return path
		}, "the SQLite file of another program; give another path"},
		{"another program's empty file", func(t *testing.T, path string) string {
			runOn(t, path, "PRAGMA application_id = 7", "CREATE TABLE t (x)", "DROP TABLE t")
			return path
		}, "the SQLite file of another program; give another path"},
		{"a newer schema", func(t *testing.T, path string) string {
			mustOpen(t, path).Close()
			runOn(t, path, "INSERT INTO schema_version (version_id, is_applied) VALUES (99, 1)")
			return path
		}, "schema version 99 and this program knows versions up to"},
		{"a damaged schema", func(t *testing.T, path string) string {
			mustOpen(t, path).Close()
			overwrite(t, path, 100, strings.Repeat("damage", 100))
			return path
		}, "the file is damaged; stop every program that uses it and restore a backup"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.prepare(t, filepath.Join(t.TempDir(), "jeton.db"))
			before, _ := os.ReadFile(path)
			_, err := open(t, path)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error does not say %q: %v", tt.want, err)
			}
			if path != "" && !strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("the error does not name the path: %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("Open wrote to a file that it refused")
			}
		})
	}
	t.Run("no clock", func(t *testing.T) {
		_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jeton.db"), sqlite.Options{})
		if err == nil || !strings.Contains(err.Error(), "Now is required") {
			t.Errorf("the error is %v", err)
		}
	})
}

func wantError(t *testing.T, path, want string) {
	t.Helper()
	_, err := open(t, path)
	if err == nil {
		t.Fatal("no error")
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), filepath.Dir(path)) {
		t.Errorf("the error does not say %q, or not where: %v", want, err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "jeton.db"))
	if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", e.Name(), info.Mode())
		}
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "jeton.db jeton.db-shm jeton.db-wal" {
		t.Errorf("the directory holds %s", got)
	}
}

func TestPathsAreTakenLiterally(t *testing.T) {
	for _, name := range []string{"a b.db", "a%20b.db", "q?mode=ro&x=1.db", "hash#tag.db", ":memory:", "file:x.db", "ü.db"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			s := mustOpen(t, name)
			t.Chdir(t.TempDir()) // connections that are made from now on must find it
			n := newSession()
			if _, err := s.CreateSession(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Session(t.Context(), n.ID); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenAtOnce(t *testing.T) {
	for range 2 { // goose waits for a second when another made its table
		path := filepath.Join(t.TempDir(), "jeton.db")
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				s, err := open(t, path)
				if err != nil {
					t.Errorf("open %d: %v", i, err)
					return
				}
				if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		all.Wait()
		sessions, _, err := mustOpen(t, path).Sessions(t.Context(), "alice", 10)
		if err != nil || len(sessions) != 6 {
			t.Errorf("%d sessions of 6, %v", len(sessions), err)
		}
	}
}

func TestUseLogAtOnce(t *testing.T) {
	for i := range 50 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i))
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := sqlite.UseLog(t.Context(), path); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}

// Every setting that durability and safety rest on must hold on the very
// connections that are used.
func TestSettings(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	for _, tt := range []struct {
		db            *sql.DB
		name, setting string
		want          string
	}{
		{s.Writer(), "writer", "journal_mode", "wal"},
		{s.Writer(), "writer", "synchronous", "2"},
		{s.Writer(), "writer", "busy_timeout", "0"}, // the store waits itself
		{s.Writer(), "writer", "foreign_keys", "1"},
		{s.Writer(), "writer", "secure_delete", "1"},
		{s.Writer(), "writer", "wal_autocheckpoint", "0"},
		{s.Writer(), "writer", "query_only", "0"},
		{s.Reader(), "reader", "journal_mode", "wal"},
		{s.Reader(), "reader", "busy_timeout", "5000"},
		{s.Reader(), "reader", "query_only", "1"},
		{s.Keeper(), "keeper", "synchronous", "2"},
		{s.Keeper(), "keeper", "busy_timeout", "50"}, // while it waits, nobody writes
	} {
		var got string
		if err := tt.db.QueryRow("PRAGMA " + tt.setting).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("%s: %s is %s, not %s", tt.name, tt.setting, got, tt.want)
		}
	}
	if got := s.Writer().Stats().MaxOpenConnections; got != 1 {
		t.Errorf("up to %d connections write, not 1", got)
	}
	tx, err := s.Writer().Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	other := mustOther(t, s)
	if _, err := other.Exec("PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec("BEGIN IMMEDIATE"); err == nil {
		t.Error("a write transaction that has not written yet does not lock out others")
	}
}

// mustOther is one connection to a store's file as another program's.
func mustOther(t *testing.T, s *sqlite.Store) *sql.DB {
	t.Helper()
	var seq, name, path string
	if err := s.Reader().QueryRow("PRAGMA database_list").Scan(&seq, &name, &path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestWriteFails(t *testing.T) {
	for _, tt := range []struct {
		name        string
		break_, fix func(t *testing.T, s *sqlite.Store)
		want        string
	}{
		{
			"another program holds the lock",
			func(t *testing.T, s *sqlite.Store) {
				s.SetPatience(0)
				execOn(t, mustOther(t, s), "BEGIN IMMEDIATE")
			},
			nil,
			"another program has held the file's lock for too long",
		},
		{
			"the disk is full",
			func(t *testing.T, s *sqlite.Store) { execOn(t, s.Writer(), "PRAGMA max_page_count = 1") },
			func(t *testing.T, s *sqlite.Store) { execOn(t, s.Writer(), "PRAGMA max_page_count = 1000000") },
			"the disk is full; make room",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jeton.db")
			s := mustOpen(t, path)
			kept := newSession()
			if _, err := s.CreateSession(t.Context(), kept); err != nil {
				t.Fatal(err)
			}
			tt.break_(t, s)
			var lost issuer.NewSession
			var err error
			for range 1000 { // until the room that is left is used up
				lost = newSession()
				lost.Device = strings.Repeat("x", 4000)
				if _, err = s.CreateSession(t.Context(), lost); err != nil {
					break
				}
			}
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("the error does not say %q, or not where: %v", tt.want, err)
			}
			if _, _, err := s.Session(t.Context(), lost.ID); !errors.Is(err, issuer.ErrNotFound) {
				t.Errorf("reading what was not written: %v", err)
			}
			if _, _, err := s.Session(t.Context(), kept.ID); err != nil {
				t.Errorf("reading what was written: %v", err)
			}
			if tt.fix == nil {
				return
			}
			tt.fix(t, s)
			if _, err := s.CreateSession(t.Context(), lost); err != nil {
				t.Errorf("writing again: %v", err)
			}
		})
	}
}

func execOn(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestDamagedRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	s := mustOpen(t, path)
	first, n := newSession(), newSession()
	for _, session := range []issuer.NewSession{first, n} {
		for range 50 { // so that they are on different pages
			if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.CreateSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The seed is in the table alone.
	leaf := int64(bytes.Index(text, n.Seed[:]) / page * page)
	overwrite(t, path, leaf, strings.Repeat("damage", page/6))
	s = mustOpen(t, path)
	if _, _, err := s.Session(t.Context(), first.ID); err != nil {
		t.Errorf("reading what is whole: %v", err)
	}
	_, _, err = s.Session(t.Context(), n.ID)
	if err == nil || !strings.Contains(err.Error(), "the file is damaged") || !strings.Contains(err.Error(), path) {
		t.Errorf("reading: %v", err)
	}
	_, err = s.Rotate(t.Context(), n.ID, 0, 1)
	if err == nil || !strings.Contains(err.Error(), "the file is damaged") || !strings.Contains(err.Error(), path) {
		t.Errorf("writing: %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping of a closed store returns nil")
	}
	if _, err := s.CreateSession(t.Context(), newSession()); err == nil {
		t.Error("CreateSession of a closed store returns nil")
	}
}

func TestRefusesWhatItCouldNotKeep(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	n := newSession()
	n.Audience = []string{"fine", "\xff"}
	if _, err := s.CreateSession(t.Context(), n); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
		t.Errorf("an audience that is not UTF-8: %v", err)
	}
	for _, u := range []issuer.User{
		{ID: "id", Name: "name", Scopes: []string{"\xff"}},
		{ID: "id", Name: "name", Roles: []string{"\xff"}},
	} {
		if _, err := s.CreateUser(t.Context(), u); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
			t.Errorf("a scope or role that is not UTF-8: %v", err)
		}
	}
	for _, k := range []issuer.StoredKey{
		{ID: "1", Use: "signing", State: issuer.KeyActive, CreatedAt: time.Now()},
		{ID: "1", Use: issuer.UseAccess, State: "on", CreatedAt: time.Now()},
	} {
		err := s.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return []issuer.StoredKey{k}, nil })
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the %s key", k.Use)) {
			t.Errorf("use %q, state %q: %v", k.Use, k.State, err)
		}
	}
}
