package main

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// What the service takes at full load, in bytes.
const (
	hashMemory   = 19 << 20           // a password hash, by issuer's default
	workerMemory = hashMemory + 6<<20 // a process that makes them one by one
	restOfGo     = 36 << 20           // all else that Go's collector counts
	// restOfAll has SQLite's caches and the program's file besides, and some room.
	restOfAll = 100 << 20
)

// A share is what the service takes of the machine.
type share struct {
	hashes    int    // passwords that are hashed at once
	limit     int64  // GOMEMLIMIT; math.MaxInt64 if it is not set
	container uint64 // that is the container's limit; math.MaxInt64 if it has none
}

// takeShare decides how many passwords are hashed at once, and makes room for
// them: of processors, and of memory, so that their garbage does not pile up.
// GOMAXPROCS and GOMEMLIMIT are kept to. With apart, each hash is made in a process
// of its own.
func takeShare(log *slog.Logger, apart bool) share {
	limit := debug.SetMemoryLimit(-1)
	container, err := memlimit.FromCgroup()
	if err != nil {
		container = math.MaxInt64
		if !errors.Is(err, memlimit.ErrNoLimit) && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
			log.Warn("whether there is a limit on memory can't be found out; set GOMEMLIMIT to what the service may take", "error", err)
		}
	}
	fit := fitting(roomForHashes(limit, container), apart)
	cores, fixed := runtime.NumCPU(), os.Getenv("GOMAXPROCS") != ""
	hashes, processors := hashesAtOnce(runtime.GOMAXPROCS(0), cores, fit, fixed, apart)
	if hashes < cores && hashes == fit {
		log.Info("the limit on memory has room for fewer password hashes at once than there are cores", "hashes", hashes, "cores", cores)
	}
	if processors != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(processors)
	}
	s := share{hashes, limit, container}
	debug.SetMemoryLimit(s.limitOfGo(apart))
	return s
}

// hashHere makes room for hashes in this process after all.
func (s share) hashHere() { debug.SetMemoryLimit(s.limitOfGo(false)) }

// hashesAtOnce tells how many passwords to hash at once: one for each core, and
// as many of Go's processors beside those that everything else has. So it is the
// system that shares out the cores, in slices of a few milliseconds, where Go
// would let a refresh wait for whole hashes, if they are made in this process; and
// if they are not, goroutines that wait for the disk have a processor to keep. To
// lower the priority of the hashing threads made it worse: the collector has to
// stop them before all others go on, and they did not get their turn to stop.
//
// In a container with a share of the cores the system does not share out but
// stops everything when the share is used up; there, hashing leaves a processor
// free. So it does in this process if the number of processors is fixed.
//
// And no more than fit in the memory: where there are many cores and a small
// limit, logins that come together would have the system kill the service.
func hashesAtOnce(processors, cores, fit int, fixed, apart bool) (hashes, newProcessors int) {
	if processors < cores || fixed && !apart {
		return min(max(1, processors-1), fit), processors
	}
	hashes = min(cores, fit)
	if fixed {
		return hashes, processors
	}
	return hashes, cores + hashes
}

// limitOfGo is the limit for this process's collector, at which it works harder
// and nothing fails. Where hashes are made apart it is what they leave of the
// limits that there are: all else is allocated little by little, and the collector
// needs none for that. Where they are not, it is as if set to room for them, so
// that their garbage does not pile up.
func (s share) limitOfGo(apart bool) int64 {
	if apart {
		if s.limit == math.MaxInt64 && s.container >= math.MaxInt64 {
			return s.limit
		}
		left := roomForHashes(s.limit, s.container) - int64(s.hashes)*workerMemory
		return min(s.limit, restOfGo+max(0, left))
	}
	if s.limit != math.MaxInt64 {
		return s.limit
	}
	return restOfGo + int64(s.hashes)*hashMemory
}

// roomForHashes is what Go's limit and the container's leave for password hashes,
// less than nothing if all else has not room.
func roomForHashes(limit int64, container uint64) int64 {
	return min(limit-restOfGo, int64(min(container, math.MaxInt64))-restOfAll)
}

// fitting tells how many hashes have room in memory; one is done in any case.
func fitting(memory int64, apart bool) int {
	each := int64(hashMemory)
	if apart {
		each = workerMemory
	}
	return int(min(max(1, memory/each), math.MaxInt16))
}
