package sqlite_test

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

// TestPingTellsOfWritesThatFail: a store that can only be read is not ready.
func TestPingTellsOfWritesThatFail(t *testing.T) {
	var broken atomic.Bool
	errBroken := errors.New("broken")
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jeton.db"), sqlite.Options{
		Now: time.Now,
		Fault: func(p sqlite.FaultPoint) error {
			if broken.Load() && p == sqlite.FaultCommit {
				return errBroken
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ping := func(want error, when string) {
		t.Helper()
		if err := s.Ping(t.Context()); !errors.Is(err, want) {
			t.Errorf("Ping %s: %v, want %v", when, err, want)
		}
	}
	ping(nil, "of a store that works")
	broken.Store(true)
	ping(nil, "before anybody wrote")
	if _, err := s.CreateSession(t.Context(), newSession()); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	ping(errBroken, "after a write that failed")
	ping(errBroken, "again")
	broken.Store(false)
	ping(nil, "once writes succeed, though nobody wrote since")
	if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
		t.Fatal(err)
	}
	ping(nil, "after a write")
}
