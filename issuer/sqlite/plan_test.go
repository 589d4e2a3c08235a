package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

// The statements that run at every request use the indexes that are there for
// them, and a rotation touches none.
func TestPlans(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	for query, want := range map[string]string{
		sqlite.SelectSession + ` WHERE sessions.id = x'00'`:                                       "SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (id=?)",
		strings.ReplaceAll(sqlite.SessionsByID(4), "?", "x'00'"):                                  "SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (id=?)",
		sqlite.SelectSession + ` WHERE revoked_at IS NULL AND subject = 's' ORDER BY number DESC`: "SEARCH sessions USING INDEX sessions_by_subject (subject=?)",
		sqlite.SelectSession + ` WHERE revoked_at IS NULL ORDER BY number DESC LIMIT 1`:           "SCAN sessions",
		strings.ReplaceAll(sqlite.RotateRecent, "?", "1"):                                         "SEARCH sessions USING INTEGER PRIMARY KEY (rowid=?)",
		strings.ReplaceAll(sqlite.CountOf, "?", "'s'"):                                            "SEARCH sessions USING INDEX sessions_by_subject (subject=?)",
		`UPDATE sessions SET revoked_at = 1 WHERE revoked_at IS NULL AND subject = 's'`:           "SEARCH sessions USING INDEX sessions_by_subject (subject=?)",
		`UPDATE sessions SET revoked_at = 1 WHERE revoked_at IS NULL AND id = x'00'`:              "SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (id=?)",
		`SELECT number FROM sessions WHERE due_at <= 1 ORDER BY due_at LIMIT 1`:                   "SEARCH sessions USING COVERING INDEX sessions_by_due (due_at<?)",
	} {
		rows, err := s.Writer().Query("EXPLAIN QUERY PLAN " + query)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		rows.Close()
		if plan := strings.Join(plan, "\n"); !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n\tplan: %v\n\twant: %s", query, plan, want)
		}
	}
	for update, want := range map[string]int{
		sqlite.RotateSession: 1,
		sqlite.RotateRecent:  1,
		`UPDATE sessions SET revoked_at = 1, revoke_reason = '' WHERE number = 1`:             2,
		`UPDATE sessions SET revoked_at = 1, revoke_reason = '', due_at = 1 WHERE number = 1`: 3,
	} {
		if got := opcodes(t, s, "OpenWrite", update); got != want {
			t.Errorf("%s\n\twrites %d b-trees, not %d", update, got, want)
		}
	}
	if got := opcodes(t, s, "Column", sqlite.CountOf); got != 0 {
		t.Errorf("a user's sessions are counted by reading %d columns of each, and not in the index alone", got)
	}
}

// opcodes tells how many instructions of a kind a statement has: OpenWrite opens a
// b-tree for writing, Column reads what a row or an entry has.
func opcodes(t *testing.T, s *sqlite.Store, kind, statement string) int {
	t.Helper()
	rows, err := s.Writer().Query("EXPLAIN " + strings.ReplaceAll(statement, "?", "1"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var opcode string
		var rest [7]any
		if err := rows.Scan(&rest[0], &opcode, &rest[1], &rest[2], &rest[3], &rest[4], &rest[5], &rest[6]); err != nil {
			t.Fatal(err)
		}
		if opcode == kind {
			n++
		}
	}
	return n
}
