//go:build faults && unix

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

// storeFault lets the crash tests kill the program at a place inside of the
// store: JETON_FAULT=commit:37 is the 37th time that it passes there. It is in
// no program that is built without the tag.
func storeFault() func(sqlite.FaultPoint) error {
	point, count, ok := strings.Cut(os.Getenv("JETON_FAULT"), ":")
	if !ok {
		return nil
	}
	at, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		panic("JETON_FAULT: " + err.Error())
	}
	var passed atomic.Int64
	return func(p sqlite.FaultPoint) error {
		if string(p) == point && passed.Add(1) == at {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the kernel has done it
		}
		return nil
	}
}

// wallClock is the clock of the service. The crash tests move it while the
// program runs: the file that JETON_FAULT_CLOCK names holds by how much it is
// off, such as 1h or -90s.
func wallClock() func() time.Time {
	name := os.Getenv("JETON_FAULT_CLOCK")
	if name == "" {
		return time.Now
	}
	return func() time.Time {
		text, err := os.ReadFile(name)
		if err != nil {
			panic("JETON_FAULT_CLOCK: " + err.Error())
		}
		off, err := time.ParseDuration(string(text))
		if err != nil {
			panic("JETON_FAULT_CLOCK: " + err.Error())
		}
		// Without the monotonic reading, which would not jump.
		return time.Now().Round(0).Add(off)
	}
}

// tickEvery is how often the service looks at what is due. Where the clock is
// moved, it has to be more often than each second: JETON_FAULT_TICK says how often.
func tickEvery() time.Duration {
	text := os.Getenv("JETON_FAULT_TICK")
	if text == "" {
		return time.Second
	}
	every, err := time.ParseDuration(text)
	if err != nil {
		panic("JETON_FAULT_TICK: " + err.Error())
	}
	return every
}
