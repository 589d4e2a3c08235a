package crashtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
)

// A death is a way in which the program ends in a round.
type death struct {
	point   string // a fault point of the store, or one of those below
	atMost  int    // times that the point is passed before
	endings int    // one step in so many ends a session
}

const (
	anywhere = "random" // after any number of answers
	anEnd    = "an end" // just when it was acknowledged that a session has ended
	// The database is killed after any number of answers, and comes back; then
	// the program is killed.
	theDatabase = "the database"
)

// TestKilledUnderLoad kills the program again and again, on one store.
func TestKilledUnderLoad(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) place{
		"SQLite":     func(t *testing.T) place { return sqlitePlace(t.TempDir()) },
		"PostgreSQL": newPostgresPlace,
	} {
		t.Run(name, func(t *testing.T) {
			p := make(t)
			deaths, died := p.deaths(), map[string]int{}
			h := prepare(t, p)
			for round := range *rounds {
				d := deaths[round%len(deaths)]
				h.dieOnce(t, p, d)
				died["at "+d.point]++
				if t.Failed() {
					t.Fatalf("round %d, killed at %v", round, d.point)
				}
			}
			report(t, h, died)
		})
	}
}

// dieOnce starts the program, lets clients work until it is killed, and examines
// what is left.
func (h *history) dieOnce(t testing.TB, p place, d death) {
	t.Helper()
	nth := 1 + rand.IntN(d.atMost)
	var env []string
	l := load{h: h, strict: true, every: d.endings}
	l.do = func() { l.p.kill() }
	gone := make(chan struct{}) // closed when the database was killed
	switch d.point {
	case anywhere:
		l.after = int64(nth)
	case anEnd:
		l.afterEnds = int64(nth)
	case theDatabase:
		l.after, l.do = int64(nth), func() { p.database().Kill(); close(gone) }
	default:
		env = []string{fmt.Sprintf("JETON_FAULT=%s:%d", d.point, nth)}
	}
	l.p = start(t, append(p.flags(), "--refresh-grace", "0"), env...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	idle := make(chan struct{}) // closed when the clients have ended
	go func() {
		defer close(idle)
		l.run(ctx, 16)
	}()
	select {
	case <-gone:
		l.outage(p.database())
	case <-idle:
	}
	<-idle
	select {
	case <-l.p.ended:
	case <-ctx.Done():
		t.Errorf("the program was not killed at %v, %d", d.point, nth)
		l.p.kill()
	}
	h.examine(t, p, false)
}

// outage starts the database again, waits until the program answers as if nothing
// had been, and kills that.
func (l *load) outage(database *pgtest.Server) {
	l.p.t.Helper()
	database.Run(l.p.t)
	var a answer
	// A service that has just been without its database turns logins away at once
	// while others wait: who comes again at once has been there a hundred times
	// before the first of those is answered.
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		l.count(1)
		var err error
		if a, err = l.p.login(); err != nil {
			l.p.t.Fatal(err)
		}
		if a.status == http.StatusOK {
			l.h.add(a.Refresh)
			l.count(-1)
			break
		}
	}
	if a.status != http.StatusOK {
		l.p.t.Errorf("the database is back, and a login is answered with %d\n%s", a.status, l.p.log())
	}
	l.p.kill()
}

// report prints what was done and found.
func report(t testing.TB, h *history, died map[string]int) {
	t.Helper()
	sum := 0
	for _, what := range slices.Sorted(maps.Keys(h.told)) {
		t.Logf("%7d %s", h.told[what], what)
		sum += h.told[what]
	}
	t.Logf("%7d in all; the program was killed %v", sum, died)
}
