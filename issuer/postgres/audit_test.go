package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
)

// Whatever of the log is changed in the database, the check finds.
func TestEveryColumnOfEveryRowIsChecked(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	url := server.URLFor(server.User(t, database), database)
	s, err := open(url, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	master := issuer.GenerateMasterKey()
	iss, err := issuer.New(t.Context(), issuer.Config{Store: s, Issuer: "https://auth.example", Audiences: []string{"a"}, Algorithm: "HS256", MasterKey: master, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := issuer.AuditRecord{Action: "a", Actor: "b", Subject: "c", User: "d", ClientID: "e", Session: "f", Key: "g", Reason: "h", Detail: "i", Count: 1, Address: "j", Agent: "k", Request: "l"}
		if err := s.AppendAudit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := iss.SettleAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
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
	for table, key := range map[string]string{"audit": "seq", "audit_head": "id"} {
		rows, err := conn.Query(t.Context(), `SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`, table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Kind string }])
		if err != nil {
			t.Fatal(err)
		}
		rows, err = conn.Query(t.Context(), `SELECT `+key+`::bigint FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			for _, c := range columns {
				if table == "audit_head" && c.Name == "id" {
					continue // there is one row, whatever its number
				}
				tampered++
				change := c.Name + " || 'x'"
				switch c.Kind {
				case "bigint":
					change = c.Name + " + 1000"
				case "bytea":
					change = "overlay(" + c.Name + " placing '\\x0badc0de'::bytea from 3)"
				case "uuid":
					change = "gen_random_uuid()"
				}
				exec(`CREATE TEMP TABLE saved AS SELECT * FROM ` + table)
				exec(fmt.Sprintf(`UPDATE %s SET %s = %s WHERE %s = %d`, table, c.Name, change, key, id))
				if breaks := check(); len(breaks) == 0 {
					t.Errorf("%s.%s of row %d was changed, and nobody notices", table, c.Name, id)
				}
				exec(`DELETE FROM ` + table)
				exec(`INSERT INTO ` + table + ` SELECT * FROM saved`)
				exec(`DROP TABLE saved`)
			}
		}
	}
	if tampered < 60 {
		t.Errorf("only %d places were tried", tampered)
	}
	if breaks := check(); len(breaks) > 0 {
		t.Errorf("all was put back: %v", breaks)
	}
}
