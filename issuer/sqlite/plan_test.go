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
		sqlite.SelectSession + ` WHERE id = x'00'`:                                                          "SEARCH sessions USING PRIMARY KEY (id=?)",
		sqlite.SelectSession + ` WHERE revoked_at IS NULL AND subject = 's' ORDER BY created_at DESC, id`:   "SEARCH sessions USING INDEX sessions_by_subject (subject=?)",
		sqlite.SelectSession + ` WHERE revoked_at IS NULL ORDER BY created_at DESC, id`:                     "SCAN sessions USING INDEX sessions_by_age",
		`UPDATE sessions SET revoked_at = 1, revoke_reason = '' WHERE revoked_at IS NULL AND subject = 's'`: "SEARCH sessions USING INDEX sessions_by_subject (subject=?)",
		`UPDATE sessions SET revoked_at = 1, revoke_reason = '' WHERE revoked_at IS NULL AND id = x'00'`:    "SEARCH sessions USING PRIMARY KEY (id=?)",
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
		if !strings.Contains(strings.Join(plan, "\n"), want) {
			t.Errorf("%s\n\tplan: %v\n\twant: %s", query, plan, want)
		}
	}
	for update, want := range map[string]int{
		`UPDATE sessions SET generation = 1, rotated_at = 1 WHERE id = x'00'`:     1,
		`UPDATE sessions SET revoked_at = 1, revoke_reason = '' WHERE id = x'00'`: 3,
	} {
		if got := written(t, s, update); got != want {
			t.Errorf("%s\n\twrites %d b-trees, not %d", update, got, want)
		}
	}
}

// written tells how many b-trees a statement opens for writing.
func written(t *testing.T, s *sqlite.Store, statement string) int {
	t.Helper()
	rows, err := s.Writer().Query("EXPLAIN " + statement)
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
		if opcode == "OpenWrite" {
			n++
		}
	}
	return n
}
