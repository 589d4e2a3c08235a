//go:build !race

package jeton_test

import (
	"context"
	"testing"

	"github.com/jeton-go/jeton"
)

// The race detector makes sync.Pool forget, so it is not for counting.

// Some tokens share an allocation, so that each takes less than one.
func TestTypedClaimsTakeLessThanOneAllocation(t *testing.T) {
	key := hmacKey(t)
	c := benchClaims()
	c.Roles = []string{"buyer", "approver"}
	token := must(must(jeton.NewSigner(key))(t).Sign(&c))(t)
	for name, want := range map[string]float64{"plain": 0, "cached": 0} {
		v := testVerifier(t, key.Public(), func(p *jeton.Policy) {
			if name == "cached" {
				p.CacheEntries = 8
			}
		})
		got := testing.AllocsPerRun(1000, func() {
			if back, err := jeton.VerifyAs[jeton.AccessClaims](context.Background(), v, token); err != nil || len(back.Roles) != 2 {
				t.Fatal(err)
			}
		})
		if got > want {
			t.Errorf("%s: %.0f allocations, want %.0f", name, got, want)
		}
	}
}

func TestSigningIntoABufferAllocatesNothing(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t)))(t)
	c := benchClaims()
	c.Roles = []string{"buyer", "approver"}
	var buffer []byte
	got := testing.AllocsPerRun(1000, func() {
		var err error
		if buffer, err = signer.AppendSign(buffer[:0], &c); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("%.0f allocations", got)
	}
}
