package jwe

import (
	"github.com/jeton-go/jeton"
)

// Options of a [Decrypter].
type Options struct {
	// TokenBytes is the greatest length of a token; 0 means 16 KiB. Memory and work
	// grow with it: a token takes a few times its length.
	TokenBytes int
}

// Decrypter decrypts with one of its keys. It is immutable and safe for concurrent
// use.
type Decrypter struct {
	keys  []*DecryptingKey
	limit int
}

// NewDecrypter makes a decrypter of the keys for which tokens may be encrypted:
// the present one and, while keys change, the one before.
//
// A token is for the key whose id is its "kid". A token without "kid" is for the
// one key that has its "alg" and "enc"; if several have, it is for none. A single
// key whose id was not given, but is its thumbprint, takes tokens with any "kid".
//
// Errors: jeton.ErrInvalidKey without keys and for two of one id,
// jeton.ErrInvalidPolicy for a refused option.
func NewDecrypter(keys []*DecryptingKey, o Options) (*Decrypter, error) {
	d := &Decrypter{limit: o.TokenBytes}
	switch {
	case o.TokenBytes == 0:
		d.limit = defaultTokenBytes
	case o.TokenBytes < 0:
		return nil, fail(jeton.ErrInvalidPolicy, "a length of %d bytes", o.TokenBytes)
	}
	if len(keys) == 0 {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	ids := make(map[string]bool, len(keys))
	for _, k := range keys {
		if k == nil || k.public == nil {
			return nil, fail(jeton.ErrInvalidKey, "no key")
		}
		if ids[k.ID()] {
			return nil, fail(jeton.ErrInvalidKey, "two keys of one id")
		}
		ids[k.ID()] = true
		d.keys = append(d.keys, k)
	}
	return d, nil
}

// DecryptUnsigned decrypts a token in compact serialization and returns what is
// inside, whatever it is. That it decrypts does not tell who wrote it: with a
// public key everybody can encrypt. Use a [Verifier] for tokens, and this for
// content whose author does not matter or is established in another way.
//
// Errors: ErrDecrypt if the token is for another key or was changed; before that,
// jeton.ErrMalformed and the reasons below it, ErrCompressed,
// jeton.ErrUnsupportedAlgorithm, jeton.ErrUnknownKey, jeton.ErrAlgorithmMismatch.
func (d *Decrypter) DecryptUnsigned(token string) ([]byte, error) {
	_, plaintext, err := d.decrypt(token)
	return plaintext, err
}

// decrypt is RFC 7516 section 5.2.
func (d *Decrypter) decrypt(token string) (*header, []byte, error) {
	c, err := split(token, d.limit)
	if err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(c.encodedHeader)
	if err != nil {
		return nil, nil, err
	}
	key, err := d.find(h)
	if err != nil {
		return nil, nil, err
	}
	b := key.public.binding
	if h.alg != b.alg.name || h.enc != b.enc.name {
		return nil, nil, fail(jeton.ErrAlgorithmMismatch, "the key is for %s with %s", b.alg.name, b.enc.name)
	}
	cek, err := b.alg.mode.unwrap(key, h, c.encryptedKey)
	if err != nil {
		return nil, nil, err
	}
	// A key that did not come out, or not in its length, is replaced by one that
	// opens nothing, and the content is tried all the same: neither the answer nor
	// the time that it takes may tell what a wrong key had inside (RFC 7516
	// section 11.5).
	if len(cek) != b.enc.cek {
		cek = randomBytes(b.enc.cek)
	}
	plaintext, ok := b.enc.content.open(cek, c.sealed, []byte(c.encodedHeader))
	if !ok {
		return nil, nil, ErrDecrypt
	}
	return h, plaintext, nil
}

// find returns the key that a header can mean.
func (d *Decrypter) find(h *header) (*DecryptingKey, error) {
	if len(d.keys) == 1 && (h.kid == "" || !d.keys[0].public.idGiven) {
		return d.keys[0], nil
	}
	var found *DecryptingKey
	for _, k := range d.keys {
		if h.kid != "" {
			if k.ID() == h.kid {
				return k, nil
			}
			continue
		}
		if k.Algorithm() == h.alg && k.Encryption() == h.enc {
			if found != nil {
				return nil, fail(jeton.ErrUnknownKey, `no "kid", and more than one key could be meant`)
			}
			found = k
		}
	}
	if found == nil {
		return nil, jeton.ErrUnknownKey
	}
	return found, nil
}
