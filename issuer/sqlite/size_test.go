package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// createMany makes sessions as a service has them.
func createMany(t *testing.T, s *sqlite.Store, n int) []issuer.SessionID {
	t.Helper()
	ids := make([]issuer.SessionID, n)
	var all sync.WaitGroup
	for part := range 50 {
		all.Go(func() {
			for i := part; i < n; i += 50 {
				ids[i] = issuer.NewSessionID()
				_, err := s.CreateSession(t.Context(), issuer.NewSession{
					ID: ids[i], Subject: issuer.NewSessionID().String(), ClientID: "jeton-login", Seed: issuer.NewSeed(),
					Lifetime: 30 * 24 * time.Hour, IdleTimeout: 7 * 24 * time.Hour,
					Audience: []string{"orders", "invoices"}, Scope: "orders:read orders:write",
					Claims: []byte(`{"roles":["buyer"]}`), Device: "Firefox 145 on Linux",
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return ids
}

func TestASessionTakesAtMost300BytesAndARefreshNone(t *testing.T) {
	const n = 3000
	path := filepath.Join(t.TempDir(), "jeton.db")
	s := mustOpen(t, path)
	empty := scalar(t, s, "PRAGMA page_count")
	ids := createMany(t, s, n)
	full := scalar(t, s, "PRAGMA page_count")
	if per := (full - empty) * 4096 / n; per > 300 {
		t.Errorf("a session takes %d bytes", per)
	}
	from := uint32(0)
	for _, to := range []uint32{1, 2, 200, 70_000, 20_000_000} {
		var all sync.WaitGroup
		for part := range 50 {
			all.Go(func() {
				for i := part; i < n; i += 50 {
					if _, err := s.Rotate(t.Context(), ids[i], from, to); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		from = to
	}
	if grown := scalar(t, s, "PRAGMA page_count") - full; grown != 0 {
		t.Errorf("%d rotations took %d pages", 5*n, grown)
	}
}

// Generations and instants come back as they were, at the limits too.
func TestGenerationsOfAllSizes(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	n := newSession()
	made, err := s.CreateSession(t.Context(), n)
	if err != nil || made.Generation != 0 || !made.RotatedAt.IsZero() {
		t.Fatalf("%+v, %v", made, err)
	}
	from := uint32(0)
	for _, to := range []uint32{1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 0} {
		if _, err := s.Rotate(t.Context(), n.ID, from, to); err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Session(t.Context(), n.ID)
		if err != nil || got.Generation != to || got.RotatedAt.Before(made.CreatedAt) {
			t.Errorf("%+v, %v", got, err)
		}
		from = to
	}
}

// A session that is used is looked at once in an idle timeout, and goes with its
// grant when it is over.
func TestPruneLooksAgainAtWhatWasUsed(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	pass := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jeton.db"), sqlite.Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ids := createMany(t, s, 450) // more than one transaction looks at
	prune := func() int {
		t.Helper()
		n, err := s.Prune(t.Context(), issuer.Retention{Sessions: time.Hour, Log: time.Hour}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	pass(4 * 24 * time.Hour)
	for _, id := range ids[:449] {
		if _, err := s.Rotate(t.Context(), id, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	pass(4 * 24 * time.Hour) // 8 days after login, 4 after use
	if n := prune(); n != 1 {
		t.Errorf("%d went, not the one that nobody used", n)
	}
	if n := scalar(t, s, `SELECT count(*) FROM sessions WHERE due_at <= (SELECT latest FROM clock)`); n != 0 {
		t.Errorf("%d would be looked at again", n)
	}
	pass(3*24*time.Hour + time.Hour - time.Second)
	if n := prune(); n != 0 {
		t.Errorf("%d went too early", n)
	}
	pass(time.Second)
	if n := prune(); n != 449 {
		t.Errorf("%d went, not all", n)
	}
	if n := scalar(t, s, `SELECT count(*) FROM grants`); n != 0 {
		t.Errorf("%d grants that nobody has are left", n)
	}
}
