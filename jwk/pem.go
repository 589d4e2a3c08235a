package jwk

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/jeton-go/jeton"
)

// pemType is a type of PEM block that holds a key.
type pemType struct {
	name    string
	private bool
	parse   func(der []byte) (any, error)
}

var pemTypes = []pemType{
	{"PRIVATE KEY", true, x509.ParsePKCS8PrivateKey},
	{"RSA PRIVATE KEY", true, func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }},
	{"EC PRIVATE KEY", true, func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }},
	{"PUBLIC KEY", false, x509.ParsePKIXPublicKey},
	{"RSA PUBLIC KEY", false, func(der []byte) (any, error) { return x509.ParsePKCS1PublicKey(der) }},
	{"CERTIFICATE", false, func(der []byte) (any, error) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}},
}

// parsePEM returns the key in a PEM text of one block, and whether it is
// private. What x509 says about a text it can't read stays here: it may quote
// from it.
func parsePEM(data []byte) (key any, private bool, err error) {
	block, rest := pem.Decode(data)
	blocks := 1
	// OpenSSL writes the curve into a block of its own before the key.
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
		blocks++
	}
	if block == nil {
		return nil, false, fail(jeton.ErrInvalidKey, "broken PEM")
	}
	// Decode passes over what it does not understand; a key is not found by luck.
	if bytes.Count(data, []byte("-----BEGIN")) != blocks || len(bytes.TrimSpace(rest)) != 0 {
		return nil, false, fail(jeton.ErrInvalidKey, "PEM of more than one block, or with something after it")
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, false, fail(jeton.ErrInvalidKey, "an encrypted private key; decrypt it first, with openssl pkey for example")
	}
	if block.Type == "OPENSSH PRIVATE KEY" {
		return nil, false, fail(jeton.ErrInvalidKey, "a private key in OpenSSH's own format; convert it to PKCS #8 first")
	}
	for _, t := range pemTypes {
		if t.name != block.Type {
			continue
		}
		key, err := t.parse(block.Bytes)
		if err != nil {
			return nil, t.private, fail(jeton.ErrInvalidKey, "no key could be read from the PEM block %q", t.name)
		}
		return key, t.private, nil
	}
	return nil, false, fail(jeton.ErrInvalidKey, "a PEM block of a type that holds no key for signatures")
}

func (o *options) privatePEM(data []byte) (*jeton.SigningKey, error) {
	key, private, err := parsePEM(data)
	if err != nil {
		return nil, err
	}
	if !private {
		return nil, fail(jeton.ErrInvalidKey, "a public key; signing takes the private one")
	}
	t := keyTypeFor(key)
	if t == nil {
		return nil, errKeyType
	}
	return makeSigningKey(key, t.name, "", o.chooseOne, o.key)
}

func (o *options) publicPEM(data []byte) (*jeton.VerifyingKey, error) {
	key, private, err := parsePEM(data)
	if err != nil {
		return nil, err
	}
	if private {
		return nil, fail(jeton.ErrInvalidKey, "a private key; verifying takes the public one alone")
	}
	t := keyTypeFor(key)
	if t == nil {
		return nil, errKeyType
	}
	alg, err := o.chooseOne(t.name, "", key)
	if err != nil {
		return nil, err
	}
	return jeton.NewVerifyingKey(alg, key, o.key...)
}

// MarshalPublicPEM writes a public key as a PKIX "PUBLIC KEY" (RFC 5280 section
// 4.1). PEM has no place for algorithm and id: they are lost. jeton.ErrInvalidKey
// for an HMAC secret.
func MarshalPublicPEM(k *jeton.VerifyingKey) ([]byte, error) {
	public, err := publicHalf(k)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "there is no PEM for a key of type %T", public)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// MarshalPrivatePEM writes a private key as a PKCS #8 "PRIVATE KEY" (RFC 5958),
// not encrypted. PEM has no place for algorithm and id: they are lost.
// jeton.ErrInvalidKey for an HMAC secret and for a key that lives in a
// crypto.Signer of another kind, such as an HSM.
func MarshalPrivatePEM(k *jeton.SigningKey) ([]byte, error) {
	private, err := privateHalf(k)
	if err != nil {
		return nil, err
	}
	if _, ok := private.(crypto.Signer); !ok {
		return nil, fail(jeton.ErrInvalidKey, "PEM does not hold secrets; write a JWK")
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "there is no PEM for a key of type %T", private)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
