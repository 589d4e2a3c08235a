package jwe

import (
	"crypto/sha256"
	"crypto/sha512"
)

// Algorithm is the name of a way to manage keys, as in the "alg" header parameter
// of an encrypted token (RFC 7518 section 4.1). It is a property of a key: nothing
// in a token ever chooses it.
type Algorithm string

// The ways to manage keys. Each is a row of the table below and nothing else in
// the package lists them.
const (
	Dir          Algorithm = "dir"            // the secret encrypts the content itself
	A128KW       Algorithm = "A128KW"         // a 128-bit secret wraps a fresh key (RFC 3394)
	A256KW       Algorithm = "A256KW"         // the same with 256 bits
	A128GCMKW    Algorithm = "A128GCMKW"      // a 128-bit secret encrypts a fresh key with AES-GCM
	A256GCMKW    Algorithm = "A256GCMKW"      // the same with 256 bits
	RSAOAEP256   Algorithm = "RSA-OAEP-256"   // RSA with OAEP, SHA-256 throughout
	ECDHES       Algorithm = "ECDH-ES"        // the key agreed on encrypts the content itself
	ECDHESA128KW Algorithm = "ECDH-ES+A128KW" // the key agreed on wraps a fresh one, as A128KW does
	ECDHESA256KW Algorithm = "ECDH-ES+A256KW" // the same, as A256KW does
)

// Encryption is the name of a content encryption, as in the "enc" header
// parameter (RFC 7518 section 5.1). It is a property of a key too.
type Encryption string

// The content encryptions. All of them authenticate what they encrypt.
const (
	A128GCM      Encryption = "A128GCM"       // AES-GCM with a 128-bit key
	A256GCM      Encryption = "A256GCM"       // AES-GCM with a 256-bit key
	A128CBCHS256 Encryption = "A128CBC-HS256" // AES-CBC with a 128-bit key, and HMAC with SHA-256
	A256CBCHS512 Encryption = "A256CBC-HS512" // AES-CBC with a 256-bit key, and HMAC with SHA-512
)

var algorithms = []*algorithm{
	{name: Dir, family: secretFamily{}, mode: direct{}, ops: contentOps},
	{name: A128KW, family: secretFamily{}, mode: keyWrap{}, kek: 16, ops: wrapOps},
	{name: A256KW, family: secretFamily{}, mode: keyWrap{}, kek: 32, ops: wrapOps},
	{name: A128GCMKW, family: secretFamily{}, mode: gcmKeyWrap{}, kek: 16, ops: wrapOps},
	{name: A256GCMKW, family: secretFamily{}, mode: gcmKeyWrap{}, kek: 32, ops: wrapOps},
	{name: RSAOAEP256, family: rsaFamily{}, mode: oaep{}, ops: wrapOps},
	{name: ECDHES, family: ecdhFamily{}, mode: agreement{}, ops: agreeOps},
	{name: ECDHESA128KW, family: ecdhFamily{}, mode: agreement{}, kek: 16, ops: agreeOps},
	{name: ECDHESA256KW, family: ecdhFamily{}, mode: agreement{}, kek: 32, ops: agreeOps},
}

var encryptions = []*encryption{
	{name: A128GCM, content: gcmContent{}, cek: 16},
	{name: A256GCM, content: gcmContent{}, cek: 32},
	{name: A128CBCHS256, content: cbcContent{sha256.New}, cek: 32},
	{name: A256CBCHS512, content: cbcContent{sha512.New}, cek: 64},
}

// algorithm is a row of the first table.
type algorithm struct {
	name   Algorithm
	family family
	mode   mode
	kek    int // bytes of the AES key that encrypts the content's key; 0 if there is none
	ops    operations
}

// operations are what "key_ops" of a JWK may name for a key to encrypt, and to
// decrypt (RFC 7517 section 4.3): one of them is enough. An empty name admits an
// empty list.
type operations struct{ encrypt, decrypt []string }

var (
	contentOps = operations{[]string{"encrypt"}, []string{"decrypt"}}
	// A key is content as well, and is so called by some.
	wrapOps = operations{[]string{"wrapKey", "encrypt"}, []string{"unwrapKey", "decrypt"}}
	// A public key agrees on nothing by itself.
	agreeOps = operations{[]string{"", "deriveKey", "deriveBits"}, []string{"deriveKey", "deriveBits"}}
)

// encryption is a row of the second table.
type encryption struct {
	name    Encryption
	content content
	cek     int // bytes of the content's key
}

// binding is what a key is for.
type binding struct {
	alg *algorithm
	enc *encryption
}

// bind returns the rows of two names. Names from outside this package end here.
func bind(alg Algorithm, enc Encryption) (binding, error) {
	b := binding{lookupAlgorithm(alg), lookupEncryption(enc)}
	switch {
	case b.alg == nil:
		return binding{}, errAlgorithm
	case b.enc == nil:
		return binding{}, errEncryption
	}
	return b, nil
}

// secretBytes is the length of a symmetric key.
func (b binding) secretBytes() int {
	if b.alg.kek == 0 {
		return b.enc.cek
	}
	return b.alg.kek
}

func lookupAlgorithm(name Algorithm) *algorithm {
	for _, a := range algorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

func lookupEncryption(name Encryption) *encryption {
	for _, e := range encryptions {
		if e.name == name {
			return e
		}
	}
	return nil
}

// Algorithms returns the names of all ways to manage keys, in the order of the
// table.
func Algorithms() []Algorithm {
	names := make([]Algorithm, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return names
}

// Encryptions returns the names of all content encryptions, in the order of the
// table.
func Encryptions() []Encryption {
	names := make([]Encryption, len(encryptions))
	for i, e := range encryptions {
		names[i] = e.name
	}
	return names
}

// Symmetric tells whether encrypting and decrypting take the same secret, so that
// whoever makes tokens can read those of others. It is false for a name that is no
// algorithm.
func (a Algorithm) Symmetric() bool {
	row := lookupAlgorithm(a)
	return row != nil && row.family == secretFamily{}
}
