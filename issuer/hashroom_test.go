package issuer

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

var keptAlive []byte

// A hash finds room under the memory limit, if what is in its way is garbage.
func TestAHashMakesRoomForItselfUnderTheMemoryLimit(t *testing.T) {
	const mega = 1 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	// What is free and not given back yet would have the collector begin by itself,
	// before it is asked to, if it is more than the limit.
	freeAll := debug.FreeOSMemory
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	for _, c := range []struct {
		name    string
		room    int64 // under the limit, when nothing is garbage; 0: no limit
		garbage int
		collect bool
	}{
		{"no limit", 0, 64, false},
		{"room beside the garbage", 128, 32, false},
		// Less than seven tenths of the room: with more, the collector may begin by itself.
		{"no room beside the garbage", 64, 36, true},
		{"no room at all, and it is hashed all the same", 8, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			debug.SetMemoryLimit(math.MaxInt64)
			freeAll()
			limit := int64(memoryInUse()) + c.room*mega
			keptAlive = make([]byte, c.garbage*mega)
			keptAlive = nil
			before := collections()
			if c.room > 0 {
				debug.SetMemoryLimit(limit)
			}
			p := PasswordParams{MemoryKiB: 32 << 10, Passes: 1, Threads: 1}
			hash := hasher(nil).hash("correct horse battery", p)
			if got := collections() - before; (got == 1) != c.collect || got > 1 {
				t.Errorf("%d collections were asked for, collect is %t", got, c.collect)
			}
			debug.SetMemoryLimit(math.MaxInt64)
			parsed, err := parseHash(hash)
			if err != nil || !hasher(nil).matches("correct horse battery", parsed) {
				t.Errorf("the hash is of no use: %v", err)
			}
		})
	}
	// The other way to hash.
	freeAll()
	parsed, err := parseHash(hasher(nil).hash("correct horse battery", PasswordParams{MemoryKiB: 32 << 10, Passes: 1, Threads: 1}))
	if err != nil {
		t.Fatal(err)
	}
	before := collections()
	debug.SetMemoryLimit(int64(memoryInUse()) + 16*mega)
	if hasher(nil).matches("a wrong one, of course", parsed); collections() != before+1 {
		t.Error("a password that is checked makes no room")
	}
}

func TestMemoryThatWasGivenBackIsRoom(t *testing.T) {
	const bytes = 256 << 20
	runtime.GC()
	before := memoryInUse()
	keptAlive = make([]byte, bytes)
	if got := memoryInUse(); got < before+bytes*3/4 {
		t.Errorf("%d bytes are in use, and %d were before there were %d more", got, before, bytes)
	}
	keptAlive = nil
	debug.FreeOSMemory()
	if got := memoryInUse(); got > before+bytes/4 {
		t.Errorf("%d bytes are in use after all but %d were given back", got, before)
	}
}
