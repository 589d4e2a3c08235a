package jeton

import (
	"crypto"
	"crypto/elliptic"
	"slices"
)

// Algorithm is the name of a signature or MAC algorithm, as in the "alg" header
// parameter (RFC 7518 section 3.1). It is a property of a key: nothing in a
// token ever chooses it.
type Algorithm string

// The algorithms of this package. Each is a row of the table below and nothing
// else in the module lists them.
const (
	HS256 Algorithm = "HS256" // HMAC with SHA-256: whoever can verify can also sign
	HS384 Algorithm = "HS384" // HMAC with SHA-384
	HS512 Algorithm = "HS512" // HMAC with SHA-512
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	RS384 Algorithm = "RS384" // RSASSA-PKCS1-v1_5 with SHA-384
	RS512 Algorithm = "RS512" // RSASSA-PKCS1-v1_5 with SHA-512
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256
	PS384 Algorithm = "PS384" // RSASSA-PSS with SHA-384
	PS512 Algorithm = "PS512" // RSASSA-PSS with SHA-512
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	ES384 Algorithm = "ES384" // ECDSA on P-384 with SHA-384
	ES512 Algorithm = "ES512" // ECDSA on P-521 with SHA-512

	// Ed25519 is EdDSA on Curve25519 (RFC 9864). Its older, polymorphic name
	// "EdDSA" (RFC 8037) is read as the same, in tokens and in keys.
	Ed25519 Algorithm = "Ed25519"

	// ML-DSA (RFC 9964, FIPS 204) withstands quantum computers. It is there in
	// programs that are built with Go 1.27 or newer; before, these names are no
	// algorithms: Valid is false, and making a key is ErrUnsupportedAlgorithm.
	// The signatures alone add 3, 4 and 6 KiB to a token.
	MLDSA44 Algorithm = "ML-DSA-44"
	MLDSA65 Algorithm = "ML-DSA-65"
	MLDSA87 Algorithm = "ML-DSA-87"
)

var table = slices.Concat([]*algorithm{
	{name: HS256, scheme: hmacScheme{}, hash: crypto.SHA256},
	{name: HS384, scheme: hmacScheme{}, hash: crypto.SHA384},
	{name: HS512, scheme: hmacScheme{}, hash: crypto.SHA512},
	{name: RS256, scheme: rsaScheme{}, hash: crypto.SHA256},
	{name: RS384, scheme: rsaScheme{}, hash: crypto.SHA384},
	{name: RS512, scheme: rsaScheme{}, hash: crypto.SHA512},
	{name: PS256, scheme: pssScheme{}, hash: crypto.SHA256},
	{name: PS384, scheme: pssScheme{}, hash: crypto.SHA384},
	{name: PS512, scheme: pssScheme{}, hash: crypto.SHA512},
	{name: ES256, scheme: ecdsaScheme{}, hash: crypto.SHA256, curve: elliptic.P256()},
	{name: ES384, scheme: ecdsaScheme{}, hash: crypto.SHA384, curve: elliptic.P384()},
	{name: ES512, scheme: ecdsaScheme{}, hash: crypto.SHA512, curve: elliptic.P521()},
	{name: Ed25519, scheme: ed25519Scheme{}, older: "EdDSA"},
}, mldsaRows)

// algorithm is one row of the table: a scheme with its parameters.
type algorithm struct {
	name   Algorithm
	older  Algorithm // another name that is read as the same, if it has one
	scheme scheme
	hash   crypto.Hash
	curve  elliptic.Curve // ECDSA's
}

// scheme is what the algorithms of one family share. Its methods get the row
// for the parameters.
type scheme interface {
	// keyType is the "kty" of RFC 7518 section 6.1.
	keyType() string
	// generate makes a private key: []byte or a crypto.Signer.
	generate(a *algorithm) (any, error)
	// public checks a private key and returns the public half; a symmetric
	// key is its own.
	public(a *algorithm, private any) (any, error)
	// check refuses a public key that must not be used.
	check(a *algorithm, public any, o *keyOptions) error
	// prepare returns what sign and verify work with, made once per key.
	prepare(a *algorithm, public any) any
	// thumbprint appends the JSON that RFC 7638 section 3 hashes.
	thumbprint(dst []byte, public any) []byte
	// sign appends the signature of input to dst.
	sign(k *SigningKey, dst, input []byte) ([]byte, error)
	// verify tells whether sig is the key's signature of input.
	verify(k *VerifyingKey, input, sig []byte) bool
}

func lookup(name Algorithm) *algorithm {
	for _, a := range table {
		if a.name == name || a.older == name && name != "" {
			return a
		}
	}
	return nil
}

// Algorithms returns the names of all algorithms, in the order of the table.
func Algorithms() []Algorithm {
	names := make([]Algorithm, len(table))
	for i, a := range table {
		names[i] = a.name
	}
	return names
}

// ParseAlgorithm returns the algorithm of exactly that name, by its present name
// if the one given is an older one, or ErrUnsupportedAlgorithm. There is no
// "none".
func ParseAlgorithm(name string) (Algorithm, error) {
	if a := lookup(Algorithm(name)); a != nil {
		return a.name, nil
	}
	return "", ErrUnsupportedAlgorithm
}

// Symmetric tells whether signing and verifying take the same secret key
// (HMAC), so that whoever can verify a token could have made it. It is false
// for a name that is no algorithm.
func (a Algorithm) Symmetric() bool { return a.KeyType() == keyTypeOct }

// KeyType returns the "kty" of the algorithm's keys (RFC 7518 section 6.1, RFC
// 9964 section 3): "oct", "RSA", "EC", "OKP" or "AKP"; "" for a name that is no
// algorithm.
func (a Algorithm) KeyType() string {
	if row := lookup(a); row != nil {
		return row.scheme.keyType()
	}
	return ""
}

// Valid tells whether the name is an algorithm of this package.
func (a Algorithm) Valid() bool { return lookup(a) != nil }
