package main

import (
	"slices"
	"testing"
	"time"
)

func TestGarbageMayPileUpUnderLoadAndNotAtRest(t *testing.T) {
	const mega = 1 << 20
	var allocated, live uint64
	var sets []int
	now := time.Unix(1_000_000, 0)
	p := &pacer{
		read:    func() (uint64, uint64) { return allocated, live },
		set:     func(percent int) int { sets = append(sets, percent); return 0 },
		percent: restPercent,
	}
	second := func(megabytes, lives uint64) {
		allocated += megabytes * mega
		live = lives * mega
		now = now.Add(time.Second)
		p.look(now)
	}
	for _, step := range []struct {
		why              string
		megabytes, lives uint64
		percent          int
	}{
		{"the start", 500, 4, 100},
		{"rest", 1, 4, 100},
		{"load", 90, 4, 500},
		{"load, and more lives: it is the garbage that is bounded", 90, 10, 200},
		{"load, and still more", 90, 18, 111},
		{"load, and a trifle more", 90, 19, 111},
		{"load, and more lives than garbage may pile up", 90, 60, 100},
		{"load, and next to nothing lives", 90, 1, 800},
		{"less, but no rest yet", 5, 1, 800},
		{"rest again", 1, 1, 100},
		{"not enough for a load", 5, 1, 100},
	} {
		second(step.megabytes, step.lives)
		if p.percent != step.percent {
			t.Errorf("%s: %d %%, not %d %%", step.why, p.percent, step.percent)
		}
	}
	if want := []int{500, 200, 111, 100, 800, 100}; !slices.Equal(sets, want) {
		t.Errorf("it was set to %v, not to %v", sets, want)
	}
	before := p.percent
	p.look(now) // no time has gone by
	p.look(now.Add(-time.Hour))
	if p.percent != before {
		t.Error("a clock that stands or goes back changes something")
	}
}
