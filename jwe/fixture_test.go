package jwe_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// What the tests of this package share: keys of every kind, a way to make tokens
// that no Encrypter would make, and the question that every refusal has to answer.

var now = time.Unix(1_800_000_000, 0)

// must unwraps what can't fail in a test: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// kind is what a key can be for. The curve is nil where there is none.
type kind struct {
	alg   jwe.Algorithm
	enc   jwe.Encryption
	curve ecdh.Curve
}

func (k kind) String() string {
	if k.curve == nil {
		return fmt.Sprintf("%s %s", k.alg, k.enc)
	}
	return fmt.Sprintf("%s %s %s", k.alg, k.enc, k.curve)
}

// kinds are all there are.
func kinds() []kind {
	var all []kind
	for _, alg := range jwe.Algorithms() {
		curves := []ecdh.Curve{nil}
		if strings.HasPrefix(string(alg), "ECDH-ES") {
			curves = []ecdh.Curve{ecdh.P256(), ecdh.P384(), ecdh.P521(), ecdh.X25519()}
		}
		for _, enc := range jwe.Encryptions() {
			for _, c := range curves {
				all = append(all, kind{alg, enc, c})
			}
		}
	}
	return all
}

// key makes a fresh key of a kind, but for RSA, where it takes too long.
func (k kind) key(t testing.TB, opts ...jwe.KeyOption) *jwe.DecryptingKey {
	t.Helper()
	if k.alg == jwe.RSAOAEP256 {
		return must(jwe.NewDecryptingKey(k.alg, k.enc, rsaPrivate(), opts...))(t)
	}
	if k.curve != nil {
		opts = append(opts, jwe.Curve(k.curve))
	}
	return must(jwe.GenerateKey(k.alg, k.enc, opts...))(t)
}

var rsaPrivate = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func encrypter(t testing.TB, key *jwe.DecryptingKey, opts ...jwe.EncrypterOption) *jwe.Encrypter {
	t.Helper()
	return must(jwe.NewEncrypter(key.Public(), opts...))(t)
}

func decrypter(t testing.TB, keys ...*jwe.DecryptingKey) *jwe.Decrypter {
	t.Helper()
	return must(jwe.NewDecrypter(keys, jwe.Options{}))(t)
}

// The secret of the forged tokens, for dir with A128GCM.
const forgeSecret = "0123456789abcdef"

func forgeKey(t testing.TB, opts ...jwe.KeyOption) *jwe.DecryptingKey {
	t.Helper()
	return must(jwe.NewSecretKey(jwe.Dir, jwe.A128GCM, []byte(forgeSecret), opts...))(t)
}

const goodHeader = `{"alg":"dir","enc":"A128GCM","cty":"JWT"}`

// forge encrypts by the letter of RFC 7516, with nothing of this package, so that
// any header and any content have a good tag.
func forge(header, content string) string {
	block, err := aes.NewCipher([]byte(forgeSecret))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	iv := make([]byte, aead.NonceSize())
	rand.Read(iv)
	protected := b64(header)
	out := aead.Seal(nil, iv, []byte(content), []byte(protected))
	cut := len(out) - aead.Overhead()
	return strings.Join([]string{protected, "", b64(string(iv)), b64(string(out[:cut])), b64(string(out[cut:]))}, ".")
}

func b64(b string) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

func unb64(t testing.TB, text string) []byte {
	t.Helper()
	return must(base64.RawURLEncoding.DecodeString(text))(t)
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	return must(hex.DecodeString(strings.ReplaceAll(text, " ", "")))(t)
}

func readJSON(t testing.TB, name string, dst any) {
	t.Helper()
	if err := json.Unmarshal(must(os.ReadFile("../testdata/"+name))(t), dst); err != nil {
		t.Fatal(err)
	}
}

// refused wants an error that errors.Is the one wanted, has its code and shows
// nothing that is hidden.
func refused(t testing.TB, err, want error, hidden ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted; want %v", want)
	}
	if !errors.Is(err, want) {
		t.Errorf("error %q, want %q", err, want)
	}
	if got, code := jeton.ReasonCode(err), jeton.ReasonCode(want); got != code || code == "" {
		t.Errorf("code %q, want %q", got, code)
	}
	plain(t, err)
	for _, h := range hidden {
		for _, part := range append(strings.Split(h, "."), b64(h), hex.EncodeToString([]byte(h))) {
			if len(part) >= 8 && strings.Contains(err.Error(), part) {
				t.Errorf("the error %q shows %q", err, part)
			}
		}
	}
}

// plain wants an error that is short, printable and has a reason: parts of what a
// stranger sent are none of these for long.
func plain(t testing.TB, err error) {
	t.Helper()
	text := err.Error()
	if jeton.ReasonCode(err) == "" {
		t.Errorf("no reason in %q", text)
	}
	if len(text) > 200 {
		t.Errorf("an error of %d bytes: %.300q", len(text), text)
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			t.Errorf("the error %q is not printable ASCII", text)
			break
		}
	}
}

// refusedBy wants a refusal of both ways to decrypt.
func refusedBy(t testing.TB, d *jwe.Decrypter, token string, want error) {
	t.Helper()
	plaintext, err := d.DecryptUnsigned(token)
	if plaintext != nil {
		t.Errorf("%d bytes came beside the error %v", len(plaintext), err)
	}
	refused(t, err, want, token)
	verified, err := must(jwe.NewVerifier(d, innerVerifier(t)))(t).Verify(context.Background(), token)
	if verified != nil {
		t.Errorf("claims came beside the error %v", err)
	}
	refused(t, err, want, token)
}

const innerSecret = "the secret that signs what is inside"

func innerSigner(t testing.TB, opts ...jeton.SignerOption) *jeton.Signer {
	t.Helper()
	return must(jeton.NewSigner(must(jeton.NewHMACKey(jeton.HS256, []byte(innerSecret)))(t), opts...))(t)
}

func innerVerifier(t testing.TB) *jeton.Verifier {
	t.Helper()
	key := must(jeton.NewHMACKey(jeton.HS256, []byte(innerSecret)))(t)
	return must(jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer: "https://auth.example", Audience: "orders", Type: "at+jwt", Now: func() time.Time { return now },
	}))(t)
}

func goodClaims() jeton.Claims {
	return jeton.Claims{
		Issuer: "https://auth.example", Subject: "alice", Audience: jeton.Audience{"orders"},
		ExpiresAt: jeton.At(now.Add(5 * time.Minute)),
	}
}

// goodInner is a signed token that the policy of innerVerifier accepts.
func goodInner(t testing.TB) string {
	t.Helper()
	return must(innerSigner(t, jeton.Type("at+jwt")).Sign(goodClaims()))(t)
}
