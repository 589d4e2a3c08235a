package jeton_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// Rows of docs/threats.md that no table of refusals has.

// A5: each issuer's keys are a set of their own. One that gives its key the id of
// another's signs nothing in the other's name.
func TestOneKeyIDAtTwoIssuers(t *testing.T) {
	issuer := func(name string) (*jeton.Signer, *jeton.Verifier, jeton.Claims) {
		key := must(jeton.GenerateKey(jeton.ES256, jeton.KeyID("key-1")))(t)
		v := testVerifier(t, key.Public(), func(p *jeton.Policy) { p.Issuer, p.CacheEntries = name, 8 })
		c := goodClaims()
		c.Issuer = name
		return must(jeton.NewSigner(key))(t), v, c
	}
	ours, ourVerifier, ourClaims := issuer("https://ours.example")
	theirs, theirVerifier, theirClaims := issuer("https://theirs.example")

	// Both caches know their own token before they see the other's.
	must(ourVerifier.Verify(context.Background(), must(ours.Sign(ourClaims))(t)))(t)
	must(theirVerifier.Verify(context.Background(), must(theirs.Sign(theirClaims))(t)))(t)
	t.Run("A5 their token", func(t *testing.T) {
		refusedBy(t, ourVerifier, must(theirs.Sign(theirClaims))(t), jeton.ErrSignature)
	})
	t.Run("A5 their token with our issuer", func(t *testing.T) {
		refusedBy(t, ourVerifier, must(theirs.Sign(ourClaims))(t), jeton.ErrSignature)
	})
	t.Run("A15 our token with their issuer", func(t *testing.T) {
		refusedBy(t, ourVerifier, must(ours.Sign(theirClaims))(t), jeton.ErrIssuer)
	})
}

// A27: whichever check fails, there is no claim beside the error, on no way to
// verify. (refusedBy asks them all, in every table of refusals.)
func TestClaimsNeverComeBesideAnError(t *testing.T) {
	good := forge(goodHeader, goodPayload)
	v := testVerifier(t, hmacKey(t).Public())
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"A27 the signature": {good[:len(good)-4] + "AAAA", jeton.ErrSignature},
		"A27 the key":       {forge(`{"alg":"HS512","typ":"JWT"}`, goodPayload), jeton.ErrAlgorithmMismatch},
		"A27 a claim":       {forge(goodHeader, claims("nbf", `"x"`)), jeton.ErrClaimType},
		"A27 the policy":    {forge(goodHeader, claims("exp", "1")), jeton.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) { refusedBy(t, v, c.token, c.want) })
	}
	if _, ok := new(jeton.Verified).Claim("sub"); ok || new(jeton.Verified).Subject() != "" {
		t.Error("A27 a Verified that no verifier made has claims")
	}
}

// A26: a verdict is not kept unless the policy says so, and an entry ends with its
// token to the second.
func TestACachedVerdictEndsWithItsToken(t *testing.T) {
	f, v, key := newCacheFixture(t, 8)
	token := signed(t, key, "1")
	end := now.Add(5*time.Minute + 30*time.Second) // exp and the leeway
	for _, c := range []struct {
		name string
		at   time.Time
		want error
	}{
		{"A26 when it is made", now, nil},
		{"A26 a nanosecond before its end", end.Add(-1), nil},
		{"A26 at its end", end, jeton.ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.now = c.at
			if got, err := v.Verify(context.Background(), token); !errors.Is(err, c.want) || (got == nil) != (err != nil) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// A29: the number that an ECDSA signature must never use twice is drawn by
// crypto/ecdsa anew for each signature, whatever is signed. The first half of a
// signature depends on it alone.
func TestECDSASignaturesShareNoNonce(t *testing.T) {
	for _, alg := range []jeton.Algorithm{jeton.ES256, jeton.ES384, jeton.ES512} {
		t.Run("A29 "+string(alg), func(t *testing.T) {
			signer := must(jeton.NewSigner(must(jeton.GenerateKey(alg))(t)))(t)
			seen := map[string]bool{}
			for range 50 {
				token := must(signer.Sign(goodClaims()))(t)
				signature := unb64(token[strings.LastIndexByte(token, '.')+1:])
				r := string(signature[:len(signature)/2])
				if seen[r] {
					t.Fatal("two signatures with one nonce: they give the key away")
				}
				seen[r] = true
			}
		})
	}
}

// A29: whoever swaps the process's source of random numbers for a constant one
// still gets no nonce twice for two texts.
func TestECDSANoncesDoNotHangOnOneSource(t *testing.T) {
	source := rand.Reader
	t.Cleanup(func() { rand.Reader = source })
	signer := must(jeton.NewSigner(must(jeton.GenerateKey(jeton.ES256))(t)))(t)
	rand.Reader = zeros{}
	seen := map[[sha256.Size]byte]bool{}
	for _, id := range []string{"1", "2", "3", "4"} {
		c := goodClaims()
		c.ID = id
		token := must(signer.Sign(c))(t)
		signature := unb64(token[strings.LastIndexByte(token, '.')+1:])
		r := sha256.Sum256(signature[:len(signature)/2])
		if seen[r] {
			t.Fatal("A29 two texts were signed with one nonce")
		}
		seen[r] = true
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

var _ io.Reader = zeros{}
