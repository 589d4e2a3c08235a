//go:build go1.27

package jwk

import (
	"crypto/mldsa"
	"testing"
)

func TestAnEmptyMLDSAKeyHasNoType(t *testing.T) {
	key, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []any{key, key.PublicKey()} {
		if kt := keyTypeFor(k); kt == nil || kt.name != "AKP" {
			t.Errorf("%T has another type", k)
		}
	}
	for _, k := range []any{&mldsa.PublicKey{}, &mldsa.PrivateKey{}, (*mldsa.PublicKey)(nil), (*mldsa.PrivateKey)(nil)} {
		if kt := keyTypeFor(k); kt != nil {
			t.Errorf("%T is a key of %s", k, kt.name)
		}
	}
}
