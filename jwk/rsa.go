package jwk

import (
	"crypto"
	"crypto/rsa"
	"math/big"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// readRSAPublic reads the key of RFC 7518 section 6.3.1. Its size and exponent
// are for package jeton to judge.
func readRSAPublic(m object) (crypto.PublicKey, error) {
	n, err := m.integer("n")
	if err != nil {
		return nil, err
	}
	e, err := m.integer("e")
	if err != nil {
		return nil, err
	}
	if e.BitLen() > 31 {
		return nil, fail(jeton.ErrInvalidKey, `"e" is not below 2^31`)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// readRSAPrivate reads the key of RFC 7518 section 6.3.2. The members that only
// speed up are required too: without the primes nothing could be checked.
func readRSAPrivate(m object) (any, error) {
	public, err := readRSAPublic(m)
	if err != nil {
		return nil, err
	}
	if m.has("oth") {
		return nil, fail(jeton.ErrInvalidKey, "an RSA key of more than two primes")
	}
	values := map[string]*big.Int{}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if values[name], err = m.integer(name); err != nil {
			return nil, err
		}
	}
	key := &rsa.PrivateKey{
		PublicKey: *public.(*rsa.PublicKey),
		D:         values["d"],
		Primes:    []*big.Int{values["p"], values["q"]},
		Precomputed: rsa.PrecomputedValues{
			Dp: values["dp"], Dq: values["dq"], Qinv: values["qi"],
		},
	}
	// Precompute keeps the three values as they are and Validate holds all of
	// them against each other; neither looks at whether the primes are prime.
	key.Precompute()
	if key.Validate() != nil || !key.Primes[0].ProbablyPrime(1) || !key.Primes[1].ProbablyPrime(1) {
		return nil, fail(jeton.ErrInvalidKey, "the members of the RSA private key do not belong together")
	}
	return key, nil
}

func writeRSA(key any) []param {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return []param{uintParam("n", key.N), uintParam("e", big.NewInt(int64(key.E)))}
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 {
			return nil
		}
		// Computed here, since the caller's key may have none of them and is not
		// ours to change.
		p, q := key.Primes[0], key.Primes[1]
		exponent := func(prime *big.Int) *big.Int {
			lambda := new(big.Int).Sub(prime, big.NewInt(1))
			return lambda.Mod(key.D, lambda)
		}
		return append(writeRSA(&key.PublicKey),
			uintParam("d", key.D), uintParam("p", p), uintParam("q", q),
			uintParam("dp", exponent(p)), uintParam("dq", exponent(q)),
			uintParam("qi", new(big.Int).ModInverse(q, p)))
	}
	return nil
}

func uintParam(name string, n *big.Int) param { return param{name, base64url.Encode(n.Bytes())} }
