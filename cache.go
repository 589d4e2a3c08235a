package jeton

import (
	"crypto/rsa"
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

// cached is found by a digest of the token's end and then held against the whole:
// most of it byte for byte, the end of the signature by its SHA-256. So no two
// tokens share an entry, and what lies in memory is no token: the end is not there.
type cached struct {
	digest   uint64            // with the cache's seed
	plain    string            // the token but for the end
	sum      [sha256.Size]byte // of the end
	verified *Verified
}

func (e *cached) is(digest uint64, c compact) bool {
	end := len(e.plain)
	if e.digest != digest || len(c.token) <= end || c.token[:end] != e.plain {
		return false
	}
	sum := sha256.Sum256(bytesOf(c.token[end:]))
	return subtle.ConstantTimeCompare(e.sum[:], sum[:]) == 1
}

// withheld is how many characters of a signature an entry does not hold: the last
// 256 bits, which nobody can guess, and no more than SHA-256 takes in one block.
const withheld = 43

// end returns where the part of a token begins that an entry does not hold. Of a
// signature under an RSA key with a small exponent that is all: there, who knows
// most of it can work out the rest.
func (c compact) end(key *VerifyingKey) int {
	start := c.last + 1
	if key != nil {
		if public, ok := key.public().(*rsa.PublicKey); ok && public.E < usualExponent {
			return start
		}
	}
	return max(start, len(c.token)-withheld)
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

// digest decides where a token lies. The end of a signature says as much as the
// token does, and is hashed sooner.
func (c *cache) digest(t compact) uint64 {
	return maphash.String(c.seed, t.token[max(t.last+1, len(t.token)-withheld):])
}

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
	end := t.end(v.key)
	slots[victim].Store(&cached{digest, strings.Clone(t.token[:end]), sha256.Sum256(bytesOf(t.token[end:])), v})
}

func (c *cache) drop(gone *cached) {
	slots, _ := c.set(gone.digest)
	for i := range slots {
		slots[i].CompareAndSwap(gone, nil)
	}
}
