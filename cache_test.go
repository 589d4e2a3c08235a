package jeton_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// cacheFixture is a verifier with a cache, whose clock, key set and revocations
// the test changes.
type cacheFixture struct {
	now     time.Time
	key     *jeton.VerifyingKey // what the key set answers; nil: unknown
	lookups int
	down    error // what the key set answers beside the key
	revoked error
}

func (f *cacheFixture) FindKey(context.Context, jeton.Header) (*jeton.VerifyingKey, error) {
	f.lookups++
	if f.key == nil {
		return nil, jeton.ErrUnknownKey
	}
	return f.key, f.down
}

func (f *cacheFixture) CheckRevoked(context.Context, *jeton.Verified) error { return f.revoked }

func newCacheFixture(t *testing.T, entries int) (*cacheFixture, *jeton.Verifier, *jeton.SigningKey) {
	t.Helper()
	key := must(jeton.GenerateKey(jeton.ES256))(t)
	f := &cacheFixture{now: now, key: key.Public()}
	v := testVerifier(t, f, func(p *jeton.Policy) {
		p.CacheEntries = entries
		p.Now = func() time.Time { return f.now }
		p.Revocations = f
	})
	return f, v, key
}

func signed(t testing.TB, key *jeton.SigningKey, id string) string {
	t.Helper()
	c := goodClaims()
	c.ID = id
	return must(must(jeton.NewSigner(key))(t).Sign(c))(t)
}

func TestCacheRemembersAToken(t *testing.T) {
	_, v, key := newCacheFixture(t, 8)
	token := signed(t, key, "1")
	first := must(v.Verify(context.Background(), token))(t)
	if again := must(v.Verify(context.Background(), token))(t); again != first {
		t.Error("the second time the token was verified anew")
	}
	if other := must(v.Verify(context.Background(), signed(t, key, "2")))(t); other == first || other.ID() != "2" {
		t.Error("another token got the first one's claims")
	}
	none := testVerifier(t, key.Public())
	one := must(none.Verify(context.Background(), token))(t)
	if two := must(none.Verify(context.Background(), token))(t); one == two {
		t.Error("without CacheEntries there is a cache all the same")
	}
}

// A26: nothing outlives its expiry, its key or its revocation.
func TestCacheAsksWhatMayHaveChanged(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*testing.T, *cacheFixture)
		want   error
	}{
		{"A26 expired", func(_ *testing.T, f *cacheFixture) { f.now = f.now.Add(time.Hour) }, jeton.ErrExpired},
		{"A26 a clock that went back", func(_ *testing.T, f *cacheFixture) { f.now = time.Unix(1, 0) }, nil},
		{"A26 key removed", func(_ *testing.T, f *cacheFixture) { f.key = nil }, jeton.ErrUnknownKey},
		{"A26 a key set that can't tell", func(_ *testing.T, f *cacheFixture) { f.down = jeton.ErrKeysUnavailable }, jeton.ErrKeysUnavailable},
		{"A26 another key of the same id", func(t *testing.T, f *cacheFixture) {
			f.key = must(jeton.GenerateKey(jeton.ES256, jeton.KeyID(f.key.ID())))(t).Public()
		}, jeton.ErrSignature},
		{"A26 a key of another algorithm", func(t *testing.T, f *cacheFixture) {
			f.key = must(jeton.GenerateKey(jeton.HS256))(t).Public()
		}, jeton.ErrAlgorithmMismatch},
		{"A26 revoked", func(_ *testing.T, f *cacheFixture) { f.revoked = jeton.ErrRevoked }, jeton.ErrRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, v, key := newCacheFixture(t, 8)
			token := signed(t, key, "1")
			first := must(v.Verify(context.Background(), token))(t)
			before := *f
			c.change(t, f)
			for range 2 {
				got, err := v.Verify(context.Background(), token)
				if !errors.Is(err, c.want) || (err == nil) != (got != nil) {
					t.Fatalf("%v, %v; want %v", got, err, c.want)
				}
			}
			// And it was forgotten: what comes back is looked at anew.
			*f = before
			again := must(v.Verify(context.Background(), token))(t)
			if c.want != nil && again == first {
				t.Error("the entry was still there")
			}
		})
	}
}

func TestCacheIsKeyedByTheWholeToken(t *testing.T) {
	_, v, key := newCacheFixture(t, 8)
	token := signed(t, key, "1")
	must(v.Verify(context.Background(), token))(t)
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if _, err := v.Verify(context.Background(), string(changed)); err == nil {
			t.Fatalf("a token with character %d changed is accepted", i)
		}
	}
	for _, other := range []string{token + "A", token + "=", token + "\n", " " + token, token[:len(token)-1], token + "." + token} {
		if _, err := v.Verify(context.Background(), other); err == nil {
			t.Errorf("%q is accepted", other)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	_, v, key := newCacheFixture(t, 8)
	const tokens = 200
	for i := range tokens {
		must(v.Verify(context.Background(), signed(t, key, fmt.Sprint(i))))(t)
	}
	last := signed(t, key, "last")
	first := must(v.Verify(context.Background(), last))(t)
	if must(v.Verify(context.Background(), last))(t) != first {
		t.Error("the token verified last was not kept")
	}
	for _, entries := range []int{-1, 1<<24 + 1} {
		p := testPolicy()
		p.CacheEntries = entries
		if _, err := jeton.NewVerifier(key.Public(), p); !errors.Is(err, jeton.ErrInvalidPolicy) {
			t.Errorf("CacheEntries %d: %v", entries, err)
		}
	}
}

func TestCacheMayBeUsedFromManyGoroutines(t *testing.T) {
	key := must(jeton.GenerateKey(jeton.HS256))(t)
	v := testVerifier(t, key.Public(), func(p *jeton.Policy) { p.CacheEntries = 4 })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				id := fmt.Sprint((i + n) % 10)
				if got, err := v.Verify(context.Background(), signed(t, key, id)); err != nil || got.ID() != id {
					t.Errorf("token %s: %v, %v", id, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCacheHitAllocatesNothing(t *testing.T) {
	key := must(jeton.GenerateKey(jeton.ES256))(t)
	v := testVerifier(t, key.Public(), func(p *jeton.Policy) { p.CacheEntries = 8 })
	token := signed(t, key, "1")
	must(v.Verify(context.Background(), token))(t)
	if n := testing.AllocsPerRun(100, func() { _, _ = v.Verify(context.Background(), token) }); n >= 1 {
		t.Errorf("%.1f allocations", n)
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	key := must(jeton.GenerateKey(jeton.RS256))(b)
	v := testVerifier(b, key.Public(), func(p *jeton.Policy) { p.CacheEntries = 1000 })
	token := must(must(jeton.NewSigner(key))(b).Sign(benchClaims()))(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Verify(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
