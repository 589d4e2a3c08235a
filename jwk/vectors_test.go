package jwk_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

func readVectors(t *testing.T, name string, dst any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, dst); err != nil {
		t.Fatal(err)
	}
}

type rfcKeys struct {
	Public  struct{ Keys []members } `json:"A.1_public"`
	Private struct{ Keys []members } `json:"A.2_private"`
	Secrets struct{ Keys []members } `json:"A.3_symmetric"`
}

func TestRFC7517AppendixA1(t *testing.T) {
	var rfc rfcKeys
	readVectors(t, "rfc7517/keys.json", &rfc)
	keys, err := jwk.ParseSet(set(rfc.Public.Keys...))
	if err != nil {
		t.Fatal(err)
	}
	// The EC key has use "enc".
	if ids(keys) != "2011-04-29" || keys[0].Algorithm() != jeton.RS256 {
		t.Error(ids(keys))
	}
}

func TestRFC7517AppendixA2(t *testing.T) {
	var rfc rfcKeys
	readVectors(t, "rfc7517/keys.json", &rfc)
	_, err := jwk.ParseSet(set(rfc.Private.Keys...))
	refused(t, err, jeton.ErrInvalidKey, "private key")

	_, err = jwk.ParsePrivate(rfc.Private.Keys[0].text())
	refused(t, err, jeton.ErrInvalidKey, "for something else")
	key, err := jwk.ParsePrivate(rfc.Private.Keys[1].text())
	if err != nil {
		t.Fatal(err)
	}
	if key.ID() != "2011-04-29" || key.Public().Thumbprint() != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Error(key.ID(), key.Public().Thumbprint())
	}
}

func TestRFC7517AppendixA3(t *testing.T) {
	var rfc rfcKeys
	readVectors(t, "rfc7517/keys.json", &rfc)
	_, err := jwk.ParseSet(set(rfc.Secrets.Keys...), jwk.AllowSymmetric())
	refused(t, err, jeton.ErrInvalidKey, "1 without an algorithm")

	keys, err := jwk.ParseSet(set(rfc.Secrets.Keys...), jwk.AllowSymmetric(), jwk.DefaultAlgorithm(jeton.HS256))
	if err != nil {
		t.Fatal(err)
	}
	if ids(keys) != "HMAC key used in JWS A.1 example" {
		t.Error(ids(keys))
	}
}

func TestRFC7638(t *testing.T) {
	var rfc struct {
		Key    members
		SHA256 string
	}
	readVectors(t, "rfc7638/thumbprint.json", &rfc)
	key, err := jwk.ParsePublic(rfc.Key.text())
	if err != nil {
		t.Fatal(err)
	}
	if key.Thumbprint() != rfc.SHA256 {
		t.Error(key.Thumbprint())
	}
}

func TestRFC7520Keys(t *testing.T) {
	read := func(t *testing.T, name string) members {
		var m members
		readVectors(t, "rfc7520-cookbook/jwk/"+name, &m)
		return m
	}
	t.Run("3.1 EC public", func(t *testing.T) {
		key, err := jwk.ParsePublic(read(t, "3_1.ec_public_key.json").text())
		if err != nil {
			t.Fatal(err)
		}
		if key.Algorithm() != "ES512" {
			t.Error(key.Algorithm())
		}
	})
	t.Run("3.2 EC private", func(t *testing.T) {
		private, err := jwk.ParsePrivate(read(t, "3_2.ec_private_key.json").text())
		if err != nil {
			t.Fatal(err)
		}
		if want := thumbprint(read(t, "3_1.ec_public_key.json")); private.Public().Thumbprint() != want {
			t.Error("not the key of 3.1")
		}
	})
	t.Run("3.3 RSA public", func(t *testing.T) {
		text := read(t, "3_3.rsa_public_key.json").text()
		_, err := jwk.ParsePublic(text)
		refused(t, err, jeton.ErrInvalidKey, "name one")
		if _, err := jwk.ParsePublic(text, jwk.DefaultAlgorithm(jeton.RS256)); err != nil {
			t.Error(err)
		}
	})
	t.Run("3.4 RSA private", func(t *testing.T) {
		private, err := jwk.ParsePrivate(read(t, "3_4.rsa_private_key.json").text(), jwk.DefaultAlgorithm(jeton.RS256))
		if err != nil {
			t.Fatal(err)
		}
		if want := thumbprint(read(t, "3_3.rsa_public_key.json").with(members{"alg": "RS256"})); private.Public().Thumbprint() != want {
			t.Error("not the key of 3.3")
		}
	})
	t.Run("3.5 secret for a MAC", func(t *testing.T) {
		key, err := jwk.ParsePrivate(read(t, "3_5.symmetric_key_mac_computation.json").text())
		if err != nil {
			t.Fatal(err)
		}
		if key.Algorithm() != jeton.HS256 {
			t.Error(key.Algorithm())
		}
	})
	t.Run("3.6 secret for encryption", func(t *testing.T) {
		_, err := jwk.ParsePrivate(read(t, "3_6.symmetric_key_encryption.json").text())
		refused(t, err, jeton.ErrInvalidKey, "for something else")
	})
}

func TestRFC8037Keys(t *testing.T) {
	var rfc struct {
		Private members `json:"A.1_private"`
		Public  members `json:"A.2_public"`
		Print   string  `json:"A.3_thumbprint_sha256"`
	}
	readVectors(t, "rfc8037/examples.json", &rfc)
	public, err := jwk.ParsePublic(rfc.Public.text(), jwk.DefaultAlgorithm("EdDSA"))
	if err != nil {
		t.Fatal(err)
	}
	private, err := jwk.ParsePrivate(rfc.Private.text(), jwk.DefaultAlgorithm("EdDSA"))
	if err != nil {
		t.Fatal(err)
	}
	if public.Thumbprint() != rfc.Print || private.Public().Thumbprint() != rfc.Print {
		t.Error(public.Thumbprint(), private.Public().Thumbprint())
	}
}

// wycheproofRefusals tells why each set of an invalid case is refused, in words
// of the error. 3 is not here: its set is good and the signature is not.
var wycheproofRefusals = map[int]string{
	1:  "secrets and public keys in one set",
	4:  `has the "kid" of another key`,
	6:  "1 not for verifying",
	7:  "ROCA",
	8:  "1024 bits",
	9:  "exponent",
	10: "at least 32 bytes",
	11: "at least 48 bytes",
	12: "at least 64 bytes",
	16: "empty",
	17: "empty",
	18: "empty",
	19: "1 of a type, curve or algorithm",
	20: "1 of a type, curve or algorithm",
	21: "1 not for verifying",
	22: "not a point on the curve",
	23: `"x" has 32 bytes and not 48`,
	24: `"n" is missing`,
	25: "1 of a type, curve or algorithm",
	26: "1 of a type, curve or algorithm",
}

func TestWycheproofKeys(t *testing.T) {
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Private, Public *struct{ Keys []members }
			Tests           []struct {
				TcID    int
				Comment string
				JWS     string
				Result  string
			}
		}
	}
	readVectors(t, "wycheproof/json_web_key_test.json", &file)
	ran := 0
	for _, g := range file.TestGroups {
		keys := g.Public
		if keys == nil {
			keys = g.Private // secrets have nothing else
		}
		for _, test := range g.Tests {
			ran++
			t.Run(test.Comment, func(t *testing.T) {
				set, err := jwk.ParseSet(set(keys.Keys...), jwk.AllowSymmetric())
				if refusal, ok := wycheproofRefusals[test.TcID]; ok {
					if test.Result != "invalid" {
						t.Fatalf("%d is %s", test.TcID, test.Result)
					}
					refused(t, err, jeton.ErrInvalidKey, refusal)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if holds := signatureHolds(t, set, test.JWS); holds != (test.Result == "valid") {
					t.Errorf("%d: the signature holds: %v, and the case is %s", test.TcID, holds, test.Result)
				}
			})
		}
	}
	if ran != 26 || ran != file.NumberOfTests {
		t.Errorf("%d cases", ran)
	}
}

// signatureHolds tells whether a token verifies as far as its signature: the
// payload of these vectors is no claims set, which is looked at later.
func signatureHolds(t *testing.T, keys []*jeton.VerifyingKey, token string) bool {
	t.Helper()
	static, err := jwks.NewStatic(keys...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jeton.NewVerifier(static, jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(context.Background(), token)
	if !errors.Is(err, jeton.ErrJSON) && !errors.Is(err, jeton.ErrSignature) {
		t.Fatal(err)
	}
	return errors.Is(err, jeton.ErrJSON)
}
