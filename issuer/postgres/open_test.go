package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

func TestOpenRefuses(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	home := func(sql string) string {
		role := server.User(t, database)
		server.Exec(t, database, strings.ReplaceAll(sql, "$ROLE", role))
		return server.URLFor(role, database)
	}
	made := home(``)
	s, err := open(made, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	newer := server.User(t, database)
	if s, err = open(server.URLFor(newer, database), time.Now); err != nil {
		t.Fatal(err)
	}
	s.Close()
	server.Exec(t, database, `INSERT INTO `+newer+`.schema_version (version_id, is_applied) VALUES (99, true)`)

	for name, c := range map[string]struct{ url, why string }{
		"a database that acknowledges too soon": {home(`ALTER ROLE $ROLE SET synchronous_commit = off`), "synchronous_commit = off"},
		"a newer schema":                        {server.URLFor(newer, database), "a newer jeton has used it"},
		"another program's tables":              {home(`CREATE TABLE $ROLE.sessions (x int); ALTER TABLE $ROLE.sessions OWNER TO $ROLE`), "a database or a schema of its own"},
		"no privilege":                          {home(`ALTER SCHEMA $ROLE OWNER TO jeton; GRANT USAGE ON SCHEMA $ROLE TO $ROLE`), "lacks a privilege"},
		"no database":                           {server.URL("nowhere"), "create it first"},
		"no server":                             {"postgres://jeton:hidden-secret@127.0.0.1:1/x", "connect"},
		"no connection string":                  {"postgres://jeton:hidden-secret@127.0.0.1:port/x", "connection string"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := postgres.Open(t.Context(), c.url, postgres.Options{Now: time.Now, Patience: time.Millisecond})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "hidden-secret") {
				t.Errorf("the error is %q, without %q or with the password", err, c.why)
			}
		})
	}
	for what, o := range map[string]postgres.Options{"no clock": {}, "patience": {Now: time.Now, Patience: -1}} {
		if _, err := postgres.Open(t.Context(), made, o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	empty := home(``)
	if _, err := postgres.Open(t.Context(), empty, postgres.Options{Now: time.Now, Existing: true}); !errors.Is(err, postgres.ErrNoStore) {
		t.Errorf("Existing, on a database without a store: %v", err)
	}
	if s, err = postgres.Open(t.Context(), made, postgres.Options{Now: time.Now, Existing: true}); err != nil {
		t.Errorf("Existing, on a store: %v", err)
	} else {
		s.Close()
	}
}

func TestManyNodesMakeTheSchemaAtOnce(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	url := server.URLFor(server.User(t, database), database)
	const nodes = 6
	var logs [nodes]issuer.LogHead
	var all sync.WaitGroup
	for i := range nodes {
		all.Go(func() {
			s, err := open(url, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, logs[i], _, err = s.Revocations(t.Context(), 0, 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, head := range logs {
		if head != logs[0] {
			t.Errorf("two nodes see different stores: %v and %v", head, logs[0])
		}
	}
}

func TestSchemaTellsWhatWasAppliedAndChangesNothing(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	role := server.User(t, database)
	url := server.URLFor(role, database)
	steps, err := postgres.Schema(t.Context(), url)
	present, newest := issuer.SchemaVersions(steps)
	if err != nil || present != 0 || newest == 0 || int(newest) != len(steps) || steps[0].Name != "initial" {
		t.Errorf("an empty database: %v, %v", steps, err)
	}
	if _, err := postgres.Open(t.Context(), url, postgres.Options{Now: time.Now, Existing: true}); !errors.Is(err, postgres.ErrNoStore) {
		t.Errorf("Schema left something behind: %v", err)
	}
	started := time.Now().Add(-time.Minute)
	s, err := open(url, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	steps, err = postgres.Schema(t.Context(), url)
	if present, newest = issuer.SchemaVersions(steps); err != nil || present != newest {
		t.Errorf("a store: %v, %v", steps, err)
	}
	for _, step := range steps {
		if step.AppliedAt.Before(started) || step.AppliedAt.After(time.Now().Add(time.Minute)) {
			t.Errorf("step %d was applied at %v", step.Version, step.AppliedAt)
		}
	}
	server.Exec(t, database, `INSERT INTO `+role+`.schema_version (version_id, is_applied) VALUES (99, true)`)
	steps, err = postgres.Schema(t.Context(), url)
	if present, newest = issuer.SchemaVersions(steps); err != nil || present != 99 || newest == 99 || steps[len(steps)-1].Name != "" {
		t.Errorf("a newer store: %v, %v", steps, err)
	}
	if _, err := open(url, time.Now); !errors.Is(err, issuer.ErrNewerSchema) {
		t.Errorf("a newer store is opened: %v", err)
	}
}
