package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
)

// BenchmarkRotate measures rotations of random sessions by several callers, with
// the server's default durability. "alone" is without group commit.
func BenchmarkRotate(b *testing.B) {
	const sessions = 100_000
	server := pgtest.Shared(b)
	database := server.Database(b)
	s, err := open(server.URL(database)+"?pool_max_conns=64", time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ids := make([]issuer.SessionID, sessions)
	generations := make([]uint32, sessions)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= sessions {
					return
				}
				ids[i] = issuer.NewSessionID()
				if _, err := s.CreateSession(b.Context(), serviceSession(ids[i])); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	bytes := pgtest.Query[float64](b, server, database, `SELECT pg_total_relation_size('sessions') / 100000.0`)
	b.Logf("%.0f bytes a session", bytes)
	const updates = `SELECT sum(n_tup_%s)::float8 FROM pg_stat_user_tables WHERE relname = 'sessions'`
	b.Cleanup(func() {
		server.AwaitIn(b, database, `SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'sessions'`)
		all, hot := pgtest.Query[float64](b, server, database, fmt.Sprintf(updates, "upd")), pgtest.Query[float64](b, server, database, fmt.Sprintf(updates, "hot_upd"))
		b.Logf("%.2f %% of %.0f rotations were HOT", 100*hot/all, all)
	})
	for _, c := range []struct{ callers, committers, size int }{
		{1, 2, 512}, {64, 64, 1}, {64, 1, 512}, {64, 2, 512}, {256, 1, 512}, {256, 2, 512},
	} {
		name := fmt.Sprintf("callers=%d/committers=%d", c.callers, c.committers)
		if c.size == 1 {
			name = fmt.Sprintf("callers=%d/alone", c.callers)
		}
		b.Run(name, func(b *testing.B) {
			s.Committers(c.committers, c.size)
			server.Exec(b, "postgres", `CHECKPOINT`)
			wal := pgtest.Query[int64](b, server, "postgres", `SELECT (pg_current_wal_lsn() - '0/0')::bigint`)
			var done atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for caller := range c.callers {
				all.Go(func() {
					part := sessions / c.callers // nobody else's
					for done.Add(1) <= int64(b.N) {
						i := caller*part + rand.IntN(part)
						if _, err := s.Rotate(b.Context(), ids[i], generations[i], generations[i]+1); err != nil {
							b.Error(err)
							return
						}
						generations[i]++
					}
				})
			}
			all.Wait()
			b.StopTimer()
			wal = pgtest.Query[int64](b, server, "postgres", `SELECT (pg_current_wal_lsn() - '0/0')::bigint`) - wal
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rotations/s")
			b.ReportMetric(float64(wal)/float64(b.N), "WAL-bytes/op")
		})
	}
}

// serviceSession is a session as the service makes them.
func serviceSession(id issuer.SessionID) issuer.NewSession {
	return issuer.NewSession{
		ID: id, Subject: issuer.NewSessionID().String(), ClientID: "jeton-login", Seed: issuer.NewSeed(),
		Lifetime: 720 * time.Hour, IdleTimeout: 168 * time.Hour, Audience: []string{"orders"}, Scope: "orders:read", Device: "phone",
	}
}
