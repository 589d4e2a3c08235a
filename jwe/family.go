package jwe

import "crypto/ecdh"

// family is what the keys of one kind share, whatever is done with them.
type family interface {
	// generate makes a private key. The curve is nil unless the caller named one.
	generate(b binding, curve ecdh.Curve) (any, error)
	// public checks a private key and returns the half that encrypts; a secret
	// is its own.
	public(private any, o *keyOptions) (any, error)
	// check refuses a public key that must not be used, and returns one that
	// nobody else can change.
	check(b binding, public any, o *keyOptions) (any, error)
	// readPublic and readPrivate read a JWK; there may be no public half.
	readPublic(o object) (any, error)
	readPrivate(o object) (any, error)
	// params are the members that make up a public key as a JWK, "kty" among
	// them, and no others: RFC 7638 section 3.2 hashes these.
	params(public any) []param
	// privateParams are what a private JWK has beside them.
	privateParams(private any) ([]param, error)
}

// mode is a way to get the content's key to the recipient (RFC 7518 section 4).
type mode interface {
	// wrap finds the key for one token, and what the token carries of it.
	wrap(k *EncryptingKey) (wrapped, error)
	// unwrap returns the content's key. An error is about the header alone and
	// tells what anybody can see; all that takes the private key to find out is
	// no key.
	unwrap(k *DecryptingKey, h *header, encryptedKey []byte) ([]byte, error)
}

type wrapped struct {
	cek          []byte
	encryptedKey []byte // empty if the recipient can derive the key
	params       string // of the header: JSON members, a comma before each
}
