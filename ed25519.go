package jeton

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/jeton-go/jeton/internal/base64url"
)

// ed25519Scheme is EdDSA on Curve25519 (RFC 8037, RFC 9864). Its public key is
// an ed25519.PublicKey, its private key a crypto.Signer with such a public half.
type ed25519Scheme struct{}

func (ed25519Scheme) keyType() string { return "OKP" }

func (ed25519Scheme) generate(*algorithm) (any, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

func (ed25519Scheme) public(_ *algorithm, private any) (any, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fail(ErrInvalidKey, "an Ed25519 signing key is a crypto.Signer, not a %T", private)
	}
	if key, ok := private.(ed25519.PrivateKey); ok {
		if len(key) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(key.Seed()).Equal(key) {
			return nil, fail(ErrInvalidKey, "the halves of the Ed25519 key don't belong together")
		}
	}
	return signer.Public(), nil
}

func (ed25519Scheme) check(a *algorithm, public any, _ *keyOptions) error {
	key, ok := public.(ed25519.PublicKey)
	if !ok {
		return fail(ErrInvalidKey, "%s takes an Ed25519 key, not a %T", a.name, public)
	}
	if len(key) != ed25519.PublicKeySize {
		return fail(ErrInvalidKey, "an Ed25519 public key of %d bytes", len(key))
	}
	if smallOrder(key) {
		return fail(ErrWeakKey, "an Ed25519 public key of small order, for which anybody can sign")
	}
	return nil
}

// smallOrder tells whether a key is one of the eight points whose order divides
// the cofactor, in any encoding. Of those, y is 0, 1, -1 or one of the two below
// (RFC 7748 section 7 has the same points on the other form of the curve).
func smallOrder(key []byte) bool {
	y := bytes.Clone(key)
	y[31] &= 0x7f // the sign of x
	for _, low := range smallOrderYs {
		if bytes.Equal(y, low) {
			return true
		}
	}
	return false
}

// smallOrderYs are little endian, with the encodings that are not reduced
// modulo p = 2^255-19.
var smallOrderYs = [][]byte{
	littleEndian(0x00, 0x00, 0x00), // 0
	littleEndian(0x01, 0x00, 0x00), // 1
	littleEndian(0xec, 0xff, 0x7f), // p-1
	littleEndian(0xed, 0xff, 0x7f), // p, which is 0
	littleEndian(0xee, 0xff, 0x7f), // p+1, which is 1
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
}

func littleEndian(first, middle, last byte) []byte {
	b := bytes.Repeat([]byte{middle}, 32)
	b[0], b[31] = first, last
	return b
}

// prepare copies the key: what was checked must not change with the caller's.
func (ed25519Scheme) prepare(_ *algorithm, public any) any {
	return bytes.Clone(public.(ed25519.PublicKey))
}

func (s ed25519Scheme) sign(k *SigningKey, dst, input []byte) ([]byte, error) {
	private := k.private()
	if key, own := private.(ed25519.PrivateKey); own {
		return append(dst, ed25519.Sign(key, input)...), nil
	}
	sig, err := private.(crypto.Signer).Sign(rand.Reader, bytes.Clone(input), crypto.Hash(0)) // see digestFor
	if err != nil {
		return dst, fmt.Errorf("%w: the signer failed: %w", ErrInvalidKey, err)
	}
	// As with RSA: a remote signer may answer anything.
	if !s.verify(k.public, input, sig) {
		return dst, errForeignSignature
	}
	return append(dst, sig...), nil
}

func (ed25519Scheme) verify(k *VerifyingKey, input, sig []byte) bool {
	return ed25519.Verify(k.prepared.([]byte), input, sig)
}

func (ed25519Scheme) thumbprint(dst []byte, public any) []byte {
	dst = append(dst, `{"crv":"Ed25519","kty":"OKP","x":"`...)
	dst = base64url.AppendEncode(dst, public.(ed25519.PublicKey))
	return append(dst, `"}`...)
}
