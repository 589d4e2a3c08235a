package jeton_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

// A generated secret is random: no look of its bytes may refuse it. One in 256
// begins with the brace of a JSON object.
func TestGenerateKeyNeverRefusesItsOwnSecret(t *testing.T) {
	for _, alg := range []jeton.Algorithm{jeton.HS256, jeton.HS384, jeton.HS512} {
		for range 5000 {
			if _, err := jeton.GenerateKey(alg); err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
		}
	}
}

func TestHMACSecretsThatLookLikeSomethingAndAreNot(t *testing.T) {
	for _, secret := range []string{
		"{ begins like JSON and goes on as a passphrase",
		`{"tenant":"a JSON object and no key, used as it is"}`,
		"MIIBut this is no structure of any kind at all, sir",
		"ssh-tunnel between the two old houses, number one",
		base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("random?!"), 6)),
	} {
		if _, err := jeton.NewHMACKey(jeton.HS256, []byte(secret)); err != nil {
			t.Errorf("secret %q...: %v", secret[:8], err)
		}
	}
}

// Binary secrets that begin as DER does, and are not: no secret is refused, and
// none crashes, for a few bytes that it has in common with a key.
func TestBinaryHMACSecretsThatAreNoDER(t *testing.T) {
	// A whole structure of 64 bytes: a sequence of a sequence and a string.
	der := append([]byte{0x30, 62, 0x30, 4, 0x06, 2, 0x2a, 0x03, 0x04, 54}, bytes.Repeat([]byte{1, 2, 3}, 18)...)
	if _, err := jeton.NewHMACKey(jeton.HS256, der); !is(err, jeton.ErrInvalidKey) {
		t.Fatalf("the structure that the others are changed from: %v", err)
	}
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(der)
		copy(c[at:], b)
		return c
	}
	for name, secret := range map[string][]byte{
		"another tag outside":                 change(0, 0x31),
		"another tag inside":                  change(2, 0x04),
		"a length of less":                    change(1, 61),
		"a length of more":                    change(1, 63),
		"a length without end":                change(1, 0x80),
		"a length of four bytes":              change(1, 0x84, 0, 0, 0, 58),
		"a length that goes on":               change(1, 0xff),
		"a byte behind it":                    append(bytes.Clone(der), 1),
		"an element that is longer inside":    change(9, 55),
		"an element that is shorter inside":   change(9, 53),
		"an element cut off in its length":    append(change(9, 52)[:62], 0x04, 0x82),
		"an element cut off in a long length": append(change(9, 51)[:61], 0x04, 0x82, 0x01),
		"43 bytes":                            append([]byte{0x30, 41, 0x30, 4, 0x06, 2, 0x2a, 0x03, 0x04, 33}, bytes.Repeat([]byte{1, 2, 3}, 11)...),
	} {
		if _, err := jeton.NewHMACKey(jeton.HS256, secret); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// keyFiles are all the forms in which a key that others know can be pasted where
// a secret should be.
func keyFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	add := func(name string, public, private any) {
		spki := must(x509.MarshalPKIXPublicKey(public))(t)
		pkcs8 := must(x509.MarshalPKCS8PrivateKey(private))(t)
		public64 := base64.StdEncoding.EncodeToString(spki)
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
		files[name+" SPKI DER"] = spki
		files[name+" PKCS 8 DER"] = pkcs8
		files[name+" SPKI PEM"] = text
		files[name+" SPKI PEM without its last newline"] = bytes.TrimSpace(text)
		files[name+" SPKI PEM with CRLF"] = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
		files[name+" SPKI PEM after white space and a BOM"] = append([]byte("\ufeff \n\t"), text...)
		files[name+" SPKI PEM after attributes"] = append([]byte("Bag Attributes\n    friendlyName: api\n"), text...)
		files[name+" PKCS 8 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
		files[name+" SPKI base64"] = []byte(public64)
		files[name+" SPKI base64 in lines"] = []byte(public64[:40] + "\n" + public64[40:] + "\n")
		files[name+" SPKI base64url"] = []byte(base64.RawURLEncoding.EncodeToString(spki))
		files[name+" PKCS 8 base64"] = []byte(base64.StdEncoding.EncodeToString(pkcs8))
		files[name+" PEM in base64"] = []byte(base64.StdEncoding.EncodeToString(text))
	}
	for _, bits := range []int{2048, 3072, 4096} {
		// The numbers need not be a working key: only the form is looked at.
		key := &rsa.PublicKey{N: oddNumber(bits), E: 65537}
		spki := must(x509.MarshalPKIXPublicKey(key))(t)
		name := map[int]string{2048: "RSA 2048", 3072: "RSA 3072", 4096: "RSA 4096"}[bits]
		files[name+" SPKI DER"] = spki
		files[name+" SPKI base64"] = []byte(base64.StdEncoding.EncodeToString(spki))
		files[name+" PKCS 1 DER"] = x509.MarshalPKCS1PublicKey(key)
		files[name+" PKCS 1 base64"] = []byte(base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(key)))
	}
	add("RSA", &rsaPrivate(t).PublicKey, rsaPrivate(t))
	files["RSA PKCS 1 private DER"] = x509.MarshalPKCS1PrivateKey(rsaPrivate(t))
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key := must(ecdsa.GenerateKey(c, rand.Reader))(t)
		add(c.Params().Name, &key.PublicKey, key)
		files[c.Params().Name+" SEC 1 DER"] = must(x509.MarshalECPrivateKey(key))(t)
	}
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	add("Ed25519", edPublic, edPrivate)
	x := must(ecdh.X25519().GenerateKey(rand.Reader))(t)
	add("X25519", x.PublicKey(), x)

	jwk := must(json.Marshal(map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(edPublic)}))(t)
	files["JWK"] = jwk
	files["JWK after white space"] = append([]byte("\r\n "), jwk...)
	files["JWK in base64"] = []byte(base64.StdEncoding.EncodeToString(jwk))
	files["JWK set"] = []byte(`{"keys":[` + string(jwk) + `]}`)
	files["JWK set as a bare array"] = []byte(`[` + string(jwk) + `]`)
	files["OpenSSH RSA"] = []byte("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 me@host")
	files["OpenSSH Ed25519"] = []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIHdd9I0b me@host")
	files["OpenSSH ECDSA"] = []byte("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI me@host")
	files["OpenSSH token"] = []byte("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t me@host")
	files["OpenSSH with options"] = []byte(`restrict,command="true" ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7`)
	return files
}

// A2 in the catalogue of threats: a public key taken for an HMAC secret.
func TestHMACSecretsThatAreKeyFilesAreRefused(t *testing.T) {
	for name, file := range keyFiles(t) {
		t.Run("A2 "+name, func(t *testing.T) {
			_, err := jeton.NewHMACKey(jeton.HS256, file)
			refused(t, err, jeton.ErrInvalidKey, string(file))
			_, err = jeton.NewHMACKey(jeton.HS256, file, jeton.InsecureAllowWeakSecret())
			refused(t, err, jeton.ErrInvalidKey, string(file))
		})
	}
}

func TestHMACSecretsThatAreWeakAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		alg    jeton.Algorithm
		secret string
		admit  bool // by InsecureAllowWeakSecret
	}{
		{"A23 none", jeton.HS256, "", false},
		{"A23 one byte", jeton.HS256, "x", true},
		{"A23 31 of 32 bytes", jeton.HS256, "0123456789abcdef0123456789abcde", true},
		{"A23 47 of 48 bytes", jeton.HS384, "0123456789abcdef0123456789abcdef0123456789abcde", true},
		{"A23 63 of 64 bytes", jeton.HS512, strings.Repeat("0123456789abcdef", 4)[:63], true},
		{"A23 one byte repeated", jeton.HS256, strings.Repeat("x", 40), true},
		{"A23 in public lists", jeton.HS256, "!ChangeThisMercureHubJWTSecretKey!", true},
		{"A23 in public lists, with a newline", jeton.HS256, "!ChangeThisMercureHubJWTSecretKey!\n", true},
		{"A23 zeros", jeton.HS256, strings.Repeat("\x00", 32), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := jeton.NewHMACKey(c.alg, []byte(c.secret))
			refused(t, err, jeton.ErrWeakKey, c.secret)
			if !is(err, jeton.ErrInvalidKey) {
				t.Error("a weak key is no invalid key")
			}
			_, err = jeton.NewHMACKey(c.alg, []byte(c.secret), jeton.InsecureAllowWeakSecret())
			if c.admit != (err == nil) {
				t.Errorf("InsecureAllowWeakSecret: %v, want admitted: %t", err, c.admit)
			}
		})
	}
	for alg, n := range map[jeton.Algorithm]int{jeton.HS256: 32, jeton.HS384: 48, jeton.HS512: 64} {
		if _, err := jeton.NewHMACKey(alg, []byte(strings.Repeat("0123456789abcdef", 4)[:n])); err != nil {
			t.Errorf("%s with %d bytes: %v", alg, n, err)
		}
	}
}

func TestHMACKeyKeepsItsOwnCopyOfTheSecret(t *testing.T) {
	secret := []byte("a secret that somebody overwrites, afterwards")
	key := must(jeton.NewHMACKey(jeton.HS256, secret))(t)
	signer := must(jeton.NewSigner(key))(t)
	before := must(signer.Sign(goodClaims()))(t)
	clear(secret)
	if after := must(signer.Sign(goodClaims()))(t); after != before {
		t.Error("the key changed with the caller's slice")
	}
	clear(key.Secrets().([]byte))
	if after := must(signer.Sign(goodClaims()))(t); after != before {
		t.Error("the key changed with the slice that Secrets returned")
	}
}
