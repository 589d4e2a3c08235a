package issuer

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// hashRoom has one look at a time: what it collects is room for the next, too.
var hashRoom sync.Mutex

// makeRoom collects what is garbage if so many bytes more would not fit under
// the process's memory limit (GOMEMLIMIT), if there is one. The collector by
// itself begins too late for that: it counts on memory that is taken little by
// little, and a hash takes all of its own at once.
func makeRoom(bytes uint64) {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return
	}
	hashRoom.Lock()
	defer hashRoom.Unlock()
	if memoryInUse()+bytes > uint64(limit) {
		runtime.GC()
	}
}

// memoryInUse is what counts for the limit, but for what the next allocation
// can have.
func memoryInUse() uint64 {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64() - s[2].Value.Uint64()
}
