package jwe

import (
	"crypto/ecdh"
	"testing"
)

// The compositions that published vectors are about.
var (
	WrapKey   = wrapKey
	UnwrapKey = unwrapKey
	ConcatKDF = concatKDF
)

// Seal and Open are a content encryption by itself.
func Seal(t testing.TB, enc Encryption, key, plaintext, aad []byte) (iv, ciphertext, tag []byte) {
	s := rowFor(t, enc, key).content.seal(key, plaintext, aad)
	return s.iv, s.ciphertext, s.tag
}

func Open(t testing.TB, enc Encryption, key, iv, ciphertext, tag, aad []byte) ([]byte, bool) {
	return rowFor(t, enc, key).content.open(key, sealed{iv, ciphertext, tag}, aad)
}

func rowFor(t testing.TB, enc Encryption, key []byte) *encryption {
	row := lookupEncryption(enc)
	if row == nil || row.cek != len(key) {
		t.Fatalf("%s does not take a key of %d bytes", enc, len(key))
	}
	return row
}

// Agree is the secret that a private key shares with the "epk" of a header.
func Agree(k *DecryptingKey, epk []byte) ([]byte, error) {
	return agree(k.private().(*ecdh.PrivateKey), epk)
}

// SecretBytes is the length of a symmetric key.
func SecretBytes(alg Algorithm, enc Encryption) int {
	b, err := bind(alg, enc)
	if err != nil {
		return 0
	}
	return b.secretBytes()
}
