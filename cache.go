package jeton

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash/maphash"
	"strings"
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

// cached is keyed by a digest of the whole token and then held against it: header
// and payload byte for byte, the signature by its SHA-256. So no two tokens share
// an entry, and what lies in memory is no token: its signature is not there.
type cached struct {
	digest   uint64            // with the cache's seed
	input    string            // header and payload as they were received
	sum      [sha256.Size]byte // of the signature as it was received
	verified *Verified
}

func (e *cached) is(digest uint64, c compact) bool {
	if e.digest != digest || e.input != c.input() {
		return false
	}
	sum := sha256.Sum256(bytesOf(c.signature()))
	return subtle.ConstantTimeCompare(e.sum[:], sum[:]) == 1
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

// digest decides where a token lies.
func (c *cache) digest(t compact) uint64 { return maphash.String(c.seed, t.token) }

// set returns the slots in which a token may lie, and the one in which it
// displaces another if they are all taken.
func (c *cache) set(digest uint64) (slots []atomic.Pointer[cached], victim int) {
	first := int(digest>>2) & (len(c.slots) - 1) &^ (cacheWays - 1)
	return c.slots[first : first+cacheWays], int(digest & (cacheWays - 1))
}

// find returns the entry of a token; nil if there is none.
func (c *cache) find(digest uint64, t compact) *cached {
	slots, _ := c.set(digest)
	for i := range slots {
		if e := slots[i].Load(); e != nil && e.is(digest, t) {
			return e
		}
	}
	return nil
}

func (c *cache) add(digest uint64, t compact, v *Verified) {
	slots, victim := c.set(digest)
	for i := range slots {
		if e := slots[i].Load(); e == nil || e.is(digest, t) {
			victim = i
			break
		}
	}
	slots[victim].Store(&cached{digest, strings.Clone(t.input()), sha256.Sum256(bytesOf(t.signature())), v})
}

func (c *cache) drop(gone *cached) {
	slots, _ := c.set(gone.digest)
	for i := range slots {
		slots[i].CompareAndSwap(gone, nil)
	}
}
