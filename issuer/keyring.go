package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// Keyring is the keys of a store in the hands of an operator: it works beside
// running services, which take over what changes at their next [Issuer.Tick].
// Everything it does is one step of the schedule, decided in one transaction.
type Keyring struct {
	store  Store
	master MasterKey
	device Device
}

// NewKeyring makes a Keyring. The master key must be the one that the stored
// keys are sealed with, or its methods return ErrMasterKey.
func NewKeyring(store Store, master MasterKey) *Keyring {
	return &Keyring{store: store, master: master}
}

// WithDevice returns a Keyring that reaches the keys in a device too. Where the
// key that signs is in one, its successor is made there, and without the device
// only what makes no key can be done.
func (r *Keyring) WithDevice(d Device) *Keyring { return &Keyring{r.store, r.master, d} }

// Rotate makes a next key. It takes over from the active one after [KeyLead] or,
// with atOnce, now: then verifiers that keep a copy of the published set refuse
// new tokens until they fetch it again, at once if they do so for an unknown
// "kid". The algorithm is for access keys; empty for that of the active key. A
// next key of that algorithm that exists already is the one, and is brought
// forward. It returns what changed, in words. Errors: ErrConfig for an unknown
// use or algorithm, or while no service has made the first keys; ErrMasterKey.
func (r *Keyring) Rotate(ctx context.Context, use KeyUse, alg jeton.Algorithm, atOnce bool) ([]string, error) {
	if use != UseAccess && use != UseRefresh || use == UseRefresh && alg != "" || alg != "" && !alg.Valid() {
		return nil, because(ErrConfig, "no such use or algorithm: %q, %q", use, alg)
	}
	return r.update(ctx, func(now time.Time, p *keyPlan) error {
		active := p.in(use, KeyActive)
		if active == nil {
			return because(ErrConfig, "there is no %s key yet: the service makes the first", use)
		}
		alg := alg // decide may be called more than once
		if alg == "" {
			alg = jeton.Algorithm(active.Algorithm)
		}
		if active.Location() != "" && alg.Symmetric() {
			return because(ErrConfig, "the active key is in a device, and a key for %s can't be", alg)
		}
		next := p.in(use, KeyNext)
		if next != nil && next.Algorithm != string(alg) {
			gone := *next
			p.drop(next)
			p.note(gone, "is gone: it never signed, and another algorithm is wanted")
			next = nil
		}
		switch at := now.Add(KeyLead); {
		case next != nil && atOnce:
			p.promote(now, use, active.period())
		case next != nil && next.ActiveAt.After(at):
			next.ActiveAt = at
			p.note(*next, "is brought forward")
		case next != nil:
			p.note(*next, "is next already")
		case atOnce:
			p.replace(now, *active, alg)
		default:
			p.want(wantedKey{use: use, algorithm: alg, inDevice: active.Location() != "", state: KeyNext, activeAt: at})
		}
		return nil
	})
}

// Retire takes a key out of service in good order: a next key goes, an active
// one gives way to the next one. Errors: ErrNotFound; ErrConfig if there is
// nothing to give way to, or if the next key has not been published for long
// enough, unless atOnce, or if the key retires already; ErrMasterKey.
func (r *Keyring) Retire(ctx context.Context, id string, atOnce bool) ([]string, error) {
	return r.update(ctx, func(now time.Time, p *keyPlan) error {
		k, err := p.byID(id)
		if err != nil {
			return err
		}
		switch next := p.in(k.Use, KeyNext); {
		case k.State == KeyRetiring:
			return because(ErrConfig, "the key retires already")
		case k.State == KeyNext:
			gone := *k
			p.drop(k)
			p.note(gone, "is gone: it never signed")
		case next == nil:
			return because(ErrConfig, "no key is next to take over: rotate first")
		case !atOnce && now.Before(next.ActiveAt):
			return because(ErrConfig, "the next key signs from %s on, when every verifier knows it: wait, or do it at once", next.ActiveAt.Format(time.RFC3339))
		default:
			p.promote(now, k.Use, k.period())
		}
		return nil
	})
}

// Revoke is for a key that fell into wrong hands: it is gone at once, with every
// token that it signed, and if it was the active one another signs from now on.
// An access key is written into the revocation log, so that a verifier that
// follows the feed refuses it although it still has a copy of it. Errors:
// ErrNotFound, ErrMasterKey.
func (r *Keyring) Revoke(ctx context.Context, id string) ([]string, error) {
	keys, _, err := r.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	// Nothing is told of keys that are not ours.
	if _, err := r.master.current(keys); err != nil {
		return nil, err
	}
	k, err := (&keyPlan{keys: keys}).byID(id)
	if err != nil {
		return nil, err
	}
	// Verifiers first: if the second step fails, the command can be given again.
	if k.Use == UseAccess {
		if _, err := r.store.RevokeBefore(ctx, EntryKey, id, audited(ctx, AuditRecord{Action: AuditRecall, Key: id, Reason: ReasonRevoked, Detail: "every token of the key"})); err != nil {
			return nil, err
		}
	}
	return r.update(ctx, func(now time.Time, p *keyPlan) error {
		k, err := p.byID(id)
		if err != nil {
			return err
		}
		gone := *k
		if gone.State == KeyActive {
			if p.in(gone.Use, KeyNext) != nil {
				p.promote(now, gone.Use, gone.period())
			} else {
				p.replace(now, gone, jeton.Algorithm(gone.Algorithm))
			}
		}
		p.drop(&gone)
		p.note(gone, "is revoked")
		return nil
	})
}

// period is how long the key was to sign: its successor gets as long.
func (k *StoredKey) period() time.Duration {
	if k.RetiredAt.IsZero() {
		return 0
	}
	return k.RetiredAt.Sub(k.ActiveAt)
}

// replace retires the active key of a use in favour of one that has yet to be
// made and signs at once.
func (p *keyPlan) replace(now time.Time, active StoredKey, alg jeton.Algorithm) {
	w := wantedKey{use: active.Use, algorithm: alg, inDevice: active.Location() != "", state: KeyActive, activeAt: now}
	if period := active.period(); period > 0 {
		w.retiredAt = now.Add(period)
	}
	p.retire(p.in(active.Use, KeyActive), now)
	p.want(w)
}

func (p *keyPlan) byID(id string) (*StoredKey, error) {
	for j := range p.keys {
		if p.keys[j].ID == id {
			return &p.keys[j], nil
		}
	}
	return nil, because(ErrNotFound, "no such key")
}

func (r *Keyring) update(ctx context.Context, decide func(time.Time, *keyPlan) error) ([]string, error) {
	u := keyUpdate{store: r.store, master: r.master, device: r.device}
	_, err := u.run(ctx, func(now time.Time, stored []StoredKey) (keyPlan, error) {
		p := keyPlan{keys: slices.Clone(stored)}
		err := decide(now, &p)
		return p, err
	})
	return u.changes, err
}

// keyUpdate carries out a plan in the store's transaction.
type keyUpdate struct {
	store       KeyStore
	master      MasterKey
	device      Device
	keepRetired bool // in the device
	made        []madeKey
	changes     []string
	audit       []AuditRecord
}

// madeKey is a key that has yet to be sealed: under which master key, and with
// which number, is known in the transaction.
type madeKey struct {
	use       KeyUse
	algorithm jeton.Algorithm
	key       StoredKey
	secret    []byte // what is to be sealed
	location  string // in the device
}

var errMakeKey = errors.New("issuer: a key has to be made first")

// run decides, and decides again inside the transaction, and returns the keys as
// they are after. Making a key takes long, so it is done outside; whichever node
// comes second throws its keys away.
func (u *keyUpdate) run(ctx context.Context, decide func(time.Time, []StoredKey) (keyPlan, error)) (keys []StoredKey, err error) {
	for {
		var missing []wantedKey
		var before []StoredKey
		err := u.store.UpdateKeys(ctx, func(now time.Time, stored []StoredKey) ([]StoredKey, error) {
			// A master key that does not fit must change nothing.
			master, err := u.master.current(stored)
			if err != nil {
				return nil, err
			}
			before = stored
			p, err := decide(now, stored)
			if err != nil {
				return nil, err
			}
			if missing = u.missing(p.wanted); len(missing) > 0 {
				return nil, errMakeKey
			}
			root, kept, err := u.master.root(stored)
			if err != nil {
				return nil, err
			}
			if !kept {
				root = nil
			}
			keys, err = u.apply(now, p, master, root)
			return keys, err
		}, func() []AuditRecord {
			for j := range u.audit {
				u.audit[j] = audited(ctx, u.audit[j])
			}
			return u.audit
		})
		if err == nil {
			u.discard(ctx, before, keys)
		}
		if !errors.Is(err, errMakeKey) {
			return keys, err
		}
		for _, w := range missing {
			m, err := u.make(ctx, w)
			if err != nil {
				return nil, err
			}
			u.made = append(u.made, m)
		}
	}
}

func (u *keyUpdate) find(w wantedKey) (madeKey, bool) {
	for _, m := range u.made {
		if m.use == w.use && m.algorithm == w.algorithm && (m.location != "") == w.inDevice {
			return m, true
		}
	}
	return madeKey{}, false
}

func (u *keyUpdate) missing(wanted []wantedKey) []wantedKey {
	return slices.DeleteFunc(slices.Clone(wanted), func(w wantedKey) bool {
		_, made := u.find(w)
		return made
	})
}

// apply returns the keys as the plan wants them, sealed under a master key, with
// the root for new refresh keys if it is stored, and keeps what changed, in words.
func (u *keyUpdate) apply(now time.Time, p keyPlan, master MasterKey, root []byte) ([]StoredKey, error) {
	for j := range p.keys {
		k := &p.keys[j]
		if k.Use != UseAccess || !slices.Contains(p.retired, k.ID) && !slices.Contains(p.destroyed, k.ID) || jeton.Algorithm(k.Algorithm).Symmetric() {
			continue
		}
		// The private half of a retired key is destroyed; a symmetric key has no
		// other, and has to verify until it is gone. What is sealed instead says
		// that the public half was once ours: whoever can write the store could
		// plant a key otherwise. It is taken from what was sealed, for the same
		// reason.
		public, location, err := u.publicHalf(*k)
		if err != nil {
			return nil, err
		}
		if slices.Contains(p.destroyed, k.ID) {
			location = ""
		}
		if k.Public, err = publicAt(public, location); err != nil {
			return nil, err
		}
		k.Sealed = master.seal(k.Public, k.Use, k.ID, k.Algorithm)
	}
	for _, w := range p.wanted {
		made, _ := u.find(w)
		k := made.key
		secret := made.secret
		if w.use == UseRefresh {
			k.ID = refreshKeyID(p.keys)
			secret = append(slices.Clone(secret), root...)
		}
		k.Sealed = master.seal(secret, k.Use, k.ID, k.Algorithm)
		k.State, k.CreatedAt, k.ActiveAt, k.RetiredAt = w.state, now, w.activeAt, w.retiredAt
		p.keys = append(p.keys, k)
		if w.state == KeyActive {
			p.note(k, "is active")
		} else {
			p.note(k, "is next, and signs from %s on", w.activeAt.Format(time.RFC3339))
		}
	}
	u.changes, u.audit = p.changes, p.audit
	return p.keys, nil
}

// publicHalf returns the public half of a key pair, and where in a device the
// private one is, from what is sealed of a key that has not retired or is in a
// device.
func (u *keyUpdate) publicHalf(k StoredKey) (*jeton.VerifyingKey, string, error) {
	text, _, err := u.master.open(k)
	if err != nil {
		return nil, "", err
	}
	if location := locationIn(text); location != "" {
		public, err := jwk.ParsePublic(text, jwk.KeyID(k.ID))
		return public, location, err
	}
	private, err := jwk.ParsePrivate(text, jwk.KeyID(k.ID))
	if err != nil {
		return nil, "", err
	}
	return private.Public(), "", nil
}

func (u *keyUpdate) make(ctx context.Context, w wantedKey) (madeKey, error) {
	m := madeKey{use: w.use, algorithm: w.algorithm, key: StoredKey{Use: w.use}}
	if w.use == UseRefresh {
		m.secret = make([]byte, 32)
		rand.Read(m.secret)
		return m, nil
	}
	if w.inDevice {
		if u.device == nil {
			return m, because(ErrConfig, "the key that signs is in a device, and so is its successor to be: no device is configured")
		}
		return m, u.makeInDevice(ctx, &m)
	}
	key, err := jeton.GenerateKey(w.algorithm)
	// An id is given to commands, which would take one with a dash for a flag.
	for err == nil && strings.HasPrefix(key.ID(), "-") {
		key, err = jeton.GenerateKey(w.algorithm)
	}
	if err != nil {
		return m, err
	}
	m.key.ID, m.key.Algorithm = key.ID(), string(key.Algorithm())
	if !key.Algorithm().Symmetric() {
		if m.key.Public, err = jwk.MarshalPublic(key.Public()); err != nil {
			return m, err
		}
	}
	m.secret, err = jwk.MarshalPrivate(key)
	return m, err
}
