package jeton_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"os"
	"testing"

	"github.com/jeton-go/jeton"
)

// rocaModulus is the modulus that Wycheproof calls vulnerable to ROCA.
func rocaModulus(t *testing.T) *big.Int {
	t.Helper()
	var file struct {
		TestGroups []struct {
			Public, Private struct{ Keys []struct{ N string } }
			Tests           []struct{ TcID int }
		}
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/wycheproof/json_web_key_test.json"))(t), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.TestGroups {
		if g.Tests[0].TcID == 7 {
			return new(big.Int).SetBytes(unb64(append(g.Public.Keys, g.Private.Keys...)[0].N))
		}
	}
	t.Fatal("the vectors have no tcId 7")
	return nil
}

// apart is the product of two odd numbers of 1024 bits, half-way between which
// Fermat's method arrives after about that many rounds.
func apart(rounds int64) *big.Int {
	p := oddNumber(1024)
	p.SetBit(p, 1022, 1) // the product has 2048 bits
	gap := new(big.Int).Lsh(big.NewInt(8*rounds), 1024)
	gap.Mul(gap, big.NewInt(3)).Rsh(gap, 2) // p is about 3/4 of 2^1024
	gap.Sqrt(gap)
	gap.SetBit(gap, 0, 0)
	return new(big.Int).Mul(p, gap.Add(gap, p))
}

func TestRSAKeysThatMustNotBeUsed(t *testing.T) {
	good := rsaPrivate(t).N
	for _, c := range []struct {
		name string
		n    *big.Int
		e    int
		want error // nil: accepted
	}{
		{"A21 1024 bits", oddNumber(1024), 65537, jeton.ErrWeakKey},
		{"A21 2047 bits", oddNumber(2047), 65537, jeton.ErrWeakKey},
		{"A21 2048 bits", oddNumber(2048), 65537, nil},
		{"A21 8192 bits", oddNumber(8192), 65537, nil},
		{"A21 8193 bits", oddNumber(8193), 65537, jeton.ErrInvalidKey},
		{"A21 16384 bits", oddNumber(16384), 65537, jeton.ErrInvalidKey},
		{"A21 modulus zero", new(big.Int), 65537, jeton.ErrWeakKey},
		{"A21 modulus negative", new(big.Int).Neg(good), 65537, jeton.ErrInvalidKey},
		{"A21 modulus even", new(big.Int).Sub(good, big.NewInt(1)), 65537, jeton.ErrInvalidKey},
		{"A21 no modulus", nil, 65537, jeton.ErrInvalidKey},
		{"A21 exponent -1", good, -1, jeton.ErrInvalidKey},
		{"A21 exponent 0", good, 0, jeton.ErrInvalidKey},
		{"A21 exponent 1", good, 1, jeton.ErrInvalidKey},
		{"A21 exponent 2", good, 2, jeton.ErrInvalidKey},
		{"A21 exponent 3", good, 3, jeton.ErrInvalidKey},
		{"A21 exponent 17", good, 17, jeton.ErrInvalidKey},
		{"A21 exponent 65539", good, 65539, jeton.ErrInvalidKey},
		{"A21 exponent 65536", good, 65536, jeton.ErrInvalidKey},
		{"A21 exponent 2^31-1", good, 1<<31 - 1, jeton.ErrInvalidKey},
		{"A21 exponent 2^31+1", good, 1<<31 + 1, jeton.ErrInvalidKey},
		{"A21 ROCA", rocaModulus(t), 65537, jeton.ErrWeakKey},
		{"A21 factors that are equal", new(big.Int).Mul(oddNumber(1025), oddNumber(1025)), 65537, jeton.ErrWeakKey},
		{"A21 factors that are neighbours", apart(0), 65537, jeton.ErrWeakKey},
		{"A21 factors 90 rounds apart", apart(90), 65537, jeton.ErrWeakKey},
		{"A21 factors 110 rounds apart", apart(110), 65537, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := jeton.NewVerifyingKey(jeton.RS256, &rsa.PublicKey{N: c.n, E: c.e})
			if c.want != nil {
				refused(t, err, c.want)
				if !is(err, jeton.ErrInvalidKey) {
					t.Error("a weak key is no invalid key")
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// What the option admits, and what it does not.
func TestRSAExponentsByOption(t *testing.T) {
	good := rsaPrivate(t).N
	for _, c := range []struct {
		name string
		n    *big.Int
		e    int
		want error // nil: accepted
	}{
		{"A21 exponent -3", good, -3, jeton.ErrInvalidKey},
		{"A21 exponent 0", good, 0, jeton.ErrInvalidKey},
		{"A21 exponent 1", good, 1, jeton.ErrInvalidKey},
		{"A21 exponent 2", good, 2, jeton.ErrInvalidKey},
		{"A21 exponent 3", good, 3, nil},
		{"A21 exponent 4", good, 4, jeton.ErrInvalidKey},
		{"A21 exponent 17", good, 17, nil},
		{"A21 exponent 65537", good, 65537, nil},
		{"A21 exponent 2^31-1", good, 1<<31 - 1, nil},
		{"A21 exponent 2^31+1", good, 1<<31 + 1, jeton.ErrInvalidKey},
		{"A21 exponent 3 of 1024 bits", oddNumber(1024), 3, jeton.ErrWeakKey},
		{"A21 exponent 3 of ROCA", rocaModulus(t), 3, jeton.ErrWeakKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, alg := range []jeton.Algorithm{jeton.RS256, "PS256"} {
				_, err := jeton.NewVerifyingKey(alg, &rsa.PublicKey{N: c.n, E: c.e}, jeton.InsecureAllowUnusualExponent())
				if c.want != nil {
					refused(t, err, c.want)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}

	// A key with the exponent 3 works, once it is admitted.
	private := rsaOfExponent3(t)
	_, err := jeton.NewSigningKey(jeton.RS256, private)
	refused(t, err, jeton.ErrInvalidKey)
	key := must(jeton.NewSigningKey(jeton.RS256, private, jeton.InsecureAllowUnusualExponent()))(t)
	token := must(must(jeton.NewSigner(key))(t).Sign(goodClaims()))(t)
	must(testVerifier(t, key.Public()).Verify(context.Background(), token))(t)
}

// rsaOfExponent3 makes a private key with the public exponent 3.
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

func TestKeysOfAnotherKindAreRefused(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	for name, public := range map[string]crypto.PublicKey{
		"nothing":           nil,
		"nil RSA":           (*rsa.PublicKey)(nil),
		"RSA by value":      rsaPrivate(t).PublicKey,
		"RSA private":       rsaPrivate(t),
		"EC":                &ec.PublicKey,
		"bytes":             []byte(testSecret),
		"text":              testSecret,
		"jeton's own":       rsaKey(t).Public(),
		"jeton's signing":   rsaKey(t),
		"a crypto.Signer":   crypto.Signer(ec),
		"a symmetric jeton": hmacKey(t).Public(),
	} {
		t.Run("A2 verifying "+name, func(t *testing.T) {
			_, err := jeton.NewVerifyingKey(jeton.RS256, public)
			refused(t, err, jeton.ErrInvalidKey, testSecret)
			_, err = jeton.NewVerifyingKey(jeton.HS256, public)
			refused(t, err, jeton.ErrInvalidKey, testSecret)
		})
	}
	broken := *rsaPrivate(t)
	broken.D = new(big.Int).Add(broken.D, big.NewInt(2))
	broken.Precomputed = rsa.PrecomputedValues{}
	swapped := *rsaPrivate(t)
	swapped.N = must(rsa.GenerateKey(rand.Reader, 2048))(t).N
	swapped.Precomputed = rsa.PrecomputedValues{}
	for name, signer := range map[string]crypto.Signer{
		"nothing":               nil,
		"nil RSA":               (*rsa.PrivateKey)(nil),
		"nil EC":                (*ecdsa.PrivateKey)(nil),
		"empty RSA":             &rsa.PrivateKey{},
		"RSA without primes":    &rsa.PrivateKey{PublicKey: rsaPrivate(t).PublicKey, D: rsaPrivate(t).D},
		"RSA with another D":    &broken,
		"RSA with another N":    &swapped,
		"EC":                    ec,
		"foreign without a key": foreign{},
	} {
		t.Run("A2 signing "+name, func(t *testing.T) {
			_, err := jeton.NewSigningKey(jeton.RS256, signer)
			refused(t, err, jeton.ErrInvalidKey)
			_, err = jeton.NewSigningKey(jeton.HS256, signer)
			refused(t, err, jeton.ErrInvalidKey)
		})
	}
	_, err := jeton.NewHMACKey(jeton.RS256, []byte(testSecret))
	refused(t, err, jeton.ErrInvalidKey, testSecret)
	for _, alg := range []jeton.Algorithm{"", "none", "hs256", "HS256 ", "ES257", "RSA"} {
		_, err := jeton.NewHMACKey(alg, []byte(testSecret))
		refused(t, err, jeton.ErrUnsupportedAlgorithm, testSecret)
		_, err = jeton.NewSigningKey(alg, rsaPrivate(t))
		refused(t, err, jeton.ErrUnsupportedAlgorithm)
		_, err = jeton.NewVerifyingKey(alg, &rsaPrivate(t).PublicKey)
		refused(t, err, jeton.ErrUnsupportedAlgorithm)
		_, err = jeton.GenerateKey(alg)
		refused(t, err, jeton.ErrUnsupportedAlgorithm)
		_, err = jeton.ParseAlgorithm(string(alg))
		refused(t, err, jeton.ErrUnsupportedAlgorithm)
		if alg.Valid() || alg.Symmetric() || alg.KeyType() != "" {
			t.Errorf("%q passes for an algorithm", alg)
		}
	}
}

func TestKeyIDsThatAreRefused(t *testing.T) {
	long := string(make([]byte, 0, 129))
	for range 129 {
		long += "k"
	}
	for name, id := range map[string]string{
		"A4 empty": "", "A4 129 bytes": long, "A4 NUL": "a\x00", "A4 newline": "a\nb", "A4 DEL": "a\x7f", "A4 not ASCII": "clé",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jeton.NewHMACKey(jeton.HS256, []byte(testSecret), jeton.KeyID(id))
			refused(t, err, jeton.ErrInvalidKey, testSecret)
		})
	}
	if key := hmacKey(t, jeton.KeyID(long[:128])); key.ID() != long[:128] || key.Public().ID() != long[:128] {
		t.Errorf("id %q", key.ID())
	}
}

// foreign is a crypto.Signer that is not of the standard library, as of an HSM.
type foreign struct {
	public crypto.PublicKey
	sign   func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (f foreign) Public() crypto.PublicKey { return f.public }
func (f foreign) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return f.sign(digest, opts)
}

func TestForeignSigner(t *testing.T) {
	private := rsaPrivate(t)
	good := func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
		return private.Sign(rand.Reader, digest, opts)
	}
	sign := func(f foreign) (string, error) {
		t.Helper()
		key := must(jeton.NewSigningKey(jeton.RS256, f))(t)
		return must(jeton.NewSigner(key))(t).Sign(goodClaims())
	}
	token, err := sign(foreign{&private.PublicKey, good})
	if err != nil {
		t.Fatal(err)
	}
	must(testVerifier(t, rsaKey(t).Public()).Verify(context.Background(), token))(t)

	// A token that nobody can verify does not leave.
	down := errors.New("the module does not answer")
	for name, answer := range map[string]func([]byte, crypto.SignerOpts) ([]byte, error){
		"an error":      func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, down },
		"nothing":       func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil },
		"zeros":         func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 256), nil },
		"one byte less": func(d []byte, o crypto.SignerOpts) ([]byte, error) { s, err := good(d, o); return s[1:], err },
		"one byte more": func(d []byte, o crypto.SignerOpts) ([]byte, error) { s, err := good(d, o); return append(s, 0), err },
		"a signature of another kind": func(d []byte, _ crypto.SignerOpts) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, private, crypto.SHA256, d, nil)
		},
	} {
		token, err := sign(foreign{&private.PublicKey, answer})
		if err == nil || token != "" {
			t.Errorf("%s: token %q, %v", name, token, err)
			continue
		}
		refused(t, err, jeton.ErrInvalidKey)
		if name == "an error" && !is(err, down) {
			t.Errorf("the signer's own error is lost: %v", err)
		}
	}
}

// The caller's key may change later; the one that was checked does not.
func TestRSAKeyKeepsItsOwnCopyOfThePublicKey(t *testing.T) {
	public := &rsa.PublicKey{N: new(big.Int).Set(rsaPrivate(t).N), E: rsaPrivate(t).E}
	key := must(jeton.NewVerifyingKey(jeton.RS256, public))(t)
	v := testVerifier(t, key)
	token := must(must(jeton.NewSigner(rsaKey(t)))(t).Sign(goodClaims()))(t)
	public.N.SetInt64(15)
	public.E = 1
	must(v.Verify(context.Background(), token))(t)
}
