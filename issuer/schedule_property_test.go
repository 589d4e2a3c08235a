package issuer_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// The property that the key schedule is built for, checked from outside. Several
// nodes share a store, tick as late as they may and are restarted with other
// algorithms; operators rotate in between. Verifiers keep copies of the key set
// for as long as its headers allow, never look for an unknown key, and their
// clocks are apart from the issuer's.
//
//   - No honest token that has not expired is ever refused.
//   - Nobody signs with a key that retired, once every node has ticked.
//   - A key that is gone is in no verifier's hands when its copy must be renewed.
func TestKeyScheduleRefusesNoHonestToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { newKeyWorld(t).play() })
}

type keyWorld struct {
	*rapid.T
	clock     *clock
	nodes     []*keyNode
	verifiers []*keyVerifier
	tokens    []honest
	gone      map[string]time.Time // access keys that were seen and left the store
	seen      map[string]bool
}

type keyNode struct {
	*world
	ticked time.Time
}

// keyVerifier trusts a copy of the published set.
type keyVerifier struct {
	skew    time.Duration
	fetched time.Time
	maxAge  time.Duration
	keys    published
	from    *keyNode
}

// honest is a token that a node signed.
type honest struct {
	token  string
	key    *jeton.VerifyingKey
	expiry time.Time
}

var pauses = []time.Duration{0, time.Second, 7 * time.Second, issuer.TickWithin - time.Microsecond, issuer.TickWithin}

var keyAlgorithms = []jeton.Algorithm{jeton.Ed25519, jeton.ES256, jeton.HS256}

func newKeyWorld(t *rapid.T) *keyWorld {
	w := &keyWorld{T: t, clock: newClock(), gone: map[string]time.Time{}, seen: map[string]bool{}}
	store := memory.New(w.clock.Now)
	ttl := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute})
	period := rapid.SampledFrom([]time.Duration{issuer.NoRotation, time.Hour, 90 * time.Minute})
	for range rapid.IntRange(1, 3).Draw(t, "nodes") {
		node := newWorldOn(t, w.clock, store, func(c *issuer.Config) {
			c.Algorithm = rapid.SampledFrom(keyAlgorithms).Draw(t, "algorithm")
			c.AccessTTL = ttl.Draw(t, "access TTL")
			c.KeyPeriod = period.Draw(t, "period")
		})
		w.nodes = append(w.nodes, &keyNode{node, w.clock.Now()})
	}
	for range 3 {
		skew := time.Duration(rapid.Int64Range(-int64(issuer.Leeway), int64(issuer.Leeway)).Draw(t, "skew"))
		w.verifiers = append(w.verifiers, &keyVerifier{skew: skew})
	}
	return w
}

func (w *keyWorld) play() {
	steps := rapid.IntRange(20, 60).Draw(w.T, "steps")
	for range steps {
		w.pass(rapid.SampledFrom(pauses).Draw(w.T, "pause"))
		node := w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(w.T, "node")]
		switch rapid.IntRange(0, 19).Draw(w.T, "what") {
		case 0:
			again := node.restart(func(c *issuer.Config) {
				c.Algorithm = rapid.SampledFrom(keyAlgorithms).Draw(w.T, "algorithm")
			})
			*node = keyNode{again, w.clock.Now()}
		case 1:
			ring := issuer.NewKeyring(node.store.Store, master)
			if _, err := ring.Rotate(ctx(), issuer.UseAccess, "", false); err != nil {
				w.Fatalf("rotate: %v", err)
			}
		case 2:
			ring := issuer.NewKeyring(node.store.Store, master)
			if _, err := ring.Rotate(ctx(), issuer.UseRefresh, "", false); err != nil {
				w.Fatalf("rotate: %v", err)
			}
		case 3, 4:
			w.tick(node)
		}
		w.sign(node)
		w.verify()
	}
}

// pass lets time pass. No node misses its tick.
func (w *keyWorld) pass(d time.Duration) {
	end := w.clock.Now().Add(d)
	for {
		late := (*keyNode)(nil)
		for _, n := range w.nodes {
			if due := n.ticked.Add(issuer.TickWithin); !due.After(end) && (late == nil || due.Before(late.ticked.Add(issuer.TickWithin))) {
				late = n
			}
		}
		if late == nil {
			break
		}
		w.clock.Move(late.ticked.Add(issuer.TickWithin).Sub(w.clock.Now()))
		w.tick(late)
	}
	w.clock.Move(end.Sub(w.clock.Now()))
}

func (w *keyWorld) tick(n *keyNode) {
	if err := n.Tick(ctx()); err != nil {
		w.Fatalf("tick: %v", err)
	}
	n.ticked = w.clock.Now()
	stored := map[string]bool{}
	access, _ := n.stored()
	for _, k := range access {
		stored[k.ID], w.seen[k.ID] = true, true
	}
	for id := range w.seen {
		if _, known := w.gone[id]; !stored[id] && !known {
			w.gone[id] = w.clock.Now()
		}
	}
}

func (w *keyWorld) sign(n *keyNode) {
	pair := n.open("somebody")
	v, err := n.Verifier().Verify(ctx(), pair.AccessToken)
	if err != nil {
		w.Fatalf("a node refuses its own token: %v", err)
	}
	id := v.Key().ID()
	w.tokens = append(w.tokens, honest{pair.AccessToken, v.Key(), v.ExpiresAt().Time()})
	if len(w.tokens) > 6 {
		w.tokens = w.tokens[1:]
	}
	access, _ := n.stored()
	for _, k := range access {
		if k.ID == id && k.State == issuer.KeyNext {
			w.Fatalf("a key signs that is next")
		}
		if k.ID == id && k.State == issuer.KeyRetiring && w.clock.Now().Sub(k.RetiredAt) > issuer.TickWithin {
			w.Fatalf("a key signs %v after it retired", w.clock.Now().Sub(k.RetiredAt))
		}
	}
	// Every node takes every node's refresh token.
	for _, other := range w.nodes {
		if _, err := other.refresh(pair.RefreshToken); err != nil {
			w.Fatalf("a node refuses a refresh token of another: %v", err)
		}
	}
}

func (w *keyWorld) verify() {
	now := w.clock.Now()
	for i, v := range w.verifiers {
		if v.from == nil || now.Sub(v.fetched) > v.maxAge || rapid.IntRange(0, 9).Draw(w.T, "fetch early") == 0 {
			n := w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(w.T, "fetch from")]
			*v = keyVerifier{v.skew, now, n.KeysMaxAge(), n.published(), n}
		}
		for _, k := range v.keys {
			if at, gone := w.gone[k.ID()]; gone && now.Sub(at) > issuer.TickWithin+v.maxAge {
				w.Fatalf("a verifier has a key %v after it is gone", now.Sub(at))
			}
		}
		verifier, err := jeton.NewVerifier(v.keys, jeton.Policy{Issuer: testIssuer, Audience: "orders", Type: issuer.AccessTokenType,
			Leeway: issuer.Leeway, Now: func() time.Time { return now.Add(v.skew) }})
		if err != nil {
			w.Fatal(err)
		}
		for _, h := range w.tokens {
			if h.key.Algorithm().Symmetric() || !now.Add(v.skew).Before(h.expiry.Add(issuer.Leeway)) {
				continue // a secret is not published
			}
			if _, err := verifier.Verify(ctx(), h.token); err != nil {
				w.Fatalf("verifier %d, whose clock is %v ahead and whose copy of the keys is %v old, refuses an honest token: %v",
					i, v.skew, now.Sub(v.fetched), err)
			}
		}
	}
	for _, h := range w.tokens {
		for i, n := range w.nodes {
			if _, err := n.Verifier().Verify(ctx(), h.token); err != nil && now.Before(h.expiry.Add(issuer.Leeway)) {
				w.Fatalf("node %d refuses an honest token: %v", i, err)
			}
		}
	}
}
