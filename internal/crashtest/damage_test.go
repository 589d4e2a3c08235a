package crashtest

import (
	"bytes"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// pageSize is that of the database file.
const pageSize = 4096

// TestDamagedFile starts the program on a database file that was damaged while
// nobody had it open. It says so and ends, or serves what is whole and fails at
// the rest; nobody is told that his session is over who could go on after a
// backup is restored, and no session that is over comes back.
func TestDamagedFile(t *testing.T) {
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	revoked := h.sessions[0]
	revokeIn(t, p, revoked.id)
	intact := readFile(t, p.file())
	leaf := leafOf(t, intact, h.sessions[len(h.sessions)-2])

	garbage := bytes.Repeat([]byte{0xA5}, pageSize)
	with := func(at int, content []byte) []byte {
		damaged := bytes.Clone(intact)
		copy(damaged[at:], content)
		return damaged
	}
	for _, c := range []struct {
		name string
		file []byte
		says string
	}{
		{"the header is garbage", with(0, garbage[:100]), "this is not a SQLite file"},
		{"the file is empty", nil, "is empty, and there is a master key beside it"},
		{"half of the file is missing", intact[:len(intact)/2], "the file is damaged"},
		{"the end of a page is missing", intact[:len(intact)-100], "the file is damaged"},
		{"the second page is garbage", with(pageSize, garbage), "the file is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeFile(t, p.file(), c.file)
			refusesToStart(t, p.flags(), c.says)
			if !bytes.Equal(readFile(t, p.file()), c.file) {
				t.Error("what may yet be saved from the file was written to")
			}
		})
	}
	for _, c := range []struct {
		name     string
		file     []byte
		besides  string // a file with garbage, by its suffix
		failures int    // at least so many sessions
		says     string
	}{
		{"a page of sessions is garbage", with(leaf, garbage), "", 1, "the file is damaged"},
		{"a page of sessions is zeroes", with(leaf, make([]byte, pageSize)), "", 1, "the file is damaged"},
		{"the log is garbage", intact, "-wal", 0, ""},
		{"the index of the log is garbage", intact, "-shm", 0, ""},
		{"a backup was restored", intact, "", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(p.file() + "-wal")
			os.Remove(p.file() + "-shm")
			writeFile(t, p.file(), c.file)
			if c.besides != "" {
				writeFile(t, p.file()+c.besides, bytes.Repeat(garbage, 8))
			}
			run := start(t, p.flags())
			failed := 0
			for _, s := range h.sessions[1:] {
				a, err := run.refresh(s.token)
				switch {
				case err != nil:
					t.Fatal(err)
				case a.status == http.StatusInternalServerError && a.Refresh == "" && a.Access == "":
					failed++
				case a.status != http.StatusOK && !s.brief:
					t.Errorf("session %s is answered with %d %s", s.id, a.status, a.Code)
				}
			}
			if a, err := run.refresh(revoked.token); err != nil || a.status < 400 || a.Refresh != "" || a.Access != "" {
				t.Errorf("a revoked session is answered with %d, %v", a.status, err)
			}
			if failed < c.failures || c.failures == 0 && failed > 0 || failed == len(h.sessions)-1 {
				t.Errorf("%d of %d sessions failed", failed, len(h.sessions)-1)
			}
			if !bytes.Contains([]byte(run.log()), []byte(c.says)) {
				t.Errorf("the log does not say why:\n%s", run.log())
			}
			t.Logf("%d of %d sessions failed", failed, len(h.sessions)-1)
			run.kill()
		})
	}
}

// leafOf is where the page of the file is that holds the row of a session.
func leafOf(t *testing.T, file []byte, s *session) int {
	t.Helper()
	const leafOfTable = 13
	for at := pageSize; at < len(file); at += pageSize {
		if file[at] == leafOfTable && bytes.Contains(file[at:at+pageSize], s.id[:]) {
			return at
		}
	}
	t.Fatal("the session is not in the file")
	return 0
}

// revokeIn revokes a session while the program does not run.
func revokeIn(t *testing.T, p place, id issuer.SessionID) {
	t.Helper()
	store, closeStore := p.open(t, time.Now)
	defer closeStore()
	if _, err := store.Revoke(t.Context(), issuer.Revocation{SessionID: id, Reason: issuer.ReasonRevoked}); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writeFile(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
