package issuer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/issuer/sqlite"
	"github.com/jeton-go/jeton/jwk"
)

// stored returns the access keys and the refresh keys of a store.
func (w *world) stored() (access, refresh []issuer.StoredKey) {
	w.t.Helper()
	keys, _, err := w.store.Store.Keys(ctx())
	if err != nil {
		w.t.Fatalf("read the keys: %v", err)
	}
	for _, k := range keys {
		if k.Use == issuer.UseAccess {
			access = append(access, k)
		} else {
			refresh = append(refresh, k)
		}
	}
	return access, refresh
}

// byState returns the one key in a state, and nil if there is none.
func (w *world) byState(state issuer.KeyState) *issuer.StoredKey {
	w.t.Helper()
	access, _ := w.stored()
	var found *issuer.StoredKey
	for _, k := range access {
		if k.State == state {
			if found != nil {
				w.t.Fatalf("two keys are %s", state)
			}
			found = &k
		}
	}
	return found
}

func (w *world) tick() {
	w.t.Helper()
	if err := w.Tick(ctx()); err != nil {
		w.t.Fatalf("tick: %v", err)
	}
}

func hs256(c *issuer.Config) { c.Algorithm = jeton.HS256 }

// setPublished compares the key set that verifiers fetch.
func (w *world) setPublished(ids ...string) {
	w.t.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(w.Keys(), &set); err != nil || set.Keys == nil {
		w.t.Fatalf("the published set %q: %v", w.Keys(), err)
	}
	var got []string
	for _, k := range set.Keys {
		got = append(got, k["kid"].(string))
		for name := range k {
			if !slices.Contains([]string{"kty", "kid", "alg", "use", "n", "e"}, name) {
				w.t.Errorf("a published key has the member %q", name)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		w.t.Errorf("published are %v, want %v", got, ids)
	}
}

func TestFirstKeys(t *testing.T) {
	for _, alg := range []jeton.Algorithm{jeton.RS256, jeton.HS256} {
		t.Run(string(alg), func(t *testing.T) {
			w := newWorld(t, func(c *issuer.Config) { c.Algorithm = alg })
			if w.Algorithm() != alg {
				t.Errorf("algorithm %s", w.Algorithm())
			}
			access, refresh := w.stored()
			if len(access) != 1 || len(refresh) != 1 {
				t.Fatalf("%d access keys and %d refresh keys", len(access), len(refresh))
			}
			now := w.clock.Now()
			a, r := access[0], refresh[0]
			if a.State != issuer.KeyActive || a.Algorithm != string(alg) || a.Sealed == nil || !a.CreatedAt.Equal(now) || !a.ActiveAt.Equal(now) || !a.RetiredAt.Equal(now.Add(30*24*time.Hour)) {
				t.Errorf("access key %+v", a)
			}
			if r.State != issuer.KeyActive || r.ID != "1" || r.Algorithm != "" || r.Public != nil || r.Sealed == nil || !r.ActiveAt.Equal(now) || !r.RetiredAt.IsZero() {
				t.Errorf("refresh key %+v", r)
			}
			if len(w.of(issuer.EventKey)) != 2 {
				t.Errorf("events %+v", w.of(issuer.EventKey))
			}
			if alg.Symmetric() {
				if a.Public != nil {
					t.Error("a secret has a public half")
				}
				w.setPublished()
				return
			}
			w.setPublished(a.ID)
			public, err := jwk.ParsePublic(a.Public)
			if err != nil || public.Thumbprint() != a.ID {
				t.Errorf("the key id is not the thumbprint: %v", err)
			}
			// Nothing changes by itself.
			w.tick()
			if again, _ := w.stored(); !reflect.DeepEqual(again, access) {
				t.Error("a tick changed the keys")
			}
		})
	}
}

// RS256 to HS256 and back: the new key is published before it signs, tokens in
// flight stay good until they expire, the private half of a retired key is gone
// at once and the rest when no token can need it.
func TestChangeOfTheAlgorithm(t *testing.T) {
	w := newWorld(t, rs256)
	pair := w.open("somebody")
	rsKey := *w.byState(issuer.KeyActive)

	w = w.restart(hs256)
	if w.Algorithm() != jeton.RS256 {
		t.Fatalf("it signs with %s before verifiers can know", w.Algorithm())
	}
	hsKey := *w.byState(issuer.KeyNext)
	if hsKey.Algorithm != "HS256" || hsKey.Sealed == nil || !hsKey.ActiveAt.Equal(w.clock.Now().Add(issuer.KeyLead)) {
		t.Fatalf("the next key is %+v", hsKey)
	}
	w.clock.Move(issuer.KeyLead - time.Microsecond)
	w.tick()
	pair = w.next(pair.RefreshToken)
	rsToken, rsAPI := pair.AccessToken, w.api("orders")
	w.clock.Move(time.Microsecond)
	changedAt := w.clock.Now()
	w.tick()
	retired, active := w.byState(issuer.KeyRetiring), w.byState(issuer.KeyActive)
	if retired == nil || retired.ID != rsKey.ID || bytes.Equal(retired.Sealed, rsKey.Sealed) || !bytes.Equal(retired.Public, rsKey.Public) || !retired.RetiredAt.Equal(changedAt) {
		t.Fatalf("the retired key is %+v", retired)
	}
	if active.ID != hsKey.ID || w.Algorithm() != jeton.HS256 {
		t.Fatalf("the active key is %+v", active)
	}
	w.setPublished(rsKey.ID)
	w.clock.Move(grace)
	pair = w.next(pair.RefreshToken)
	hsToken := pair.AccessToken
	for name, token := range map[string]string{"before": rsToken, "after": hsToken} {
		if _, err := w.Verifier().Verify(ctx(), token); err != nil {
			t.Errorf("a token from %s: %v", name, err)
		}
	}
	for name, v := range map[string]*jeton.Verifier{"that knows the keys from before": rsAPI, "that fetches them now": w.api("orders")} {
		if _, err := v.Verify(ctx(), rsToken); err != nil {
			t.Errorf("an API %s refuses a token from before: %v", name, err)
		}
	}

	w.clock.Move(grace)
	w = w.changeNow(rs256) // one command away, if it must be at once
	newKey := *w.byState(issuer.KeyActive)
	if newKey.Algorithm != "RS256" || newKey.ID == rsKey.ID {
		t.Fatalf("the active key is %+v", newKey)
	}
	w.setPublished(rsKey.ID, newKey.ID)
	access, _ := w.stored()
	for _, k := range access {
		// A secret has one half, and has to verify until it is gone.
		if k.ID == hsKey.ID && (k.State != issuer.KeyRetiring || k.Sealed == nil) {
			t.Errorf("the retired secret is %+v", k)
		}
	}
	pair = w.next(pair.RefreshToken)
	for name, token := range map[string]string{"RS256": rsToken, "HS256": hsToken, "RS256 again": pair.AccessToken} {
		if _, err := w.Verifier().Verify(ctx(), token); err != nil {
			t.Errorf("a token of %s: %v", name, err)
		}
	}

	// Until the last token in flight is refused for its age, it is not refused
	// for its key.
	w.clock.Move(accessTTL - 2*grace + issuer.Leeway - time.Second)
	w.tick()
	if _, err := w.api("orders").Verify(ctx(), rsToken); err != nil {
		t.Errorf("a second before it expires everywhere: %v", err)
	}
	w.clock.Move(changedAt.Add(w.Overlap()).Sub(w.clock.Now()) - time.Microsecond)
	w.tick()
	w.setPublished(rsKey.ID, newKey.ID)
	w.clock.Move(time.Microsecond)
	w.tick()
	w.setPublished(newKey.ID)
	w.clock.Move(2 * grace)
	w.tick()
	if access, refresh := w.stored(); len(access) != 1 || len(refresh) != 1 {
		t.Errorf("%d access keys and %d refresh keys are left", len(access), len(refresh))
	}
	if _, err := w.Verifier().Verify(ctx(), hsToken); !errors.Is(err, jeton.ErrUnknownKey) {
		t.Errorf("a token of a key that is gone: %v", err)
	}
	// And the session never noticed.
	w.next(pair.RefreshToken)
	for _, want := range []string{rsKey.ID + " retires", rsKey.ID + " is gone", hsKey.ID + " is active", hsKey.ID + " is gone"} {
		if !slices.ContainsFunc(w.of(issuer.EventKey), func(e issuer.Event) bool { return strings.HasSuffix(e.Detail, want) }) {
			t.Errorf("no event tells that %s", want)
		}
	}
}

// A retired key stays until tokens have expired that were signed with it by a
// node that had not ticked yet, however short they live.
func TestRetiredKeyOutlivesALateNode(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 10 * time.Second, accessTTL, 24 * time.Hour} {
		t.Run(ttl.String(), func(t *testing.T) {
			w := newWorld(t, rs256, func(c *issuer.Config) { c.AccessTTL = ttl })
			late := w
			pair := w.open("somebody")
			w = w.changeNow(hs256) // another node
			w.clock.Move(issuer.TickWithin)
			pair = late.next(pair.RefreshToken) // just before its tick
			if late.Algorithm() != jeton.RS256 {
				t.Fatal("the late node knows already")
			}
			late.tick()
			if late.Algorithm() != jeton.HS256 {
				t.Error("a tick did not take over the new key")
			}
			w.clock.Move(ttl + issuer.Leeway - time.Second)
			w.tick()
			if _, err := w.api("orders").Verify(ctx(), pair.AccessToken); err != nil {
				t.Errorf("a second before it expires everywhere: %v", err)
			}
		})
	}
}

// Copies of the key set may be kept for half of the time that a retired key stays
// in it, at most.
func TestKeysMaxAge(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, time.Minute, accessTTL, 24 * time.Hour} {
		w := newWorld(t, func(c *issuer.Config) { c.AccessTTL = ttl })
		if got := w.KeysMaxAge(); got > w.Overlap()/2 || got > 5*time.Minute || got < 10*time.Second || got%time.Second != 0 {
			t.Errorf("an access TTL of %v: max-age %v, overlap %v", ttl, got, w.Overlap())
		}
		if w.Overlap() < ttl+issuer.Leeway {
			t.Errorf("an access TTL of %v: a retired key stays for %v", ttl, w.Overlap())
		}
	}
}

// Nodes that are configured differently don't take turns: the one that started
// last has its way.
func TestTicksDontChangeTheAlgorithm(t *testing.T) {
	a := newWorld(t, hs256)
	b := a.changeNow(func(c *issuer.Config) { c.Algorithm = jeton.HS512 })
	active := b.byState(issuer.KeyActive).ID
	for range 5 {
		a.clock.Move(time.Minute)
		a.tick()
		b.tick()
	}
	if got := b.byState(issuer.KeyActive); got.ID != active || got.Algorithm != "HS512" {
		t.Errorf("the active key is %+v", got)
	}
	if a.Algorithm() != jeton.HS512 || b.Algorithm() != jeton.HS512 {
		t.Errorf("the nodes sign with %s and %s", a.Algorithm(), b.Algorithm())
	}
}

// A master key that does not fit: ErrMasterKey, and nothing in the store changes.
func TestWrongMasterKey(t *testing.T) {
	for name, change := range map[string]func(*issuer.Config){
		"same algorithm":    rs256,
		"another algorithm": hs256,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rs256)
			pair := w.open("somebody")
			before := must1(w.store.Keys(ctx()))
			wrong := w.cfg
			change(&wrong)
			wrong.MasterKey = issuer.GenerateMasterKey()
			iss, err := issuer.New(ctx(), wrong)
			if !errors.Is(err, issuer.ErrMasterKey) || iss != nil {
				t.Errorf("%v, %v; want ErrMasterKey", iss, err)
			}
			if after := must1(w.store.Keys(ctx())); !reflect.DeepEqual(after, before) {
				t.Error("the keys changed")
			}
			w.restart().next(pair.RefreshToken)
		})
	}
	// Another node made the first keys, or rotated, after this one looked.
	t.Run("a node that was faster", func(t *testing.T) {
		c := newClock()
		store := newFaults(memory.New(c.Now))
		var before []issuer.StoredKey
		store.Before("UpdateKeys", func() error {
			store.Before("UpdateKeys", nil)
			before = must1(newWorldOn(t, c, store.Store, rs256).store.Keys(ctx()))
			return nil
		})
		cfg := newWorld(t).cfg
		cfg.Store, cfg.MasterKey, cfg.Now = store, issuer.GenerateMasterKey(), c.Now
		if iss, err := issuer.New(ctx(), cfg); !errors.Is(err, issuer.ErrMasterKey) || iss != nil {
			t.Errorf("%v, %v; want ErrMasterKey", iss, err)
		}
		if after := must1(store.Keys(ctx())); !reflect.DeepEqual(after, before) {
			t.Error("the keys changed")
		}
	})
}

// A key that was put into another row does not open.
func TestKeysInOtherRows(t *testing.T) {
	for name, change := range map[string]func(keys []issuer.StoredKey){
		"swapped":           func(k []issuer.StoredKey) { k[0].Sealed, k[1].Sealed = k[1].Sealed, k[0].Sealed },
		"renamed":           func(k []issuer.StoredKey) { k[0].ID += "x"; k[1].ID = "2" },
		"no number":         func(k []issuer.StoredKey) { k[0].ID += "x"; k[1].ID = "one" },
		"another algorithm": func(k []issuer.StoredKey) { k[0].Algorithm, k[1].Algorithm = "HS512", "HS512" },
		"cut":               func(k []issuer.StoredKey) { k[0].Sealed, k[1].Sealed = k[0].Sealed[:20], k[1].Sealed[:20] },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				change(keys)
				return keys, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			before := must1(w.store.Keys(ctx()))
			if _, err := issuer.New(ctx(), w.cfg); err == nil {
				t.Error("an issuer starts on it")
			}
			if err := w.Tick(ctx()); err == nil {
				t.Error("a tick takes it over")
			}
			if after := must1(w.store.Keys(ctx())); !reflect.DeepEqual(after, before) {
				t.Error("the keys changed")
			}
			w.next(w.open("somebody").RefreshToken) // with the keys that it has
		})
	}
}

// Any number of nodes that start at once on one empty store agree on its keys.
func TestNodesThatStartAtOnce(t *testing.T) {
	places := map[string]func(c *clock) func() issuer.Store{
		"memory": func(c *clock) func() issuer.Store {
			s := memory.New(c.Now)
			return func() issuer.Store { return s }
		},
		"sqlite": func(c *clock) func() issuer.Store {
			path := filepath.Join(t.TempDir(), "jeton.db")
			return func() issuer.Store {
				s, err := sqlite.Open(ctx(), path, sqlite.Options{Now: c.Now})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				return s
			}
		},
	}
	for name, place := range places {
		for _, alg := range []jeton.Algorithm{jeton.RS256, jeton.HS256} {
			t.Run(fmt.Sprint(name, " ", alg), func(t *testing.T) {
				c := newClock()
				open := place(c)
				cfg := newWorld(t).cfg
				cfg.Now, cfg.Algorithm = c.Now, alg
				const nodes = 4
				stores := make([]issuer.Store, nodes)
				for i := range stores {
					stores[i] = open()
				}
				issuers := make([]*issuer.Issuer, nodes)
				var all sync.WaitGroup
				for i := range nodes {
					all.Go(func() {
						cfg := cfg
						cfg.Store = stores[i]
						iss, err := issuer.New(ctx(), cfg)
						if err != nil {
							t.Errorf("node %d: %v", i, err)
						}
						issuers[i] = iss
					})
				}
				all.Wait()
				if t.Failed() {
					return
				}
				if keys := must1(stores[0].Keys(ctx())); len(keys) != 2 {
					t.Errorf("%d keys, want one of each use", len(keys))
				}
				pair, err := issuers[0].OpenSession(ctx(), issuer.NewSession{ID: issuer.NewSessionID(), Subject: "somebody", ClientID: "app",
					Seed: issuer.NewSeed(), Lifetime: time.Hour, Audience: []string{"orders"}})
				if err != nil {
					t.Fatal(err)
				}
				for i, iss := range issuers {
					if !bytes.Equal(iss.Keys(), issuers[0].Keys()) {
						t.Errorf("node %d publishes other keys", i)
					}
					if _, err := iss.Verifier().Verify(ctx(), pair.AccessToken); err != nil {
						t.Errorf("node %d refuses another's access token: %v", i, err)
					}
					if _, err := iss.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: pair.RefreshToken}); err != nil {
						t.Errorf("node %d refuses another's refresh token: %v", i, err)
					}
				}
			})
		}
	}
}

// Ticks at once, of one node and of several: the newest keys win.
func TestTicksAtOnce(t *testing.T) {
	w := newWorld(t, hs256)
	pair := w.open("somebody")
	other := w.changeNow(func(c *issuer.Config) { c.Algorithm = jeton.HS384 })
	w.clock.Move(w.Overlap())
	var all sync.WaitGroup
	for range 20 {
		for _, n := range []*world{w, other} {
			all.Go(func() {
				if err := n.Tick(ctx()); err != nil {
					t.Errorf("tick: %v", err)
				}
			})
			all.Go(func() {
				if _, err := n.refresh(pair.RefreshToken); err != nil {
					t.Errorf("refresh: %v", err)
				}
			})
		}
	}
	all.Wait()
	if access, _ := w.stored(); len(access) != 1 || access[0].Algorithm != "HS384" {
		t.Errorf("the keys are %+v", access)
	}
	if n := len(slices.DeleteFunc(w.of(issuer.EventKey), func(e issuer.Event) bool { return !strings.HasSuffix(e.Detail, "is gone") })); n != 1 {
		t.Errorf("%d events tell that the key is gone, want 1", n)
	}
}

// A tick that reads old keys and is slow must not undo one that was faster.
func TestSlowTickDoesNotBringOldKeysBack(t *testing.T) {
	w := newWorld(t, hs256)
	reading, goOn := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	w.store.After("Keys", func() error {
		if calls.Add(1) == 1 {
			close(reading)
			<-goOn
		}
		return nil
	})
	slow := make(chan error)
	go func() { slow <- w.Tick(ctx()) }()
	<-reading
	// Another node changes the algorithm; this one ticks again.
	w2 := *w
	w2.cfg.Store = w.store.Store
	w2.changeNow(func(c *issuer.Config) { c.Algorithm = jeton.HS384 })
	fast := make(chan error, 1)
	go func() { fast <- w.Tick(ctx()) }()
	select {
	case err := <-fast:
		fast <- err
	case <-time.After(50 * time.Millisecond): // it waits for the slow one
	}
	close(goOn)
	if err := errors.Join(<-slow, <-fast); err != nil {
		t.Fatal(err)
	}
	if w.Algorithm() != jeton.HS384 {
		t.Errorf("signs with %s", w.Algorithm())
	}
}

func TestKeyFailures(t *testing.T) {
	for _, method := range []string{"Keys", "UpdateKeys"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			w.store.Before(method, func() error { return errDisk })
			cfg := w.cfg
			cfg.Algorithm = jeton.HS512
			if iss, err := issuer.New(ctx(), cfg); !errors.Is(err, errDisk) || iss != nil {
				t.Errorf("new: %v, %v; want the store's error", iss, err)
			}
			err := w.Tick(ctx())
			if method == "Keys" && !errors.Is(err, errDisk) {
				t.Errorf("tick: %v, want the store's error", err)
			}
			w.next(w.open("somebody").RefreshToken) // the keys are still there
		})
	}
	t.Run("context", func(t *testing.T) {
		cfg := newWorld(t).cfg
		c, cancel := context.WithCancel(ctx())
		cancel()
		if iss, err := issuer.New(c, cfg); !errors.Is(err, context.Canceled) || iss != nil {
			t.Errorf("%v, %v", iss, err)
		}
	})
}

func TestExportHMACKey(t *testing.T) {
	w := newWorld(t, hs256)
	text, err := issuer.ExportHMACKey(ctx(), w.store, master)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.ParsePrivate(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: testIssuer, Audience: "orders", Type: "at+jwt", Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(ctx(), w.open("somebody").AccessToken); err != nil {
		t.Errorf("a verifier that was given the secret: %v", err)
	}

	if _, err := issuer.ExportHMACKey(ctx(), w.store, issuer.GenerateMasterKey()); !errors.Is(err, issuer.ErrMasterKey) {
		t.Errorf("another master key: %v", err)
	}
	if _, err := issuer.ExportHMACKey(ctx(), w.store, issuer.MasterKey{}); !errors.Is(err, issuer.ErrMasterKey) {
		t.Errorf("no master key: %v", err)
	}
	if _, err := issuer.ExportHMACKey(ctx(), newWorld(t, rs256).store, master); !errors.Is(err, issuer.ErrConfig) {
		t.Errorf("RS256: %v", err)
	}
	if _, err := issuer.ExportHMACKey(ctx(), memory.New(w.clock.Now), master); !errors.Is(err, issuer.ErrNotFound) {
		t.Errorf("an empty store: %v", err)
	}
	w.store.Before("Keys", func() error { return errDisk })
	if _, err := issuer.ExportHMACKey(ctx(), w.store, master); !errors.Is(err, errDisk) {
		t.Errorf("a store that fails: %v", err)
	}
}
