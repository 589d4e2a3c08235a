package jwe_test

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// A21: an RSA key with another public exponent than 65537 takes an option.
func TestAnUnusualExponentTakesTheOption(t *testing.T) {
	private := rsaOfExponent3(t)
	_, err := jwe.NewDecryptingKey(jwe.RSAOAEP256, jwe.A128GCM, private)
	refused(t, err, jeton.ErrInvalidKey)
	_, err = jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A128GCM, &private.PublicKey)
	refused(t, err, jeton.ErrInvalidKey)

	allow := jwe.InsecureAllowUnusualExponent()
	key := must(jwe.NewDecryptingKey(jwe.RSAOAEP256, jwe.A128GCM, private, allow))(t)
	must(jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A128GCM, &private.PublicKey, allow))(t)

	text := must(jwe.MarshalPrivate(key))(t)
	_, err = jwe.ParsePrivate(text, jwe.RSAOAEP256, jwe.A128GCM)
	refused(t, err, jeton.ErrInvalidKey)
	again := must(jwe.ParsePrivate(text, jwe.RSAOAEP256, jwe.A128GCM, allow))(t)
	text = must(jwe.MarshalPublic(key.Public()))(t)
	_, err = jwe.ParsePublic(text, jwe.RSAOAEP256, jwe.A128GCM)
	refused(t, err, jeton.ErrInvalidKey)
	public := must(jwe.ParsePublic(text, jwe.RSAOAEP256, jwe.A128GCM, allow))(t)

	token := must(must(jwe.NewEncrypter(public))(t).EncryptToken(goodInner(t)))(t)
	must(must(jwe.NewVerifier(decrypter(t, again), innerVerifier(t)))(t).Verify(t.Context(), token))(t)

	// Beyond the option's reach.
	for _, e := range []int{1, 4, 1<<31 + 1} {
		_, err := jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A128GCM, &rsa.PublicKey{N: private.N, E: e}, allow)
		refused(t, err, jeton.ErrInvalidKey)
	}
}

func rsaOfExponent3(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	e, one := big.NewInt(3), big.NewInt(1)
	for {
		p, q := must(rand.Prime(rand.Reader, 1024))(t), must(rand.Prime(rand.Reader, 1024))(t)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 3}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		return key
	}
}
