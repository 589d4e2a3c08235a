package jwk

import (
	"bytes"
	"crypto"

	"github.com/jeton-go/jeton"
)

// maxKeyBytes bounds a single key. The largest RSA key that package jeton takes
// has about 7 KiB as a private JWK.
const maxKeyBytes = 64 << 10

// ParsePrivate reads one private key, or one HMAC secret: a JWK (RFC 7517), or
// PEM with PKCS #8 ("PRIVATE KEY"), PKCS #1 ("RSA PRIVATE KEY") or SEC 1 ("EC
// PRIVATE KEY"). A JWK begins with "{" and PEM with "-----BEGIN", after white
// space. An encrypted key is refused: decrypt it first.
//
// Of an RSA key all members are required and checked against each other. "use"
// and "key_ops", if present, must admit signing.
//
// Errors: jeton.ErrInvalidKey, jeton.ErrWeakKey, jeton.ErrUnsupportedAlgorithm.
func ParsePrivate(data []byte, opts ...Option) (*jeton.SigningKey, error) {
	o, err := singleOptions(opts)
	if err != nil {
		return nil, err
	}
	f, data, err := formOf(data)
	if err != nil {
		return nil, err
	}
	if f == pemForm {
		return o.privatePEM(data)
	}
	m, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	kty, err := m.keyTypeName()
	if err != nil {
		return nil, err
	}
	if kty != "oct" && !m.isPrivate() {
		return nil, fail(jeton.ErrInvalidKey, "a public key; signing takes the private one")
	}
	return o.privateJWK(m, kty, "sign", o.chooseOne)
}

// ParsePublic reads one public key: a JWK (RFC 7517), or PEM with PKIX ("PUBLIC
// KEY"), PKCS #1 ("RSA PUBLIC KEY") or a certificate, of which only the key is
// taken: neither its dates nor its issuer are looked at. "use" and "key_ops", if
// present, must admit verifying.
//
// A private key is refused, since whoever only verifies should not have one; so
// is an HMAC secret, which has no public half.
//
// Errors: jeton.ErrInvalidKey, jeton.ErrWeakKey, jeton.ErrUnsupportedAlgorithm.
func ParsePublic(data []byte, opts ...Option) (*jeton.VerifyingKey, error) {
	o, err := singleOptions(opts)
	if err != nil {
		return nil, err
	}
	f, data, err := formOf(data)
	if err != nil {
		return nil, err
	}
	if f == pemForm {
		return o.publicPEM(data)
	}
	m, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	kty, err := m.keyTypeName()
	switch {
	case err != nil:
		return nil, err
	case kty == "oct":
		return nil, fail(jeton.ErrInvalidKey, "a secret has no public half")
	case m.isPrivate():
		return nil, fail(jeton.ErrInvalidKey, "a private key; verifying takes the public one alone")
	}
	return o.publicJWK(m, kty, o.chooseOne)
}

type form int

const (
	jsonForm form = iota
	pemForm
)

// formOf tells the two forms apart by how they begin.
func formOf(data []byte) (form, []byte, error) {
	if len(data) > maxKeyBytes {
		return 0, nil, fail(jeton.ErrInvalidKey, "%d bytes, at most %d", len(data), maxKeyBytes)
	}
	data = bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(data, []byte("{")):
		return jsonForm, data, nil
	case bytes.HasPrefix(data, []byte("-----BEGIN")):
		return pemForm, data, nil
	case len(data) == 0:
		return 0, nil, fail(jeton.ErrInvalidKey, "it is empty")
	default:
		return 0, nil, fail(jeton.ErrInvalidKey, `neither a JWK, which begins with "{", nor PEM, which begins with "-----BEGIN"`)
	}
}

// chooser is (*options).choose or chooseOne.
type chooser func(kty string, named jeton.Algorithm, public any) (jeton.Algorithm, error)

// errPurpose is the error for a key whose "use" or "key_ops" name another
// purpose than the one at hand.
var errPurpose = fail(jeton.ErrInvalidKey, `"use" or "key_ops" say that the key is for something else`)

// readable returns the type of a key, if some algorithm takes keys of that type.
func readable(kty string) (*keyType, error) {
	t := keyTypeOf(kty)
	if t == nil {
		return nil, errKeyType
	}
	for _, alg := range jeton.Algorithms() {
		if alg.KeyType() == kty {
			return t, nil
		}
	}
	return nil, errKeyType
}

// admit makes the checks that come before a key's material is looked at.
func admit(m object, kty, operation string) (t *keyType, alg jeton.Algorithm, err error) {
	if t, err = readable(kty); err != nil {
		return nil, "", err
	}
	allowed, err := m.allows(operation)
	if err != nil {
		return nil, "", err
	}
	if !allowed {
		return nil, "", errPurpose
	}
	if alg, err = m.algorithm(); err != nil {
		return nil, "", err
	}
	return t, alg, nil
}

func (o *options) privateJWK(m object, kty, operation string, choose chooser) (*jeton.SigningKey, error) {
	t, named, err := admit(m, kty, operation)
	if err != nil {
		return nil, err
	}
	key, err := t.private(m)
	if err != nil {
		return nil, err
	}
	keyOptions, err := o.forKey(m)
	if err != nil {
		return nil, err
	}
	return makeSigningKey(key, kty, named, choose, keyOptions)
}

func makeSigningKey(key any, kty string, named jeton.Algorithm, choose chooser, opts []jeton.KeyOption) (*jeton.SigningKey, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		secret := key.([]byte)
		alg, err := choose(kty, named, nil)
		if err != nil {
			return nil, err
		}
		return jeton.NewHMACKey(alg, secret, opts...)
	}
	alg, err := choose(kty, named, signer.Public())
	if err != nil {
		return nil, err
	}
	return jeton.NewSigningKey(alg, signer, opts...)
}

func (o *options) publicJWK(m object, kty string, choose chooser) (*jeton.VerifyingKey, error) {
	t, named, err := admit(m, kty, "verify")
	if err != nil {
		return nil, err
	}
	key, err := t.public(m)
	if err != nil {
		return nil, err
	}
	keyOptions, err := o.forKey(m)
	if err != nil {
		return nil, err
	}
	alg, err := choose(kty, named, key)
	if err != nil {
		return nil, err
	}
	return jeton.NewVerifyingKey(alg, key, keyOptions...)
}
