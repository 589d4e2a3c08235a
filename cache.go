package jeton

import (
	"crypto/sha256"
	"hash/maphash"
	"sync/atomic"
)

// cache remembers tokens that were verified, so that the same one need not be
// decoded and its signature computed again. Everything that can change is looked
// at each time: the key set, the clock, revocations.
//
// It is a table of fixed size, in which a token may lie in one of a few
// neighbouring slots. Where those are is a secret of the process, so nobody can
// aim at another's token, and only authentic tokens get in. Reading takes no
// lock.
type cache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[cached]
}

// cached is keyed by a digest of the whole token, signature included: no two
// tokens share one.
type cached struct {
	digest   [sha256.Size]byte
	verified *Verified
}

// cacheWays is how many slots a token may lie in.
const cacheWays = 4

// maxCacheEntries bounds the table itself at 128 MiB.
const maxCacheEntries = 1 << 24

func newCache(entries int) *cache {
	if entries == 0 {
		return nil
	}
	n := cacheWays
	for n < entries {
		n *= 2
	}
	return &cache{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[cached], n)}
}

// set returns the slots in which a digest may lie, and the one in which it
// displaces another if they are all taken.
func (c *cache) set(digest *[sha256.Size]byte) (slots []atomic.Pointer[cached], victim int) {
	h := maphash.Bytes(c.seed, digest[:])
	first := int(h>>2) & (len(c.slots) - 1) &^ (cacheWays - 1)
	return c.slots[first : first+cacheWays], int(h & (cacheWays - 1))
}

func (c *cache) find(digest *[sha256.Size]byte) *Verified {
	slots, _ := c.set(digest)
	for i := range slots {
		if e := slots[i].Load(); e != nil && e.digest == *digest {
			return e.verified
		}
	}
	return nil
}

func (c *cache) add(digest *[sha256.Size]byte, v *Verified) {
	slots, victim := c.set(digest)
	for i := range slots {
		if e := slots[i].Load(); e == nil || e.digest == *digest {
			victim = i
			break
		}
	}
	slots[victim].Store(&cached{*digest, v})
}

func (c *cache) drop(digest *[sha256.Size]byte) {
	slots, _ := c.set(digest)
	for i := range slots {
		if e := slots[i].Load(); e != nil && e.digest == *digest {
			slots[i].CompareAndSwap(e, nil)
		}
	}
}
