package revocation

import (
	"cmp"
	"context"
	"hash/maphash"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton"
)

// Kind says what an [Entry] calls back.
type Kind string

// The kinds of entries.
const (
	Session Kind = "session" // the tokens of one session ("sid")
	Subject Kind = "subject" // a subject's tokens ("sub") issued before an instant
	Client  Kind = "client"  // a client's tokens ("client_id") issued before an instant
	Key     Kind = "key"     // the tokens that a key ("kid") signed
	All     Kind = "all"     // every token issued before an instant
)

// Entry is what a [Set] holds of one session, subject, client or key, or of
// everybody.
type Entry struct {
	Kind   Kind
	Value  string    // session, subject, client or key id; "" for All
	Before time.Time // tokens whose "iat" is earlier, in whole seconds; zero for Session and Key: all
	// Until is when the tokens in question have expired by themselves, and the
	// entry may go.
	Until time.Time
}

// Set holds what was called back. It is exact: it refuses what it was told of
// and nothing else. It is safe for concurrent use; a check takes no lock and no
// memory. A session that an issuer of this module named takes at most 60 bytes,
// any other entry that and its text.
//
// Instants are whole seconds from 1970 to 2106: Until is rounded up and Before
// down, as "iat" is. The set is a join-semilattice: telling it twice, or in
// another order, comes to the same.
type Set struct {
	now      func() time.Time
	seed     [2]uint64
	textSeed maphash.Seed

	sessions      index[sessionID]
	otherSessions index[string]
	subjects      index[string]
	clients       index[string]
	keys          index[string]
	all           atomic.Uint64 // a mark

	swept atomic.Int64 // in seconds since 1970
}

// sweepEvery is how often additions look for entries whose time is over.
const sweepEvery = 60

// NewSet makes an empty set with a clock. It panics if the clock is nil.
func NewSet(now func() time.Time) *Set {
	if now == nil {
		panic("revocation: NewSet needs a clock")
	}
	s := &Set{
		now:           now,
		textSeed:      maphash.MakeSeed(),
		sessions:      newIndex[sessionID](64),
		otherSessions: newIndex[string](8),
		subjects:      newIndex[string](16),
		clients:       newIndex[string](4),
		keys:          newIndex[string](1),
	}
	s.seed = [2]uint64{maphash.String(s.textSeed, "a"), maphash.String(s.textSeed, "b")}
	return s
}

// RevokeSession adds a session ("sid") until an instant by which all its access
// tokens have expired: their longest life, and the leeway, from now.
func (s *Set) RevokeSession(sid string, until time.Time) {
	s.Add(Entry{Kind: Session, Value: sid, Until: until})
}

// Add adds an entry and tells whether the set changed: it does not if it knew,
// or if the entry's time is over. An entry of another kind, or
// without the value that its kind has, is passed over.
func (s *Set) Add(e Entry) bool {
	now := seconds(s.now())
	s.sweepIfDue(now)
	m := newMark(seconds(e.Before), seconds(e.Until.Add(time.Second-1)))
	if m.until() <= now || (e.Value == "") != (e.Kind == All) {
		return false
	}
	switch e.Kind {
	case Session:
		m = newMark(math.MaxUint32, m.until())
		if id, ok := parseSessionID(e.Value); ok {
			return s.sessions.add(s.hashID(id), id, m, now, s.hashID)
		}
		return s.otherSessions.add(s.hash(e.Value), e.Value, m, now, s.hash)
	case Subject:
		return s.subjects.add(s.hash(e.Value), e.Value, m, now, s.hash)
	case Client:
		return s.clients.add(s.hash(e.Value), e.Value, m, now, s.hash)
	case Key:
		return s.keys.add(s.hash(e.Value), e.Value, newMark(math.MaxUint32, m.until()), now, s.hash)
	case All:
		for {
			old := mark(s.all.Load())
			joined := old.join(m)
			if old.until() <= now {
				joined = m // that one's time is over
			}
			if joined == old {
				return false
			}
			if s.all.CompareAndSwap(uint64(old), uint64(joined)) {
				return true
			}
		}
	}
	return false
}

// Sweep drops entries whose time is over, which count no more in any case. Add
// does it about once a minute; a set that nothing is added to any more gives its
// memory back this way.
func (s *Set) Sweep() {
	now := seconds(s.now())
	s.swept.Store(int64(now))
	s.sessions.sweep(now, s.hashID)
	s.otherSessions.sweep(now, s.hash)
	s.subjects.sweep(now, s.hash)
	s.clients.sweep(now, s.hash)
	s.keys.sweep(now, s.hash)
}

func (s *Set) sweepIfDue(now uint32) {
	last := s.swept.Load()
	if int64(now)-last >= sweepEvery && s.swept.CompareAndSwap(last, int64(now)) {
		s.Sweep()
	}
}

// Len returns the number of entries, some of whose time may be over.
func (s *Set) Len() int {
	n := s.sessions.entries.Load() + s.otherSessions.entries.Load() + s.subjects.entries.Load() + s.clients.entries.Load() + s.keys.entries.Load()
	if s.all.Load() != 0 {
		n++
	}
	return int(n)
}

// Entries returns the entries whose time is not over, ordered by kind and value.
func (s *Set) Entries() []Entry {
	now := seconds(s.now())
	var out []Entry
	add := func(kind Kind, value string, m mark) {
		if m.until() <= now {
			return
		}
		e := Entry{Kind: kind, Value: value, Until: time.Unix(int64(m.until()), 0).UTC()}
		if kind != Session && kind != Key {
			e.Before = time.Unix(int64(m.before()), 0).UTC()
		}
		out = append(out, e)
	}
	s.sessions.each(func(id sessionID, m mark) { add(Session, id.String(), m) })
	s.otherSessions.each(func(sid string, m mark) { add(Session, sid, m) })
	s.subjects.each(func(sub string, m mark) { add(Subject, sub, m) })
	s.clients.each(func(id string, m mark) { add(Client, id, m) })
	s.keys.each(func(kid string, m mark) { add(Key, kid, m) })
	add(All, "", mark(s.all.Load()))
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return out
}

// CheckRevoked makes the set a [jeton.RevocationList]: jeton.ErrRevoked for a
// token of a session, subject, client or key that is in it. A token without "iat" is
// taken for an old one.
func (s *Set) CheckRevoked(_ context.Context, v *jeton.Verified) error {
	if s.sessions.entries.Load()|s.otherSessions.entries.Load() != 0 {
		if sid := v.StringClaim("sid"); sid != "" && s.sessionRevoked(sid, v) {
			return jeton.ErrRevoked
		}
	}
	if s.subjects.entries.Load() != 0 {
		if s.covers(&s.subjects, v.Subject(), v) {
			return jeton.ErrRevoked
		}
	}
	if s.clients.entries.Load() != 0 {
		if s.covers(&s.clients, v.StringClaim("client_id"), v) {
			return jeton.ErrRevoked
		}
	}
	if s.keyRevoked(v) {
		return jeton.ErrRevoked
	}
	if m := mark(s.all.Load()); m != 0 && s.holds(m, v) {
		return jeton.ErrRevoked
	}
	return nil
}

func (s *Set) sessionRevoked(sid string, v *jeton.Verified) bool {
	if len(sid) == sessionIDChars {
		hash := hashSID(s.seed, sid)
		if s.sessions.mayHave(hash) {
			if id, ok := parseSessionID(sid); ok {
				m, found := s.sessions.find(hash, id)
				return found && s.holds(m, v)
			}
		}
	}
	return s.otherSessions.entries.Load() != 0 && s.covers(&s.otherSessions, sid, v)
}

func (s *Set) keyRevoked(v *jeton.Verified) bool {
	return s.keys.entries.Load() != 0 && s.covers(&s.keys, v.Header().KeyID, v)
}

func (s *Set) covers(x *index[string], value string, v *jeton.Verified) bool {
	m, found := x.find(s.hash(value), value)
	return found && s.holds(m, v)
}

// holds reads "iat" and the clock: hardly any check comes this far.
func (s *Set) holds(m mark, v *jeton.Verified) bool {
	var issued uint32
	if iat := v.IssuedAt(); !iat.IsZero() {
		issued = min(seconds(iat.Time()), math.MaxUint32-1)
	}
	return issued < m.before() && seconds(s.now()) < m.until()
}

func (s *Set) hashID(id sessionID) uint64 {
	text := id.text()
	return hashSID(s.seed, text[:])
}

func (s *Set) hash(text string) uint64 { return maphash.String(s.textSeed, text) }

// seconds is t in whole seconds since 1970, as far as 32 bits go.
func seconds(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Unix(), 0), math.MaxUint32))
}
