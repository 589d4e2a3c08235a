package jwk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/jwk"
)

func TestMarshalPublicWritesWhatAVerifierNeeds(t *testing.T) {
	m := rsaPublicJWK()
	if got := strings.Join(slices.Sorted(maps.Keys(m)), " "); got != "alg e kid kty n use" {
		t.Error(got)
	}
	if m["kty"] != "RSA" || m["alg"] != "RS256" || m["use"] != "sig" || m["kid"] != "rsa" || m["e"] != "AQAB" ||
		m["n"] != base64url.Encode(rsaKey().N.Bytes()) {
		t.Error(m)
	}
}

func TestMarshalPrivateWritesTheWholeKey(t *testing.T) {
	if got := strings.Join(slices.Sorted(maps.Keys(rsaPrivateJWK())), " "); got != "alg d dp dq e kid kty n p q qi use" {
		t.Error(got)
	}
	key, err := jeton.NewHMACKey(jeton.HS256, []byte(secret), jeton.KeyID("hmac"))
	if err != nil {
		t.Fatal(err)
	}
	if m := decode(jwk.MarshalPrivate(key)); fmt.Sprint(m) != fmt.Sprint(secretJWK().with(members{"use": "sig"})) {
		t.Error(m)
	}
}

func TestMarshalPublicRefusesSecrets(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.HS256)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.MarshalPublic(key.Public())
	refused(t, err, jeton.ErrInvalidKey, "a secret has no public half")
	_, err = jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
	refused(t, err, jeton.ErrInvalidKey, "a secret has no public half")
}

func TestNoKeyIsAnError(t *testing.T) {
	_, err := jwk.MarshalPublic(nil)
	refused(t, err, jeton.ErrInvalidKey, "no key")
	_, err = jwk.MarshalPrivate(nil)
	refused(t, err, jeton.ErrInvalidKey, "no key")
	_, err = jwk.MarshalPublicPEM(nil)
	refused(t, err, jeton.ErrInvalidKey, "no key")
	_, err = jwk.MarshalPrivatePEM(nil)
	refused(t, err, jeton.ErrInvalidKey, "no key")
	_, err = jwk.MarshalSet([]*jeton.VerifyingKey{nil})
	refused(t, err, jeton.ErrInvalidKey, "no key")
}

func TestMarshalSetKeepsTheOrder(t *testing.T) {
	a := signingKey(jeton.RS256, rsaKey(), jeton.KeyID("a")).Public()
	b := signingKey(jeton.RS512, otherRSAKey(), jeton.KeyID("b")).Public()
	for _, keys := range [][]*jeton.VerifyingKey{{a, b}, {b, a}} {
		text, err := jwk.MarshalSet(keys)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jwk.ParseSet(text)
		if err != nil {
			t.Fatal(err)
		}
		if ids(again) != ids(keys) {
			t.Error(ids(again))
		}
		if second, _ := jwk.MarshalSet(keys); string(second) != string(text) {
			t.Error("not the same text twice")
		}
	}
}

func TestMarshalSetOfNothingIsAnEmptySet(t *testing.T) {
	if text, err := jwk.MarshalSet(nil); err != nil || string(text) != `{"keys":[]}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestMarshalSetRefusesWhatParseSetWould(t *testing.T) {
	key := signingKey(jeton.RS256, rsaKey()).Public()
	_, err := jwk.MarshalSet([]*jeton.VerifyingKey{key, key})
	refused(t, err, jeton.ErrInvalidKey, "two keys of one id")
	_, err = jwk.MarshalSet(slices.Repeat([]*jeton.VerifyingKey{key}, 101))
	refused(t, err, jeton.ErrInvalidKey, "101 keys")
	var full []*jeton.VerifyingKey
	for i := range 100 {
		full = append(full, signingKey(jeton.RS256, rsaKey(), jeton.KeyID(fmt.Sprint(i))).Public())
	}
	if text, err := jwk.MarshalSet(full); err != nil {
		t.Errorf("100 keys: %v", err)
	} else if again, err := jwk.ParseSet(text); err != nil || len(again) != 100 {
		t.Errorf("100 keys: %d, %v", len(again), err)
	}
}

// Whatever is an algorithm of package jeton can be written and read here: a new
// one fails until it has a key type.
func TestEveryAlgorithmHasAKeyType(t *testing.T) {
	types := map[string]bool{}
	for _, alg := range jeton.Algorithms() {
		if types[alg.KeyType()] {
			continue
		}
		types[alg.KeyType()] = true
		key, err := jeton.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwk.MarshalPrivate(key)
		if err != nil {
			t.Errorf("%s: %v", alg, err)
		} else if _, err := jwk.ParsePrivate(text); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// anyKey draws a key of any algorithm that jeton has, with any id.
func anyKey(t *rapid.T) *jeton.SigningKey {
	alg := rapid.SampledFrom(jeton.Algorithms()).Draw(t, "algorithm")
	var opts []jeton.KeyOption
	if rapid.Bool().Draw(t, "with id") {
		opts = append(opts, jeton.KeyID(rapid.StringMatching(`[ -~]{1,128}`).Draw(t, "id")))
	}
	var key *jeton.SigningKey
	var err error
	switch alg.KeyType() {
	case "RSA":
		key, err = jeton.NewSigningKey(alg, rapid.SampledFrom(rsaKeys()).Draw(t, "key"), opts...)
	case "oct":
		// 0xff first, so that it can't look like a key file.
		bytes := rapid.SliceOfN(rapid.Byte(), 64, 200).Draw(t, "secret")
		key, err = jeton.NewHMACKey(alg, append([]byte{0xff, 0xfe}, bytes...), opts...)
	default:
		key, err = jeton.GenerateKey(alg, opts...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeysSurviveTheirJWK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := anyKey(t)
		text, err := jwk.MarshalPrivate(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jwk.ParsePrivate(text)
		if err != nil {
			t.Fatal(err)
		}
		if again.Algorithm() != key.Algorithm() || again.ID() != key.ID() ||
			again.Public().Thumbprint() != key.Public().Thumbprint() {
			t.Fatal("another private key")
		}
		if second, err := jwk.MarshalPrivate(again); err != nil || string(second) != string(text) {
			t.Fatal("another text")
		}
		if key.Algorithm().Symmetric() {
			return
		}
		text, err = jwk.MarshalPublic(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		public, err := jwk.ParsePublic(text)
		if err != nil {
			t.Fatal(err)
		}
		if public.Algorithm() != key.Algorithm() || public.ID() != key.ID() ||
			public.Thumbprint() != key.Public().Thumbprint() {
			t.Fatal("another public key")
		}
		var m members
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "priv"} {
			if m[private] != nil {
				t.Fatalf("the public key has %q", private)
			}
		}
	})
}

func TestKeysSurvivePEM(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := anyKey(t)
		if key.Algorithm().Symmetric() {
			return
		}
		text, err := jwk.MarshalPrivatePEM(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jwk.ParsePrivate(text, jwk.DefaultAlgorithm(key.Algorithm()), jwk.KeyID(key.ID()))
		if err != nil {
			t.Fatal(err)
		}
		if again.ID() != key.ID() || again.Public().Thumbprint() != key.Public().Thumbprint() {
			t.Fatal("another private key")
		}
		text, err = jwk.MarshalPublicPEM(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		public, err := jwk.ParsePublic(text, jwk.DefaultAlgorithm(key.Algorithm()))
		if err != nil {
			t.Fatal(err)
		}
		if public.Thumbprint() != key.Public().Thumbprint() {
			t.Fatal("another public key")
		}
	})
}
