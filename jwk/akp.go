//go:build go1.27

package jwk

import (
	"crypto"
	"crypto/mldsa"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

var akpTypes = []keyType{{"AKP", readMLDSAPublic, readMLDSAPrivate, writeMLDSA}}

// mldsaParameters are those of RFC 9964 section 5. The names that "alg" has
// there are the ones that crypto/mldsa has.
var mldsaParameters = []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()}

// readMLDSAPublic reads the key of RFC 9964 section 3, whose "alg" is required:
// the type alone does not say what the other members are.
func readMLDSAPublic(m object) (crypto.PublicKey, error) {
	return readMLDSAPub(m)
}

func readMLDSAPub(m object) (*mldsa.PublicKey, error) {
	alg, present, err := m.text("alg")
	switch {
	case err != nil:
		return nil, err
	case !present:
		return nil, fail(jeton.ErrInvalidKey, `"alg" is missing, which a key of this type must have (RFC 9964 section 3)`)
	}
	for _, params := range mldsaParameters {
		if params.String() != alg {
			continue
		}
		pub, err := m.octetsOf("pub", params.PublicKeySize())
		if err != nil {
			return nil, err
		}
		key, err := mldsa.NewPublicKey(params, pub)
		if err != nil {
			return nil, errNoMLDSA
		}
		return key, nil
	}
	return nil, fail(jeton.ErrInvalidKey, `"alg" is not an algorithm of keys of this type`)
}

// errNoMLDSA is what is left when the lengths are right: any bytes of the right
// length are a key.
var errNoMLDSA = fail(jeton.ErrUnsupportedAlgorithm, "this program was built with a FIPS 140-3 module that lacks ML-DSA")

// readMLDSAPrivate reads the seed of RFC 9964 section 4; there is no other form.
func readMLDSAPrivate(m object) (any, error) {
	public, err := readMLDSAPub(m)
	if err != nil {
		return nil, err
	}
	seed, err := m.octetsOf("priv", mldsa.PrivateKeySize)
	if err != nil {
		return nil, err
	}
	key, err := mldsa.NewPrivateKey(public.Parameters(), seed)
	if err != nil {
		return nil, errNoMLDSA
	}
	if !public.Equal(key.Public()) {
		return nil, fail(jeton.ErrInvalidKey, `"priv" does not belong to "pub"`)
	}
	return key, nil
}

func writeMLDSA(key any) []param {
	switch key := key.(type) {
	case *mldsa.PublicKey:
		// The methods of an empty key panic.
		if key == nil || *key == (mldsa.PublicKey{}) {
			return nil
		}
		return []param{{"pub", base64url.Encode(key.Bytes())}}
	case *mldsa.PrivateKey:
		if key == nil || *key == (mldsa.PrivateKey{}) {
			return nil
		}
		return append(writeMLDSA(key.Public()), param{"priv", base64url.Encode(key.Bytes())})
	}
	return nil
}
