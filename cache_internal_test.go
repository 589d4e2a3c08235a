package jeton

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
)

func TestCacheHasNoMoreSlotsThanItSays(t *testing.T) {
	for entries, want := range map[int]int{1: 4, 4: 4, 5: 8, 1000: 1024} {
		c := newCache(entries)
		for i := range uint64(10 * want) {
			digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, i))
			c.add(&digest, &Verified{})
			if c.find(&digest) == nil {
				t.Fatalf("entry %d is not there right after it was added", i)
			}
		}
		used := 0
		for i := range c.slots {
			if c.slots[i].Load() != nil {
				used++
			}
		}
		if len(c.slots) != want || used != want {
			t.Errorf("CacheEntries %d: %d of %d slots are used, want %d", entries, used, len(c.slots), want)
		}
	}
	if newCache(0) != nil {
		t.Error("CacheEntries 0 makes a cache")
	}
}
