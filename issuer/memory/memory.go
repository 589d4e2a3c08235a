// Package memory is a store that keeps an issuer's state in the memory of the
// process. It forgets everything on exit: sessions, users and keys. It is for
// tests, for demonstrations and for programs whose sessions may end with them;
// anything else wants package sqlite or postgres.
//
// What is over stays until [Store.Prune] removes it, so its size grows with every
// login where nobody calls that.
package memory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Store is an [issuer.Store]. One lock makes every method a transaction of its
// own. Make it with [New].
type Store struct {
	clock func() time.Time

	mu        sync.Mutex
	latest    time.Time // the high-water mark of time
	sessions  map[issuer.SessionID]*issuer.Session
	subjects  map[string][]issuer.SessionID // of every session, in order of creation
	users     map[string]*issuer.User       // by name
	userIDs   map[string]*issuer.User       // the same, by id
	keys      []issuer.StoredKey
	head      issuer.LogHead
	log       []issuer.Entry // those that were not pruned
	failures  map[issuer.FailureKey]issuer.Failures
	receivers map[string]*receiver

	auditHead issuer.AuditHead
	audit     []issuer.AuditEntry // those that were not pruned
}

var _ issuer.Store = (*Store)(nil)

// New returns an empty store that takes the time from now, which is called
// while the store is locked and must not call it. New panics if now is nil.
func New(now func() time.Time) *Store {
	if now == nil {
		panic("memory: New needs a clock")
	}
	s := &Store{
		clock:     now,
		sessions:  make(map[issuer.SessionID]*issuer.Session),
		subjects:  make(map[string][]issuer.SessionID),
		users:     make(map[string]*issuer.User),
		userIDs:   make(map[string]*issuer.User),
		failures:  make(map[issuer.FailureKey]issuer.Failures),
		receivers: make(map[string]*receiver),
	}
	rand.Read(s.head.Log[:])
	rand.Read(s.auditHead.Log[:])
	return s
}

// Ping returns nil, or the context's error if the context has ended.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// begin locks the store for one transaction and returns its instant and the
// function that ends it. Nothing can fail after the first change of a
// transaction, so there is nothing to undo.
func (s *Store) begin(ctx context.Context) (now time.Time, end func(), err error) {
	s.mu.Lock()
	// After the lock: the context may have ended while we waited.
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return time.Time{}, nil, err
	}
	if t := instant(s.clock()); t.After(s.latest) {
		s.latest = t
	}
	return s.latest, s.mu.Unlock, nil
}

// instant is t as stores keep it: UTC, microseconds, no monotonic reading.
func instant(t time.Time) time.Time { return t.Truncate(time.Microsecond).UTC() }

// Keys implements [issuer.KeyStore].
func (s *Store) Keys(ctx context.Context) ([]issuer.StoredKey, time.Time, error) {
	now, end, err := s.begin(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer end()
	return cloneKeys(s.keys), now, nil
}

// UpdateKeys implements [issuer.KeyStore]. decide is called once, while the
// store is locked.
func (s *Store) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	now, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	keys, err := decide(now, cloneKeys(s.keys))
	if err != nil {
		return err
	}
	type name struct {
		use issuer.KeyUse
		id  string
	}
	taken := make(map[name]bool, len(keys))
	for _, k := range keys {
		n := name{k.Use, k.ID}
		if k.ID == "" {
			return errors.New("memory: a key without an id")
		}
		if taken[n] {
			return fmt.Errorf("memory: two %s keys with the id %q", k.Use, k.ID)
		}
		taken[n] = true
	}
	s.keys = cloneKeys(keys)
	for _, records := range audit {
		s.record(now, records())
	}
	return nil
}

func cloneKeys(keys []issuer.StoredKey) []issuer.StoredKey {
	out := slices.Clone(keys)
	for i := range out {
		k := &out[i]
		k.Public, k.Sealed = slices.Clone(k.Public), slices.Clone(k.Sealed)
		k.CreatedAt, k.ActiveAt, k.RetiredAt = instant(k.CreatedAt), instant(k.ActiveAt), instant(k.RetiredAt)
	}
	return out
}
