package jwk_test

import (
	"errors"
	"os"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// FuzzParse holds every reader to what it promises for any text: no panic, no
// key beside an error, an error of a promised reason, and a key that is accepted
// is the same when it is written and read again.
func FuzzParse(f *testing.F) {
	for _, text := range [][]byte{
		rsaPublicJWK().text(), rsaPrivateJWK().text(), secretJWK().text(),
		set(rsaPublicJWK(), otherPublicJWK()), set(secretJWK()),
		pkcs1PEM(), pkcs8PEM(rsaKey()), pkixPEM(&rsaKey().PublicKey), certificatePEM(),
		pkcs8PEM(ecKey()), pkcs8PEM(edKey()), sec1PEM(), pkixPEM(&ecKey().PublicKey), pkixPEM(edKey().Public()),
		[]byte(`{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`),
		[]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`),
	} {
		f.Add(text)
	}
	for _, name := range []string{"wycheproof/json_web_key_test.json", "rfc7517/keys.json"} {
		text, err := os.ReadFile("../testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 8<<10)])
	}
	promised := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, jeton.ErrInvalidKey) && !errors.Is(err, jeton.ErrUnsupportedAlgorithm) {
			t.Errorf("of no promised reason: %v", err)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, opts := range [][]jwk.Option{nil, {jwk.DefaultAlgorithm(jeton.RS256)}, {jwk.DefaultAlgorithm(jeton.HS256), jwk.InsecureAllowWeakSecret()}} {
			public, err := jwk.ParsePublic(text, opts...)
			if (err == nil) != (public != nil) {
				t.Fatal("a key and an error, or neither")
			}
			if err != nil {
				promised(t, err)
			} else {
				samePublic(t, public)
			}

			private, err := jwk.ParsePrivate(text, opts...)
			if (err == nil) != (private != nil) {
				t.Fatal("a key and an error, or neither")
			}
			if err != nil {
				promised(t, err)
			} else if public != nil {
				t.Fatal("a private key and a public one")
			} else {
				samePrivate(t, private)
			}

			keys, err := jwk.ParseSet(text, append(opts, jwk.AllowSymmetric())...)
			if (err == nil) != (len(keys) > 0) {
				t.Fatal("keys and an error, or neither")
			}
			if err != nil {
				promised(t, err)
			}
			for _, k := range keys {
				if !k.Algorithm().Symmetric() {
					samePublic(t, k)
				}
			}
		}
	})
}

func samePublic(t *testing.T, key *jeton.VerifyingKey) {
	t.Helper()
	text, err := jwk.MarshalPublic(key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := jwk.ParsePublic(text)
	if err != nil {
		t.Fatal(err)
	}
	if again.Thumbprint() != key.Thumbprint() || again.Algorithm() != key.Algorithm() || again.ID() != key.ID() {
		t.Fatal("another key")
	}
}

func samePrivate(t *testing.T, key *jeton.SigningKey) {
	t.Helper()
	text, err := jwk.MarshalPrivate(key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := jwk.ParsePrivate(text, jwk.InsecureAllowWeakSecret())
	if err != nil {
		t.Fatal(err)
	}
	if again.Public().Thumbprint() != key.Public().Thumbprint() || again.Algorithm() != key.Algorithm() || again.ID() != key.ID() {
		t.Fatal("another key")
	}
}
