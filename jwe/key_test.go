package jwe_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

func TestKeysKnowWhatTheyAreFor(t *testing.T) {
	for _, k := range kinds() {
		key := k.key(t, jwe.KeyID("an id"))
		if key.Algorithm() != k.alg || key.Encryption() != k.enc || key.ID() != "an id" {
			t.Errorf("%s: %v", k, key)
		}
		public := key.Public()
		if public.Algorithm() != k.alg || public.Encryption() != k.enc || public.ID() != "an id" {
			t.Errorf("%s: %v", k, public)
		}
	}
	if len(kinds()) != 72 {
		t.Errorf("%d kinds", len(kinds()))
	}
	if key := must(jwe.GenerateKey(jwe.ECDHES, jwe.A128GCM))(t); !strings.Contains(string(must(jwe.MarshalPublic(key.Public()))(t)), `"crv":"P-256"`) {
		t.Error("the default curve is not P-256")
	}
	if !jwe.Dir.Symmetric() || !jwe.A256GCMKW.Symmetric() || jwe.RSAOAEP256.Symmetric() || jwe.ECDHES.Symmetric() || jwe.Algorithm("none").Symmetric() {
		t.Error("Symmetric")
	}
}

func TestGeneratedKeysDiffer(t *testing.T) {
	for _, k := range kinds() {
		a, b := k.key(t), k.key(t)
		if k.alg != jwe.RSAOAEP256 && a.ID() == b.ID() {
			t.Errorf("%s: twice the same", k)
		}
	}
	a, b := must(jwe.GenerateKey(jwe.RSAOAEP256, jwe.A128GCM))(t), must(jwe.GenerateKey(jwe.RSAOAEP256, jwe.A128GCM))(t)
	if a.ID() == b.ID() {
		t.Error("RSA: twice the same")
	}
}

func TestRefusesUnknownAlgorithms(t *testing.T) {
	secret := []byte("0123456789abcdef")
	for _, c := range []kind{
		{"RSA1_5", jwe.A128GCM, nil}, {"RSA-OAEP", jwe.A128GCM, nil}, {"PBES2-HS256+A128KW", jwe.A128GCM, nil}, {"A192KW", jwe.A128GCM, nil},
		{"none", jwe.A128GCM, nil}, {"", jwe.A128GCM, nil}, {"DIR", jwe.A128GCM, nil}, {"HS256", jwe.A128GCM, nil},
		{jwe.Dir, "A192GCM", nil}, {jwe.Dir, "A192CBC-HS384", nil}, {jwe.Dir, "none", nil}, {jwe.Dir, "", nil}, {jwe.Dir, "a128gcm", nil},
	} {
		t.Run(c.String(), func(t *testing.T) {
			_, err := jwe.GenerateKey(c.alg, c.enc)
			refused(t, err, jeton.ErrUnsupportedAlgorithm)
			_, err = jwe.NewSecretKey(c.alg, c.enc, secret)
			refused(t, err, jeton.ErrUnsupportedAlgorithm)
			_, err = jwe.NewDecryptingKey(c.alg, c.enc, rsaPrivate())
			refused(t, err, jeton.ErrUnsupportedAlgorithm)
			_, err = jwe.NewEncryptingKey(c.alg, c.enc, &rsaPrivate().PublicKey)
			refused(t, err, jeton.ErrUnsupportedAlgorithm)
			_, err = jwe.ParsePrivate([]byte(`{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw"}`), c.alg, c.enc)
			refused(t, err, jeton.ErrUnsupportedAlgorithm)
			_, err = jwe.ParsePublic([]byte(ephemeralEPK), c.alg, c.enc)
			refused(t, err, jeton.ErrUnsupportedAlgorithm)
		})
	}
}

// A secret has exactly the length that its use takes.
func TestSecretLengths(t *testing.T) {
	want := map[kind]int{}
	for _, enc := range jwe.Encryptions() {
		want[kind{jwe.A128KW, enc, nil}], want[kind{jwe.A128GCMKW, enc, nil}] = 16, 16
		want[kind{jwe.A256KW, enc, nil}], want[kind{jwe.A256GCMKW, enc, nil}] = 32, 32
	}
	want[kind{jwe.Dir, jwe.A128GCM, nil}], want[kind{jwe.Dir, jwe.A256GCM, nil}] = 16, 32
	want[kind{jwe.Dir, jwe.A128CBCHS256, nil}], want[kind{jwe.Dir, jwe.A256CBCHS512, nil}] = 32, 64
	for k, right := range want {
		for n := range 70 {
			secret := make([]byte, n)
			rand.Read(secret)
			_, err := jwe.NewSecretKey(k.alg, k.enc, secret)
			switch {
			case n == right && err != nil:
				t.Errorf("%s: %d bytes: %v", k, n, err)
			case n < right:
				refused(t, err, jeton.ErrWeakKey)
			case n > right:
				refused(t, err, jeton.ErrInvalidKey)
			}
		}
	}
}

// A23: secrets that can be guessed.
func TestRefusesWeakSecrets(t *testing.T) {
	_, err := jwe.NewSecretKey(jwe.A128KW, jwe.A128GCM, make([]byte, 16))
	refused(t, err, jeton.ErrWeakKey)
	_, err = jwe.NewSecretKey(jwe.A128KW, jwe.A128GCM, []byte(strings.Repeat("x", 16)))
	refused(t, err, jeton.ErrWeakKey, strings.Repeat("x", 16))
	// Those in public lists that have a fitting length.
	tried := 0
	for line := range strings.Lines(string(must(os.ReadFile("../testdata/weak-hmac-secrets/long.txt"))(t))) {
		secret := strings.TrimSuffix(line, "\n")
		for _, k := range []kind{{jwe.A256KW, jwe.A128GCM, nil}, {jwe.Dir, jwe.A256CBCHS512, nil}} {
			if len(secret) == jwe.SecretBytes(k.alg, k.enc) {
				tried++
				_, err := jwe.NewSecretKey(k.alg, k.enc, []byte(secret))
				refused(t, err, jeton.ErrWeakKey, secret)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d secrets", tried)
	}
}

// What was checked can't be changed through the caller's copy.
func TestKeysAreCopies(t *testing.T) {
	secret := []byte(forgeSecret)
	key := must(jwe.NewSecretKey(jwe.Dir, jwe.A128GCM, secret))(t)
	copy(secret, "changed")
	if _, err := decrypter(t, key).DecryptUnsigned(forge(goodHeader, "x")); err != nil {
		t.Error(err)
	}
	if _, err := decrypter(t, forgeKey(t)).DecryptUnsigned(must(encrypter(t, key).EncryptUnsigned(nil))(t)); err != nil {
		t.Error(err)
	}
	public := rsa.PublicKey{N: new(big.Int).Set(rsaPrivate().N), E: rsaPrivate().E}
	encrypting := must(jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A128GCM, &public))(t)
	public.N.SetInt64(15)
	public.E = 1
	token := must(must(jwe.NewEncrypter(encrypting))(t).EncryptUnsigned(nil))(t)
	must(decrypter(t, must(jwe.NewDecryptingKey(jwe.RSAOAEP256, jwe.A128GCM, rsaPrivate()))(t)).DecryptUnsigned(token))(t)
}

func TestRefusesKeys(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024))(t)
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := must(ecdh.X25519().GenerateKey(rand.Reader))(t)
	zero := must(ecdh.X25519().NewPublicKey(make([]byte, 32)))(t)
	broken := *rsaPrivate()
	broken.D = new(big.Int).Add(broken.D, big.NewInt(2))
	odd := func(bits int) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(0x5A5A5A5B), uint(bits-31))
		return n.SetBit(n.SetBit(n, 0, 1), bits/3, 1)
	}
	for _, c := range []struct {
		name    string
		alg     jwe.Algorithm
		private any
		public  any
		want    error
	}{
		{"no key", jwe.RSAOAEP256, nil, nil, jeton.ErrInvalidKey},
		{"nil RSA", jwe.RSAOAEP256, (*rsa.PrivateKey)(nil), (*rsa.PublicKey)(nil), jeton.ErrInvalidKey},
		{"zero RSA", jwe.RSAOAEP256, &rsa.PrivateKey{}, &rsa.PublicKey{}, jeton.ErrInvalidKey},
		{"RSA by value", jwe.RSAOAEP256, *rsaPrivate(), rsaPrivate().PublicKey, jeton.ErrInvalidKey},
		{"RSA of 1024 bits", jwe.RSAOAEP256, small, &small.PublicKey, jeton.ErrWeakKey},
		{"RSA of 2047 bits", jwe.RSAOAEP256, nil, &rsa.PublicKey{N: odd(2047), E: 65537}, jeton.ErrWeakKey},
		{"RSA of 8193 bits", jwe.RSAOAEP256, nil, &rsa.PublicKey{N: odd(8193), E: 65537}, jeton.ErrInvalidKey},
		{"RSA with exponent 1", jwe.RSAOAEP256, nil, &rsa.PublicKey{N: rsaPrivate().N, E: 1}, jeton.ErrInvalidKey},
		{"RSA with an even exponent", jwe.RSAOAEP256, nil, &rsa.PublicKey{N: rsaPrivate().N, E: 65536}, jeton.ErrInvalidKey},
		{"RSA with close primes", jwe.RSAOAEP256, nil, &rsa.PublicKey{N: new(big.Int).Mul(rsaPrivate().Primes[0], rsaPrivate().Primes[0]), E: 65537}, jeton.ErrWeakKey},
		{"RSA, inconsistent", jwe.RSAOAEP256, &broken, nil, jeton.ErrInvalidKey},
		{"EC for RSA", jwe.RSAOAEP256, ec, &ec.PublicKey, jeton.ErrInvalidKey},
		{"X25519 for RSA", jwe.RSAOAEP256, x, x.PublicKey(), jeton.ErrInvalidKey},
		{"a secret for RSA", jwe.RSAOAEP256, []byte("0123456789abcdef"), []byte("0123456789abcdef"), jeton.ErrInvalidKey},
		{"RSA for ECDH", jwe.ECDHES, rsaPrivate(), &rsaPrivate().PublicKey, jeton.ErrInvalidKey},
		{"ECDSA for ECDH", jwe.ECDHES, ec, &ec.PublicKey, jeton.ErrInvalidKey},
		{"Ed25519 for ECDH", jwe.ECDHESA128KW, ed, ed.Public(), jeton.ErrInvalidKey},
		{"nil ECDH", jwe.ECDHES, (*ecdh.PrivateKey)(nil), (*ecdh.PublicKey)(nil), jeton.ErrInvalidKey},
		{"zero ECDH", jwe.ECDHES, &ecdh.PrivateKey{}, &ecdh.PublicKey{}, jeton.ErrInvalidKey},
		{"a public key for a private one", jwe.ECDHES, x.PublicKey(), x, jeton.ErrInvalidKey},
		{"a public key of small order", jwe.ECDHES, nil, zero, jeton.ErrInvalidKey},
		{"a secret by the wrong door", jwe.A128KW, []byte("0123456789abcdef"), []byte("0123456789abcdef"), jeton.ErrInvalidKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := jwe.NewDecryptingKey(c.alg, jwe.A128GCM, c.private)
			if key != nil {
				t.Error("a key beside an error")
			}
			refused(t, err, maybe(c.private != nil, c.want))
			public, err := jwe.NewEncryptingKey(c.alg, jwe.A128GCM, c.public)
			if public != nil {
				t.Error("a key beside an error")
			}
			refused(t, err, maybe(c.public != nil, c.want))
		})
	}
	for _, alg := range []jwe.Algorithm{jwe.RSAOAEP256, jwe.ECDHES} {
		_, err := jwe.NewSecretKey(alg, jwe.A128GCM, []byte("0123456789abcdef"))
		refused(t, err, jeton.ErrInvalidKey)
	}
}

// maybe is the error, or the one for no key.
func maybe(there bool, err error) error {
	if there {
		return err
	}
	return jeton.ErrInvalidKey
}

func TestKeyOptions(t *testing.T) {
	for name, opt := range map[string]jwe.KeyOption{
		"an empty id": jwe.KeyID(""), "an id of 129 bytes": jwe.KeyID(strings.Repeat("k", 129)),
		"an id with a newline": jwe.KeyID("a\nb"), "an id that is not ASCII": jwe.KeyID("é"), "no curve": jwe.Curve(nil),
	} {
		t.Run(name, func(t *testing.T) {
			for _, k := range kinds() {
				_, err := jwe.GenerateKey(k.alg, k.enc, opt)
				refused(t, err, jeton.ErrInvalidKey)
			}
			_, err := jwe.NewSecretKey(jwe.Dir, jwe.A128GCM, []byte(forgeSecret), opt)
			refused(t, err, jeton.ErrInvalidKey)
			_, err = jwe.NewDecryptingKey(jwe.RSAOAEP256, jwe.A128GCM, rsaPrivate(), opt)
			refused(t, err, jeton.ErrInvalidKey)
			_, err = jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A128GCM, &rsaPrivate().PublicKey, opt)
			refused(t, err, jeton.ErrInvalidKey)
			_, err = jwe.ParsePublic([]byte(ephemeralEPK), jwe.ECDHES, jwe.A128GCM, opt)
			refused(t, err, jeton.ErrInvalidKey)
		})
	}
	p256 := jwe.Curve(ecdh.P256())
	for _, alg := range []jwe.Algorithm{jwe.Dir, jwe.A128KW, jwe.RSAOAEP256} {
		_, err := jwe.GenerateKey(alg, jwe.A128GCM, p256)
		refused(t, err, jeton.ErrInvalidKey)
	}
	_, err := jwe.NewSecretKey(jwe.Dir, jwe.A128GCM, []byte(forgeSecret), p256)
	refused(t, err, jeton.ErrInvalidKey)
	_, err = jwe.ParsePrivate([]byte(ephemeralP256), jwe.ECDHES, jwe.A128GCM, p256)
	refused(t, err, jeton.ErrInvalidKey)
}

// An RSA key of three primes works, and is not written: no reader would take it.
func TestRSAOfThreePrimes(t *testing.T) {
	//lint:ignore SA1019 such keys exist
	private := must(rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048))(t)
	key := must(jwe.NewDecryptingKey(jwe.RSAOAEP256, jwe.A128GCM, private))(t)
	must(decrypter(t, key).DecryptUnsigned(must(encrypter(t, key).EncryptUnsigned(nil))(t)))(t)
	_, err := jwe.MarshalPrivate(key)
	refused(t, err, jeton.ErrInvalidKey)
}

// The id of a key without one is its RFC 7638 thumbprint: that of the RFC's own
// key, and of RFC 8037 appendix A.3 in form.
func TestThumbprint(t *testing.T) {
	var file struct {
		Key    map[string]string
		SHA256 string
	}
	readJSON(t, "rfc7638/thumbprint.json", &file)
	for _, name := range []string{"alg", "kid", "use"} {
		delete(file.Key, name)
	}
	key := must(jwe.ParsePublic(must(json.Marshal(file.Key))(t), jwe.RSAOAEP256, jwe.A128GCM))(t)
	if key.ID() != file.SHA256 {
		t.Errorf("%s", key.ID())
	}
	// The same for the others as package jeton says it of an EC key.
	ec := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(t)
	own := must(jwe.NewDecryptingKey(jwe.ECDHES, jwe.A128GCM, must(ec.ECDH())(t)))(t)
	if theirs := must(jeton.NewSigningKey(jeton.ES384, ec))(t); own.ID() != theirs.ID() {
		t.Errorf("%s, not %s", own.ID(), theirs.ID())
	}
	secret := []byte("0123456789abcdefFEDCBA9876543210")
	own = must(jwe.NewSecretKey(jwe.A256KW, jwe.A128GCM, secret))(t)
	if theirs := must(jeton.NewHMACKey(jeton.HS256, secret))(t); own.ID() != theirs.ID() {
		t.Errorf("%s, not %s", own.ID(), theirs.ID())
	}
}

func TestEncrypterNeedsAKey(t *testing.T) {
	for _, k := range []*jwe.EncryptingKey{nil, {}} {
		_, err := jwe.NewEncrypter(k)
		refused(t, err, jeton.ErrInvalidKey)
	}
}
