package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/jwk"
)

// sealedUnder returns how many stored keys are sealed under each of some master
// keys.
func (w *world) sealedUnder(keys ...issuer.MasterKey) []int {
	w.t.Helper()
	stored, _, err := w.store.Store.Keys(ctx())
	if err != nil {
		w.t.Fatalf("read the keys: %v", err)
	}
	counts := make([]int, len(keys))
	for i, k := range keys {
		counts[i] = k.Uses(stored)[0].Keys
	}
	return counts
}

// source is where a service reads its master key from.
type source struct {
	key   issuer.MasterKey
	err   error
	reads int
}

func (s *source) read(context.Context) (issuer.MasterKey, error) {
	s.reads++
	return s.key, s.err
}

// A rekey under a service that reads its master key again: nothing fails, before,
// during and after, and what was sealed under the old key is not any more.
func TestRekeyBesideARunningService(t *testing.T) {
	for name, change := range map[string]func(*issuer.Config){"a secret": hs256, "a key pair": es256} {
		t.Run(name, func(t *testing.T) {
			old, fresh := issuer.GenerateMasterKey(), issuer.GenerateMasterKey()
			src := &source{key: old}
			w := newWorld(t, change, func(c *issuer.Config) { c.MasterKey, c.ReloadMasterKey = old, src.read })
			other := w.restart() // another node
			pair := w.open("somebody")
			w.clock.Move(grace)

			src.key = fresh.WithOlder(old)
			ring := issuer.NewKeyring(w.store.Store, src.key)
			changes, err := ring.Rekey(ctx())
			if err != nil || len(changes) != 2 || !strings.Contains(changes[0], fresh.IDs()[0]) {
				t.Fatalf("rekey: %v, %v", changes, err)
			}
			if got := w.sealedUnder(fresh, old); !slices.Equal(got, []int{2, 0}) {
				t.Errorf("sealed under the new and the old master key are %v", got)
			}
			if changes, err := ring.Rekey(ctx()); err != nil || changes != nil {
				t.Errorf("rekey again: %v, %v; want nothing to do", changes, err)
			}
			src.key = fresh // the old one is taken away
			for name, node := range map[string]*world{"this node": w, "another node": other} {
				if _, err := node.Verifier().Verify(ctx(), pair.AccessToken); err != nil {
					t.Errorf("%s: a token from before: %v", name, err)
				}
				pair = node.next(pair.RefreshToken)
				node.tick()
				if got := node.MasterKeyIDs(); !slices.Equal(got, fresh.IDs()) {
					t.Errorf("%s has the master keys %v, want %v", name, got, fresh.IDs())
				}
			}
			if src.reads != 2 {
				t.Errorf("the source was read %d times by two nodes", src.reads)
			}
			// The schedule goes on, under the new master key.
			if _, err := issuer.NewKeyring(w.store.Store, fresh).Rotate(ctx(), issuer.UseAccess, "", false); err != nil {
				t.Fatal(err)
			}
			w.clock.Move(issuer.KeyLead)
			w.tick()
			if got := w.sealedUnder(fresh, old); !slices.Equal(got, []int{3, 0}) {
				t.Errorf("after a rotation sealed under the new and the old master key are %v", got)
			}
			again := w.restart(func(c *issuer.Config) { c.MasterKey, c.ReloadMasterKey = fresh, nil })
			again.next(w.open("somebody").RefreshToken)
			if _, err := issuer.New(ctx(), w.cfg); err != nil {
				t.Errorf("a service that was given the old master key, and whose source has the new one: %v", err)
			}
			cfg := w.cfg
			cfg.MasterKey, cfg.ReloadMasterKey = old, nil
			if _, err := issuer.New(ctx(), cfg); !errors.Is(err, issuer.ErrMasterKey) || !strings.Contains(err.Error(), fresh.IDs()[0]) || !strings.Contains(err.Error(), old.IDs()[0]) {
				t.Errorf("a service with the old master key alone: %v; want ErrMasterKey that names both", err)
			}
		})
	}
}

// Nodes may have the same master keys in any order: the store says which one
// seals, so that no node seals under one that another node lacks.
func TestTheStoreSaysWhichMasterKeySeals(t *testing.T) {
	old, fresh := issuer.GenerateMasterKey(), issuer.GenerateMasterKey()
	w := newWorld(t, func(c *issuer.Config) { c.MasterKey = old })
	rotate := func(k issuer.MasterKey) {
		t.Helper()
		if _, err := issuer.NewKeyring(w.store.Store, k).Rotate(ctx(), issuer.UseAccess, "", true); err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.NewKeyring(w.store.Store, k).Rotate(ctx(), issuer.UseRefresh, "", true); err != nil {
			t.Fatal(err)
		}
	}
	rotate(fresh.WithOlder(old))
	if got := w.sealedUnder(fresh, old); !slices.Equal(got, []int{0, 4}) {
		t.Errorf("before the rekey, sealed under the new and the old master key are %v", got)
	}
	if _, err := issuer.NewKeyring(w.store.Store, fresh.WithOlder(old)).Rekey(ctx()); err != nil {
		t.Fatal(err)
	}
	rotate(old.WithOlder(fresh))
	if got := w.sealedUnder(fresh, old); !slices.Equal(got, []int{6, 0}) {
		t.Errorf("after the rekey, sealed under the new and the old master key are %v", got)
	}
}

// A node that has no way to the new master key goes on with the keys that it has
// opened, changes nothing, and says what is wrong.
func TestANodeWithoutTheNewMasterKey(t *testing.T) {
	old, fresh := issuer.GenerateMasterKey(), issuer.GenerateMasterKey()
	down := errors.New("the secret manager is down")
	src := &source{key: old}
	w := newWorld(t, func(c *issuer.Config) { c.MasterKey, c.ReloadMasterKey = old, src.read })
	pair := w.open("somebody")
	if _, err := issuer.NewKeyring(w.store.Store, fresh.WithOlder(old)).Rekey(ctx()); err != nil {
		t.Fatal(err)
	}
	before := must1(w.store.Store.Keys(ctx()))
	tick := func(want ...error) {
		t.Helper()
		err := w.Tick(ctx())
		for _, e := range want {
			if !errors.Is(err, e) {
				t.Errorf("tick: %v; want %v", err, e)
			}
		}
	}
	tick(issuer.ErrMasterKey)
	src.err = down
	for range 9 {
		w.clock.Move(time.Second)
		tick(issuer.ErrMasterKey)
	}
	if src.reads != 1 {
		t.Errorf("rule: a source that does not have it is not asked each second; it was, %d times", src.reads)
	}
	w.clock.Move(time.Second)
	tick(issuer.ErrMasterKey, down)
	w.clock.Move(-time.Hour) // a clock that was wrong stops nothing for an hour
	tick(issuer.ErrMasterKey, down)
	if src.reads != 3 {
		t.Errorf("the source was read %d times", src.reads)
	}
	if after := must1(w.store.Store.Keys(ctx())); !reflect.DeepEqual(after, before) {
		t.Error("the keys changed")
	}
	w.clock.Move(time.Hour)
	w.next(pair.RefreshToken)
	if err := w.ReloadMasterKey(ctx()); !errors.Is(err, down) {
		t.Errorf("reload: %v", err)
	}
	src.err = nil
	if err := w.ReloadMasterKey(ctx()); !errors.Is(err, issuer.ErrMasterKey) {
		t.Errorf("reload of the old one: %v", err)
	}
	src.key = fresh
	if err := w.ReloadMasterKey(ctx()); err != nil {
		t.Errorf("reload: %v", err)
	}
	w.tick()
	if err := newWorld(t).ReloadMasterKey(ctx()); !errors.Is(err, issuer.ErrConfig) {
		t.Errorf("reload without a source: %v", err)
	}
}

func TestRekeyChangesNothingIfItCanNotAll(t *testing.T) {
	old, fresh := issuer.GenerateMasterKey(), issuer.GenerateMasterKey()
	for name, c := range map[string]struct {
		keys  issuer.MasterKey
		store func(*world)
		want  error
	}{
		"not the master key of the store": {fresh.WithOlder(issuer.GenerateMasterKey()), func(*world) {}, issuer.ErrMasterKey},
		"none":                            {issuer.MasterKey{}, func(*world) {}, issuer.ErrMasterKey},
		"a key of another master key": {fresh.WithOlder(old), func(w *world) {
			w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				keys[1].Sealed = issuer.Seal(issuer.GenerateMasterKey(), keys[1], []byte("x"))
				return keys, nil
			})
		}, issuer.ErrMasterKey},
		"no keys": {fresh.WithOlder(old), func(w *world) {
			w.store.Store = memory.New(w.clock.Now)
		}, issuer.ErrConfig},
		"the store fails": {fresh.WithOlder(old), func(w *world) {
			w.store.Before("UpdateKeys", func() error { return errDisk })
		}, errDisk},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *issuer.Config) { cfg.MasterKey = old })
			c.store(w)
			before := must1(w.store.Store.Keys(ctx()))
			changes, err := issuer.NewKeyring(w.store, c.keys).Rekey(ctx())
			if !errors.Is(err, c.want) || changes != nil {
				t.Errorf("%v, %v; want %v", changes, err, c.want)
			}
			if after := must1(w.store.Store.Keys(ctx())); !reflect.DeepEqual(after, before) {
				t.Error("the keys changed")
			}
		})
	}
}

// Keys that were sealed before a seal named its master key open, and a rekey
// takes them along, under the same master key too.
func TestKeysOfAnOlderSeal(t *testing.T) {
	w := newWorld(t)
	pair := w.open("somebody")
	err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		for i, k := range keys {
			plain, err := issuer.OpenStoredKey(master, k)
			if err != nil {
				return nil, err
			}
			keys[i].Sealed = issuer.SealV1(master, k, plain)
		}
		return keys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w = w.restart()
	w.clock.Move(grace)
	pair = w.next(pair.RefreshToken)
	if got := w.sealedUnder(master); got[0] != 2 {
		t.Errorf("%d keys open", got[0])
	}
	if changes, err := w.keyring().Rekey(ctx()); err != nil || len(changes) != 2 {
		t.Errorf("rekey: %v, %v", changes, err)
	}
	w.tick()
	w.next(pair.RefreshToken)
	if changes, err := w.keyring().Rekey(ctx()); err != nil || changes != nil {
		t.Errorf("rekey again: %v, %v", changes, err)
	}
}

func TestUsesOfMasterKeys(t *testing.T) {
	old, fresh, third := issuer.GenerateMasterKey(), issuer.GenerateMasterKey(), issuer.GenerateMasterKey()
	w := newWorld(t, func(c *issuer.Config) { c.MasterKey = old })
	stored := must1(w.store.Keys(ctx()))
	foreign := issuer.StoredKey{ID: "x", Use: issuer.UseAccess, Sealed: []byte("what is this")}
	for name, c := range map[string]struct {
		key    issuer.MasterKey
		stored []issuer.StoredKey
		want   []issuer.MasterKeyUse
	}{
		"one":             {old, stored, []issuer.MasterKeyUse{{ID: old.IDs()[0], Keys: 2, Here: true}}},
		"nothing stored":  {old, nil, []issuer.MasterKeyUse{{ID: old.IDs()[0], Keys: 0, Here: true}}},
		"a new one first": {fresh.WithOlder(old), stored, []issuer.MasterKeyUse{{ID: fresh.IDs()[0], Keys: 0, Here: true}, {ID: old.IDs()[0], Keys: 2, Here: true}}},
		"another":         {third, stored, []issuer.MasterKeyUse{{ID: third.IDs()[0], Keys: 0, Here: true}, {ID: old.IDs()[0], Keys: 2}}},
		"none":            {issuer.MasterKey{}, stored, []issuer.MasterKeyUse{{ID: old.IDs()[0], Keys: 2}}},
		"no seal":         {old, append(slices.Clone(stored), foreign), []issuer.MasterKeyUse{{ID: old.IDs()[0], Keys: 2, Here: true}, {Keys: 1}}},
	} {
		if got := c.key.Uses(c.stored); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Whoever can write the store may put another public half beside an active key.
// When the key retires, that must not become the one that tokens are verified
// with.
func TestThePublicHalfOfARetiredKeyIsTheSealedOnes(t *testing.T) {
	w := newWorld(t, es256)
	thief := must(jeton.GenerateKey(jeton.ES256))
	honest := w.byState(issuer.KeyActive).Public
	err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		for i := range keys {
			if keys[i].Public != nil {
				keys[i].Public = must(jwk.MarshalPublic(must(jwk.ParsePrivate(must(jwk.MarshalPrivate(thief)), jwk.KeyID(keys[i].ID))).Public()))
			}
		}
		return keys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	token := w.open("somebody").AccessToken
	w = w.changeNow(hs256)
	if got := w.byState(issuer.KeyRetiring).Public; string(got) != string(honest) {
		t.Errorf("rule: what verifies a retired key's tokens is what was sealed; stored is %s", fmt.Sprintf("%.60s", got))
	}
	if _, err := w.Verifier().Verify(ctx(), token); err != nil {
		t.Errorf("an honest token: %v", err)
	}
}

// A session's place in a status list rests on the first master key, and finds
// itself when that is gone.
func TestSessionsKeepTheirPlaceInAStatusList(t *testing.T) {
	old, fresh := issuer.GenerateMasterKey(), issuer.GenerateMasterKey()
	w := newWorld(t, withStatus, func(c *issuer.Config) { c.MasterKey = old })
	w.alice()
	pair := w.login()
	ring := issuer.NewKeyring(w.store.Store, fresh.WithOlder(old))
	must(ring.Rekey(ctx()))
	for range 2 { // each new refresh key hands the root on
		must(ring.Rotate(ctx(), issuer.UseRefresh, "", true))
		for _, k := range must1(w.store.Store.Keys(ctx())) {
			if k.Use == issuer.UseRefresh && k.State == issuer.KeyRetiring {
				must(ring.Revoke(ctx(), k.ID))
			}
		}
	}
	third := issuer.GenerateMasterKey()
	must(issuer.NewKeyring(w.store.Store, third.WithOlder(fresh)).Rekey(ctx()))
	w = w.restart(func(c *issuer.Config) { c.MasterKey = third })
	w.wantStatus("before it is revoked", pair.AccessToken, 0)
	if err := w.RevokeSession(ctx(), pair.SessionID, issuer.ReasonRevoked); err != nil {
		t.Fatal(err)
	}
	w.wantStatus("a session from before two rekeys that was revoked", pair.AccessToken, 1)
}
