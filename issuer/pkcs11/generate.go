//go:build pkcs11 && cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	p11 "github.com/miekg/pkcs11"

	"github.com/jeton-go/jeton"
)

// Names of PKCS#11 version 3.0 that the wrapper does not have.
const (
	ckmEdwardsKeyPairGen = 0x1055
	ckmEDDSA             = 0x1057
)

const rsaBits = 2048

// kind is a kind of key pair: how the token makes it, and how its public half is
// read.
type kind struct {
	mechanism uint
	public    []*p11.Attribute // of the template
	read      func(*connection, p11.SessionHandle, p11.ObjectHandle) (crypto.PublicKey, error)
}

func kindOf(alg jeton.Algorithm) (kind, error) {
	switch alg {
	case jeton.RS256, jeton.RS384, jeton.RS512, jeton.PS256, jeton.PS384, jeton.PS512:
		return kind{p11.CKM_RSA_PKCS_KEY_PAIR_GEN, []*p11.Attribute{
			p11.NewAttribute(p11.CKA_MODULUS_BITS, rsaBits),
			p11.NewAttribute(p11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
		}, readRSA}, nil
	case jeton.ES256:
		return curve(elliptic.P256(), asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	case jeton.ES384:
		return curve(elliptic.P384(), asn1.ObjectIdentifier{1, 3, 132, 0, 34})
	case jeton.ES512:
		return curve(elliptic.P521(), asn1.ObjectIdentifier{1, 3, 132, 0, 35})
	case jeton.Ed25519:
		// PKCS#11 3.0 section 2.3.5: the curve by its name, a PrintableString.
		params := append([]byte{0x13, 12}, "edwards25519"...)
		return kind{ckmEdwardsKeyPairGen, []*p11.Attribute{p11.NewAttribute(p11.CKA_EC_PARAMS, params)}, readEd25519}, nil
	}
	return kind{}, fmt.Errorf("pkcs11: keys for %s: %w", alg, errUnsupported)
}

func curve(c elliptic.Curve, oid asn1.ObjectIdentifier) (kind, error) {
	params, err := asn1.Marshal(oid)
	read := func(conn *connection, h p11.SessionHandle, o p11.ObjectHandle) (crypto.PublicKey, error) {
		point, err := conn.point(h, o)
		if err != nil {
			return nil, err
		}
		return ecdsa.ParseUncompressedPublicKey(c, point)
	}
	return kind{p11.CKM_EC_KEY_PAIR_GEN, []*p11.Attribute{p11.NewAttribute(p11.CKA_EC_PARAMS, params)}, read}, err
}

// Generate makes a key pair in the token. The private half is sensitive and can't
// be extracted: a token that makes it otherwise is refused.
func (t *Token) Generate(_ context.Context, alg jeton.Algorithm) (location string, public crypto.PublicKey, err error) {
	k, err := kindOf(alg)
	if err != nil {
		return "", nil, err
	}
	u := uri{token: t.opts.Token, id: make([]byte, 16)}
	rand.Read(u.id)
	u.object = fmt.Sprintf("jeton %s %x", alg, u.id[:4])
	err = t.do(func(c *connection, h p11.SessionHandle) error {
		names := []*p11.Attribute{
			p11.NewAttribute(p11.CKA_TOKEN, true),
			p11.NewAttribute(p11.CKA_LABEL, u.object),
			p11.NewAttribute(p11.CKA_ID, u.id),
		}
		publicTemplate := append(append(k.public, names...), p11.NewAttribute(p11.CKA_VERIFY, true))
		privateTemplate := append(names[:len(names):len(names)],
			p11.NewAttribute(p11.CKA_PRIVATE, true),
			p11.NewAttribute(p11.CKA_SENSITIVE, true),
			p11.NewAttribute(p11.CKA_EXTRACTABLE, false),
			p11.NewAttribute(p11.CKA_SIGN, true),
		)
		pub, private, err := c.module.GenerateKeyPair(h, []*p11.Mechanism{p11.NewMechanism(k.mechanism, nil)}, publicTemplate, privateTemplate)
		if err != nil {
			return fmt.Errorf("generate a key for %s: %w", alg, err)
		}
		if err := c.locked(h, private); err != nil {
			return errors.Join(err, c.module.DestroyObject(h, private), c.module.DestroyObject(h, pub))
		}
		if public, err = k.read(c, h, pub); err != nil {
			return errors.Join(fmt.Errorf("read a public key: %w", err), c.module.DestroyObject(h, private), c.module.DestroyObject(h, pub))
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	return u.String(), public, nil
}

// locked returns an error unless a private key can't leave the token.
func (c *connection) locked(h p11.SessionHandle, o p11.ObjectHandle) error {
	got, err := c.module.GetAttributeValue(h, o, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_SENSITIVE, nil), p11.NewAttribute(p11.CKA_EXTRACTABLE, nil),
	})
	if err != nil {
		return fmt.Errorf("read a key's attributes: %w", err)
	}
	if sensitive, extractable := got[0].Value, got[1].Value; len(sensitive) != 1 || sensitive[0] == 0 || len(extractable) != 1 || extractable[0] != 0 {
		return fmt.Errorf("the token made a key that can be extracted: %w", errUnsupported)
	}
	return nil
}

func readRSA(c *connection, h p11.SessionHandle, o p11.ObjectHandle) (crypto.PublicKey, error) {
	got, err := c.module.GetAttributeValue(h, o, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_MODULUS, nil), p11.NewAttribute(p11.CKA_PUBLIC_EXPONENT, nil),
	})
	if err != nil {
		return nil, err
	}
	e := new(big.Int).SetBytes(got[1].Value)
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return nil, errors.New("a public exponent that is too large")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(got[0].Value), E: int(e.Int64())}, nil
}

func readEd25519(c *connection, h p11.SessionHandle, o p11.ObjectHandle) (crypto.PublicKey, error) {
	point, err := c.point(h, o)
	if err != nil {
		return nil, err
	}
	if len(point) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("a public key of %d bytes", len(point))
	}
	return ed25519.PublicKey(point), nil
}

// point reads a point of a curve: an OCTET STRING in most tokens, as it should be,
// and bare in some.
func (c *connection) point(h p11.SessionHandle, o p11.ObjectHandle) ([]byte, error) {
	got, err := c.module.GetAttributeValue(h, o, []*p11.Attribute{p11.NewAttribute(p11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, err
	}
	var point []byte
	if rest, err := asn1.Unmarshal(got[0].Value, &point); err == nil && len(rest) == 0 {
		return point, nil
	}
	return got[0].Value, nil
}
