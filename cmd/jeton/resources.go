package main

import (
	"errors"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// What the service takes at full load, in bytes.
const (
	hashMemory = 19 << 20 // a password hash, by issuer's default
	restOfGo   = 36 << 20 // all else that Go's collector counts
	// restOfAll has SQLite's caches and the program's file besides, and some room.
	restOfAll = 100 << 20
)

// takeShare decides how many passwords are hashed at once, and makes room for
// them: of processors, and of memory, so that the garbage of hashes does not pile
// up. GOMAXPROCS and GOMEMLIMIT are kept to.
func takeShare(log *slog.Logger) (hashSlots int) {
	limit := debug.SetMemoryLimit(-1)
	container, err := memlimit.FromCgroup()
	if err != nil {
		container = math.MaxInt64
		if !errors.Is(err, memlimit.ErrNoLimit) && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
			log.Warn("whether there is a limit on memory can't be found out; set GOMEMLIMIT to what Go may take", "error", err)
		}
	}
	room := roomForHashes(limit, container)
	cores := runtime.NumCPU()
	slots, processors := share(runtime.GOMAXPROCS(0), cores, room)
	if slots < cores && slots == fitting(room) {
		log.Info("the limit on memory has room for fewer password hashes at once than there are cores", "hashes", slots, "cores", cores)
	}
	if processors != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(processors)
	}
	if limit == math.MaxInt64 {
		// A limit at which the collector works harder, and none that anything fails
		// at.
		debug.SetMemoryLimit(restOfGo + int64(slots)*hashMemory)
	}
	return slots
}

// share tells how many passwords to hash at once: one for each core, on a
// processor of Go's beside those that everything else has. So it is the system
// that shares out the cores, in slices of a few milliseconds, where Go would let
// a refresh wait for whole hashes. To lower the priority of the hashing threads
// made it worse: the collector has to stop them before all others go on, and they
// did not get their turn to stop.
//
// In a container with a share of the cores the system does not share out but
// stops everything when the share is used up; there, hashing leaves a processor
// free.
//
// And no more than fit in the memory: where there are many cores and a small
// limit, logins that come together would have the system kill the service.
func share(processors, cores int, memory int64) (slots, newProcessors int) {
	if processors < cores {
		return min(max(1, processors-1), fitting(memory)), processors
	}
	slots = min(cores, fitting(memory))
	return slots, cores + slots
}

// roomForHashes is what Go's limit and the container's leave for password hashes,
// less than nothing if all else has not room.
func roomForHashes(limit int64, container uint64) int64 {
	return min(limit-restOfGo, int64(min(container, math.MaxInt64))-restOfAll)
}

// fitting tells how many hashes have room in memory; one is done in any case.
func fitting(memory int64) int {
	return int(min(max(1, memory/hashMemory), math.MaxInt16))
}
