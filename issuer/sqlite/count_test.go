package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

func TestEachTransactionTellsHowManyWritesAreInIt(t *testing.T) {
	var sizes []int // one transaction after the other
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jeton.db"), sqlite.Options{
		Now: time.Now, OnBatch: func(n int) { sizes = append(sizes, n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := s.CreateSession(t.Context(), issuer.NewSession{ID: issuer.NewSessionID(), Subject: "alice", Lifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Close() // waits for what is under way
	if len(sizes) != 2 || sizes[0] != 1 || sizes[1] != 1 {
		t.Errorf("two writes, one after the other, are transactions of %v", sizes)
	}
}
