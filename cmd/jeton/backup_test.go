package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A restored older database has forgotten what came since. What docs/backup.md
// says of that, on the real program, backed up while it was busy.
func TestRestoredOlderDatabase(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data)
	rotated, stolen, ended := s.login(), s.login(), s.login()

	var busy sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		session := s.login()
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					session = s.want(200, "refresh under way", s.refresh(session.Refresh))
				}
			}
		})
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	tool(t, "", "backup", "--data", data, "--out", copied)
	close(stop)
	busy.Wait()

	newer := s.want(200, "refresh after the backup", s.refresh(rotated.Refresh))
	since := s.login()
	s.want(204, "logout after the backup", s.do("POST", "/v1/logout", "", "", stolen.Access))
	tool(t, "", "session", "revoke", "--user", testUser, "--data", data)
	s.want(400, "refresh of a revoked session", s.refresh(ended.Refresh))
	s.kill()

	// As the page says.
	for _, name := range []string{"jeton.db", "jeton.db-wal", "jeton.db-shm"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "jeton.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = serve(t, data)
	s.want(200, "a token that is newer than the database", s.refresh(newer.Refresh))
	s.eventually("somebody is told that the store is behind", func() bool { return strings.Contains(s.log(), "store_behind") })
	s.want(400, "a session since the backup", s.refresh(since.Refresh))
	s.want(200, "a session that was revoked since the backup", s.refresh(stolen.Refresh))

	tool(t, "", "keys", "revoke", "1", "--now", "--data", data)
	s.eventually("every session is over", func() bool { return s.refresh(ended.Refresh).Status == 400 })
	s.want(400, "the newest token there is", s.refresh(newer.Refresh))
	s.want(200, "a new login's token", s.refresh(s.login().Refresh))
}
