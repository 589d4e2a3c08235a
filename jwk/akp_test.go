//go:build go1.27

package jwk_test

import (
	"bytes"
	"crypto/mldsa"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/jwk"
)

var mldsaAlgorithms = []jeton.Algorithm{jeton.MLDSA44, jeton.MLDSA65, jeton.MLDSA87}

func mldsaKey(t *testing.T, alg jeton.Algorithm) *jeton.SigningKey {
	t.Helper()
	key, err := jeton.GenerateKey(alg, jeton.KeyID("akp"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestMLDSAKeysAreWrittenAsRFC9964Has(t *testing.T) {
	for _, alg := range mldsaAlgorithms {
		key := mldsaKey(t, alg)
		private := decode(jwk.MarshalPrivate(key))
		own := key.Secrets().(*mldsa.PrivateKey)
		want := members{"kty": "AKP", "alg": string(alg), "use": "sig", "kid": "akp",
			"pub": base64url.Encode(own.PublicKey().Bytes()), "priv": base64url.Encode(own.Bytes())}
		if !bytes.Equal(private.text(), want.text()) {
			t.Errorf("%s: %s", alg, private.text())
		}
		if public := decode(jwk.MarshalPublic(key.Public())); !bytes.Equal(public.text(), want.with(members{"priv": nil}).text()) {
			t.Errorf("%s: %s", alg, public.text())
		}
	}
}

func TestMLDSAKeysThatAreRefused(t *testing.T) {
	for _, alg := range mldsaAlgorithms {
		key, other := decode(jwk.MarshalPrivate(mldsaKey(t, alg))), decode(jwk.MarshalPrivate(mldsaKey(t, alg)))
		pub, err := base64url.Decode(key["pub"].(string))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			changes members
			reason  error
			want    string
		}{
			"A22 without its algorithm":      {members{"alg": nil}, jeton.ErrInvalidKey, `"alg" is missing`},
			"A22 an algorithm of others":     {members{"alg": "ES256"}, jeton.ErrInvalidKey, "not an algorithm of keys of this type"},
			"an algorithm that is not here":  {members{"alg": "SLH-DSA-SHA2-128s"}, jeton.ErrUnsupportedAlgorithm, `"alg" is not one`},
			"another spelling of it":         {members{"alg": strings.ToLower(string(alg))}, jeton.ErrUnsupportedAlgorithm, `"alg" is not one`},
			"A22 another type":               {members{"kty": "OKP", "crv": "Ed25519"}, jeton.ErrInvalidKey, ""},
			"A22 without a public half":      {members{"pub": nil}, jeton.ErrInvalidKey, `"pub" is missing`},
			"A22 an empty public half":       {members{"pub": ""}, jeton.ErrInvalidKey, `"pub" has 0 bytes`},
			"A22 a short public half":        {members{"pub": base64url.Encode(pub[1:])}, jeton.ErrInvalidKey, `"pub" has `},
			"A22 a long public half":         {members{"pub": base64url.Encode(append([]byte{0}, pub...))}, jeton.ErrInvalidKey, `"pub" has `},
			"A22 a public half with padding": {members{"pub": key["pub"].(string) + "="}, jeton.ErrInvalidKey, "canonical"},
			"A22 another public half":        {members{"pub": other["pub"]}, jeton.ErrInvalidKey, `"priv" does not belong`},
			"A22 another seed":               {members{"priv": other["priv"]}, jeton.ErrInvalidKey, `"priv" does not belong`},
			"A22 a short seed":               {members{"priv": key["priv"].(string)[:40]}, jeton.ErrInvalidKey, `"priv" has 30 bytes`},
			"A22 an expanded private key":    {members{"priv": base64url.Encode(make([]byte, 2560))}, jeton.ErrInvalidKey, `"priv" has 2560 bytes`},
			"A22 a seed that is no string":   {members{"priv": 1}, jeton.ErrInvalidKey, `"priv" is not a string`},
			"A22 the seed as in a draft":     {members{"priv": nil, "seed": key["priv"], "d": key["priv"]}, jeton.ErrInvalidKey, `"priv" is missing`},
			"A22 a key for encryption":       {members{"use": "enc"}, jeton.ErrInvalidKey, "something else"},
		} {
			t.Run(name+" "+string(alg), func(t *testing.T) {
				changed := key.with(c.changes)
				_, err := jwk.ParsePrivate(changed.text())
				refused(t, err, c.reason, c.want, material(changed)...)
			})
		}
		// No default stands in for the algorithm, and none contradicts it.
		_, err = jwk.ParsePrivate(key.with(members{"alg": nil}).text(), jwk.DefaultAlgorithm(alg))
		refused(t, err, jeton.ErrInvalidKey, `"alg" is missing`)
		_, err = jwk.ParsePrivate(key.text(), jwk.DefaultAlgorithm(jeton.ES256))
		refused(t, err, jeton.ErrInvalidKey, "does not take a key of this type")
		for _, another := range mldsaAlgorithms {
			if another == alg {
				continue
			}
			_, err = jwk.ParsePrivate(key.text(), jwk.DefaultAlgorithm(another))
			refused(t, err, jeton.ErrInvalidKey, "another algorithm than "+string(another))
			_, err = jwk.ParsePublic(key.with(members{"alg": another, "priv": nil}).text())
			refused(t, err, jeton.ErrInvalidKey, `"pub" has `)
		}
		_, err = jwk.ParsePublic(key.text())
		refused(t, err, jeton.ErrInvalidKey, "a private key", material(key)...)
		_, err = jwk.ParseSet(set(key))
		refused(t, err, jeton.ErrInvalidKey, "private key", material(key)...)
		zeros := base64url.Encode(append(bytes.Clone(pub[:32]), make([]byte, len(pub)-32)...))
		_, err = jwk.ParsePublic(key.with(members{"priv": nil, "pub": zeros}).text())
		refused(t, err, jeton.ErrWeakKey, "")
	}
}

// The object identifier in PEM tells the algorithm (RFC 9881).
func TestMLDSAInPEMLeavesOneAlgorithm(t *testing.T) {
	for _, alg := range mldsaAlgorithms {
		key := mldsaKey(t, alg)
		private, err := jwk.MarshalPrivatePEM(key)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := jwk.ParsePrivate(private); err != nil || again.Algorithm() != alg || again.Public().Thumbprint() != key.Public().Thumbprint() {
			t.Errorf("%s: %v", alg, err)
		}
		public, err := jwk.MarshalPublicPEM(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := jwk.ParsePublic(public); err != nil || again.Algorithm() != alg || again.Thumbprint() != key.Public().Thumbprint() {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestASetHasKeysOfMLDSAAmongOthers(t *testing.T) {
	akp := decode(jwk.MarshalPublic(mldsaKey(t, jeton.MLDSA65).Public()))
	unknown := akp.with(members{"alg": "SLH-DSA-SHA2-128s", "kid": "unknown"})
	keys, err := jwk.ParseSet(set(unknown, rsaPublicJWK(), akp))
	if err != nil {
		t.Fatal(err)
	}
	if ids(keys) != "rsa akp" || keys[1].Algorithm() != jeton.MLDSA65 {
		t.Error(ids(keys))
	}
}

func TestASetOfTheLargestKeysFitsItsLimits(t *testing.T) {
	var keys []*jeton.VerifyingKey
	for range 100 {
		key, err := jeton.GenerateKey(jeton.MLDSA87)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.Public())
	}
	text, err := jwk.MarshalSet(keys)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := jwk.ParseSet(text); err != nil || len(again) != 100 {
		t.Errorf("%d bytes, %d keys: %v", len(text), len(again), err)
	}
}
