package revocation

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// A mark says which tokens of a key are called back, and for how long: two
// instants in whole seconds since 1970. Tokens issued before the lower half are
// called back until the upper half. Marks grow and never shrink, so that entries
// may come in any order and more than once.
type mark uint64

func newMark(before, until uint32) mark { return mark(until)<<32 | mark(before) }

func (m mark) before() uint32 { return uint32(m) }
func (m mark) until() uint32  { return uint32(m >> 32) }

func (m mark) join(n mark) mark {
	return newMark(max(m.before(), n.before()), max(m.until(), n.until()))
}

// index maps keys to marks. Reading takes no lock. It is cut into shards, so
// that growing copies a small part at a time.
type index[K comparable] struct {
	shards  []shard[K] // a power of two of them
	entries atomic.Int64
}

type shard[K comparable] struct {
	writing sync.Mutex
	table   atomic.Pointer[table[K]]
}

func newIndex[K comparable](shards int) index[K] { return index[K]{shards: make([]shard[K], shards)} }

func (x *index[K]) shard(hash uint64) *shard[K] {
	return &x.shards[hash>>32&uint64(len(x.shards)-1)]
}

func (x *index[K]) find(hash uint64, key K) (mark, bool) {
	t := x.shard(hash).table.Load()
	if t == nil {
		return 0, false
	}
	at, ok := t.find(hash, key)
	if !ok {
		return 0, false
	}
	return mark(t.marks[at].Load()), true
}

// mayHave is false if no key of this hash is there, which most look-ups end with.
func (x *index[K]) mayHave(hash uint64) bool {
	t := x.shard(hash).table.Load()
	if t == nil {
		return false
	}
	mask := uint64(len(t.tags) - 1)
	tags := tagOf(hash) * lowBits
	for g := hash & mask; ; g = (g + 1) & mask {
		word := t.tags[g].Load()
		differ := word ^ tags
		if (differ-lowBits)&^differ&highBits != 0 {
			return true
		}
		if ^word&highBits != 0 {
			return false
		}
	}
}

// add joins a mark into the index and tells whether that changed anything. now
// is for dropping what is over when there is no room.
func (x *index[K]) add(hash uint64, key K, m mark, now uint32, rehash func(K) uint64) bool {
	s := x.shard(hash)
	s.writing.Lock()
	defer s.writing.Unlock()
	t := s.table.Load()
	if t != nil {
		if at, ok := t.find(hash, key); ok {
			old := mark(t.marks[at].Load())
			t.marks[at].Store(uint64(old.join(m)))
			return old.join(m) != old
		}
	}
	if t == nil || t.used == t.room() {
		t = x.rebuild(s, now, 1, rehash)
	}
	t.insert(hash, key, m)
	x.entries.Add(1)
	return true
}

// rebuild replaces a shard's table by one without what is over, with room for
// some more. The shard's lock is held.
func (x *index[K]) rebuild(s *shard[K], now uint32, more int, rehash func(K) uint64) *table[K] {
	old := s.table.Load()
	live := 0
	old.each(func(_ K, m mark) {
		if m.until() > now {
			live++
		}
	})
	if live+more == 0 {
		s.table.Store(nil)
		x.entries.Add(-int64(old.length()))
		return nil
	}
	t := newTable[K](live + more)
	old.each(func(key K, m mark) {
		if m.until() > now {
			t.insert(rehash(key), key, m)
		}
	})
	x.entries.Add(int64(t.used - old.length()))
	s.table.Store(t)
	return t
}

// sweep drops what is over.
func (x *index[K]) sweep(now uint32, rehash func(K) uint64) {
	for i := range x.shards {
		s := &x.shards[i]
		s.writing.Lock()
		over := false
		s.table.Load().each(func(_ K, m mark) { over = over || m.until() <= now })
		if over {
			x.rebuild(s, now, 0, rehash)
		}
		s.writing.Unlock()
	}
}

func (x *index[K]) each(f func(K, mark)) {
	for i := range x.shards {
		s := &x.shards[i]
		s.writing.Lock()
		s.table.Load().each(f)
		s.writing.Unlock()
	}
}

// table is an open-addressing hash table that is only ever added to. Slots come
// in groups of eight, whose tags lie in one word: 7 bits of the key's hash and a
// bit that says that the slot is taken. So nearly all that a look-up of a key
// that is not there reads is one word.
//
// A slot's key is written before its tag is, and never again: a reader that
// sees the tag sees the key.
type table[K comparable] struct {
	tags  []atomic.Uint64
	keys  []K
	marks []atomic.Uint64
	used  int // for the writer
}

const (
	slotsPerGroup = 8
	lowBits       = 0x0101010101010101
	highBits      = 0x8080808080808080
)

// newTable makes a table with room for n keys and at most twice as many.
func newTable[K comparable](n int) *table[K] {
	groups := 1
	for groups*slotsPerGroup/8*7 < n {
		groups *= 2
	}
	return &table[K]{
		tags:  make([]atomic.Uint64, groups),
		keys:  make([]K, groups*slotsPerGroup),
		marks: make([]atomic.Uint64, groups*slotsPerGroup),
	}
}

// room is how many keys fit: seven of eight slots, so that every look-up comes
// to a free one soon.
func (t *table[K]) room() int { return len(t.keys) / 8 * 7 }

func tagOf(hash uint64) uint64 { return hash>>57 | 0x80 }

func (t *table[K]) find(hash uint64, key K) (slot int, ok bool) {
	mask := uint64(len(t.tags) - 1)
	tags := tagOf(hash) * lowBits
	for g := hash & mask; ; g = (g + 1) & mask {
		word := t.tags[g].Load()
		differ := word ^ tags
		// Bytes that are equal; above one that is, others may seem to be.
		for equal := (differ - lowBits) &^ differ & highBits; equal != 0; equal &= equal - 1 {
			slot := int(g)*slotsPerGroup + bits.TrailingZeros64(equal)/8
			if t.keys[slot] == key {
				return slot, true
			}
		}
		if ^word&highBits != 0 { // a free slot
			return 0, false
		}
	}
}

// insert adds a key that is not there. There is room.
func (t *table[K]) insert(hash uint64, key K, m mark) {
	mask := uint64(len(t.tags) - 1)
	for g := hash & mask; ; g = (g + 1) & mask {
		word := t.tags[g].Load()
		free := ^word & highBits
		if free == 0 {
			continue
		}
		n := bits.TrailingZeros64(free) / 8
		slot := int(g)*slotsPerGroup + n
		t.keys[slot] = key
		t.marks[slot].Store(uint64(m))
		t.tags[g].Store(word | tagOf(hash)<<(8*n))
		t.used++
		return
	}
}

func (t *table[K]) length() int {
	if t == nil {
		return 0
	}
	return t.used
}

func (t *table[K]) each(f func(K, mark)) {
	if t == nil {
		return
	}
	for slot := range t.keys {
		if t.tags[slot/slotsPerGroup].Load()>>(slot%slotsPerGroup*8)&0x80 != 0 {
			f(t.keys[slot], mark(t.marks[slot].Load()))
		}
	}
}
