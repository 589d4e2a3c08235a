package sqlite_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// Variables of the environment: how many sessions the benchmarks have, and a file
// to keep them in, which need not be filled the next time.
const (
	sessionsVariable = "JETON_BENCH_SESSIONS"
	fileVariable     = "JETON_BENCH_FILE"
)

// byHand is how many sessions fill makes as a service does. More than that come
// from copies of them, which have ids and subjects of their own, in no order
// either.
const byHand = 100_000

// fill opens a store with sessions and returns the ids of two million at most, and
// their generations.
func fill(b *testing.B) (*sqlite.Store, []issuer.SessionID, []atomic.Uint32) {
	b.Helper()
	n := 10_000
	if text := os.Getenv(sessionsVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "jeton.db")
	if name := os.Getenv(fileVariable); name != "" {
		path = name
	}
	open := func() *sqlite.Store {
		store, err := sqlite.Open(b.Context(), path, sqlite.Options{Now: time.Now, OnError: func(err error) { b.Error(err) }})
		if err != nil {
			b.Fatal(err)
		}
		return store
	}
	closed := func(store *sqlite.Store) {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	}
	store := open()
	// A file that a service made, so that it can be driven on it, has none.
	have, _, err := store.CountSessions(b.Context(), 1)
	if err != nil {
		b.Fatal(err)
	}
	filled, first := have > 0, min(n, byHand)
	if filled {
		first = 0
	}
	crowd(b, 256, first, func(i int) error {
		_, err := store.CreateSession(b.Context(), issuer.NewSession{
			ID: issuer.NewSessionID(), Subject: subject(i / 3), ClientID: "jeton-login", Seed: issuer.NewSeed(),
			Lifetime: 30 * 24 * time.Hour, IdleTimeout: 7 * 24 * time.Hour,
			Audience: []string{"orders"}, Scope: "orders:read orders:write",
			Claims: []byte(`{"roles":["buyer"]}`), Device: fmt.Sprint("Firefox on Linux ", i%100),
		})
		return err
	})
	closed(store)
	if !filled {
		copies(b, path, first, n)
	}
	ids, generations := stored(b, path)
	store = open()
	b.Cleanup(func() {
		closed(store)
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%d sessions, %d bytes each", n, info.Size()/int64(n))
	})
	return store, ids, generations
}

// unsynced opens the file beside the store's own code.
func unsynced(b *testing.B, path string, pragmas string) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)"+pragmas)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// copies brings the file's sessions from so many to another number.
func copies(b *testing.B, path string, from, to int) {
	b.Helper()
	db := unsynced(b, path, "&_pragma=cache_size(-2000000)")
	defer db.Close()
	for have := from; have < to; {
		more := min(from, to-have)
		if _, err := db.Exec(`INSERT INTO sessions
			(id, counter, rotated_at, created_at, expires_at, grant_id, seed, subject, due_at, revoke_reason, claims, device)
			SELECT randomblob(16), counter, rotated_at, created_at, expires_at, grant_id, randomblob(16),
			lower(hex(randomblob(11))), due_at, revoke_reason, claims, device FROM sessions WHERE number <= ?`, more); err != nil {
			b.Fatal(err)
		}
		have += more
	}
	if _, err := db.Exec(`UPDATE grants SET sessions = (SELECT count(*) FROM sessions WHERE grant_id = grants.id)`); err != nil {
		b.Fatal(err)
	}
}

// stored returns what sessions the file has, or some of them, evenly spread.
func stored(b *testing.B, path string) ([]issuer.SessionID, []atomic.Uint32) {
	b.Helper()
	db := unsynced(b, path, "")
	defer db.Close()
	var last int
	if err := db.QueryRow(`SELECT max(number) FROM sessions`).Scan(&last); err != nil {
		b.Fatal(err)
	}
	step := (last + 1_999_999) / 2_000_000
	rows, err := db.Query(`SELECT id, generation FROM sessions WHERE number % ? = 0 AND revoked_at IS NULL`, step)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	ids, generations := make([]issuer.SessionID, 0, last/step), make([]atomic.Uint32, last/step)
	for rows.Next() {
		var id []byte
		var generation uint32
		if err := rows.Scan(&id, &generation); err != nil {
			b.Fatal(err)
		}
		generations[len(ids)].Store(generation)
		ids = append(ids, issuer.SessionID(id))
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return ids, generations
}

// subject is like the ids of users: 22 characters without order.
func subject(i int) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(i)))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// crowd calls do with 0 to n-1 from so many callers.
func crowd(b *testing.B, callers, n int, do func(i int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// requestContext is like a request's: it can be cancelled.
func requestContext(b *testing.B) context.Context {
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	return ctx
}

func BenchmarkRotate(b *testing.B) { rotate(b, false) }

// BenchmarkRefresh reads each session before it rotates it, as a refresh does.
func BenchmarkRefresh(b *testing.B) { rotate(b, true) }

func rotate(b *testing.B, read bool) {
	store, ids, generation := fill(b)
	ctx := requestContext(b)
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			crowd(b, callers, b.N, func(i int) error {
				start := time.Now()
				// In no order, and no session by two callers at once.
				at := int(uint64(i) * 7919 % uint64(len(ids)))
				g := generation[at].Add(1)
				if read {
					if _, _, err := store.Session(ctx, ids[at]); err != nil {
						return err
					}
				}
				_, err := store.Rotate(ctx, ids[at], g-1, g)
				took[i] = time.Since(start)
				return err
			})
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rotations/s")
			b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[b.N-1].Microseconds())/1000, "max-ms")
		})
	}
}

func BenchmarkSession(b *testing.B) {
	store, ids, _ := fill(b)
	ctx := requestContext(b)
	b.Run("serial", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, _, err := store.Session(ctx, ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, _, err := store.Session(ctx, ids[i%len(ids)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
