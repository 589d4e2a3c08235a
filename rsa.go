package jeton

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math/big"

	"github.com/jeton-go/jeton/internal/base64url"
)

const (
	minRSABits      = 2048 // RFC 7518 section 3.3
	maxRSABits      = 8192 // verification grows with the square: a bound on a stranger's key
	generateRSABits = 2048
	usualExponent   = 65537
)

// rsaScheme is RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3). Its public key is an
// *rsa.PublicKey, its private key a crypto.Signer with such a public half.
type rsaScheme struct{}

func (rsaScheme) keyType() string { return "RSA" }

func (rsaScheme) generate(*algorithm) (any, error) {
	return rsa.GenerateKey(rand.Reader, generateRSABits)
}

func (rsaScheme) public(_ *algorithm, private any) (any, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fail(ErrInvalidKey, "an RSA signing key is a crypto.Signer, not a %T", private)
	}
	if key, ok := private.(*rsa.PrivateKey); ok {
		if err := key.Validate(); err != nil {
			return nil, fail(ErrInvalidKey, "the RSA private key is inconsistent")
		}
	}
	return signer.Public(), nil
}

func (rsaScheme) check(a *algorithm, public any, o *keyOptions) error {
	key, ok := public.(*rsa.PublicKey)
	if !ok || key == nil || key.N == nil {
		return fail(ErrInvalidKey, "%s takes an RSA key, not a %T", a.name, public)
	}
	bits := key.N.BitLen()
	switch {
	case bits < minRSABits:
		return fail(ErrWeakKey, "an RSA key of %d bits; at least %d (RFC 7518 section 3.3)", bits, minRSABits)
	case bits > maxRSABits:
		return fail(ErrInvalidKey, "an RSA key of %d bits; at most %d", bits, maxRSABits)
	case key.N.Sign() <= 0 || key.N.Bit(0) == 0:
		return fail(ErrInvalidKey, "an RSA modulus that is not odd and positive")
	case key.E < 3 || key.E&1 == 0 || key.E > 1<<31-1:
		return fail(ErrInvalidKey, "an RSA public exponent that is not an odd number from 3 to 2^31-1")
	case key.E != usualExponent && !o.allowUnusualExponent:
		return fail(ErrInvalidKey, "an RSA public exponent other than 65537 (InsecureAllowUnusualExponent admits it)")
	}
	if reason := weakRSA(key.N); reason != "" {
		return fail(ErrWeakKey, "%s", reason)
	}
	return nil
}

// prepare copies the key: what was checked must not change with the caller's.
func (rsaScheme) prepare(_ *algorithm, public any) any {
	key := public.(*rsa.PublicKey)
	return &rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}
}

func (s rsaScheme) sign(k *SigningKey, dst, input []byte) ([]byte, error) {
	return signRSA(s, k, dst, input, k.public.alg.hash)
}

// signRSA signs by either of the two schemes, which the options tell.
func signRSA(s scheme, k *SigningKey, dst, input []byte, opts crypto.SignerOpts) ([]byte, error) {
	signer := k.private().(crypto.Signer)
	_, own := signer.(*rsa.PrivateKey)
	sig, err := signer.Sign(rand.Reader, digestFor(own, k.public.alg.hash, dst, input), opts)
	if err != nil {
		return dst, fmt.Errorf("%w: the signer failed: %w", ErrInvalidKey, err)
	}
	// A remote signer may answer anything, and a token that nobody can verify
	// must not leave. crypto/rsa checks its own signatures.
	if !own && !s.verify(k.public, input, sig) {
		return dst, errForeignSignature
	}
	return append(dst, sig...), nil
}

var errForeignSignature = fail(ErrInvalidKey, "the signer's signature is not one of its public key")

// pssScheme is RSASSA-PSS (RFC 7518 section 3.5): the salt is as long as the
// hash, and MGF1 uses the same hash.
type pssScheme struct{ rsaScheme }

type pssKey struct {
	public  *rsa.PublicKey
	options *rsa.PSSOptions
}

func (s pssScheme) prepare(a *algorithm, public any) any {
	return &pssKey{
		s.rsaScheme.prepare(a, public).(*rsa.PublicKey),
		&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash},
	}
}

func (s pssScheme) sign(k *SigningKey, dst, input []byte) ([]byte, error) {
	return signRSA(s, k, dst, input, k.public.prepared.(*pssKey).options)
}

func (pssScheme) verify(k *VerifyingKey, input, sig []byte) bool {
	var buf [64]byte
	h := k.alg.hash
	key := k.prepared.(*pssKey)
	return rsa.VerifyPSS(key.public, h, digest(h, buf[:0], input), sig, key.options) == nil
}

func (rsaScheme) verify(k *VerifyingKey, input, sig []byte) bool {
	var buf [64]byte
	return rsa.VerifyPKCS1v15(k.prepared.(*rsa.PublicKey), k.alg.hash, digest(k.alg.hash, buf[:0], input), sig) == nil
}

func (rsaScheme) thumbprint(dst []byte, public any) []byte {
	key := public.(*rsa.PublicKey)
	dst = append(dst, `{"e":"`...)
	dst = base64url.AppendEncode(dst, big.NewInt(int64(key.E)).Bytes())
	dst = append(dst, `","kty":"RSA","n":"`...)
	dst = base64url.AppendEncode(dst, key.N.Bytes())
	return append(dst, `"}`...)
}

// digestFor returns what a signer signs. Behind dst, where the signature will lie,
// is room for it; but a signer of another module gets a copy, since it may still
// read it when it has returned.
func digestFor(own bool, h crypto.Hash, dst, input []byte) []byte {
	if !own {
		return digest(h, nil, input)
	}
	return digest(h, dst, input)[len(dst):]
}

// digest appends the hash of input to dst.
func digest(h crypto.Hash, dst, input []byte) []byte {
	switch h {
	case crypto.SHA256:
		d := sha256.Sum256(input)
		return append(dst, d[:]...)
	case crypto.SHA384:
		d := sha512.Sum384(input)
		return append(dst, d[:]...)
	default:
		d := sha512.Sum512(input)
		return append(dst, d[:]...)
	}
}
