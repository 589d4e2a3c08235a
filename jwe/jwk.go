package jwe

import (
	"slices"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// maxJWKBytes bounds a key. The largest RSA key that is taken has about 7 KiB as a
// private JWK.
const maxJWKBytes = 64 << 10

// ParsePrivate reads a private key or a secret from a JWK (RFC 7517) and binds it
// to alg and enc. A JWK has no member for "enc", and one for "alg" that may be
// absent; if it is there it must be alg or, in a secret for dir, alg or enc. "use",
// if present, is "enc", and "key_ops" has what the key is for.
//
// Errors: jeton.ErrInvalidKey, jeton.ErrWeakKey, jeton.ErrUnsupportedAlgorithm.
func ParsePrivate(data []byte, alg Algorithm, enc Encryption, opts ...KeyOption) (*DecryptingKey, error) {
	b, o, jwk, err := parseJWK(data, alg, enc, opts)
	if err != nil {
		return nil, err
	}
	if err := jwk.allows(b.alg.ops.decrypt); err != nil {
		return nil, err
	}
	private, err := b.alg.family.readPrivate(jwk)
	if err != nil {
		return nil, err
	}
	return newDecryptingKey(b, private, o)
}

// ParsePublic reads a public key from a JWK, as ParsePrivate does. A private key
// is refused, since whoever only encrypts should not have one; so is a secret,
// which has no public half.
func ParsePublic(data []byte, alg Algorithm, enc Encryption, opts ...KeyOption) (*EncryptingKey, error) {
	b, o, jwk, err := parseJWK(data, alg, enc, opts)
	if err != nil {
		return nil, err
	}
	if jwk.isPrivate() {
		return nil, fail(jeton.ErrInvalidKey, "a private key; encrypting takes the public one alone")
	}
	if err := jwk.allows(b.alg.ops.encrypt); err != nil {
		return nil, err
	}
	public, err := b.alg.family.readPublic(jwk)
	if err != nil {
		return nil, err
	}
	return newEncryptingKey(b, public, o)
}

// parseJWK makes the checks that come before a key's material is looked at.
func parseJWK(data []byte, alg Algorithm, enc Encryption, opts []KeyOption) (b binding, o *keyOptions, jwk object, err error) {
	if b, err = bind(alg, enc); err != nil {
		return
	}
	if o, err = newKeyOptions(opts); err != nil {
		return
	}
	if len(data) > maxJWKBytes {
		err = fail(jeton.ErrInvalidKey, "%d bytes, at most %d", len(data), maxJWKBytes)
		return
	}
	if jwk, err = parseObject(data, jeton.ErrInvalidKey); err != nil {
		return
	}
	named, present, err := jwk.text("alg")
	if err != nil {
		return
	}
	if present && named != string(alg) && !(alg == Dir && named == string(enc)) {
		err = fail(jeton.ErrInvalidKey, "the key names another algorithm than %s", alg)
		return
	}
	id, err := jwk.keyID()
	if err == nil && o.id == "" {
		o.id = id
	}
	return
}

// allows checks "use" and "key_ops" (RFC 7517 sections 4.2 and 4.3). One of the
// operations must be among those that the key names, if it names them.
func (o object) allows(operations []string) error {
	use, present, err := o.text("use")
	if err != nil {
		return err
	}
	if present && use != "enc" {
		return errPurpose
	}
	value, present := o.get("key_ops")
	if !present {
		return nil
	}
	elements, ok := strictjson.AppendElements(nil, value)
	if !ok {
		return fail(jeton.ErrInvalidKey, `"key_ops" is not an array`)
	}
	allowed := len(elements) == 0 && slices.Contains(operations, "")
	var seen []string
	for _, e := range elements {
		op, ok := strictjson.String(e)
		switch {
		case !ok:
			return fail(jeton.ErrInvalidKey, `"key_ops" has an element that is not a string`)
		case slices.Contains(seen, op):
			return fail(jeton.ErrInvalidKey, `"key_ops" names an operation twice`)
		case op == "sign" || op == "verify":
			return fail(jeton.ErrInvalidKey, `"key_ops" has an operation of signatures`)
		}
		seen = append(seen, op)
		allowed = allowed || op != "" && slices.Contains(operations, op)
	}
	if !allowed {
		return errPurpose
	}
	return nil
}

var errPurpose = fail(jeton.ErrInvalidKey, `"use" or "key_ops" say that the key is for something else`)

// MarshalPublic writes a public key as a JWK with "alg", "use" and "kid".
// jeton.ErrInvalidKey for a secret, which has no public half.
func MarshalPublic(k *EncryptingKey) ([]byte, error) {
	switch {
	case k == nil || k.alg == nil:
		return nil, fail(jeton.ErrInvalidKey, "no key")
	case k.alg.name.Symmetric():
		return nil, fail(jeton.ErrInvalidKey, "a secret has no public half")
	}
	return k.marshal(nil), nil
}

// MarshalPrivate writes a private key or a secret as a JWK with "alg", "use" and
// "kid", not encrypted. jeton.ErrInvalidKey for an RSA key of more than two
// primes.
func MarshalPrivate(k *DecryptingKey) ([]byte, error) {
	if k == nil || k.public == nil {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	private, err := k.public.alg.family.privateParams(k.private())
	if err != nil {
		return nil, err
	}
	return k.public.marshal(private), nil
}

func (k *EncryptingKey) marshal(private []param) []byte {
	params := append(k.alg.family.params(k.public()), private...)
	return appendObject(nil, append(params, param{"alg", string(k.alg.name)}, param{"use", "enc"}, param{"kid", k.id}))
}
