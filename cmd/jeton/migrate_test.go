package main

import (
	"database/sql"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jeton-go/jeton/internal/pgtest"
)

// A store that a newer jeton has changed is left alone by everything, which says
// what to do.
func TestEverythingRefusesANewerSchema(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) []string{
		"sqlite": func(t *testing.T) []string {
			data := t.TempDir()
			addUser(t, data)
			// The store has registered its driver.
			db, err := sql.Open("sqlite", filepath.Join(data, databaseFile))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(newerSchema); err != nil {
				t.Fatal(err)
			}
			return []string{"--data", data}
		},
		"postgres": func(t *testing.T) []string {
			server := pgtest.Start(t)
			database := server.Database(t)
			db := server.URL(database)
			tool(t, testPassword+"\n", "user", "add", testUser, "--password-stdin", "--db", db)
			server.Exec(t, database, newerSchema)
			return []string{"--db", db, "--data", t.TempDir()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			where := make(t)
			for _, command := range [][]string{
				{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"},
				{"user", "list"},
				{"user", "disable", testUser},
				{"session", "list"},
				{"session", "revoke", "--user", testUser},
				{"keys", "list"},
				{"keys", "rotate"},
				{"migrate", "up"},
				{"migrate", "status"},
				{"backup", "--out", filepath.Join(t.TempDir(), "copy.db")},
			} {
				if name == "postgres" && command[0] == "backup" {
					continue
				}
				refused(t, 1, "a newer jeton has used it; use that, or restore a backup from before", slices.Concat(command, where)...)
			}
		})
	}
}

const newerSchema = `INSERT INTO schema_version (version_id, is_applied) VALUES (99, true)`
