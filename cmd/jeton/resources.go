package main

import (
	"math"
	"runtime"
	"runtime/debug"
)

// hashSlots decides how many passwords are hashed at once, and makes room for
// them: one for each core, on a processor of Go's beside those that everything
// else has. So it is the system that shares out the cores, in slices of a few
// milliseconds, where Go would let a refresh wait for whole hashes. To lower the
// priority of the hashing threads made it worse: the collector has to stop them
// before all others go on, and they did not get their turn to stop.
//
// In a container with a share of the cores the system does not share out but
// stops everything when the share is used up; there, hashing leaves a processor
// free.
func hashSlots() int {
	processors, cores := runtime.GOMAXPROCS(0), runtime.NumCPU()
	if processors < cores {
		return max(1, processors-1)
	}
	runtime.GOMAXPROCS(2 * cores)
	return cores
}

// limitMemory keeps the garbage of so many hashes from piling up, unless
// GOMEMLIMIT says otherwise. It is a limit at which the collector works harder,
// and none that anything fails at.
func limitMemory(slots int) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	const (
		rest = 36 << 20
		hash = 19 << 20 // issuer's default
	)
	debug.SetMemoryLimit(rest + int64(slots)*hash)
}
