package issuer_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

func (w *world) keyring() *issuer.Keyring { return issuer.NewKeyring(w.store.Store, master) }

func es256(c *issuer.Config) { c.Algorithm = jeton.ES256 }

// verifies tells whether an API with a copy of the keys takes a token.
func (w *world) verifies(keys published, token string) error {
	w.t.Helper()
	v, err := jeton.NewVerifier(keys, jeton.Policy{Issuer: testIssuer, Audience: "orders", Type: "at+jwt", Leeway: issuer.Leeway, Now: w.clock.Now})
	if err != nil {
		w.t.Fatalf("make a verifier: %v", err)
	}
	_, err = v.Verify(ctx(), token)
	return err
}

// The worst case: a copy of the set, from a node that was as late as it may be,
// kept for as long as it may be.
func TestANextKeySignsWhenTheOldestCopyHasIt(t *testing.T) {
	late := newWorld(t, es256)
	w := late.restart(func(c *issuer.Config) { c.Algorithm = jeton.Ed25519 })
	w.clock.Move(issuer.TickWithin - time.Microsecond)
	old := late.published()
	for _, pass := range []time.Duration{late.KeysMaxAge(), 0} {
		w.clock.Move(pass)
		w.tick()
		if err := w.verifies(old, w.open("somebody").AccessToken); err != nil {
			t.Errorf("rule: no honest token is refused; with the oldest copy: %v", err)
		}
	}
}

func TestKeysRotateByThemselves(t *testing.T) {
	const period = 24 * time.Hour
	w := newWorld(t, es256, func(c *issuer.Config) { c.KeyPeriod = period })
	first := *w.byState(issuer.KeyActive)
	w.clock.Move(period - issuer.KeyLead - time.Microsecond)
	w.tick()
	if w.byState(issuer.KeyNext) != nil {
		t.Fatal("a key is next too early")
	}
	w.clock.Move(time.Microsecond)
	w.tick()
	next := w.byState(issuer.KeyNext)
	if next == nil || next.Algorithm != "ES256" || !next.ActiveAt.Equal(first.RetiredAt) {
		t.Fatalf("the next key is %+v, planned was %v", next, first.RetiredAt)
	}
	w.setPublishedEC(first.ID, next.ID)
	w.clock.Move(issuer.KeyLead)
	w.tick()
	second := w.byState(issuer.KeyActive)
	if second.ID != next.ID || !second.RetiredAt.Equal(w.clock.Now().Add(period)) {
		t.Fatalf("the active key is %+v", second)
	}
	// A service that was off for long gives verifiers the same time.
	w.clock.Move(10 * period)
	w.tick()
	if got := w.byState(issuer.KeyActive); got.ID != second.ID {
		t.Error("the key changed before verifiers can know the next one")
	}
	third := w.byState(issuer.KeyNext)
	if third == nil || !third.ActiveAt.Equal(w.clock.Now().Add(issuer.KeyLead)) {
		t.Fatalf("the next key is %+v", third)
	}
}

func (w *world) setPublishedEC(ids ...string) {
	w.t.Helper()
	var got []string
	for _, k := range w.published() {
		got = append(got, k.ID())
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		w.t.Errorf("published are %v, want %v", got, ids)
	}
}

// A node that starts with another period changes the plan; one that ticks does
// not, whatever its own.
func TestThePeriodIsThatOfTheNodeThatStartedLast(t *testing.T) {
	a := newWorld(t, es256, func(c *issuer.Config) { c.KeyPeriod = 24 * time.Hour })
	key := *a.byState(issuer.KeyActive)
	a.restart(func(c *issuer.Config) { c.KeyPeriod = issuer.NoRotation })
	a.tick()
	if got := a.byState(issuer.KeyActive); !got.RetiredAt.IsZero() {
		t.Errorf("planned is %v", got.RetiredAt)
	}
	a.clock.Move(1000 * time.Hour)
	a.tick()
	if got := a.byState(issuer.KeyActive); got.ID != key.ID || a.byState(issuer.KeyNext) != nil {
		t.Error("it rotates all the same")
	}
}

// Of two nodes, the one whose tokens live longer decides how long a retired key
// stays, whoever ticks first.
func TestARetiredKeyStaysForTheLongestLife(t *testing.T) {
	short := newWorld(t, es256, func(c *issuer.Config) { c.AccessTTL = time.Minute })
	long := short.restart(func(c *issuer.Config) { c.AccessTTL = time.Hour })
	token := long.open("somebody").AccessToken
	must1ok(t)(short.keyring().Rotate(ctx(), issuer.UseAccess, "", true))
	short.tick()
	long.tick()
	short.clock.Move(time.Hour + issuer.Leeway - time.Second)
	short.tick()
	if err := short.verifies(short.published(), token); err != nil {
		t.Errorf("a second before it expires everywhere: %v", err)
	}
	short.clock.Move(24 * time.Hour)
	short.tick()
	if n := len(short.published()); n != 1 {
		t.Errorf("%d keys are published", n)
	}
}

func must1ok(t *testing.T) func([]string, error) []string {
	return func(changes []string, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
}

// The refresh key rotates on command. Every node knows the new one before it is
// used, and old tokens are good for as long as they would have been.
func TestRotationOfTheRefreshKey(t *testing.T) {
	w := newWorld(t)
	other := w.restart()
	old := w.open("somebody").RefreshToken
	must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseRefresh, "", false))
	w.clock.Move(issuer.TickWithin)
	w.tick()
	other.tick()
	if number := refreshKeyOf(t, w.open("somebody").RefreshToken); number != 1 {
		t.Errorf("a key that is next makes tokens: number %d", number)
	}
	w.clock.Move(issuer.KeyLead)
	w.tick() // and the other not yet
	pair := w.open("somebody")
	if number := refreshKeyOf(t, pair.RefreshToken); number != 2 {
		t.Errorf("key number %d", number)
	}
	other.next(pair.RefreshToken)
	w.clock.Move(6 * 24 * time.Hour)
	w.tick()
	other.tick()
	if number := refreshKeyOf(t, w.next(old).RefreshToken); number != 2 {
		t.Errorf("the old token's successor is of key %d", number)
	}
	w.clock.Move(30 * 24 * time.Hour)
	w.tick()
	if _, refresh := w.stored(); len(refresh) != 1 || refresh[0].ID != "2" {
		t.Errorf("the refresh keys are %d", len(refresh))
	}
}

func refreshKeyOf(t *testing.T, token string) byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, issuer.RefreshTokenPrefix))
	if err != nil {
		t.Fatal(err)
	}
	return raw[1]
}

func TestRotateOnCommand(t *testing.T) {
	w := newWorld(t, es256)
	first := *w.byState(issuer.KeyActive)
	changes := must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, "", false))
	next := w.byState(issuer.KeyNext)
	if next == nil || next.Algorithm != "ES256" || !next.ActiveAt.Equal(w.clock.Now().Add(issuer.KeyLead)) {
		t.Fatalf("the next key is %+v", next)
	}
	if len(changes) != 1 || !strings.Contains(changes[0], next.ID+" is next, and signs from ") {
		t.Errorf("it says %q", changes)
	}
	// Once more changes nothing; with another algorithm it is another key.
	must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, jeton.ES256, false))
	if got := w.byState(issuer.KeyNext); got.ID != next.ID {
		t.Error("a second key is next")
	}
	must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, jeton.HS256, false))
	if got := w.byState(issuer.KeyNext); got.ID == next.ID || got.Algorithm != "HS256" {
		t.Errorf("the next key is %+v", got)
	}
	next = w.byState(issuer.KeyNext)
	must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, jeton.HS256, true))
	active := w.byState(issuer.KeyActive)
	if active.ID != next.ID || !active.RetiredAt.Equal(w.clock.Now().Add(30*24*time.Hour)) {
		t.Errorf("the active key is %+v", active)
	}
	if got := w.byState(issuer.KeyRetiring); got.ID != first.ID {
		t.Errorf("the retiring key is %+v", got)
	}
	w.tick()
	if w.Algorithm() != jeton.HS256 {
		t.Errorf("it signs with %s", w.Algorithm())
	}
}

// A planned rotation that is far off is brought forward.
func TestRotateBringsThePlanForward(t *testing.T) {
	w := newWorld(t, es256, func(c *issuer.Config) { c.KeyPeriod = time.Hour })
	w.clock.Move(time.Hour - issuer.KeyLead)
	w.tick()
	next := *w.byState(issuer.KeyNext)
	err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		for i := range keys {
			if keys[i].ID == next.ID {
				keys[i].ActiveAt = keys[i].ActiveAt.Add(time.Hour)
			}
		}
		return keys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, "", false))
	if got := w.byState(issuer.KeyNext); got.ID != next.ID || !got.ActiveAt.Equal(w.clock.Now().Add(issuer.KeyLead)) {
		t.Errorf("the next key is %+v", got)
	}
}

func TestRetireOnCommand(t *testing.T) {
	w := newWorld(t, es256)
	first := *w.byState(issuer.KeyActive)
	ring := w.keyring()
	refused := func(id string, want error, text string) {
		t.Helper()
		before := must1(w.store.Keys(ctx()))
		_, err := ring.Retire(ctx(), id, false)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
			t.Errorf("the error is %v, want %q", err, text)
		}
		if after := must1(w.store.Keys(ctx())); len(after) != len(before) {
			t.Error("the keys changed")
		}
	}
	refused("unknown", issuer.ErrNotFound, "no such key")
	refused(first.ID, issuer.ErrConfig, "rotate first")
	must1ok(t)(ring.Rotate(ctx(), issuer.UseAccess, "", false))
	next := *w.byState(issuer.KeyNext)
	refused(first.ID, issuer.ErrConfig, "wait, or do it at once")
	must1ok(t)(ring.Retire(ctx(), next.ID, false)) // it never signed
	if w.byState(issuer.KeyNext) != nil {
		t.Error("the next key is still there")
	}
	must1ok(t)(ring.Rotate(ctx(), issuer.UseAccess, "", false))
	w.clock.Move(issuer.KeyLead)
	next = *w.byState(issuer.KeyNext)
	must1ok(t)(ring.Retire(ctx(), first.ID, false))
	if got := w.byState(issuer.KeyActive); got.ID != next.ID {
		t.Errorf("the active key is %+v", got)
	}
	refused(first.ID, issuer.ErrConfig, "retires already")
}

// A key that fell into wrong hands: with it go the tokens that it signed, and no
// others, and the service goes on.
func TestRevokeAKey(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"without a next key": func(*world) {},
		"with a next key":    func(w *world) { must(w.keyring().Rotate(ctx(), issuer.UseAccess, "", false)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, es256)
			w.open("somebody")
			must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, "", true))
			w.tick()
			older := *w.byState(issuer.KeyRetiring)
			prepare(w)
			bad, pair := *w.byState(issuer.KeyActive), w.open("somebody")
			must1ok(t)(w.keyring().Revoke(ctx(), bad.ID))
			w.tick()
			if _, err := w.Verifier().Verify(ctx(), pair.AccessToken); !errors.Is(err, jeton.ErrUnknownKey) {
				t.Errorf("a token of the revoked key: %v", err)
			}
			access, _ := w.stored()
			var ids []string
			for _, k := range access {
				ids = append(ids, k.ID)
			}
			if slices.Contains(ids, bad.ID) || !slices.Contains(ids, older.ID) || len(ids) != 2 {
				t.Errorf("the keys are %v, revoked was %v", ids, bad.ID)
			}
			w.setPublishedEC(ids...)
			w.clock.Move(grace)
			fresh := w.next(pair.RefreshToken)
			if err := w.verifies(w.published(), fresh.AccessToken); err != nil {
				t.Errorf("a fresh token: %v", err)
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		if _, err := newWorld(t).keyring().Revoke(ctx(), "unknown"); !errors.Is(err, issuer.ErrNotFound) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a refresh key", func(t *testing.T) {
		w := newWorld(t)
		pair := w.open("somebody")
		must1ok(t)(w.keyring().Revoke(ctx(), "1"))
		w.tick()
		if _, err := w.refresh(pair.RefreshToken); !errors.Is(err, issuer.ErrInvalidGrant) {
			t.Errorf("a refresh token of the revoked key: %v", err)
		}
		w.next(w.open("somebody").RefreshToken)
	})
}

func TestKeyringRefuses(t *testing.T) {
	w := newWorld(t, es256)
	before := must1(w.store.Keys(ctx()))
	wrong := issuer.NewKeyring(w.store.Store, issuer.GenerateMasterKey())
	for name, do := range map[string]func(*issuer.Keyring) error{
		"rotate": func(r *issuer.Keyring) error { _, err := r.Rotate(ctx(), issuer.UseAccess, "", true); return err },
		"retire": func(r *issuer.Keyring) error { _, err := r.Retire(ctx(), before[0].ID, true); return err },
		"revoke": func(r *issuer.Keyring) error { _, err := r.Revoke(ctx(), before[0].ID); return err },
	} {
		if err := do(wrong); !errors.Is(err, issuer.ErrMasterKey) {
			t.Errorf("%s with a wrong master key: %v", name, err)
		}
	}
	for name, do := range map[string]func() ([]string, error){
		"an unknown use":                 func() ([]string, error) { return w.keyring().Rotate(ctx(), "x", "", false) },
		"an unknown algorithm":           func() ([]string, error) { return w.keyring().Rotate(ctx(), issuer.UseAccess, "none", false) },
		"an algorithm for a refresh key": func() ([]string, error) { return w.keyring().Rotate(ctx(), issuer.UseRefresh, "HS256", false) },
		"a store that no service has used": func() ([]string, error) {
			return issuer.NewKeyring(memory.New(newClock().Now), master).Rotate(ctx(), issuer.UseAccess, "", false)
		},
	} {
		if _, err := do(); !errors.Is(err, issuer.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := must1(w.store.Keys(ctx())); len(after) != len(before) {
		t.Error("the keys changed")
	}
}

// The numbers of refresh keys go round.
func TestRefreshKeyNumbersGoRound(t *testing.T) {
	w := newWorld(t)
	for range 300 {
		must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseRefresh, "", true))
		w.clock.Move(31 * 24 * time.Hour)
		w.tick()
	}
	w.next(w.open("somebody").RefreshToken)
}

// A verifier that begins to follow the feed hours after a key was revoked may
// have a copy of the key: it is told all the same.
func TestARevokedKeyStaysInTheLogForAsLongAsCopiesOfIt(t *testing.T) {
	w := newWorld(t, es256)
	bad := w.byState(issuer.KeyActive).ID
	must1ok(t)(w.keyring().Revoke(ctx(), bad))
	logged := func() bool {
		entries, _, _, err := w.store.Store.Revocations(ctx(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(entries, func(e issuer.Entry) bool { return e.Kind == issuer.EntryKey && e.Value == bad })
	}
	w.clock.Move(24 * time.Hour)
	must(w.Prune(ctx(), 0))
	if !logged() {
		t.Error("rule: a revoked key is told of while a verifier may have a copy of it")
	}
	w.clock.Move(time.Hour)
	must(w.Prune(ctx(), 0))
	if logged() {
		t.Error("the entry stays for ever")
	}
}

// A command line would take such an id for a flag.
func TestNoKeyIDBeginsWithADash(t *testing.T) {
	w := newWorld(t)
	for range 400 {
		must1ok(t)(w.keyring().Rotate(ctx(), issuer.UseAccess, "", true))
		access, _ := w.stored()
		for _, k := range access {
			if strings.HasPrefix(k.ID, "-") {
				t.Fatalf("a key has the id %s", k.ID)
			}
		}
		w.clock.Move(time.Hour)
		w.tick()
	}
}
