package sqlite_test

import (
	"context"
	"crypto/sha256"
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

// sessionsVariable in the environment is how many sessions the benchmarks have.
const sessionsVariable = "JETON_BENCH_SESSIONS"

// fill opens a store with sessions.
func fill(b *testing.B) (*sqlite.Store, []issuer.SessionID) {
	b.Helper()
	n := 10_000
	if text := os.Getenv(sessionsVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "jeton.db")
	store, err := sqlite.Open(b.Context(), path, sqlite.Options{Now: time.Now, OnError: func(err error) { b.Error(err) }})
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]issuer.SessionID, n)
	crowd(b, 256, n, func(i int) error {
		ids[i] = issuer.NewSessionID()
		_, err := store.CreateSession(b.Context(), issuer.NewSession{
			ID: ids[i], Subject: subject(i / 3), ClientID: "jeton-login", Seed: issuer.NewSeed(),
			Lifetime: 30 * 24 * time.Hour, IdleTimeout: 7 * 24 * time.Hour,
			Audience: []string{"orders"}, Scope: "orders:read orders:write",
			Claims: []byte(`{"roles":["buyer"]}`), Device: fmt.Sprint("Firefox on Linux ", i%100),
		})
		return err
	})
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%d sessions, %d bytes each", n, info.Size()/int64(n))
	})
	return store, ids
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

func BenchmarkRotate(b *testing.B) {
	store, ids := fill(b)
	ctx := requestContext(b)
	generation := make([]atomic.Uint32, len(ids))
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			crowd(b, callers, b.N, func(i int) error {
				start := time.Now()
				// In no order, and no session by two callers at once.
				at := int(uint64(i) * 7919 % uint64(len(ids)))
				g := generation[at].Add(1)
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
	store, ids := fill(b)
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
