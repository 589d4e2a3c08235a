package issuer

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Rekey seals every key in the store anew, under the newest of the keyring's
// master keys, in one transaction: at each instant all keys are under one master
// key. From then on every node seals new keys under it too. A node that lacks it
// goes on with the keys that it has opened, takes no part in the schedule, and
// does not start again: give all nodes the new master key, beside the old one,
// before (Config.ReloadMasterKey), and take the old one away after.
//
// It returns what changed, in words; nothing, if everything is under that master
// key already, so it can be called again after a crash. Errors: ErrMasterKey if a
// key opens under none of the master keys, and then nothing has changed;
// ErrConfig while no service has made the first keys.
func (r *Keyring) Rekey(ctx context.Context) (changes []string, err error) {
	newest := r.master.Newest()
	if newest.isZero() {
		return nil, because(ErrMasterKey, "there is none")
	}
	id := newest.IDs()[0]
	err = r.store.UpdateKeys(ctx, func(_ time.Time, stored []StoredKey) ([]StoredKey, error) {
		changes = nil
		if len(stored) == 0 {
			return nil, because(ErrConfig, "there are no keys yet: the service makes the first")
		}
		root, _, err := r.master.root(stored)
		if err != nil {
			return nil, err
		}
		for i := range stored {
			k := &stored[i]
			plain, _, err := r.master.open(*k)
			if err != nil {
				return nil, err
			}
			if masterKeyOf(*k) == id {
				continue
			}
			if k.Use == UseRefresh {
				key, _ := splitRefresh(plain)
				plain = append(key, root...)
			}
			k.Sealed = newest.seal(plain, k.Use, k.ID, k.Algorithm)
			// What does not open again must not take the place of what did.
			if again, _, err := newest.open(*k); err != nil || !hmac.Equal(again, plain) {
				return nil, fmt.Errorf("issuer: the %s key %q does not open under the new master key: %w", k.Use, k.ID, err)
			}
			changes = append(changes, fmt.Sprintf("%s key %s is sealed under the master key %s", k.Use, k.ID, id))
		}
		if len(changes) == 0 {
			return nil, errNothingToDo
		}
		return stored, nil
	}, func() []AuditRecord {
		var told []AuditRecord
		for _, change := range changes {
			told = append(told, audited(ctx, AuditRecord{Action: AuditKey, Detail: change}))
		}
		return told
	})
	switch {
	case errors.Is(err, errNothingToDo):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return changes, nil
}

var errNothingToDo = errors.New("issuer: nothing to do")

// MasterKeyUse tells how much is sealed under a master key.
type MasterKeyUse struct {
	ID   string // see [MasterKey.IDs]; "" for what names none and does not open
	Keys int    // stored keys that are sealed under it
	Here bool   // it is one of those that were asked
}

// Uses tells what of the stored keys is sealed under each of the master keys,
// newest first, and which others something is sealed under.
func (k MasterKey) Uses(stored []StoredKey) []MasterKeyUse {
	var uses []MasterKeyUse
	for _, id := range k.IDs() {
		uses = append(uses, MasterKeyUse{ID: id, Here: true})
	}
	for _, s := range stored {
		_, under, err := k.open(s)
		if err != nil {
			under = masterKeyOf(s)
		}
		i := slices.IndexFunc(uses, func(u MasterKeyUse) bool { return u.ID == under && u.Here == (err == nil) })
		if i < 0 {
			i = len(uses)
			uses = append(uses, MasterKeyUse{ID: under, Here: err == nil})
		}
		uses[i].Keys++
	}
	here := len(k.IDs())
	slices.SortFunc(uses[here:], func(a, b MasterKeyUse) int { return cmp.Compare(a.ID, b.ID) })
	return uses
}

// MasterKeyIDs returns the ids of the master keys that the issuer has, newest
// first.
func (i *Issuer) MasterKeyIDs() []string {
	i.loading.Lock()
	defer i.loading.Unlock()
	return i.master.IDs()
}

// ReloadMasterKey reads the master key from its source again, by
// Config.ReloadMasterKey. [Issuer.Tick] does that by itself when it meets a key
// that is sealed under a master key it does not have; this is for an operator who
// wants to see beforehand that the source is in order. Errors: those of the
// source; ErrMasterKey if what it has does not open the keys in the store, and the
// issuer then keeps what it had; ErrConfig if there is no such function.
func (i *Issuer) ReloadMasterKey(ctx context.Context) error {
	i.loading.Lock()
	defer i.loading.Unlock()
	if i.cfg.ReloadMasterKey == nil {
		return because(ErrConfig, "no function to read the master key again")
	}
	return i.reloadMaster(ctx)
}

// reloadMaster is ReloadMasterKey. i.loading is held.
func (i *Issuer) reloadMaster(ctx context.Context) error {
	master, err := i.cfg.ReloadMasterKey(ctx)
	if err != nil {
		return fmt.Errorf("read the master key again: %w", err)
	}
	keys, _, err := i.store.Keys(ctx)
	if err != nil {
		return err
	}
	if _, err := master.current(keys); err != nil {
		return err
	}
	if now, before := fmt.Sprint(master.IDs()), fmt.Sprint(i.master.IDs()); now != before {
		i.emit(ctx, Event{Kind: EventKey, Detail: fmt.Sprintf("the master key was read again: %s in place of %s", now, before)})
	}
	i.master = master
	return nil
}

// reloadEvery is how long an issuer waits before it asks a source again that did
// not have the master key: a secret manager is not for asking each second.
const reloadEvery = TickWithin / 3

// newMasterKey looks for the master key that the keys in the store are sealed
// under, after cause said that it is not here, and returns nil if it was found.
// i.loading is held.
func (i *Issuer) newMasterKey(ctx context.Context, cause error) error {
	now := i.cfg.Now()
	if wait := now.Sub(i.reloaded); i.cfg.ReloadMasterKey == nil || !i.reloaded.IsZero() && wait >= 0 && wait < reloadEvery {
		return cause
	}
	i.reloaded = now
	switch err := i.reloadMaster(ctx); {
	case errors.Is(err, ErrMasterKey):
		return err // the same again, of what the source has now
	case err != nil:
		return errors.Join(cause, err)
	}
	i.reloaded = time.Time{}
	return nil
}
