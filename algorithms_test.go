//lint:file-ignore SA1019 keys that are wrong can only be put together by hand

package jeton_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton"
)

var generatedKeys = sync.OnceValues(func() ([]*jeton.SigningKey, error) {
	var keys []*jeton.SigningKey
	for _, alg := range jeton.Algorithms() {
		key, err := jeton.GenerateKey(alg)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
})

// everyKey has a generated key of every algorithm.
func everyKey(t testing.TB) []*jeton.SigningKey {
	t.Helper()
	return must(generatedKeys())(t)
}

func TestEveryAlgorithm(t *testing.T) {
	if len(everyKey(t)) < 13 {
		t.Fatalf("%d algorithms", len(everyKey(t)))
	}
	for i, key := range everyKey(t) {
		alg := key.Algorithm()
		t.Run(string(alg), func(t *testing.T) {
			if parsed, err := jeton.ParseAlgorithm(string(alg)); err != nil || parsed != alg || !alg.Valid() || alg.Symmetric() != strings.HasPrefix(string(alg), "HS") {
				t.Errorf("%q, %v", parsed, err)
			}
			public := key.Public()
			if public.Algorithm() != alg || public.ID() != key.ID() || key.ID() != public.Thumbprint() || len(key.ID()) != 43 {
				t.Errorf("%s, %s, %s", public.Algorithm(), public.ID(), key.ID())
			}
			if (public.PublicKey() == nil) != alg.Symmetric() {
				t.Errorf("public key %v", public.PublicKey())
			}
			token := must(must(jeton.NewSigner(key))(t).Sign(goodClaims()))(t)
			verified := must(testVerifier(t, public).Verify(context.Background(), token))(t)
			if verified.Key() != public || verified.Header() != (jeton.Header{Algorithm: alg, KeyID: key.ID(), Type: "JWT"}) {
				t.Errorf("%+v", verified.Header())
			}
			// The same key, made again of its material.
			if signer, ok := key.Secrets().(crypto.Signer); ok {
				again := must(jeton.NewSigningKey(alg, signer))(t)
				if again.ID() != key.ID() {
					t.Errorf("id %s, made again %s", key.ID(), again.ID())
				}
				must(testVerifier(t, must(jeton.NewVerifyingKey(alg, public.PublicKey()))(t)).Verify(context.Background(), token))(t)
			} else if again := must(jeton.NewHMACKey(alg, key.Secrets().([]byte)))(t); again.ID() != key.ID() {
				t.Errorf("id %s, made again %s", key.ID(), again.ID())
			}
			// A token is good for its own key alone.
			for j, other := range everyKey(t) {
				if i == j {
					continue
				}
				refusedBy(t, testVerifier(t, other.Public()), token, jeton.ErrAlgorithmMismatch)
				parts := strings.Split(token, ".")
				refusedBy(t, testVerifier(t, other.Public()), b64(`{"alg":"`+string(other.Algorithm())+`","typ":"JWT"}`)+"."+parts[1]+"."+parts[2], jeton.ErrSignature)
			}
		})
	}
}

func TestKeyMaterialOfOtherAlgorithmsIsRefused(t *testing.T) {
	for _, key := range everyKey(t) {
		for _, alg := range jeton.Algorithms() {
			same := alg == key.Algorithm() || alg.KeyType() == "RSA" && key.Algorithm().KeyType() == "RSA"
			if same || key.Algorithm().Symmetric() {
				continue
			}
			t.Run("A22 "+string(key.Algorithm())+" for "+string(alg), func(t *testing.T) {
				_, err := jeton.NewSigningKey(alg, key.Secrets().(crypto.Signer))
				refused(t, err, jeton.ErrInvalidKey)
				_, err = jeton.NewVerifyingKey(alg, key.Public().PublicKey())
				refused(t, err, jeton.ErrInvalidKey)
			})
		}
	}
}

func TestEveryForeignSignerIsChecked(t *testing.T) {
	for _, key := range everyKey(t) {
		own, ok := key.Secrets().(crypto.Signer)
		if !ok {
			continue
		}
		alg := key.Algorithm()
		good := func(d []byte, o crypto.SignerOpts) ([]byte, error) { return own.Sign(rand.Reader, d, o) }
		sign := func(answer func([]byte, crypto.SignerOpts) ([]byte, error)) (string, error) {
			t.Helper()
			foreign := foreign{key.Public().PublicKey(), answer}
			return must(jeton.NewSigner(must(jeton.NewSigningKey(alg, foreign))(t)))(t).Sign(goodClaims())
		}
		token, err := sign(good)
		if err != nil {
			t.Errorf("%s: %v", alg, err)
		} else {
			must(testVerifier(t, key.Public()).Verify(context.Background(), token))(t)
		}
		down := errors.New("the module does not answer")
		if _, err := sign(func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, down }); !is(err, down) || !is(err, jeton.ErrInvalidKey) {
			t.Errorf("%s: the signer's error became %v", alg, err)
		}
		for name, answer := range map[string]func([]byte, crypto.SignerOpts) ([]byte, error){
			"nothing":      func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil },
			"zeros":        func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil },
			"an empty DER": func([]byte, crypto.SignerOpts) ([]byte, error) { return []byte{0x30, 0}, nil },
			"half a DER":   func([]byte, crypto.SignerOpts) ([]byte, error) { return []byte{0x30, 3, 2, 1, 1}, nil },
			"three numbers": func([]byte, crypto.SignerOpts) ([]byte, error) {
				return []byte{0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1}, nil
			},
			"two strings":   func([]byte, crypto.SignerOpts) ([]byte, error) { return []byte{0x30, 6, 4, 1, 1, 4, 1, 1}, nil },
			"a set":         func([]byte, crypto.SignerOpts) ([]byte, error) { return []byte{0x31, 6, 2, 1, 1, 2, 1, 1}, nil },
			"small numbers": func([]byte, crypto.SignerOpts) ([]byte, error) { return []byte{0x30, 6, 2, 1, 1, 2, 1, 1}, nil },
			"large numbers": func([]byte, crypto.SignerOpts) ([]byte, error) {
				return asn1.Marshal([]*big.Int{new(big.Int).Lsh(big.NewInt(1), 600), big.NewInt(1)})
			},
			"one byte more":   func(d []byte, o crypto.SignerOpts) ([]byte, error) { s, err := good(d, o); return append(s, 0), err },
			"one byte less":   func(d []byte, o crypto.SignerOpts) ([]byte, error) { s, err := good(d, o); return s[:len(s)-1], err },
			"of another text": func(d []byte, o crypto.SignerOpts) ([]byte, error) { d = bytes.Clone(d); d[0] ^= 1; return good(d, o) },
		} {
			if token, err := sign(answer); err == nil || token != "" {
				t.Errorf("%s, %s: %q, %v", alg, name, token, err)
			} else {
				refused(t, err, jeton.ErrInvalidKey)
			}
		}
	}
}

// A remote signer that gives up waiting may still read what it was to sign.
func TestForeignSignersMayKeepWhatTheySign(t *testing.T) {
	for _, key := range everyKey(t) {
		own, ok := key.Secrets().(crypto.Signer)
		if !ok {
			continue
		}
		var kept, copies [][]byte
		signer := must(jeton.NewSigner(must(jeton.NewSigningKey(key.Algorithm(), foreign{key.Public().PublicKey(), func(d []byte, o crypto.SignerOpts) ([]byte, error) {
			kept, copies = append(kept, d), append(copies, bytes.Clone(d))
			return own.Sign(rand.Reader, d, o)
		}}))(t)))(t)
		var buffer []byte
		for i := range 5 {
			c := goodClaims()
			c.ID = fmt.Sprint(i)
			must(signer.Sign(c))(t)
			buffer = must(signer.AppendSign(buffer[:0], c))(t)
		}
		for i := range kept {
			if !bytes.Equal(kept[i], copies[i]) {
				t.Errorf("%s: what token %d had signed changed afterwards", key.Algorithm(), i)
			}
		}
	}
}

// ecdsaToken is a token of a key with r and s of the caller's choice.
func ecdsaToken(header string, r, s *big.Int, size int) string {
	return b64(header) + "." + b64(goodPayload) + "." + b64(string(r.FillBytes(make([]byte, size)))+string(s.FillBytes(make([]byte, size))))
}

func TestRefusesECDSASignatures(t *testing.T) {
	for _, c := range []struct {
		alg   jeton.Algorithm
		curve elliptic.Curve
		size  int
	}{{jeton.ES256, elliptic.P256(), 32}, {jeton.ES384, elliptic.P384(), 48}, {jeton.ES512, elliptic.P521(), 66}} {
		private := must(ecdsa.GenerateKey(c.curve, rand.Reader))(t)
		key := must(jeton.NewSigningKey(c.alg, private))(t)
		v := testVerifier(t, key.Public())
		header := `{"alg":"` + string(c.alg) + `","typ":"JWT"}`
		signed := b64(header) + "." + b64(goodPayload)
		token := must(must(jeton.NewSigner(key, jeton.WithoutKeyID()))(t).SignRaw([]byte(goodPayload)))(t)
		sig := unb64(token[len(signed)+1:])
		if len(sig) != 2*c.size {
			t.Fatalf("%s signs %d bytes", c.alg, len(sig))
		}
		r, s := new(big.Int).SetBytes(sig[:c.size]), new(big.Int).SetBytes(sig[c.size:])
		n := c.curve.Params().N
		der := must(asn1.Marshal([]*big.Int{r, s}))(t)
		zero, one := new(big.Int), big.NewInt(1)
		raw := func(b ...[]byte) string { return signed + "." + b64(string(bytes.Join(b, nil))) }
		rows := map[string]string{
			"A19 DER":                       raw(der),
			"A19 r and s zero":              ecdsaToken(header, zero, zero, c.size),
			"A19 r zero":                    ecdsaToken(header, zero, s, c.size),
			"A19 s zero":                    ecdsaToken(header, r, zero, c.size),
			"A19 r and s one":               ecdsaToken(header, one, one, c.size),
			"A19 r is n":                    ecdsaToken(header, n, s, c.size),
			"A19 s is n":                    ecdsaToken(header, r, n, c.size),
			"A19 r and s are n":             ecdsaToken(header, n, n, c.size),
			"A19 r is n-1":                  ecdsaToken(header, new(big.Int).Sub(n, one), s, c.size),
			"A19 r and s are swapped":       ecdsaToken(header, s, r, c.size),
			"A19 all ones":                  raw(bytes.Repeat([]byte{0xff}, 2*c.size)),
			"A19 cut by a byte":             raw(sig[:len(sig)-1]),
			"A19 a zero before it":          raw([]byte{0}, sig),
			"A19 a zero behind it":          raw(sig, []byte{0}),
			"A19 two bytes more":            raw(sig, []byte{0, 0}),
			"A19 a zero before both halves": raw([]byte{0}, sig[:c.size], []byte{0}, sig[c.size:]),
			"A19 a byte less in each half":  raw(sig[1:c.size], sig[c.size+1:]),
			"A19 r alone":                   raw(sig[:c.size]),
			"A19 one byte":                  raw([]byte{1}),
		}
		if sum := new(big.Int).Add(r, n); sum.BitLen() <= 8*c.size {
			rows["A19 r plus n"] = ecdsaToken(header, sum, s, c.size)
		}
		if sum := new(big.Int).Add(s, n); sum.BitLen() <= 8*c.size {
			rows["A19 s plus n"] = ecdsaToken(header, r, sum, c.size)
		}
		for name, forged := range rows {
			t.Run(name+" "+string(c.alg), func(t *testing.T) { refusedBy(t, v, forged, jeton.ErrSignature) })
		}
		must(v.Verify(context.Background(), token))(t)
		// As every ECDSA has it, (r, n-s) is a second signature: a token's text
		// is no name for it.
		must(v.Verify(context.Background(), ecdsaToken(header, r, new(big.Int).Sub(n, s), c.size)))(t)
		// A small r or s is padded.
		padded := false
		for range 2000 {
			if sig := unb64(strings.Split(must(must(jeton.NewSigner(key))(t).SignRaw([]byte("x")))(t), ".")[2]); len(sig) != 2*c.size {
				t.Fatalf("%s signs %d bytes", c.alg, len(sig))
			} else if padded = sig[0] == 0 || sig[c.size] == 0; padded {
				break
			}
		}
		if !padded {
			t.Errorf("%s: no signature in 2000 begins with a zero", c.alg)
		}
	}
}

func TestRefusesPSSSignatures(t *testing.T) {
	private := rsaPrivate(t)
	v := testVerifier(t, must(jeton.NewVerifyingKey(jeton.PS256, &private.PublicKey))(t))
	signed := b64(`{"alg":"PS256","typ":"JWT"}`) + "." + b64(goodPayload)
	digest := sha256.Sum256([]byte(signed))
	sign := func(salt int) string {
		sig := must(rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt}))(t)
		return signed + "." + b64(string(sig))
	}
	must(v.Verify(context.Background(), sign(32)))(t)
	pkcs1 := must(rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:]))(t)
	for name, token := range map[string]string{
		"A20 with a salt of one byte":    sign(1),
		"A20 with a salt of 20 bytes":    sign(20),
		"A20 with a salt of 31 bytes":    sign(31),
		"A20 with a salt of 33 bytes":    sign(33),
		"A20 with the longest salt":      sign(256 - 32 - 2),
		"A20 that is PKCS #1 version 15": signed + "." + b64(string(pkcs1)),
	} {
		t.Run(name, func(t *testing.T) { refusedBy(t, v, token, jeton.ErrSignature) })
	}
	t.Run("A20 PSS for RS256", func(t *testing.T) {
		signed := b64(`{"alg":"RS256","typ":"JWT"}`) + "." + b64(goodPayload)
		digest := sha256.Sum256([]byte(signed))
		sig := must(rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32}))(t)
		refusedBy(t, testVerifier(t, rsaKey(t).Public()), signed+"."+b64(string(sig)), jeton.ErrSignature)
	})
}

func TestRefusesEd25519Signatures(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := must(jeton.NewSigningKey(jeton.Ed25519, private))(t)
	v := testVerifier(t, key.Public())
	signed := b64(`{"alg":"Ed25519","typ":"JWT"}`) + "." + b64(goodPayload)
	sig := ed25519.Sign(private, []byte(signed))
	with := func(b ...[]byte) string { return signed + "." + b64(string(bytes.Join(b, nil))) }
	must(v.Verify(context.Background(), with(sig)))(t)

	// The order of the group; s and s plus it are the same number to whoever
	// forgets to compare.
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	prehashed := must(private.Sign(nil, func() []byte { d := make([]byte, 64); return d }(), crypto.SHA512))(t)
	for name, token := range map[string]string{
		"A20 s plus the order":       with(sig[:32], sum),
		"A20 cut by a byte":          with(sig[:63]),
		"A20 a zero behind it":       with(sig, []byte{0}),
		"A20 a zero before it":       with([]byte{0}, sig),
		"A20 zeros":                  with(make([]byte, 64)),
		"A20 the neutral element":    with([]byte{1}, make([]byte, 63)),
		"A20 halves swapped":         with(sig[32:], sig[:32]),
		"A20 Ed25519ph":              with(prehashed),
		"A20 of the digest":          with(ed25519.Sign(private, func() []byte { d := sha256.Sum256([]byte(signed)); return d[:] }())),
		"A20 with the key behind it": with(sig, key.Public().PublicKey().(ed25519.PublicKey)),
	} {
		t.Run(name, func(t *testing.T) { refusedBy(t, v, token, jeton.ErrSignature) })
	}
}

// Both names of the algorithm are read; the key has one.
func TestEd25519HasAnOlderName(t *testing.T) {
	key := must(jeton.GenerateKey("EdDSA"))(t)
	if key.Algorithm() != jeton.Ed25519 {
		t.Fatal(key.Algorithm())
	}
	v := testVerifier(t, key.Public())
	for _, opts := range [][]jeton.SignerOption{nil, {jeton.OlderAlgorithmName()}} {
		verified := must(v.Verify(context.Background(), must(must(jeton.NewSigner(key, opts...))(t).Sign(goodClaims()))(t)))(t)
		if verified.Header().Algorithm != jeton.Ed25519 {
			t.Error(verified.Header())
		}
	}
	for want, opts := range map[string][]jeton.SignerOption{`{"alg":"Ed25519"}`: nil, `{"alg":"EdDSA"}`: {jeton.OlderAlgorithmName()}} {
		signer := must(jeton.NewSigner(key, append(opts, jeton.WithoutKeyID(), jeton.Type(""))...))(t)
		token := must(signer.Sign(goodClaims()))(t)
		if header := string(unb64(token[:strings.IndexByte(token, '.')])); header != want {
			t.Errorf("header %s, want %s", header, want)
		}
	}
	token := must(must(jeton.NewSigner(hmacKey(t), jeton.OlderAlgorithmName()))(t).Sign(goodClaims()))(t)
	must(testVerifier(t, hmacKey(t).Public()).Verify(context.Background(), token))(t)
	for _, alg := range []jeton.Algorithm{"eddsa", "ED25519", "ed25519", "Ed448", "EdDSA "} {
		if alg.Valid() {
			t.Errorf("%q passes for an algorithm", alg)
		}
	}
}

func TestCurveKeysThatMustNotBeUsed(t *testing.T) {
	p256, p384 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t), must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point := func(x, y *big.Int) *ecdsa.PublicKey { return &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y} }
	moved := new(big.Int).Add(p256.Y, big.NewInt(1))
	p := elliptic.P256().Params().P
	for name, c := range map[string]struct {
		alg    jeton.Algorithm
		public crypto.PublicKey
	}{
		"A22 a point off the curve":            {jeton.ES256, point(p256.X, moved)},
		"A22 the point at infinity":            {jeton.ES256, point(new(big.Int), new(big.Int))},
		"A22 no point":                         {jeton.ES256, point(nil, nil)},
		"A22 half a point":                     {jeton.ES256, point(p256.X, nil)},
		"A22 the other half":                   {jeton.ES256, point(nil, p256.Y)},
		"A22 x beyond the field":               {jeton.ES256, point(new(big.Int).Add(p256.X, p), p256.Y)},
		"A22 a negative y":                     {jeton.ES256, point(p256.X, new(big.Int).Sub(p256.Y, p))},
		"A22 no curve":                         {jeton.ES256, &ecdsa.PublicKey{X: p256.X, Y: p256.Y}},
		"A22 another curve":                    {jeton.ES256, &p384.PublicKey},
		"A22 a curve of its own":               {jeton.ES256, &ecdsa.PublicKey{Curve: elliptic.P256().Params(), X: p256.X, Y: p256.Y}},
		"A22 a point of another curve":         {jeton.ES384, &ecdsa.PublicKey{Curve: elliptic.P384(), X: p256.X, Y: p256.Y}},
		"A22 P-256 for ES512":                  {jeton.ES512, &p256.PublicKey},
		"A22 EC by value":                      {jeton.ES256, p256.PublicKey},
		"A22 a nil EC key":                     {jeton.ES256, (*ecdsa.PublicKey)(nil)},
		"A22 an ECDH key":                      {jeton.ES256, must(p256.PublicKey.ECDH())(t)},
		"A22 an Ed25519 key of 31 bytes":       {jeton.Ed25519, ed25519.PublicKey(make([]byte, 31))},
		"A22 an Ed25519 key of 33 bytes":       {jeton.Ed25519, ed25519.PublicKey(make([]byte, 33))},
		"A22 a nil Ed25519 key":                {jeton.Ed25519, ed25519.PublicKey(nil)},
		"A22 an Ed25519 key as bytes":          {jeton.Ed25519, []byte(ed.Public().(ed25519.PublicKey))},
		"A22 a private Ed25519 key for public": {jeton.Ed25519, ed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jeton.NewVerifyingKey(c.alg, c.public)
			refused(t, err, jeton.ErrInvalidKey)
		})
	}

	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	swapped := slices.Clone(ed)
	swapped[40] ^= 1
	for name, c := range map[string]struct {
		alg    jeton.Algorithm
		signer crypto.Signer
	}{
		"A22 halves of two EC keys":           {jeton.ES256, &ecdsa.PrivateKey{PublicKey: other.PublicKey, D: p256.D}},
		"A22 an EC key without its number":    {jeton.ES256, &ecdsa.PrivateKey{PublicKey: p256.PublicKey}},
		"A22 an EC key of zero":               {jeton.ES256, &ecdsa.PrivateKey{PublicKey: p256.PublicKey, D: new(big.Int)}},
		"A22 an EC key beyond the order":      {jeton.ES256, &ecdsa.PrivateKey{PublicKey: p256.PublicKey, D: elliptic.P256().Params().N}},
		"A22 a negative EC key":               {jeton.ES256, &ecdsa.PrivateKey{PublicKey: p256.PublicKey, D: big.NewInt(-1)}},
		"A22 an empty EC key":                 {jeton.ES256, &ecdsa.PrivateKey{}},
		"A22 an EC key without its point":     {jeton.ES256, &ecdsa.PrivateKey{PublicKey: *point(nil, nil), D: p256.D}},
		"A22 halves of two Ed25519 keys":      {jeton.Ed25519, swapped},
		"A22 an Ed25519 key of 32 bytes":      {jeton.Ed25519, ed[:32]},
		"A22 an empty Ed25519 key":            {jeton.Ed25519, ed25519.PrivateKey{}},
		"A22 a nil Ed25519 key":               {jeton.Ed25519, ed25519.PrivateKey(nil)},
		"A22 a pointer to an Ed25519 key":     {jeton.Ed25519, &ed},
		"A22 a nil pointer to an Ed25519 key": {jeton.Ed25519, (*ed25519.PrivateKey)(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := jeton.NewSigningKey(c.alg, c.signer)
			if name == "A22 a pointer to an Ed25519 key" && err == nil {
				must(jeton.NewSigner(key))(t) // a Signer like any other
				return
			}
			refused(t, err, jeton.ErrInvalidKey)
		})
	}
}

// A key does not change with the memory that it was made of, nor with what it
// gave out.
func TestEd25519KeyKeepsItsOwnCopy(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := must(jeton.NewSigningKey(jeton.Ed25519, private))(t)
	signer := must(jeton.NewSigner(key))(t)
	token := must(signer.Sign(goodClaims()))(t)
	v := testVerifier(t, must(jeton.NewVerifyingKey(jeton.Ed25519, private.Public()))(t))
	clear(private)
	if got := must(signer.Sign(goodClaims()))(t); got != token {
		t.Error("the key changed with the caller's slice")
	}
	clear(key.Secrets().(ed25519.PrivateKey))
	if got := must(signer.Sign(goodClaims()))(t); got != token {
		t.Error("the key changed with the slice that Secrets returned")
	}
	must(v.Verify(context.Background(), token))(t)
}
