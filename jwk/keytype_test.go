package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// Key types are tested here by themselves: what each refuses is easier to see
// without the rules for all keys around it.

func written(t *testing.T, key any) map[string]string {
	t.Helper()
	out := map[string]string{}
	kt := keyTypeFor(key)
	if kt == nil {
		t.Fatalf("%T can't be written", key)
	}
	for _, p := range kt.write(key) {
		out[p.name] = p.value
	}
	return out
}

func objectOf(t *testing.T, values map[string]string) object {
	t.Helper()
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// numbered is a JWK one of whose members is a number.
func numbered(t *testing.T, values map[string]string, name string) object {
	t.Helper()
	out := map[string]any{}
	for n, v := range values {
		out[n] = v
	}
	out[name] = 1
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func with(values map[string]string, name, value string) map[string]string {
	out := map[string]string{}
	for n, v := range values {
		out[n] = v
	}
	out[name] = value
	return out
}

func ecKeyOn(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestECKeysAreReadBack(t *testing.T) {
	for curve, size := range map[elliptic.Curve]int{elliptic.P256(): 32, elliptic.P384(): 48, elliptic.P521(): 66} {
		key := ecKeyOn(t, curve)
		values := written(t, key)
		for _, name := range []string{"x", "y", "d"} {
			if b, err := base64url.Decode(values[name]); err != nil || len(b) != size {
				t.Errorf("%s: %q has %d bytes, %v", curve.Params().Name, name, len(b), err)
			}
		}
		private, err := readECPrivate(objectOf(t, values))
		if err != nil {
			t.Fatal(err)
		}
		public, err := readECPublic(objectOf(t, written(t, &key.PublicKey)))
		if err != nil {
			t.Fatal(err)
		}
		if !key.Equal(private.(*ecdsa.PrivateKey)) || !key.PublicKey.Equal(public) {
			t.Error(curve.Params().Name)
		}
	}
}

// A coordinate below 2^248 has a leading zero byte, which stays.
func TestECCoordinatesKeepTheirLength(t *testing.T) {
	for range 20_000 {
		key := ecKeyOn(t, elliptic.P256())
		values := written(t, key)
		if x, err := base64url.Decode(values["x"]); err != nil || x[0] != 0 {
			continue
		}
		if _, err := readECPrivate(objectOf(t, values)); err != nil {
			t.Error(err)
		}
		x, _ := base64url.Decode(values["x"])
		_, err := readECPublic(objectOf(t, with(values, "x", base64url.Encode(x[1:]))))
		if !errors.Is(err, jeton.ErrInvalidKey) {
			t.Errorf("a coordinate without its leading zero: %v", err)
		}
		return
	}
	t.Error("no key with a small coordinate in 20,000")
}

// What crypto/ecdsa can't encode is not written; no key of package jeton is like
// that.
func TestABrokenECKeyHasNoType(t *testing.T) {
	good, one := ecKeyOn(t, elliptic.P256()), big.NewInt(1)
	//lint:ignore SA1019 a key that is broken has to be made
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: one, Y: one}
	//lint:ignore SA1019 a key that is broken has to be made
	private := &ecdsa.PrivateKey{PublicKey: good.PublicKey, D: elliptic.P256().Params().N}
	for name, key := range map[string]any{"a point off the curve": public, "a private half of n": private} {
		if kt := keyTypeFor(key); kt != nil {
			t.Errorf("%s is a key of %s", name, kt.name)
		}
	}
}

func TestECKeysThatAreRefused(t *testing.T) {
	key, other := written(t, ecKeyOn(t, elliptic.P256())), written(t, ecKeyOn(t, elliptic.P256()))
	p521 := elliptic.P521().Params()
	order := base64url.Encode(elliptic.P256().Params().N.Bytes())
	prime := base64url.Encode(elliptic.P256().Params().P.Bytes())
	zeros := base64url.Encode(make([]byte, 32))
	for name, c := range map[string]struct {
		member, value string
		reason        error
		want          string
	}{
		"A22 a point off the curve":      {"y", key["x"], jeton.ErrInvalidKey, "not a point"},
		"A22 a coordinate of another":    {"x", other["x"], jeton.ErrInvalidKey, "not a point"},
		"A22 a coordinate of zero":       {"x", zeros, jeton.ErrInvalidKey, "not a point"},
		"A22 a coordinate that is p":     {"x", prime, jeton.ErrInvalidKey, "not a point"},
		"A22 a short coordinate":         {"x", key["x"][:40], jeton.ErrInvalidKey, `"x" has 30 bytes`},
		"A22 a long coordinate":          {"y", base64url.Encode(append([]byte{0}, make([]byte, 32)...)), jeton.ErrInvalidKey, `"y" has 33 bytes`},
		"A22 an empty coordinate":        {"y", "", jeton.ErrInvalidKey, `"y" has 0 bytes`},
		"A22 another curve":              {"crv", "P-384", jeton.ErrInvalidKey, "32 bytes and not 48"},
		"another spelling of the curve":  {"crv", "p-256", jeton.ErrUnsupportedAlgorithm, "curve"},
		"a curve that is not here":       {"crv", "secp256k1", jeton.ErrUnsupportedAlgorithm, "curve"},
		"a curve of Go's that JWA lacks": {"crv", "P-224", jeton.ErrUnsupportedAlgorithm, "curve"},
		"A22 the private half of other":  {"d", other["d"], jeton.ErrInvalidKey, `"d" does not belong`},
		"A22 a private half of zero":     {"d", zeros, jeton.ErrInvalidKey, `"d" does not belong`},
		"A22 a private half too large":   {"d", order, jeton.ErrInvalidKey, `"d" does not belong`},
		"A22 a long private half":        {"d", base64url.Encode(p521.N.Bytes()), jeton.ErrInvalidKey, `"d" has 66 bytes`},
		"padding":                        {"d", key["d"] + "=", jeton.ErrInvalidKey, "canonical"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readECPrivate(objectOf(t, with(key, c.member, c.value)))
			if !errors.Is(err, c.reason) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
			if c.member != "d" {
				if _, err := readECPublic(objectOf(t, with(key, c.member, c.value))); !errors.Is(err, c.reason) {
					t.Error(err)
				}
			}
		})
	}
	if _, err := readECPublic(numbered(t, key, "crv")); !errors.Is(err, jeton.ErrInvalidKey) || !strings.Contains(err.Error(), `"crv" is not a string`) {
		t.Error(err)
	}
	for _, name := range []string{"crv", "x", "y", "d"} {
		without := with(key, name, "")
		delete(without, name)
		if _, err := readECPrivate(objectOf(t, without)); !errors.Is(err, jeton.ErrInvalidKey) || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("no %q: %v", name, err)
		}
	}
}

func TestEd25519KeysAreReadBack(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := readEd25519Private(objectOf(t, written(t, key)))
	if err != nil {
		t.Fatal(err)
	}
	again, err := readEd25519Public(objectOf(t, written(t, public)))
	if err != nil {
		t.Fatal(err)
	}
	if !key.Equal(private.(crypto.PrivateKey)) || !public.Equal(again) {
		t.Error("another key")
	}
}

func TestEd25519KeysThatAreRefused(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	_, second, _ := ed25519.GenerateKey(rand.Reader)
	values, other := written(t, key), written(t, second)
	for name, c := range map[string]struct {
		member, value string
		reason        error
		want          string
	}{
		"A22 the private half of another": {"d", other["d"], jeton.ErrInvalidKey, `"d" does not belong`},
		"A22 the public half of another":  {"x", other["x"], jeton.ErrInvalidKey, `"d" does not belong`},
		"A22 the private half of Go":      {"d", base64url.Encode(key), jeton.ErrInvalidKey, `"d" has 64 bytes`},
		"A22 a short public half":         {"x", values["x"][:40], jeton.ErrInvalidKey, `"x" has 30 bytes`},
		"A22 an X25519 key":               {"crv", "X25519", jeton.ErrUnsupportedAlgorithm, "curve"},
		"an Ed448 key":                    {"crv", "Ed448", jeton.ErrUnsupportedAlgorithm, "curve"},
		"another spelling of the curve":   {"crv", "ed25519", jeton.ErrUnsupportedAlgorithm, "curve"},
		"padding":                         {"x", values["x"] + "=", jeton.ErrInvalidKey, "canonical"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readEd25519Private(objectOf(t, with(values, c.member, c.value)))
			if !errors.Is(err, c.reason) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
	if _, err := readEd25519Public(numbered(t, values, "crv")); !errors.Is(err, jeton.ErrInvalidKey) || !strings.Contains(err.Error(), `"crv" is not a string`) {
		t.Error(err)
	}
	for _, name := range []string{"crv", "x", "d"} {
		without := with(values, name, "")
		delete(without, name)
		if _, err := readEd25519Private(objectOf(t, without)); !errors.Is(err, jeton.ErrInvalidKey) || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("no %q: %v", name, err)
		}
	}
}

// The values of RFC 8037 appendix A and RFC 7517 appendix A, as the key types
// see them.
func TestKeyTypesReadThePublishedKeys(t *testing.T) {
	ed := map[string]string{
		"crv": "Ed25519",
		"d":   "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
		"x":   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	}
	if _, err := readEd25519Private(objectOf(t, ed)); err != nil {
		t.Error(err)
	}
	ec := map[string]string{
		"crv": "P-256",
		"x":   "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
		"y":   "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
		"d":   "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
	}
	if _, err := readECPrivate(objectOf(t, ec)); err != nil {
		t.Error(err)
	}
}

func TestEachKeyHasOneType(t *testing.T) {
	public, key, _ := ed25519.GenerateKey(rand.Reader)
	ec := ecKeyOn(t, elliptic.P256())
	for name, keys := range map[string][]any{
		"EC":  {ec, &ec.PublicKey},
		"OKP": {public, key},
		"oct": {[]byte("secret")},
	} {
		for _, k := range keys {
			if kt := keyTypeFor(k); kt == nil || kt.name != name {
				t.Errorf("%T is no %s", k, name)
			}
		}
	}
	for _, k := range []any{nil, "text", ecKeyOn(t, elliptic.P224()), &ecKeyOn(t, elliptic.P224()).PublicKey, ed25519.PublicKey{}, ed25519.PrivateKey{}} {
		if kt := keyTypeFor(k); kt != nil {
			t.Errorf("%T is a key of %s", k, kt.name)
		}
	}
}
