package issuer

import (
	"context"
	"time"
)

// What tests outside of the package need of its inside.

// OpenSession stores a session, as a login does after the password, and returns
// its first pair: without the cost of a hash.
func (i *Issuer) OpenSession(ctx context.Context, n NewSession) (*TokenPair, error) {
	s, err := i.store.CreateSession(ctx, n)
	if err != nil {
		return nil, err
	}
	return i.pair(&s.Session, s.Scope)
}

// UnknownUsersCostNothing makes the hash that is computed for a name that nobody
// has cheaper than one may be: for tests of many such logins that are not about it.
// It must be called before the first login.
func (i *Issuer) UnknownUsersCostNothing() { i.dummy.params.MemoryKiB = 8 }

// TakeHashSlot takes one of the slots for password hashes.
func (i *Issuer) TakeHashSlot(ctx context.Context) error { return i.gate.enter(ctx) }

// Overlap is how long a retired key is kept.
func (i *Issuer) Overlap() time.Duration { return i.overlap(UseAccess) }

// OpenStoredKey opens a sealed key.
func OpenStoredKey(m MasterKey, s StoredKey) ([]byte, error) {
	plain, _, err := m.open(s)
	return plain, err
}

// Seal seals the private half of a key.
func Seal(m MasterKey, s StoredKey, plain []byte) []byte {
	return m.seal(plain, s.Use, s.ID, s.Algorithm)
}

// SealV1 seals as it was done before seals named their master key.
func SealV1(m MasterKey, s StoredKey, plain []byte) []byte {
	return aead(m.list()[0]).Seal(nil, nil, plain, sealContextV1(s.Use, s.ID, s.Algorithm))
}

// Judge is the rotation table, and the name of its verdict.
func Judge(s *Session, g uint32, now time.Time, grace time.Duration) string {
	return judge(s, g, now, grace).String()
}

// RefreshToken is the text of the token that a session has in a generation. The
// key may be followed by the root, as it is stored.
func RefreshToken(number byte, key []byte, id SessionID, generation uint32, seed Seed) string {
	key, _ = splitRefresh(key)
	t := refreshToken{key: number, session: id, generation: generation}
	t.mac = t.sum(newRefreshKey(key), seed)
	return t.text()
}
