package jwe

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"slices"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// secretFamily is symmetric keys: a []byte of exactly the length that its use
// takes.
type secretFamily struct{}

func (secretFamily) generate(b binding, curve ecdh.Curve) (any, error) {
	if curve != nil {
		return nil, errCurveOption
	}
	return randomBytes(b.secretBytes()), nil
}

// Only NewSecretKey, ParsePrivate and generate bring secrets here, so that their
// type is known.
func (secretFamily) public(private any, _ *keyOptions) (any, error) { return private, nil }

func (secretFamily) check(b binding, public any, _ *keyOptions) (any, error) {
	secret := public.([]byte)
	switch {
	case len(secret) < b.secretBytes():
		return nil, fail(jeton.ErrWeakKey, "a secret of %d bytes; %s with %s takes exactly %d", len(secret), b.alg.name, b.enc.name, b.secretBytes())
	case len(secret) > b.secretBytes():
		return nil, fail(jeton.ErrInvalidKey, "a secret of %d bytes; %s with %s takes exactly %d", len(secret), b.alg.name, b.enc.name, b.secretBytes())
	case bytes.Count(secret, secret[:1]) == len(secret):
		return nil, fail(jeton.ErrWeakKey, "a secret of one repeated byte")
	}
	// Package jeton knows the secrets that stand in public lists, all of them at
	// least as long as HS256 takes.
	if len(secret) >= 32 {
		if _, err := jeton.NewHMACKey(jeton.HS256, secret); err != nil {
			return nil, fail(jeton.ErrWeakKey, "a secret that stands in public lists, or that is a key file")
		}
	}
	return slices.Clone(secret), nil
}

func (secretFamily) readPublic(object) (any, error) {
	return nil, fail(jeton.ErrInvalidKey, "a secret has no public half")
}

func (secretFamily) readPrivate(o object) (any, error) {
	if err := o.require("kty", "oct"); err != nil {
		return nil, err
	}
	return o.octets("k")
}

func (secretFamily) params(public any) []param {
	return []param{{"kty", "oct"}, {"k", base64url.Encode(public.([]byte))}}
}

func (secretFamily) privateParams(any) ([]param, error) { return nil, nil }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// direct is "dir" (RFC 7518 section 4.5): the secret is the content's key.
type direct struct{}

func (direct) wrap(k *EncryptingKey) (wrapped, error) {
	return wrapped{cek: k.public().([]byte)}, nil
}

func (direct) unwrap(k *DecryptingKey, _ *header, encryptedKey []byte) ([]byte, error) {
	if len(encryptedKey) != 0 {
		return nil, errEncryptedKey
	}
	return k.private().([]byte), nil
}

// keyWrap is AES key wrap (RFC 7518 section 4.4).
type keyWrap struct{}

func (keyWrap) wrap(k *EncryptingKey) (wrapped, error) {
	cek := randomBytes(k.enc.cek)
	return wrapped{cek: cek, encryptedKey: wrapKey(k.public().([]byte), cek)}, nil
}

func (keyWrap) unwrap(k *DecryptingKey, _ *header, encryptedKey []byte) ([]byte, error) {
	return unwrapKey(k.private().([]byte), encryptedKey, k.public.enc.cek), nil
}

// gcmKeyWrap encrypts the content's key with AES-GCM (RFC 7518 section 4.7). The
// header carries the nonce and the tag.
type gcmKeyWrap struct{}

func (gcmKeyWrap) wrap(k *EncryptingKey) (wrapped, error) {
	cek := randomBytes(k.enc.cek)
	s := gcmContent{}.seal(k.public().([]byte), cek, nil)
	return wrapped{
		cek:          cek,
		encryptedKey: s.ciphertext,
		params:       `,"iv":"` + base64url.Encode(s.iv) + `","tag":"` + base64url.Encode(s.tag) + `"`,
	}, nil
}

func (gcmKeyWrap) unwrap(k *DecryptingKey, h *header, encryptedKey []byte) ([]byte, error) {
	iv, err := h.octetsOf("iv", gcmNonceBytes)
	if err != nil {
		return nil, err
	}
	tag, err := h.octetsOf("tag", gcmTagBytes)
	if err != nil {
		return nil, err
	}
	cek, _ := gcmContent{}.open(k.private().([]byte), sealed{iv, encryptedKey, tag}, nil)
	return cek, nil
}
