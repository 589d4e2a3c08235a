package main

import (
	"log/slog"
	"time"
)

// clockWatch notices a clock that jumps, and tells what that does to tokens.
// Sessions come to no harm: their time is the store's, which never goes back.
type clockWatch struct {
	wall   func() time.Time
	steady func() time.Duration // since some instant, whatever the clock does
	log    *slog.Logger

	lastWall   time.Time
	lastSteady time.Duration
}

// aJump is how far a clock goes in one step before it is worth a word. A service
// that keeps a clock right moves it by less than that, or slowly.
const aJump = 5 * time.Second

func newClockWatch(wall func() time.Time, log *slog.Logger) *clockWatch {
	began := time.Now()
	w := &clockWatch{wall: wall, steady: func() time.Duration { return time.Since(began) }, log: log}
	w.lastWall, w.lastSteady = w.wall().Round(0), w.steady()
	return w
}

// look compares what passed on the clock since the last look with what passed.
func (w *clockWatch) look() {
	wall, steady := w.wall().Round(0), w.steady() // Round: by the clock on the wall alone
	by := wall.Sub(w.lastWall) - (steady - w.lastSteady)
	w.lastWall, w.lastSteady = wall, steady
	switch {
	case by >= aJump:
		w.log.Warn("the clock jumped forward: what ended meanwhile stays ended, and verifiers whose clocks are right refuse new access tokens as not valid yet until this one is right again",
			"by", by.Round(time.Second).String())
	case by <= -aJump:
		w.log.Warn("the clock jumped back: sessions do not get younger, their time stands still until the clock has caught up; access tokens are dated by the clock",
			"by", by.Round(time.Second).String())
	}
}
