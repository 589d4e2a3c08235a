package issuer_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

// hsm is a device in memory. It can be taken out.
type hsm struct {
	mu   sync.Mutex
	keys map[string]crypto.Signer
	made int
	out  bool
	dash bool // the next key has an id that begins with a dash
}

func newHSM() *hsm { return &hsm{keys: map[string]crypto.Signer{}} }

func (h *hsm) takeOut(out bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out = out
}

func (h *hsm) locations() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for l := range h.keys {
		all = append(all, l)
	}
	slices.Sort(all)
	return all
}

var errOut = fmt.Errorf("%w: it is out", issuer.ErrDevice)

func (h *hsm) do(work func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.out {
		return errOut
	}
	return work()
}

func (h *hsm) Ping(context.Context) error { return h.do(func() error { return nil }) }

func (h *hsm) Generate(_ context.Context, alg jeton.Algorithm) (location string, public crypto.PublicKey, err error) {
	err = h.do(func() error {
		// One in 64 has such an id and is made anew, so that locations would be
		// others than a test expects.
		key, err := jeton.GenerateKey(alg)
		for err == nil && strings.HasPrefix(key.ID(), "-") != h.dash {
			key, err = jeton.GenerateKey(alg)
		}
		if err != nil {
			return err
		}
		h.dash = false
		h.made++
		location = fmt.Sprintf("test:%d", h.made)
		h.keys[location] = key.Secrets().(crypto.Signer)
		public = h.keys[location].Public()
		return nil
	})
	return location, public, err
}

func (h *hsm) Destroy(_ context.Context, location string) error {
	return h.do(func() error { delete(h.keys, location); return nil })
}

func (h *hsm) Signer(location string, public crypto.PublicKey) crypto.Signer {
	return hsmSigner{h, location, public}
}

type hsmSigner struct {
	h        *hsm
	location string
	public   crypto.PublicKey
}

func (s hsmSigner) Public() crypto.PublicKey { return s.public }

func (s hsmSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	err = s.h.do(func() error {
		key := s.h.keys[s.location]
		if key == nil {
			return fmt.Errorf("%w: no key at %s", issuer.ErrDevice, s.location)
		}
		signature, err = key.Sign(r, digest, opts)
		return err
	})
	return signature, err
}

func in(h *hsm) func(*issuer.Config) {
	return func(c *issuer.Config) {
		if c.Device = h; h == nil {
			c.Device = nil
		}
	}
}

func TestKeysInADevice(t *testing.T) {
	h := newHSM()
	w := newWorld(t, es256, in(h))
	first := *w.byState(issuer.KeyActive)
	if first.Location() != "test:1" || strings.Contains(string(w.Keys()), "test:1") {
		t.Errorf("the key is at %q, and published is %s", first.Location(), w.Keys())
	}
	sealed := must(issuer.OpenStoredKey(master, first))
	if _, err := jwk.ParsePrivate(sealed); err == nil {
		t.Error("rule: the private half is not in the store")
	}
	pair := w.open("somebody")
	old := w.published()
	other := w.restart() // another node finds it
	w.clock.Move(grace)
	pair = other.next(pair.RefreshToken)
	if err := w.verifies(old, pair.AccessToken); err != nil {
		t.Errorf("a token of another node: %v", err)
	}

	// A rotation stays in the device. The old private half is destroyed when no
	// node can sign with it any more, and the public one verifies on.
	must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", false))
	w.clock.Move(issuer.KeyLead)
	w.tick()
	token := other.open("somebody").AccessToken // a node that is late
	w.clock.Move(issuer.TickWithin - time.Microsecond)
	w.tick()
	if got := h.locations(); !slices.Equal(got, []string{"test:1", "test:2"}) {
		t.Errorf("while a late node may sign, in the device are %v", got)
	}
	w.clock.Move(time.Microsecond)
	w.tick()
	if got := h.locations(); !slices.Equal(got, []string{"test:2"}) {
		t.Errorf("in the device are %v", got)
	}
	if got := w.byState(issuer.KeyRetiring); got.ID != first.ID || got.Location() != "" {
		t.Errorf("the retired key is %s at %q", got.ID, got.Location())
	}
	for what, token := range map[string]string{"of a late node": token, "of the new key": w.open("x").AccessToken} {
		if _, err := w.Verifier().Verify(ctx(), token); err != nil {
			t.Errorf("a token %s: %v", what, err)
		}
	}
	// It is written down: nobody asks the device again.
	h.takeOut(true)
	w.tick()
}

// Into the device and out of it: rotations like any other.
func TestMovingKeysIntoADeviceAndOutOfIt(t *testing.T) {
	h := newHSM()
	w := newWorld(t, es256)
	w = w.restart(in(h))
	if next := w.byState(issuer.KeyNext); next == nil || next.Location() == "" || w.byState(issuer.KeyActive).Location() != "" {
		t.Fatalf("next is %+v", next)
	}
	w.clock.Move(issuer.KeyLead)
	w.tick()
	if w.byState(issuer.KeyActive).Location() == "" {
		t.Fatal("the active key is not in the device")
	}
	bare := w.cfg
	bare.Device = nil
	if _, err := issuer.New(ctx(), bare); !errors.Is(err, issuer.ErrConfig) || !strings.Contains(err.Error(), "test:1") {
		t.Errorf("without the device: %v; want ErrConfig that names the location", err)
	}
	for name, do := range map[string]func(*issuer.Keyring) ([]string, error){
		"rotate":         func(r *issuer.Keyring) ([]string, error) { return r.Rotate(ctx(), issuer.UseAccess, "", false) },
		"rotate at once": func(r *issuer.Keyring) ([]string, error) { return r.Rotate(ctx(), issuer.UseAccess, "", true) },
		"to HS256": func(r *issuer.Keyring) ([]string, error) {
			return r.Rotate(ctx(), issuer.UseAccess, jeton.HS256, false)
		},
		"revoke": func(r *issuer.Keyring) ([]string, error) { return r.Revoke(ctx(), w.byState(issuer.KeyActive).ID) },
	} {
		if _, err := do(w.keyring()); !errors.Is(err, issuer.ErrConfig) {
			t.Errorf("%s without the device: %v", name, err)
		}
	}
	if w.byState(issuer.KeyActive).Location() != "test:1" || w.byState(issuer.KeyNext) != nil {
		t.Fatal("the keys changed")
	}

	w = w.restart(func(c *issuer.Config) { c.LeaveDevice = true })
	w.clock.Move(issuer.KeyLead - time.Second)
	inDevice := w.open("somebody").AccessToken
	w.clock.Move(time.Second)
	w.tick()
	w.clock.Move(issuer.TickWithin)
	w.tick()
	if w.byState(issuer.KeyActive).Location() != "" || len(h.locations()) != 0 {
		t.Errorf("the active key is at %q, and in the device are %v", w.byState(issuer.KeyActive).Location(), h.locations())
	}
	w = w.restart(func(c *issuer.Config) { c.Device, c.LeaveDevice = nil, false })
	for what, token := range map[string]string{"of the device": inDevice, "from after": w.open("x").AccessToken} {
		if _, err := w.Verifier().Verify(ctx(), token); err != nil {
			t.Errorf("a token %s: %v", what, err)
		}
	}
}

// While the device is out nothing is lost: a refresh does not use its token up, a
// login opens no session, and when the device is back all goes on.
func TestADeviceThatIsOut(t *testing.T) {
	h := newHSM()
	w := newWorld(t, es256, in(h), func(c *issuer.Config) { c.RefreshGrace = issuer.NoGrace })
	w.alice()
	pair := w.login()
	if err := w.Ping(ctx()); err != nil {
		t.Errorf("ping: %v", err)
	}
	h.takeOut(true)
	if err := w.Ping(ctx()); !errors.Is(err, issuer.ErrDevice) {
		t.Errorf("ping: %v; want ErrDevice", err)
	}
	for range 3 {
		if _, err := w.refresh(pair.RefreshToken); !errors.Is(err, issuer.ErrDevice) {
			t.Errorf("refresh: %v; want ErrDevice", err)
		}
	}
	before := w.store.Count("CreateSession")
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, issuer.ErrDevice) {
		t.Errorf("login: %v; want ErrDevice", err)
	}
	if w.store.Count("CreateSession") != before {
		t.Error("rule: no session is opened whose tokens can't be signed")
	}
	if _, err := w.Verifier().Verify(ctx(), pair.AccessToken); err != nil {
		t.Errorf("verifying needs no device: %v", err)
	}
	w.tick()
	if _, err := issuer.New(ctx(), w.cfg); !errors.Is(err, issuer.ErrDevice) {
		t.Errorf("a start: %v; want ErrDevice", err)
	}
	w.clock.Move(time.Hour)
	h.takeOut(false)
	w.next(pair.RefreshToken) // with no grace: the rotation did not happen
	w.refused(pair.RefreshToken, "after it was used")
}

func TestWhatIsDestroyedInADevice(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*issuer.Config)
		do     func(w *world, h *hsm)
		left   []string
	}{
		"a key whose id looks like a flag": {nil, func(w *world, h *hsm) {
			h.dash = true
			must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", true))
			if id := w.byState(issuer.KeyActive).ID; strings.HasPrefix(id, "-") {
				w.t.Errorf("the key is %s", id)
			}
		}, []string{"test:1", "test:3"}},
		"of a revoked key, its private half": {nil, func(w *world, h *hsm) {
			must(w.keyring().WithDevice(h).Revoke(ctx(), w.byState(issuer.KeyActive).ID))
		}, []string{"test:2"}},
		"of a next key that is not wanted": {nil, func(w *world, h *hsm) {
			must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", false))
			must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, jeton.ES384, false))
		}, []string{"test:1", "test:3"}},
		"nothing, if it is to stay": {func(c *issuer.Config) { c.KeepRetiredInDevice = true }, func(w *world, h *hsm) {
			must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", true))
			w.clock.Move(24 * time.Hour)
			w.tick()
		}, []string{"test:1", "test:2"}},
		"of a retired key, when the device is back": {nil, func(w *world, h *hsm) {
			must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", true))
			w.clock.Move(issuer.TickWithin)
			h.takeOut(true)
			if err := w.Tick(ctx()); !errors.Is(err, issuer.ErrDevice) {
				w.t.Errorf("tick: %v; want ErrDevice", err)
			}
			h.takeOut(false)
			w.tick()
		}, []string{"test:2"}},
		"what was made and another node was faster": {nil, func(w *world, h *hsm) {
			faster := w.keyring().WithDevice(h)
			w.store.Before("UpdateKeys", func() error {
				w.store.Before("UpdateKeys", func() error {
					w.store.Before("UpdateKeys", nil)
					must(faster.Rotate(ctx(), issuer.UseAccess, "", false))
					return nil
				})
				return nil
			})
			must(issuer.NewKeyring(w.store, master).WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", false))
		}, []string{"test:1", "test:3"}},
		"not the key that somebody writes into another row": {nil, func(w *world, h *hsm) {
			must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", true))
			err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				for i := range keys {
					keys[i].Public = []byte(strings.Replace(string(keys[i].Public), "test:1", "test:2", 1))
				}
				return keys, nil
			})
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			w.clock.Move(issuer.TickWithin)
			w.tick()
		}, []string{"test:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHSM()
			change := c.change
			if change == nil {
				change = func(*issuer.Config) {}
			}
			w := newWorld(t, es256, in(h), change)
			c.do(w, h)
			if got := h.locations(); !slices.Equal(got, c.left) {
				t.Errorf("in the device are %v, want %v", got, c.left)
			}
			w.tick()
			w.open("somebody")
		})
	}
	t.Run("by hand, where no device is configured", func(t *testing.T) {
		h := newHSM()
		w := newWorld(t, es256, in(h))
		must(w.keyring().WithDevice(h).Rotate(ctx(), issuer.UseAccess, "", false))
		changes := must(w.keyring().Revoke(ctx(), w.byState(issuer.KeyActive).ID))
		if !strings.Contains(fmt.Sprint(changes), "left in test:1") {
			t.Errorf("told is %v", changes)
		}
	})
}

func TestADeviceThatCanNotBeConfigured(t *testing.T) {
	for name, change := range map[string]func(*issuer.Config){
		"for HMAC":                  func(c *issuer.Config) { c.Device = newHSM() },
		"to leave, and none":        func(c *issuer.Config) { c.LeaveDevice = true },
		"to keep keys in, and none": func(c *issuer.Config) { c.KeepRetiredInDevice = true },
	} {
		cfg := newWorld(t).cfg
		change(&cfg)
		if _, err := issuer.New(ctx(), cfg); !errors.Is(err, issuer.ErrConfig) {
			t.Errorf("%s: %v; want ErrConfig", name, err)
		}
	}
}
