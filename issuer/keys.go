package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// ring is the service's keys, opened: a snapshot that is replaced whole.
type ring struct {
	signer     *jeton.Signer
	signing    *jeton.SigningKey
	verifying  map[string]*jeton.VerifyingKey // by kid
	refresh    map[byte][]byte                // by key number
	refreshNow byte                           // the number that makes new tokens
	jwks       []byte                         // the published set (RFC 7517 section 5)
}

// findKey finds a key for the issuer's own verifier, among the ring's.
func (i *Issuer) findKey(_ context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	if k := i.ring.Load().verifying[h.KeyID]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("%w: not a key of this issuer", jeton.ErrUnknownKey)
}

type keySetFunc func(context.Context, jeton.Header) (*jeton.VerifyingKey, error)

func (f keySetFunc) FindKey(ctx context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	return f(ctx, h)
}

// overlap is how long a key stays after it retired: for the life of the tokens
// that it signed, the clocks' difference, and the time in which another node may
// go on signing with it, because it learns of that at its next Tick.
func (i *Issuer) overlap() time.Duration {
	return i.cfg.AccessTTL + Leeway + max(i.cfg.AccessTTL, 2*time.Minute)
}

// KeysMaxAge is how long a copy of the published key set may be kept: at most
// half of the time that a retired key stays in it.
func (i *Issuer) KeysMaxAge() time.Duration {
	return min(5*time.Minute, i.overlap()/2).Truncate(time.Second)
}

// Keys returns the published key set (RFC 7517 section 5): public keys alone.
// It is empty for HS256, whose verifiers get the secret out of band.
func (i *Issuer) Keys() []byte { return slices.Clone(i.ring.Load().jwks) }

// Algorithm returns the algorithm of the key that signs now.
func (i *Issuer) Algorithm() jeton.Algorithm { return i.ring.Load().signing.Algorithm() }

// Tick does what is due: it removes retired keys whose time is over and takes
// over what other nodes changed. Call it about once a minute. Errors: those of
// the store, ErrMasterKey; the issuer then goes on with the keys that it has.
func (i *Issuer) Tick(ctx context.Context) error { return i.loadKeys(ctx, false) }

// loadKeys brings the stored keys in order in one transaction and opens them.
// Only a node that starts changes the algorithm: of two that are configured
// differently, the one that started last has its way, and they don't take turns.
func (i *Issuer) loadKeys(ctx context.Context, starting bool) error {
	i.loading.Lock() // so that what was read later is in force later
	defer i.loading.Unlock()
	keys, now, err := i.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	if p := i.schedule(now, keys, starting); p.due() {
		if keys, err = i.carryOut(ctx, starting); err != nil {
			return fmt.Errorf("update keys: %w", err)
		}
	}
	r, err := i.openRing(keys)
	if err != nil {
		return err
	}
	i.ring.Store(r)
	return nil
}

// carryOut decides again, inside the store's transaction, and writes. Making a
// key takes long, so it is done before; whichever node comes second throws its
// keys away.
func (i *Issuer) carryOut(ctx context.Context, starting bool) (keys []StoredKey, err error) {
	access, err := i.makeAccessKey()
	if err != nil {
		return nil, err
	}
	refresh := i.makeRefreshKey()
	var changes []string
	err = i.store.UpdateKeys(ctx, func(now time.Time, stored []StoredKey) ([]StoredKey, error) {
		// A master key that does not fit must change nothing.
		if _, err := i.openRing(stored); err != nil && !errors.Is(err, errNoKey) {
			return nil, err
		}
		p := i.schedule(now, stored, starting)
		keys, changes = p.apply(now, access, refresh)
		return keys, nil
	})
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		i.emit(ctx, Event{Kind: EventKey, Detail: change})
	}
	return keys, nil
}

// plan is what schedule decided.
type plan struct {
	keep        []StoredKey
	changes     []string // in words, for the log
	needAccess  bool
	needRefresh bool
}

// schedule decides what becomes of the stored keys: retired ones leave when
// their time is over, an active access key of another algorithm retires, and
// what is missing is made.
func (i *Issuer) schedule(now time.Time, stored []StoredKey, starting bool) plan {
	p := plan{needAccess: true, needRefresh: true}
	note := func(k StoredKey, what string) {
		p.changes = append(p.changes, fmt.Sprintf("%s key %s %s", k.Use, k.ID, what))
	}
	for _, k := range stored {
		switch {
		case k.State == KeyRetiring && !now.Before(k.RetiredAt.Add(i.overlap())):
			note(k, "is gone")
			continue
		case k.State == KeyActive && k.Use == UseRefresh:
			p.needRefresh = false
		case k.State == KeyActive && k.Use == UseAccess && (!starting || k.Algorithm == string(i.cfg.Algorithm)):
			p.needAccess = false
		case k.State == KeyActive && k.Use == UseAccess:
			k.State, k.RetiredAt = KeyRetiring, now
			// The private half is destroyed; a symmetric key has no other, and
			// has to verify until it is gone. What is sealed instead says that
			// the public half was once ours: whoever can write the store could
			// plant a key otherwise.
			if k.Public != nil {
				k.Sealed = i.cfg.MasterKey.seal(k.Public, k.Use, k.ID, k.Algorithm)
			}
			note(k, "retires")
		}
		p.keep = append(p.keep, k)
	}
	return p
}

func (p plan) due() bool { return len(p.changes) > 0 || p.needAccess || p.needRefresh }

// apply returns the keys as the plan wants them, and what changed, in words.
func (p plan) apply(now time.Time, access, refresh StoredKey) ([]StoredKey, []string) {
	var made []StoredKey
	if p.needAccess {
		made = append(made, access)
	}
	if p.needRefresh {
		made = append(made, refresh)
	}
	for j := range made {
		made[j].State, made[j].CreatedAt, made[j].ActiveAt = KeyActive, now, now
		p.changes = append(p.changes, fmt.Sprintf("%s key %s is active", made[j].Use, made[j].ID))
	}
	return append(p.keep, made...), p.changes
}

func (i *Issuer) makeAccessKey() (StoredKey, error) {
	key, err := jeton.GenerateKey(i.cfg.Algorithm)
	if err != nil {
		return StoredKey{}, err
	}
	private, err := jwk.MarshalPrivate(key)
	if err != nil {
		return StoredKey{}, err
	}
	s := StoredKey{ID: key.ID(), Use: UseAccess, Algorithm: string(key.Algorithm())}
	if !key.Algorithm().Symmetric() {
		if s.Public, err = jwk.MarshalPublic(key.Public()); err != nil {
			return StoredKey{}, err
		}
	}
	s.Sealed = i.cfg.MasterKey.seal(private, s.Use, s.ID, s.Algorithm)
	return s, nil
}

func (i *Issuer) makeRefreshKey() StoredKey {
	secret := make([]byte, 32)
	rand.Read(secret)
	s := StoredKey{ID: "1", Use: UseRefresh}
	s.Sealed = i.cfg.MasterKey.seal(secret, s.Use, s.ID, s.Algorithm)
	return s
}

var errNoKey = errors.New("issuer: no active key")

// openRing opens the stored keys. errNoKey if one is missing and all others
// open.
func (i *Issuer) openRing(stored []StoredKey) (*ring, error) {
	r := &ring{verifying: map[string]*jeton.VerifyingKey{}, refresh: map[byte][]byte{}}
	var published []*jeton.VerifyingKey
	hasRefresh := false
	for _, s := range stored {
		switch s.Use {
		case UseRefresh:
			number, err := strconv.ParseUint(s.ID, 10, 8)
			if err != nil {
				return nil, fmt.Errorf("a refresh key without a number: %w", err)
			}
			secret, err := i.cfg.MasterKey.open(s)
			if err != nil {
				return nil, err
			}
			r.refresh[byte(number)] = secret
			if s.State == KeyActive {
				r.refreshNow, hasRefresh = byte(number), true
			}
		case UseAccess:
			public, private, err := i.openAccessKey(s)
			if err != nil {
				return nil, err
			}
			r.verifying[s.ID] = public
			if !public.Algorithm().Symmetric() {
				published = append(published, public)
			}
			if s.State == KeyActive {
				r.signing = private
			}
		}
	}
	var err error
	if r.jwks, err = jwk.MarshalSet(published); err != nil {
		return nil, err
	}
	if !hasRefresh || r.signing == nil {
		return nil, errNoKey
	}
	r.signer, err = jeton.NewSigner(r.signing, jeton.Type(AccessTokenType))
	return r, err
}

// openAccessKey returns the public half of a key and, if it may still sign, the
// private one. Nothing is taken from a row but what is sealed.
func (i *Issuer) openAccessKey(s StoredKey) (*jeton.VerifyingKey, *jeton.SigningKey, error) {
	text, err := i.cfg.MasterKey.open(s)
	if err != nil {
		return nil, nil, err
	}
	if s.State == KeyRetiring && !jeton.Algorithm(s.Algorithm).Symmetric() {
		public, err := jwk.ParsePublic(text, jwk.KeyID(s.ID))
		return public, nil, err
	}
	private, err := jwk.ParsePrivate(text, jwk.KeyID(s.ID))
	if err != nil {
		return nil, nil, err
	}
	return private.Public(), private, nil
}

// ExportHMACKey returns the active access key of a store as a JWK if it is an
// HMAC secret, which verifiers must be given out of band. ErrConfig for any
// other algorithm, whose verifiers fetch public keys; ErrNotFound if there is no
// key yet; ErrMasterKey.
func ExportHMACKey(ctx context.Context, store KeyStore, master MasterKey) ([]byte, error) {
	keys, _, err := store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range keys {
		if s.Use != UseAccess || s.State != KeyActive {
			continue
		}
		if !jeton.Algorithm(s.Algorithm).Symmetric() {
			return nil, because(ErrConfig, "the active key is for %s, whose public half verifiers fetch", s.Algorithm)
		}
		return master.open(s)
	}
	return nil, because(ErrNotFound, "no active key")
}
