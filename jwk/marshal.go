package jwk

import (
	"crypto"
	"encoding/json"

	"github.com/jeton-go/jeton"
)

// MarshalPublic writes a public key as a JWK with "alg", "use" and "kid". What
// it writes depends on the key alone. jeton.ErrInvalidKey for an HMAC secret,
// which has no public half.
func MarshalPublic(k *jeton.VerifyingKey) ([]byte, error) {
	public, err := publicHalf(k)
	if err != nil {
		return nil, err
	}
	return appendKey(nil, public, k.Algorithm(), k.ID())
}

// MarshalPrivate writes a private key or an HMAC secret as a JWK with "alg",
// "use" and "kid", not encrypted. jeton.ErrInvalidKey for a key that lives in a
// crypto.Signer of another kind, such as an HSM.
func MarshalPrivate(k *jeton.SigningKey) ([]byte, error) {
	private, err := privateHalf(k)
	if err != nil {
		return nil, err
	}
	return appendKey(nil, private, k.Algorithm(), k.ID())
}

// MarshalSet writes public keys as a JWK set, in the order given; no keys are
// {"keys":[]}. jeton.ErrInvalidKey for what [ParseSet] would refuse: an HMAC
// secret, two keys of one id, over 100 keys.
func MarshalSet(keys []*jeton.VerifyingKey) ([]byte, error) {
	if len(keys) > maxSetKeys {
		return nil, fail(jeton.ErrInvalidKey, "a set of %d keys, at most %d", len(keys), maxSetKeys)
	}
	set := []byte(`{"keys":[`)
	for i, k := range keys {
		public, err := publicHalf(k)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			set = append(set, ',')
		}
		if set, err = appendKey(set, public, k.Algorithm(), k.ID()); err != nil {
			return nil, err
		}
	}
	if err := distinct(keys); err != nil {
		return nil, err
	}
	return append(set, "]}"...), nil
}

// publicHalf returns the key to write, which an HMAC secret does not have.
func publicHalf(k *jeton.VerifyingKey) (crypto.PublicKey, error) {
	if k == nil {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	if k.Algorithm().Symmetric() {
		return nil, fail(jeton.ErrInvalidKey, "a secret has no public half")
	}
	return k.PublicKey(), nil
}

// privateHalf returns the key to write, which a foreign signer keeps to itself.
func privateHalf(k *jeton.SigningKey) (any, error) {
	if k == nil {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	private := k.Secrets()
	if keyTypeFor(private) == nil {
		return nil, fail(jeton.ErrInvalidKey, "the private key is in a %T and can't be written", private)
	}
	return private, nil
}

func appendKey(dst []byte, key any, alg jeton.Algorithm, id string) ([]byte, error) {
	t := keyTypeFor(key)
	if t == nil {
		return nil, errKeyType
	}
	params := append([]param{{"kty", t.name}}, t.write(key)...)
	params = append(params, param{"alg", string(alg)}, param{"use", "sig"}, param{"kid", id})
	for i, p := range params {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		value, _ := json.Marshal(p.value) // a string always has a JSON form
		dst = append(append(dst, separator, '"'), p.name...)
		dst = append(append(dst, '"', ':'), value...)
	}
	return append(dst, '}'), nil
}
