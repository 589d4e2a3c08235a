//go:build !go1.27

package jeton_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

func TestMLDSAIsUnsupportedBeforeGo127(t *testing.T) {
	var file struct{ JWK json.RawMessage }
	readVectors(t, "mldsa-jose/ML_DSA_44.jose.json", &file)
	_, err := jwk.ParsePrivate(file.JWK)
	refused(t, err, jeton.ErrUnsupportedAlgorithm)
	for _, alg := range []jeton.Algorithm{jeton.MLDSA44, jeton.MLDSA65, jeton.MLDSA87} {
		if alg.Valid() || alg.KeyType() != "" || slices.Contains(jeton.Algorithms(), alg) {
			t.Errorf("%s passes for an algorithm", alg)
		}
		_, err := jeton.GenerateKey(alg)
		refused(t, err, jeton.ErrUnsupportedAlgorithm)
	}
}
