package issuer

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// ErrDevice: the device that keeps the signing keys can't be used now. The
// client may try again.
var ErrDevice = errors.New("issuer: the device with the signing keys can't be used")

// Device keeps the private halves of access keys in place of the store: an HSM,
// as in package pkcs11. The store then holds a key's public half and its location
// in the device, both sealed. Refresh keys, which are secrets that every node
// computes with, stay in the store.
//
// A Device is safe for concurrent use. Errors of its methods, and of the signers
// that it returns, wrap ErrDevice if trying again may help. Nodes that share a
// store share the keys of the device.
type Device interface {
	// Generate makes a key pair for an asymmetric algorithm, whose private half
	// does not leave the device, and returns where it is: a text that names no
	// secret.
	Generate(ctx context.Context, alg jeton.Algorithm) (location string, public crypto.PublicKey, err error)

	// Signer returns what signs with the key at a location, whose public half is
	// given. It need not look for the key before it signs.
	Signer(location string, public crypto.PublicKey) crypto.Signer

	// Destroy destroys the key at a location. It is no error if there is none.
	Destroy(ctx context.Context, location string) error

	// Ping returns nil if the device can sign now.
	Ping(ctx context.Context) error
}

// deviceMember is the member of a key's public JWK, as it is stored, that tells
// where in a device the private half is (RFC 7517 section 4 allows members of
// one's own). It is not published.
const deviceMember = "jeton_location"

// Location returns where in a [Device] the private half of a key is, and "" if it
// is sealed in the store, or destroyed.
func (k StoredKey) Location() string { return locationIn(k.Public) }

func locationIn(public []byte) string {
	var v struct {
		Location string `json:"jeton_location"`
	}
	if json.Unmarshal(public, &v) != nil {
		return "" // not a key of ours
	}
	return v.Location
}

// publicAt is a public JWK with a location.
func publicAt(public *jeton.VerifyingKey, location string) ([]byte, error) {
	text, err := jwk.MarshalPublic(public)
	if err != nil || location == "" {
		return text, err
	}
	quoted, err := json.Marshal(location)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(slices.Clone(text[:len(text)-1]), `,"%s":%s}`, deviceMember, quoted), nil
}

// locationOf is Location of what is sealed: whoever can write the store can change
// the other one, and must not be able to have another key destroyed.
func (k MasterKey) locationOf(s StoredKey) string {
	text, _, err := k.open(s)
	if err != nil {
		return ""
	}
	return locationIn(text)
}

// openDeviceKey returns the public half of a key in a device, and what signs with
// it if there is such a device.
func openDeviceKey(device Device, s StoredKey, sealed []byte) (*jeton.VerifyingKey, *jeton.SigningKey, error) {
	public, err := jwk.ParsePublic(sealed, jwk.KeyID(s.ID))
	if err != nil || s.State == KeyRetiring {
		return public, nil, err
	}
	if device == nil {
		if s.State != KeyActive {
			return public, nil, nil
		}
		return nil, nil, because(ErrConfig, "the key %s, which signs, is in %s, and no device is configured", s.ID, locationIn(sealed))
	}
	private, err := jeton.NewSigningKey(public.Algorithm(), device.Signer(locationIn(sealed), public.PublicKey()), jeton.KeyID(s.ID))
	return public, private, err
}

// makeInDevice makes a key pair in the device.
func (u *keyUpdate) makeInDevice(ctx context.Context, m *madeKey) error {
	for {
		location, public, err := u.device.Generate(ctx, m.algorithm)
		if err != nil {
			return err
		}
		m.location = location
		key, err := jeton.NewVerifyingKey(m.algorithm, public)
		if err != nil {
			return errors.Join(err, u.device.Destroy(ctx, location))
		}
		if strings.HasPrefix(key.ID(), "-") { // see make
			if err := u.device.Destroy(ctx, location); err != nil {
				return err
			}
			continue
		}
		m.key.ID, m.key.Algorithm = key.ID(), string(key.Algorithm())
		m.key.Public, err = publicAt(key, location)
		m.secret = m.key.Public
		return err
	}
}

// discard destroys what is in the device of keys that are stored no longer, and of
// those that were made and then not needed. The keys are as they should be by now,
// so what fails is told and is no error.
func (u *keyUpdate) discard(ctx context.Context, before, after []StoredKey) {
	used := map[string]bool{"": true}
	for _, k := range after {
		used[u.master.locationOf(k)] = true
	}
	gone := map[string]string{} // what is told of the key, by location
	for _, k := range before {
		if k.State != KeyRetiring || !u.keepRetired {
			gone[u.master.locationOf(k)] = "access key " + k.ID
		}
	}
	for _, m := range u.made {
		gone[m.location] = "a key that was made and not needed"
	}
	for location, name := range gone {
		if used[location] {
			continue
		}
		err := errors.New("no device is configured")
		if u.device != nil {
			err = u.device.Destroy(ctx, location)
		}
		if err != nil {
			u.changes = append(u.changes, fmt.Sprintf("%s: its private half is left in %s: %v", name, location, err))
		}
	}
}

// destroyRetired destroys the private halves of retired keys in the device, once
// no late node can sign with them, and writes down that it did.
func (i *Issuer) destroyRetired(ctx context.Context, now time.Time, keys []StoredKey) error {
	if i.cfg.Device == nil || i.cfg.KeepRetiredInDevice {
		return nil
	}
	var done []string
	var failed error
	for _, k := range keys {
		if k.State != KeyRetiring || k.Location() == "" {
			continue // the usual case, which takes no opening
		}
		if location := i.master.locationOf(k); location != "" && !now.Before(k.RetiredAt.Add(TickWithin)) {
			if err := i.cfg.Device.Destroy(ctx, location); err != nil {
				failed = errors.Join(failed, fmt.Errorf("destroy the retired key %s in %s: %w", k.ID, location, err))
				continue
			}
			done = append(done, k.ID)
		}
	}
	if len(done) == 0 {
		return failed
	}
	_, err := i.update(ctx, func(_ time.Time, stored []StoredKey) (keyPlan, error) {
		p := keyPlan{keys: slices.Clone(stored)}
		for _, k := range p.keys {
			if k.State == KeyRetiring && slices.Contains(done, k.ID) && k.Location() != "" {
				p.destroyed = append(p.destroyed, k.ID)
				p.note(k, "is destroyed in %s", k.Location())
			}
		}
		return p, nil
	})
	return errors.Join(failed, err)
}

// deviceReady returns nil unless the key that signs is in a device that can't be
// used now.
func (i *Issuer) deviceReady(ctx context.Context) error {
	if !i.ring.Load().inDevice {
		return nil
	}
	return i.cfg.Device.Ping(ctx)
}
