package revocation_test

import (
	"flag"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
	"github.com/jeton-go/jeton/revocation"
)

var (
	benchFollowers = flag.Int("feed.followers", 50, "followers of BenchmarkFeed")
	benchRate      = flag.Int("feed.rate", 100, "revocations a second of BenchmarkFeed")
	benchSeconds   = flag.Int("feed.seconds", 2, "how long BenchmarkFeed revokes, and how long it idles")
)

// BenchmarkFeed measures from the answer of the call that revoked to when it is
// in force at each of many followers, issuer and followers in one process, with
// SQLite on disk and over loopback.
func BenchmarkFeed(b *testing.B) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "jeton.db"), sqlite.Options{Now: time.Now})
	must(b, err)
	defer store.Close()
	s := newService(b, store, time.Now, nil)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}

	var mu sync.Mutex
	answered := map[string]time.Time{}
	var early atomic.Int64
	var delays []time.Duration
	followers := make([]*revocation.Follower, *benchFollowers)
	for i := range followers {
		followers[i] = s.follow(revocation.HTTPClient(client), revocation.OnRevoke(func(e revocation.Entry) {
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			if at, ok := answered[e.Value]; ok {
				delays = append(delays, now.Sub(at))
			} else {
				early.Add(1)
				delays = append(delays, 0)
			}
		}))
	}
	for _, f := range followers {
		ready(b, f)
	}
	bytes := func() (n uint64) {
		for _, f := range followers {
			n += f.Stats().Bytes
		}
		return n
	}
	perSecond := func(n uint64) float64 {
		return float64(n) / float64(*benchSeconds) / float64(len(followers))
	}
	for b.Loop() {
		before := bytes()
		time.Sleep(time.Duration(*benchSeconds) * time.Second)
		b.ReportMetric(perSecond(bytes()-before), "idle-B/s")

		n := *benchRate * *benchSeconds
		before = bytes()
		delays = nil
		ids := make([]issuer.SessionID, n)
		for i := range ids {
			ids[i] = issuer.NewSessionID()
			_, err := store.CreateSession(b.Context(), issuer.NewSession{
				ID: ids[i], Subject: "alice", ClientID: "web", Seed: issuer.NewSeed(), Lifetime: time.Hour,
			})
			must(b, err)
		}
		tick := time.NewTicker(time.Second / time.Duration(*benchRate))
		begin := time.Now()
		var calls sync.WaitGroup
		for _, id := range ids {
			<-tick.C
			calls.Go(func() {
				if err := s.RevokeSession(b.Context(), id, issuer.ReasonLogout); err != nil {
					b.Error(err)
				}
				mu.Lock()
				answered[id.String()] = time.Now()
				mu.Unlock()
			})
		}
		calls.Wait()
		tick.Stop()
		b.ReportMetric(float64(n)/time.Since(begin).Seconds(), "revoked/s")
		eventually(b, "everybody knows", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(delays) >= n*len(followers)
		})
		b.ReportMetric(perSecond(bytes()-before), "busy-B/s")
		slices.Sort(delays)
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(delays[len(delays)/2]), "p50-ms")
		b.ReportMetric(ms(delays[len(delays)*99/100]), "p99-ms")
		b.ReportMetric(ms(delays[len(delays)-1]), "max-ms")
	}
	for _, f := range followers {
		if st := f.Stats(); st.Refused != 0 || st.Failures != 0 {
			b.Errorf("%+v", st)
		}
	}
}
