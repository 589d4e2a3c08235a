//go:build pkcs11 && cgo

package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	p11 "github.com/miekg/pkcs11"
)

// signer is a private key in a token.
type signer struct {
	token    *Token
	location string
	public   crypto.PublicKey
}

var errUnsupported = errors.New("not supported")

// Public returns the public half.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign signs a digest or, for Ed25519, a message, as [crypto.Signer] has it. The
// randomness is the token's.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	u, err := s.token.locate(s.location)
	if err != nil {
		return nil, err
	}
	mechanism, input, err := s.mechanism(digest, opts)
	if err != nil {
		return nil, err
	}
	var signature []byte
	err = s.token.do(func(c *connection, h p11.SessionHandle) error {
		key, err := c.private(h, s.location, u)
		if err != nil {
			return err
		}
		if err := c.module.SignInit(h, []*p11.Mechanism{mechanism}, key); err != nil {
			c.objects.Delete(s.location) // it may have another handle now
			return fmt.Errorf("sign: %w", err)
		}
		if signature, err = c.module.Sign(h, input); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, ok := s.public.(*ecdsa.PublicKey); ok {
		return fromRaw(signature)
	}
	return signature, nil
}

// hashes are the names of hash functions in PKCS#11, and what stands before their
// digests in PKCS#1 v1.5 (RFC 8017 section 9.2, note 1).
var hashes = map[crypto.Hash]struct {
	mechanism, mgf uint
	prefix         []byte
}{
	crypto.SHA256: {p11.CKM_SHA256, p11.CKG_MGF1_SHA256, []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
	crypto.SHA384: {p11.CKM_SHA384, p11.CKG_MGF1_SHA384, []byte{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}},
	crypto.SHA512: {p11.CKM_SHA512, p11.CKG_MGF1_SHA512, []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}},
}

// mechanism returns how the token is to sign, and what.
func (s *signer) mechanism(digest []byte, opts crypto.SignerOpts) (*p11.Mechanism, []byte, error) {
	if _, ok := s.public.(ed25519.PublicKey); ok {
		if opts.HashFunc() != 0 {
			return nil, nil, fmt.Errorf("pkcs11: Ed25519 with a hash: %w", errUnsupported)
		}
		return p11.NewMechanism(ckmEDDSA, nil), digest, nil
	}
	hash := opts.HashFunc()
	row, ok := hashes[hash]
	if !ok || len(digest) != hash.Size() {
		return nil, nil, fmt.Errorf("pkcs11: a hash or the length of a digest: %w", errUnsupported)
	}
	switch s.public.(type) {
	case *ecdsa.PublicKey:
		return p11.NewMechanism(p11.CKM_ECDSA, nil), digest, nil
	case *rsa.PublicKey:
		pss, ok := opts.(*rsa.PSSOptions)
		if !ok {
			return p11.NewMechanism(p11.CKM_RSA_PKCS, nil), append(append([]byte(nil), row.prefix...), digest...), nil
		}
		salt := pss.SaltLength
		if salt == rsa.PSSSaltLengthEqualsHash {
			salt = hash.Size()
		}
		if salt <= 0 {
			return nil, nil, fmt.Errorf("pkcs11: a salt of any length: %w", errUnsupported)
		}
		return p11.NewMechanism(p11.CKM_RSA_PKCS_PSS, p11.NewPSSParams(row.mechanism, row.mgf, uint(salt))), digest, nil
	}
	return nil, nil, fmt.Errorf("pkcs11: a %T: %w", s.public, errUnsupported)
}

// fromRaw makes a signature of ECDSA as PKCS#11 has it, two numbers of one
// length, into what crypto.Signer returns.
func fromRaw(raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw)%2 != 0 {
		return nil, errors.New("pkcs11: a signature of ECDSA that is not two numbers")
	}
	half := len(raw) / 2
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
}
