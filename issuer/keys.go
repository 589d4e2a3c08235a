package issuer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// ring is the service's keys, opened: a snapshot that is replaced whole.
type ring struct {
	stored     []StoredKey // what it was opened from
	signer     *jeton.Signer
	signing    *jeton.SigningKey
	inDevice   bool                           // the key that signs is in a device, which may fail
	verifying  map[string]*jeton.VerifyingKey // by kid
	refresh    map[byte]*refreshKey           // by key number
	refreshNow byte                           // the number that makes new tokens
	root       []byte                         // what other secrets are derived from
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

// Keys returns the published key set (RFC 7517 section 5): public keys alone.
// It is empty for HS256, whose verifiers get the secret out of band.
func (i *Issuer) Keys() []byte { return slices.Clone(i.ring.Load().jwks) }

// Algorithm returns the algorithm of the key that signs now.
func (i *Issuer) Algorithm() jeton.Algorithm { return i.ring.Load().signing.Algorithm() }

// Tick does what is due in the key schedule and takes over what other nodes and
// commands changed, cut-offs of access tokens included, and writes and seals what
// the audit log lacks. Call it every few seconds, at least each [TickWithin].
// Errors: those of the store, ErrMasterKey; the issuer then goes on with the
// keys that it has.
func (i *Issuer) Tick(ctx context.Context) error {
	return errors.Join(i.loadKeys(ctx, false), i.recalls.read(ctx), i.events.name(ctx), i.settleAudit(ctx, false))
}

// loadKeys brings the stored keys in order in one transaction and opens them.
// Only a node that starts changes the algorithm and the period: of two that are
// configured differently, the one that started last has its way, and they don't
// take turns.
func (i *Issuer) loadKeys(ctx context.Context, starting bool) error {
	i.loading.Lock() // so that what was read later is in force later
	defer i.loading.Unlock()
	err := i.loadKeysOnce(ctx, starting)
	if errors.Is(err, ErrMasterKey) {
		if err = i.newMasterKey(ctx, err); err == nil {
			err = i.loadKeysOnce(ctx, starting)
		}
	}
	return err
}

func (i *Issuer) loadKeysOnce(ctx context.Context, starting bool) error {
	keys, now, err := i.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	// A node that was started without the device by mistake must not begin to
	// rotate out of it.
	for _, k := range keys {
		if starting && k.State == KeyActive && k.Location() != "" && i.cfg.Device == nil {
			return because(ErrConfig, "the key %s, which signs, is in %s, and no device is configured", k.ID, k.Location())
		}
	}
	if p := i.schedule(now, keys, starting); p.due {
		keys, err = i.update(ctx, func(now time.Time, keys []StoredKey) (keyPlan, error) {
			return i.schedule(now, keys, starting), nil
		})
		if err != nil {
			return fmt.Errorf("update keys: %w", err)
		}
	}
	if r := i.ring.Load(); r != nil && reflect.DeepEqual(r.stored, keys) {
		return i.destroyRetired(ctx, now, keys) // opening keys takes longer than reading them
	}
	r, err := openRing(i.master, i.cfg.Device, keys)
	if err != nil {
		return err
	}
	i.ring.Store(r)
	return i.destroyRetired(ctx, now, keys)
}

// update carries out a plan, and tells what changed. i.loading is held.
func (i *Issuer) update(ctx context.Context, decide func(time.Time, []StoredKey) (keyPlan, error)) ([]StoredKey, error) {
	u := keyUpdate{store: i.store, master: i.master, device: i.cfg.Device, keepRetired: i.cfg.KeepRetiredInDevice}
	keys, err := u.run(ctx, decide)
	for _, change := range u.changes {
		i.emit(ctx, Event{Kind: EventKey, Detail: change})
	}
	return keys, err
}

var errNoKey = errors.New("issuer: no active key")

// openRing opens the stored keys. errNoKey if one is missing and all others
// open.
func openRing(master MasterKey, device Device, stored []StoredKey) (*ring, error) {
	r := &ring{stored: stored, verifying: map[string]*jeton.VerifyingKey{}, refresh: map[byte]*refreshKey{}}
	var published []*jeton.VerifyingKey
	hasRefresh := false
	for _, s := range stored {
		switch s.Use {
		case UseRefresh:
			number, err := strconv.ParseUint(s.ID, 10, 8)
			if err != nil {
				return nil, fmt.Errorf("a refresh key without a number: %w", err)
			}
			secret, _, err := master.open(s)
			if err != nil {
				return nil, err
			}
			key, _ := splitRefresh(secret)
			r.refresh[byte(number)] = newRefreshKey(key)
			if s.State == KeyActive {
				r.refreshNow, hasRefresh = byte(number), true
			}
		case UseAccess:
			public, private, err := openAccessKey(master, device, s)
			if err != nil {
				return nil, err
			}
			r.verifying[s.ID] = public
			if !public.Algorithm().Symmetric() {
				published = append(published, public)
			}
			if s.State == KeyActive {
				r.signing, r.inDevice = private, master.locationOf(s) != ""
			}
		}
	}
	var err error
	if r.root, _, err = master.root(stored); err != nil {
		return nil, err
	}
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
func openAccessKey(master MasterKey, device Device, s StoredKey) (*jeton.VerifyingKey, *jeton.SigningKey, error) {
	text, _, err := master.open(s)
	if err != nil {
		return nil, nil, err
	}
	if locationIn(text) != "" {
		return openDeviceKey(device, s, text)
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
// HMAC secret, which verifiers must be given out of band. The audit log says so
// before. ErrConfig for any other algorithm, whose verifiers fetch public keys;
// ErrNotFound if there is no key yet; ErrMasterKey.
func ExportHMACKey(ctx context.Context, store Store, master MasterKey) ([]byte, error) {
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
		secret, _, err := master.open(s)
		if err != nil {
			return nil, err
		}
		err = store.AppendAudit(ctx, audited(ctx, AuditRecord{Action: AuditKeyExport, Key: s.ID, Detail: "the HMAC secret was given out"}))
		if err != nil {
			return nil, err
		}
		return secret, nil
	}
	return nil, because(ErrNotFound, "no active key")
}
