package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/pgtest"
)

// What a running service and commands beside it do is in one log, which holds,
// is sealed, and can be followed; and what is changed in it behind their backs
// is found.
func TestAuditLogOfARunningService(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, data string) (flags []string, db func() *sql.DB){
		"sqlite": func(t *testing.T, data string) ([]string, func() *sql.DB) {
			return nil, func() *sql.DB {
				db, err := sql.Open("sqlite", filepath.Join(data, databaseFile)) // the store has registered the driver
				if err != nil {
					t.Fatal(err)
				}
				return db
			}
		},
		"postgres": func(t *testing.T, data string) ([]string, func() *sql.DB) {
			server := pgtest.Start(t)
			url := server.URL(server.Database(t))
			return []string{"--db", url}, func() *sql.DB {
				db, err := sql.Open("pgx", url)
				if err != nil {
					t.Fatal(err)
				}
				return db
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			flags, database := open(t, data)
			where := append([]string{"--data", data}, flags...)
			run := func(stdin string, args ...string) string {
				t.Helper()
				return tool(t, stdin, append(args, where...)...)
			}
			run(testPassword+"\n", "user", "add", testUser, "--password-stdin")
			s := serve(t, data, flags...)

			follow := exec.Command("jeton", append([]string{"audit", "tail", "-f", "--json"}, where...)...)
			out, err := follow.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := follow.Start(); err != nil {
				t.Fatal(err)
			}
			defer follow.Wait()
			defer follow.Process.Kill()
			lines := bufio.NewScanner(out)
			until := func(action string) (entry map[string]any) {
				t.Helper()
				for lines.Scan() {
					entry = nil
					if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
						t.Fatalf("%v: %s", err, lines.Bytes())
					}
					if entry["action"] == action {
						return entry
					}
				}
				t.Fatalf("tail -f ended before %s", action)
				return nil
			}

			login := s.login()
			if e := until("login"); e["user"] != testUser || e["address"] != "127.0.0.1" || e["agent"] != "Go-http-client/1.1" || e["request_id"] == nil || e["sid"] == nil {
				t.Errorf("a login is told as %v", e)
			}
			s.do("POST", "/v1/login", "application/json", `{"username":"my-secret-password","password":"x"}`, "")
			if e := until("login_refused"); e["actor"] != "unknown" || e["detail"] != "no such user" || e["user"] != nil {
				t.Errorf("a refused login is told as %v", e)
			}
			s.want(204, "logout", s.do("POST", "/v1/logout", "", "", login.Access))
			if e := until("revoke"); e["reason"] != "logout" || e["count"] != 1.0 {
				t.Errorf("a logout is told as %v", e)
			}
			run("", "keys", "rotate", "--now")
			if e := until("key"); !strings.HasPrefix(e["actor"].(string), "cli:") {
				t.Errorf("a command's rotation is told as %v", e)
			}
			if code := s.stop(); code != 0 {
				t.Errorf("the service exits with %d", code)
			}

			anchor := run("", "audit", "verify")
			run("", "audit", "verify", "--anchor", anchor)
			export := run("", "audit", "export")
			for _, secret := range []string{"my-secret-password", testPassword, login.Access, login.Refresh} {
				if strings.Contains(export, secret) {
					t.Error("a secret is in the audit log")
				}
			}
			refused(t, 1, "--without-key", append([]string{"audit", "verify", "--master-key-file", filepath.Join(data, "nothing")}, where...)...)
			run("", "audit", "verify", "--without-key", "--master-key-file", filepath.Join(data, "nothing"))
			if err := os.WriteFile(filepath.Join(data, "other.key"), []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, 1, "master key", append([]string{"audit", "verify", "--master-key-file", filepath.Join(data, "other.key")}, where...)...)

			db := database()
			if _, err := db.Exec(`UPDATE audit SET address = '192.0.2.99' WHERE action = 'login'`); err != nil {
				t.Fatal(err)
			}
			db.Close()
			refused(t, 1, "is not what was written", append([]string{"audit", "verify"}, where...)...)
		})
	}
}
