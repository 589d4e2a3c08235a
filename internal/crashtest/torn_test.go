package crashtest

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestTornLog cuts and damages the end of SQLite's log, as a power cut does that
// hits while a write is on its way to the disk. All writes but the one that was
// hit are there, and of that one nothing is.
func TestTornLog(t *testing.T) {
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	s := h.sessions[0]
	run := start(t, append(p.flags(), "--refresh-grace", "0"))
	var before int64 // the log's length before the last write
	first := s.generation
	for range 20 {
		before = logSize(t, p)
		a, err := run.refresh(s.token)
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("refresh: %v, %v", a.status, err)
		}
		h.answered(s, s.token, a.Refresh)
	}
	run.kill()
	whole, err := os.ReadFile(p.file() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.ReadFile(p.file())
	if err != nil {
		t.Fatal(err)
	}
	if before <= 0 || before >= int64(len(whole)) || s.generation != first+20 {
		t.Fatalf("the log had %d bytes before the last write and has %d; generation %d", before, len(whole), s.generation)
	}

	// holds opens a store with a damaged log and wants a generation.
	holds := func(what string, log []byte, want uint32) {
		t.Helper()
		torn := sqlitePlace(t.TempDir())
		for name, content := range map[string][]byte{torn.file(): base, torn.file() + "-wal": log} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		store, closeStore := torn.open(t, time.Now)
		row, _, err := store.Session(t.Context(), s.id)
		if err != nil || row.Generation != want {
			t.Errorf("%s: generation %d, %v; want %d", what, row.Generation, err, want)
		}
		if _, err := store.Rotate(t.Context(), s.id, want, want+1); err != nil {
			t.Errorf("%s: a write afterwards: %v", what, err)
		}
		closeStore()
		torn.check(t)
	}
	last := len(whole) - int(before)
	for range 20 {
		cut := rand.IntN(last)
		holds("the last write is cut off", whole[:int(before)+cut], s.generation-1)

		damaged := bytes.Clone(whole)
		damaged[int(before)+rand.IntN(last)] ^= 1 << rand.IntN(8)
		holds("a bit of the last write is wrong", damaged, s.generation-1)

		garbage := make([]byte, 1+rand.IntN(10_000))
		for i := range garbage {
			garbage[i] = byte(rand.Uint32())
		}
		holds("there is garbage behind the last write", append(bytes.Clone(whole), garbage...), s.generation)

		// What the file system has for a part that was never written.
		zeroed := append(bytes.Clone(whole[:int(before)+cut]), make([]byte, last-cut)...)
		if !bytes.Equal(zeroed, whole) {
			holds("the end of the last write is zeroes", zeroed, s.generation-1)
		}
	}
	holds("nothing is damaged", whole, s.generation)
	h.examine(t, p, false)
}

func logSize(t *testing.T, p sqlitePlace) int64 {
	t.Helper()
	info, err := os.Stat(p.file() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
