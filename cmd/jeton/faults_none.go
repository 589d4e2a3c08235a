//go:build !faults || !unix

package main

import (
	"time"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

// storeFault: without the tag nothing fails on purpose.
func storeFault() func(sqlite.FaultPoint) error { return nil }

// wallClock is the clock of the service: without the tag nobody moves it.
func wallClock() func() time.Time { return time.Now }

// tickEvery is how often the service looks at what is due.
func tickEvery() time.Duration { return time.Second }
