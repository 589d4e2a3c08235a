//go:build go1.27

package jeton

import (
	"bytes"
	"crypto"
	"crypto/mldsa"
	"crypto/rand"
	"fmt"

	"github.com/jeton-go/jeton/internal/base64url"
)

var mldsaRows = []*algorithm{
	{name: MLDSA44, scheme: mldsaScheme{mldsa.MLDSA44()}},
	{name: MLDSA65, scheme: mldsaScheme{mldsa.MLDSA65()}},
	{name: MLDSA87, scheme: mldsaScheme{mldsa.MLDSA87()}},
}

// mldsaScheme is ML-DSA (RFC 9964, FIPS 204) of one set of parameters: not
// prehashed, the context empty, signatures randomized. Its public key is an
// *mldsa.PublicKey, its private key a crypto.Signer with such a public half.
type mldsaScheme struct{ params mldsa.Parameters }

func (mldsaScheme) keyType() string { return "AKP" }

func (s mldsaScheme) generate(*algorithm) (any, error) {
	return mldsa.GenerateKey(s.params)
}

// public has no halves to compare: crypto/mldsa derives both from the seed.
func (mldsaScheme) public(_ *algorithm, private any) (any, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fail(ErrInvalidKey, "an ML-DSA signing key is a crypto.Signer, not a %T", private)
	}
	if key, ok := private.(*mldsa.PrivateKey); ok && *key == (mldsa.PrivateKey{}) {
		return nil, fail(ErrInvalidKey, "an empty ML-DSA private key")
	}
	return signer.Public(), nil
}

// rhoBytes is the length of the seed of the matrix, which a public key begins
// with (FIPS 204 section 7.2).
const rhoBytes = 32

func (s mldsaScheme) check(a *algorithm, public any, _ *keyOptions) error {
	key, ok := public.(*mldsa.PublicKey)
	// The methods of an empty key panic.
	if !ok || key == nil || *key == (mldsa.PublicKey{}) {
		return fail(ErrInvalidKey, "%s takes an ML-DSA key, not a %T", a.name, public)
	}
	if key.Parameters() != s.params {
		return fail(ErrInvalidKey, "%s takes a key of its own, not of %s", a.name, key.Parameters())
	}
	// Zeros make the equation that verifies hold without a private key. Ones do
	// as well: a coefficient of 1023 stands for 1023*2^13, which is -1 modulo q.
	if t := key.Bytes()[rhoBytes:]; bytes.Count(t, t[:1]) == len(t) {
		return fail(ErrWeakKey, "an ML-DSA public key that repeats one byte, for which anybody may be able to sign")
	}
	return nil
}

// prepare copies the key: what was checked must not change with the caller's.
func (mldsaScheme) prepare(_ *algorithm, public any) any {
	key := *public.(*mldsa.PublicKey)
	return &key
}

func (s mldsaScheme) sign(k *SigningKey, dst, input []byte) ([]byte, error) {
	signer := k.private().(crypto.Signer)
	_, own := signer.(*mldsa.PrivateKey)
	if !own {
		input = bytes.Clone(input) // see digestFor
	}
	sig, err := signer.Sign(rand.Reader, input, crypto.Hash(0))
	if err != nil {
		return dst, fmt.Errorf("%w: the signer failed: %w", ErrInvalidKey, err)
	}
	// As with RSA: a remote signer may answer anything.
	if !own && !s.verify(k.public, input, sig) {
		return dst, errForeignSignature
	}
	return append(dst, sig...), nil
}

func (mldsaScheme) verify(k *VerifyingKey, input, sig []byte) bool {
	return mldsa.Verify(k.prepared.(*mldsa.PublicKey), input, sig, nil) == nil
}

// thumbprint has the members of RFC 9964 section 6.
func (s mldsaScheme) thumbprint(dst []byte, public any) []byte {
	dst = append(dst, `{"alg":"`+s.params.String()+`","kty":"AKP","pub":"`...)
	dst = base64url.AppendEncode(dst, public.(*mldsa.PublicKey).Bytes())
	return append(dst, `"}`...)
}
