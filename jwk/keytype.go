package jwk

import (
	"crypto"
	"slices"

	"github.com/jeton-go/jeton"
)

// keyType reads and writes the keys of one "kty" (RFC 7518 section 6.1).
type keyType struct {
	name string
	// public reads the public half; nil if the type has none.
	public func(object) (crypto.PublicKey, error)
	// private reads the whole key, a crypto.Signer or the []byte of a secret,
	// and checks that its parts belong together.
	private func(object) (any, error)
	// write returns the members of a public or private key of Go's, without
	// "kty"; nil if the key is of another type or can't be written.
	write func(key any) []param
}

// param is a member of a JWK whose value is a string.
type param struct{ name, value string }

var keyTypes = slices.Concat([]keyType{
	{"oct", nil, readSecret, writeSecret},
	{"RSA", readRSAPublic, readRSAPrivate, writeRSA},
	{"EC", readECPublic, readECPrivate, writeEC},
	{"OKP", readEd25519Public, readEd25519Private, writeEd25519},
}, akpTypes)

// Types and curves that are legal and not here.
var (
	errKeyType = fail(jeton.ErrUnsupportedAlgorithm, "a type of key that this package does not have")
	errCurve   = fail(jeton.ErrUnsupportedAlgorithm, "a curve that this package does not have")
)

// keyTypeOf returns the type of that name, or nil.
func keyTypeOf(name string) *keyType {
	for i := range keyTypes {
		if keyTypes[i].name == name {
			return &keyTypes[i]
		}
	}
	return nil
}

// keyTypeFor returns the type that can write a key of Go's, or nil.
func keyTypeFor(key any) *keyType {
	for i := range keyTypes {
		if keyTypes[i].write(key) != nil {
			return &keyTypes[i]
		}
	}
	return nil
}
