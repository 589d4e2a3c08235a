package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// A service at rest keeps as little as Go does by default. At full load that
	// would be a collection for every few hundred requests, and a fifth of the
	// processor: what lives is only some megabytes. Then more may pile up.
	restPercent = 100
	busyGarbage = 20 << 20
	mostPercent = 800
	// busyFrom is what is allocated in a second under load, and restBelow what
	// ends it.
	busyFrom, restBelow = 8 << 20, 4 << 20
)

// pacer sets how much garbage may pile up before it is collected, by how fast it
// comes. The limit on memory holds in any case.
type pacer struct {
	// read tells what was allocated since the start and what the last collection
	// found alive, of which the collector's percentage is: heap, stacks, variables.
	read    func() (allocated, alive uint64)
	set     func(percent int) (before int)
	percent int // that is set
	seen    uint64
	at      time.Time
}

// newPacer makes a pacer for this process; nil if GOGC says what to do.
func newPacer() *pacer {
	if before := debug.SetGCPercent(restPercent); before != restPercent {
		debug.SetGCPercent(before)
		return nil
	}
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	return &pacer{
		read: func() (allocated, alive uint64) {
			metrics.Read(samples)
			for _, s := range samples[1:] {
				alive += s.Value.Uint64()
			}
			return samples[0].Value.Uint64(), alive
		},
		set:     debug.SetGCPercent,
		percent: restPercent,
	}
}

// look is called every now and then.
func (p *pacer) look(now time.Time) {
	if p == nil {
		return
	}
	allocated, alive := p.read()
	came, in := float64(allocated-p.seen), now.Sub(p.at)
	first := p.at.IsZero()
	p.seen, p.at = allocated, now
	if first || in <= 0 {
		return
	}
	rate, want := came/in.Seconds(), restPercent
	if rate >= busyFrom || p.percent > restPercent && rate >= restBelow {
		want = int(min(mostPercent, max(restPercent, 100*busyGarbage/max(alive, 1))))
	}
	// To set it stops everything for a moment, so not for a trifle. What that is
	// counts several times over: with five times as much garbage as there is alive,
	// a megabyte more that lives is six more in all.
	if want == restPercent && p.percent != restPercent || 16*max(want, p.percent) > 17*min(want, p.percent) {
		p.set(want)
		p.percent = want
	}
}
