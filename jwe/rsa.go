package jwe

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

const generateRSABits = 2048

// rsaFamily is RSA keys. Package jeton judges them: what makes a key too weak to
// sign makes it too weak to encrypt.
type rsaFamily struct{}

func (rsaFamily) generate(_ binding, curve ecdh.Curve) (any, error) {
	if curve != nil {
		return nil, errCurveOption
	}
	key, err := rsa.GenerateKey(rand.Reader, generateRSABits)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "generate: %v", err)
	}
	return key, nil
}

func (rsaFamily) public(private any, o *keyOptions) (any, error) {
	key, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, fail(jeton.ErrInvalidKey, "an RSA decrypting key is an *rsa.PrivateKey, not a %T", private)
	}
	if _, err := jeton.NewSigningKey(jeton.RS256, key, o.rsa()...); err != nil {
		return nil, err
	}
	return &key.PublicKey, nil
}

func (rsaFamily) check(b binding, public any, o *keyOptions) (any, error) {
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, fail(jeton.ErrInvalidKey, "%s takes an RSA key, not a %T", b.alg.name, public)
	}
	if _, err := jeton.NewVerifyingKey(jeton.RS256, key, o.rsa()...); err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}, nil
}

func (rsaFamily) readPublic(o object) (any, error) {
	return readRSA(o)
}

// readRSA reads the key of RFC 7518 section 6.3.1.
func readRSA(o object) (*rsa.PublicKey, error) {
	if err := o.require("kty", "RSA"); err != nil {
		return nil, err
	}
	n, err := o.integer("n")
	if err != nil {
		return nil, err
	}
	e, err := o.integer("e")
	if err != nil {
		return nil, err
	}
	if e.BitLen() > 31 {
		return nil, fail(jeton.ErrInvalidKey, `"e" is not below 2^31`)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// readPrivate reads the key of RFC 7518 section 6.3.2. The members that only speed
// up are required too, and held against the others.
func (rsaFamily) readPrivate(o object) (any, error) {
	public, err := readRSA(o)
	if err != nil {
		return nil, err
	}
	if o.has("oth") {
		return nil, fail(jeton.ErrInvalidKey, "an RSA key of more than two primes")
	}
	var v [6]*big.Int
	for i, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if v[i], err = o.integer(name); err != nil {
			return nil, err
		}
	}
	key := &rsa.PrivateKey{
		PublicKey:   *public,
		D:           v[0],
		Primes:      []*big.Int{v[1], v[2]},
		Precomputed: rsa.PrecomputedValues{Dp: v[3], Dq: v[4], Qinv: v[5]},
	}
	// Precompute keeps the three values as they are and Validate holds all of
	// them against each other; neither looks at whether the primes are prime.
	key.Precompute()
	if key.Validate() != nil || !v[1].ProbablyPrime(1) || !v[2].ProbablyPrime(1) {
		return nil, fail(jeton.ErrInvalidKey, "the members of the RSA private key do not belong together")
	}
	return key, nil
}

func (rsaFamily) params(public any) []param {
	key := public.(*rsa.PublicKey)
	return []param{{"kty", "RSA"}, uintParam("n", key.N), uintParam("e", big.NewInt(int64(key.E)))}
}

func (rsaFamily) privateParams(private any) ([]param, error) {
	key := private.(*rsa.PrivateKey)
	if len(key.Primes) != 2 {
		return nil, fail(jeton.ErrInvalidKey, "an RSA key of %d primes; a JWK of two is all that is read", len(key.Primes))
	}
	// Computed here, since the caller's key may have none of them and is not ours
	// to change.
	p, q := key.Primes[0], key.Primes[1]
	exponent := func(prime *big.Int) *big.Int {
		n := new(big.Int).Sub(prime, big.NewInt(1))
		return n.Mod(key.D, n)
	}
	return []param{
		uintParam("d", key.D), uintParam("p", p), uintParam("q", q),
		uintParam("dp", exponent(p)), uintParam("dq", exponent(q)),
		uintParam("qi", new(big.Int).ModInverse(q, p)),
	}, nil
}

func uintParam(name string, n *big.Int) param { return param{name, base64url.Encode(n.Bytes())} }

// oaep is RSAES-OAEP with SHA-256, and MGF1 with SHA-256 (RFC 7518 section 4.3).
type oaep struct{}

func (oaep) wrap(k *EncryptingKey) (wrapped, error) {
	cek := randomBytes(k.enc.cek)
	encryptedKey, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, k.public().(*rsa.PublicKey), cek, nil)
	if err != nil {
		return wrapped{}, fmt.Errorf("%w: %w", jeton.ErrInvalidKey, err)
	}
	return wrapped{cek: cek, encryptedKey: encryptedKey}, nil
}

func (oaep) unwrap(k *DecryptingKey, _ *header, encryptedKey []byte) ([]byte, error) {
	key := k.private().(*rsa.PrivateKey)
	// crypto/rsa takes a shorter text too, as if it had zeros in front: a second
	// spelling of the same token.
	if len(encryptedKey) != key.Size() {
		return nil, nil
	}
	cek, err := rsa.DecryptOAEP(sha256.New(), nil, key, encryptedKey, nil)
	if err != nil {
		return nil, nil
	}
	return cek, nil
}
