package jwks_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"sync"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwks"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// key makes an RSA key of an id. Keys of different ids share their material:
// what tells them apart here is the id.
func key(alg jeton.Algorithm, id string) *jeton.SigningKey {
	k, err := jeton.NewSigningKey(alg, rsaKey(), jeton.KeyID(id))
	if err != nil {
		panic(err)
	}
	return k
}

func public(alg jeton.Algorithm, id string) *jeton.VerifyingKey { return key(alg, id).Public() }

func secretKey(id string) *jeton.VerifyingKey {
	k, err := jeton.GenerateKey(jeton.HS256, jeton.KeyID(id))
	if err != nil {
		panic(err)
	}
	return k.Public()
}

func static(t *testing.T, keys ...*jeton.VerifyingKey) *jwks.Static {
	t.Helper()
	s, err := jwks.NewStatic(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStaticFindsAKeyByItsID(t *testing.T) {
	a, b := public(jeton.RS256, "a"), public(jeton.RS512, "b")
	s := static(t, a, b)
	for id, want := range map[string]*jeton.VerifyingKey{"a": a, "b": b} {
		got, err := s.FindKey(context.Background(), jeton.Header{KeyID: id})
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	for _, id := range []string{"c", "A", "a ", " a", "aa"} {
		if got, err := s.FindKey(context.Background(), jeton.Header{KeyID: id}); !errors.Is(err, jeton.ErrUnknownKey) || got != nil {
			t.Errorf("%q: %v, %v", id, got, err)
		}
	}
}

func TestStaticFindsAKeyByItsThumbprintWhereItHasNoOtherID(t *testing.T) {
	k, err := jeton.NewVerifyingKey(jeton.RS256, &rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := static(t, k).FindKey(context.Background(), jeton.Header{KeyID: k.Thumbprint()}); err != nil || got != k {
		t.Error(got, err)
	}
}

// That the algorithm is another one is for the verifier to say.
func TestStaticReturnsAKeyOfAnotherAlgorithm(t *testing.T) {
	a := public(jeton.RS256, "a")
	got, err := static(t, a).FindKey(context.Background(), jeton.Header{KeyID: "a", Algorithm: jeton.RS512})
	if err != nil || got != a {
		t.Error(got, err)
	}
}

func TestATokenWithoutIDMatchesTheOnlyKeyOfItsAlgorithm(t *testing.T) {
	only := public(jeton.RS512, "only")
	s := static(t, public(jeton.RS256, "a"), only, public(jeton.RS256, "b"), public(jeton.RS384, "c"),
		public(jeton.RS384, "d"), public(jeton.RS384, "e"))
	if got, err := s.FindKey(context.Background(), jeton.Header{Algorithm: jeton.RS512}); err != nil || got != only {
		t.Error(got, err)
	}
	for _, alg := range []jeton.Algorithm{jeton.RS256, jeton.RS384, jeton.HS256, ""} {
		if got, err := s.FindKey(context.Background(), jeton.Header{Algorithm: alg}); !errors.Is(err, jeton.ErrUnknownKey) || got != nil {
			t.Errorf("%s: %v, %v", alg, got, err)
		}
	}
}

func TestNewStaticRefuses(t *testing.T) {
	a := public(jeton.RS256, "a")
	for name, keys := range map[string][]*jeton.VerifyingKey{
		"no keys":                        {},
		"a nil key":                      {a, nil},
		"a nil key alone":                {nil},
		"A5 the same key twice":          {a, a},
		"A5 two keys of one id":          {a, public(jeton.RS512, "a")},
		"A25 a public key and a secret":  {a, secretKey("b")},
		"A25 a secret and a public key":  {secretKey("b"), a},
		"A25 two secrets and a public":   {secretKey("b"), secretKey("c"), a},
		"A5 a secret and one of its id":  {secretKey("b"), secretKey("b")},
		"A25 a public key after secrets": {secretKey("b"), secretKey("c"), secretKey("d"), a},
	} {
		if s, err := jwks.NewStatic(keys...); !errors.Is(err, jeton.ErrInvalidKey) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jwks.NewStatic(secretKey("b"), secretKey("c")); err != nil {
		t.Errorf("secrets alone: %v", err)
	}
}

func TestStaticFindsKeysWithoutAllocating(t *testing.T) {
	s := static(t, public(jeton.RS256, "a"), public(jeton.RS512, "b"))
	for name, h := range map[string]jeton.Header{
		"by id":        {KeyID: "a"},
		"by algorithm": {Algorithm: jeton.RS512},
		"unknown":      {KeyID: "x"},
		"ambiguous":    {Algorithm: jeton.HS512},
	} {
		if n := testing.AllocsPerRun(100, func() { s.FindKey(context.Background(), h) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Through a verifier: the two refusals that only both together can give.
func TestAVerifierWithAStaticSet(t *testing.T) {
	a := key(jeton.RS256, "a")
	v, err := jeton.NewVerifier(static(t, a.Public()), jeton.Policy{AnyIssuer: true, AnyAudience: true, Type: "JWT", AllowMissingExpiration: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		signer *jeton.SigningKey
		want   error
	}{
		{a, nil},
		{key(jeton.RS512, "a"), jeton.ErrAlgorithmMismatch},
		{key(jeton.RS256, "b"), jeton.ErrUnknownKey},
	} {
		if _, err := v.Verify(context.Background(), token(t, c.signer)); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.want, err)
		}
	}
}

func token(t *testing.T, k *jeton.SigningKey) string {
	t.Helper()
	signer, err := jeton.NewSigner(k)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signer.Sign(jeton.Claims{Subject: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
