package jwk_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/jwk"
)

// Keys are drawn once: RSA takes its time.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
	otherRSAKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
	ecKey = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
	edKey = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
)

func rsaKeys() []*rsa.PrivateKey { return []*rsa.PrivateKey{rsaKey(), otherRSAKey()} }

func ecdsaKey(curve elliptic.Curve) (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(curve, rand.Reader)
}

const secret = "0123456789abcdefghijklmnopqrstuv0123456789abcdefghijklmnopqrstuv"

// members is a JWK as a test changes it: a nil value takes a member out.
type members map[string]any

func (m members) with(changes members) members {
	out := maps.Clone(m)
	for name, value := range changes {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

func (m members) text() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

func decode(text []byte, err error) members {
	if err != nil {
		panic(err)
	}
	var m members
	if err := json.Unmarshal(text, &m); err != nil {
		panic(err)
	}
	return m
}

// jsonNull is a member with the value null, where nil means no member.
var jsonNull = json.RawMessage("null")

func signingKey(alg jeton.Algorithm, key *rsa.PrivateKey, opts ...jeton.KeyOption) *jeton.SigningKey {
	k, err := jeton.NewSigningKey(alg, key, opts...)
	if err != nil {
		panic(err)
	}
	return k
}

func rsaPrivateJWK() members {
	return decode(jwk.MarshalPrivate(signingKey(jeton.RS256, rsaKey(), jeton.KeyID("rsa"))))
}

func rsaPublicJWK() members {
	return decode(jwk.MarshalPublic(signingKey(jeton.RS256, rsaKey(), jeton.KeyID("rsa")).Public()))
}

func otherPublicJWK() members {
	return decode(jwk.MarshalPublic(signingKey(jeton.RS512, otherRSAKey(), jeton.KeyID("other")).Public()))
}

func secretJWK() members {
	return members{"kty": "oct", "k": base64url.Encode([]byte(secret)), "alg": "HS256", "kid": "hmac"}
}

func set(keys ...members) []byte {
	return members{"keys": keys}.text()
}

// refused checks that an error is of the reason, says want, and quotes nothing.
func refused(t *testing.T, err, reason error, want string, quotes ...string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatalf("accepted; want %q", want)
	case !errors.Is(err, reason):
		t.Errorf("%v: is not %v", err, reason)
	case !strings.Contains(err.Error(), want):
		t.Errorf("%v: does not say %q", err, want)
	}
	if !errors.Is(err, jeton.ErrInvalidKey) && !errors.Is(err, jeton.ErrUnsupportedAlgorithm) {
		t.Errorf("%v: is of no reason that the package promises", err)
	}
	for _, q := range quotes {
		if q != "" && strings.Contains(err.Error(), q) {
			t.Errorf("%v: quotes the key", err)
		}
	}
}

// material returns the values of a JWK that no error may quote.
func material(m members) []string {
	var all []string
	for name, value := range m {
		if text, ok := value.(string); ok && len(text) > 8 && name != "kid" {
			all = append(all, text)
		}
	}
	return all
}
