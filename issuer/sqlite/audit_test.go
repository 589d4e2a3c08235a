package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// auditKinds returns how often each kind of entry is in the log, which must hold.
func auditKinds(t *testing.T, s issuer.Store) map[issuer.AuditAction]int {
	t.Helper()
	r, err := (issuer.AuditCheck{}).Run(t.Context(), s)
	if err != nil || len(r.Breaks) > 0 {
		t.Fatalf("the audit log does not hold: %v, %v", r.Breaks, err)
	}
	entries, _, err := s.Audit(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[issuer.AuditAction]int)
	for _, e := range entries {
		kinds[e.Action]++
	}
	return kinds
}

// An operation and its entry are both there or neither is, wherever the
// transaction fails.
func TestOperationAndItsEntryAreOneWhereverItFails(t *testing.T) {
	told := issuer.AuditRecord{Action: "op"}
	for _, point := range []sqlite.FaultPoint{sqlite.FaultBegin, sqlite.FaultWrite, sqlite.FaultCommit, sqlite.FaultAnswer} {
		for name, op := range map[string]struct {
			do   func(ctx context.Context, s *sqlite.Store, session issuer.SessionID) error
			done func(s *sqlite.Store, session issuer.SessionID) (bool, error)
		}{
			"create": {
				func(ctx context.Context, s *sqlite.Store, _ issuer.SessionID) error {
					n := newSession()
					n.Subject, n.Audit = "bob", []issuer.AuditRecord{told}
					_, err := s.CreateSession(ctx, n)
					return err
				},
				func(s *sqlite.Store, _ issuer.SessionID) (bool, error) {
					live, _, err := s.Sessions(context.Background(), "bob", 10)
					return len(live) > 0, err
				},
			},
			"revoke": {
				func(ctx context.Context, s *sqlite.Store, id issuer.SessionID) error {
					_, err := s.Revoke(ctx, issuer.Revocation{SessionID: id, Audit: []issuer.AuditRecord{told}})
					return err
				},
				func(s *sqlite.Store, id issuer.SessionID) (bool, error) {
					session, _, err := s.Session(context.Background(), id)
					return session.Revoked(), err
				},
			},
			"password": {
				func(ctx context.Context, s *sqlite.Store, _ issuer.SessionID) error {
					_, err := s.SetPassword(ctx, "alice", "new", told)
					return err
				},
				func(s *sqlite.Store, _ issuer.SessionID) (bool, error) {
					u, err := s.User(context.Background(), "alice")
					return u.Version == 2, err
				},
			},
			"keys": {
				func(ctx context.Context, s *sqlite.Store, _ issuer.SessionID) error {
					return s.UpdateKeys(ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) {
						return []issuer.StoredKey{{ID: "1", Use: issuer.UseRefresh, State: issuer.KeyActive}}, nil
					}, func() []issuer.AuditRecord { return []issuer.AuditRecord{told} })
				},
				func(s *sqlite.Store, _ issuer.SessionID) (bool, error) {
					keys, _, err := s.Keys(context.Background())
					return len(keys) > 0, err
				},
			},
		} {
			t.Run(fmt.Sprint(name, " at ", point), func(t *testing.T) {
				f := openFaulty(t)
				if _, err := f.CreateUser(t.Context(), issuer.User{ID: "id", Name: "alice"}); err != nil {
					t.Fatal(err)
				}
				n := newSession()
				if _, err := f.CreateSession(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				lost := errors.New("lost")
				f.arrange(func(p sqlite.FaultPoint) error {
					if p == point {
						return lost
					}
					return nil
				})
				if err := op.do(t.Context(), f.Store, n.ID); !errors.Is(err, lost) {
					t.Fatalf("the error is %v", err)
				}
				f.arrange(nil)
				f.Close()
				s := mustOpen(t, f.path)
				done, err := op.done(s, n.ID)
				if err != nil {
					t.Fatal(err)
				}
				if want := point == sqlite.FaultAnswer; done != want {
					t.Errorf("it happened: %v", done)
				}
				if told := auditKinds(t, s)["op"] == 1; told != done {
					t.Errorf("it happened: %v, and the audit log says so: %v", done, told)
				}
			})
		}
	}
}

// A write that fails in a batch takes its entry along, and leaves its neighbours
// and theirs alone.
func TestLoserInABatchLeavesNoEntry(t *testing.T) {
	f := openFaulty(t)
	n := newSession()
	if _, err := f.CreateSession(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	release := f.hold(t)
	defer release()
	type result struct {
		err  error
		wins bool
	}
	results := make(chan result)
	for i := range 20 {
		go func() {
			again := newSession()
			again.Audit = []issuer.AuditRecord{{Action: "won"}}
			if i%2 == 0 {
				again.ID, again.Audit[0].Action = n.ID, "lost"
			}
			_, err := f.CreateSession(context.Background(), again)
			results <- result{err, i%2 == 1}
		}()
	}
	release()
	for range 20 {
		if r := <-results; (r.err == nil) != r.wins {
			t.Errorf("wins: %v, and the error is %v", r.wins, r.err)
		}
	}
	f.arrange(nil)
	if kinds := auditKinds(t, f.Store); kinds["won"] != 10 || kinds["lost"] != 0 {
		t.Errorf("the audit log says %v", kinds)
	}
}

// Whatever of the log is changed in the file, the check finds.
func TestEveryColumnOfEveryRowIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	s := mustOpen(t, path)
	master := issuer.GenerateMasterKey()
	iss, err := issuer.New(t.Context(), issuer.Config{Store: s, Issuer: "https://auth.example", Audiences: []string{"a"}, Algorithm: "HS256", MasterKey: master, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r := issuer.AuditRecord{Action: "a", Actor: "b", Subject: "c", User: "d", ClientID: "e", Session: "f", Key: "g", Reason: "h", Detail: "i", Count: 1, Address: "j", Agent: "k", Request: "l"}
		if err := s.AppendAudit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := iss.SettleAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	// Whoever tampers is not bound by the table's own conditions.
	if _, err := db.Exec("PRAGMA ignore_check_constraints = 1"); err != nil {
		t.Fatal(err)
	}
	check := func() []issuer.AuditBreak {
		r, err := (issuer.AuditCheck{MasterKey: master}).Run(t.Context(), s)
		if err != nil {
			return []issuer.AuditBreak{{What: err.Error()}} // a row that can't be read
		}
		return r.Breaks
	}
	if breaks := check(); len(breaks) > 0 {
		t.Fatalf("an honest log: %v", breaks)
	}
	tampered := 0
	for _, table := range []string{"audit", "audit_head"} {
		var columns, kinds []string
		rows, err := db.Query("SELECT name, type FROM pragma_table_info(?)", table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name, kind string
			if err := rows.Scan(&name, &kind); err != nil {
				t.Fatal(err)
			}
			columns, kinds = append(columns, name), append(kinds, kind)
		}
		rows.Close()
		var ids []int
		rows, err = db.Query("SELECT rowid FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id int
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		rows.Close()
		for _, id := range ids {
			for i, column := range columns {
				if table == "audit_head" && column == "id" {
					continue // there is one row, whatever its number
				}
				tampered++
				where := fmt.Sprintf("%s.%s of row %d", table, column, id)
				if _, err := db.Exec("DROP TABLE IF EXISTS saved; CREATE TEMP TABLE saved AS SELECT * FROM " + table); err != nil {
					t.Fatal(err)
				}
				change := column + " || 'x'"
				switch kinds[i] {
				case "INTEGER":
					change = column + " + 1000"
				case "BLOB":
					change = "CAST(substr(hex(randomblob(40)), 1, length(" + column + ")) AS BLOB)"
				}
				if _, err := db.Exec(fmt.Sprintf("UPDATE %s SET %s = %s WHERE rowid = %d", table, column, change, id)); err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				if breaks := check(); len(breaks) == 0 {
					t.Errorf("%s was changed, and nobody notices", where)
				}
				if _, err := db.Exec(fmt.Sprintf("DELETE FROM %s; INSERT INTO %s SELECT * FROM saved; DROP TABLE saved", table, table)); err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				if breaks := check(); len(breaks) > 0 {
					t.Fatalf("%s was put back: %v", where, breaks)
				}
			}
			if table == "audit" {
				if _, err := db.Exec("CREATE TEMP TABLE saved AS SELECT * FROM audit"); err != nil {
					t.Fatal(err)
				}
				if _, err := db.Exec(fmt.Sprintf("DELETE FROM audit WHERE seq = %d", id)); err != nil {
					t.Fatal(err)
				}
				if breaks := check(); len(breaks) == 0 || !strings.Contains(breaks[0].What, "missing") {
					t.Errorf("row %d was deleted: %v", id, breaks)
				}
				if _, err := db.Exec("DELETE FROM audit; INSERT INTO audit SELECT * FROM saved; DROP TABLE saved"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if tampered < 80 {
		t.Errorf("only %d places were tried", tampered)
	}
}
