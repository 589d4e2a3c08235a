package jwk_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8PEM(key any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", der)
}

func pkixPEM(key any) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return block("PUBLIC KEY", der)
}

func pkcs1PEM() []byte {
	return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))
}

func sec1PEM() []byte {
	der, err := x509.MarshalECPrivateKey(ecKey())
	if err != nil {
		panic(err)
	}
	return block("EC PRIVATE KEY", der)
}

// certificate is one that has expired: only its key counts.
func certificatePEM() []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "issuer"},
		NotAfter:     time.Unix(1, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsaKey().PublicKey, rsaKey())
	if err != nil {
		panic(err)
	}
	return block("CERTIFICATE", der)
}

func TestPrivatePEM(t *testing.T) {
	for name, text := range map[string][]byte{
		"PKCS #8":             pkcs8PEM(rsaKey()),
		"PKCS #1":             pkcs1PEM(),
		"after white space":   append([]byte("\n\n "), pkcs1PEM()...),
		"with CR LF":          bytes.ReplaceAll(pkcs1PEM(), []byte("\n"), []byte("\r\n")),
		"without a last line": bytes.TrimSpace(pkcs1PEM()),
	} {
		t.Run(name, func(t *testing.T) {
			key, err := jwk.ParsePrivate(text, jwk.DefaultAlgorithm(jeton.RS256), jwk.KeyID("pem"))
			if err != nil {
				t.Fatal(err)
			}
			if !rsaKey().Equal(key.Secrets()) || key.ID() != "pem" {
				t.Error("another key")
			}
			_, err = jwk.ParsePrivate(text)
			refused(t, err, jeton.ErrInvalidKey, "name one (DefaultAlgorithm)")
			_, err = jwk.ParsePrivate(text, jwk.DefaultAlgorithm(jeton.HS256))
			refused(t, err, jeton.ErrInvalidKey, "HS256 does not take")
			_, err = jwk.ParsePublic(text, jwk.DefaultAlgorithm(jeton.RS256))
			refused(t, err, jeton.ErrInvalidKey, "a private key")
		})
	}
}

func TestPublicPEM(t *testing.T) {
	for name, text := range map[string][]byte{
		"PKIX":          pkixPEM(&rsaKey().PublicKey),
		"PKCS #1":       block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)),
		"a certificate": certificatePEM(),
	} {
		t.Run(name, func(t *testing.T) {
			key, err := jwk.ParsePublic(text, jwk.DefaultAlgorithm(jeton.RS256))
			if err != nil {
				t.Fatal(err)
			}
			if !rsaKey().PublicKey.Equal(key.PublicKey()) || key.ID() != key.Thumbprint() {
				t.Error("another key")
			}
			_, err = jwk.ParsePublic(text)
			refused(t, err, jeton.ErrInvalidKey, "name one (DefaultAlgorithm)")
			_, err = jwk.ParsePublic(text, jwk.DefaultAlgorithm(jeton.HS256))
			refused(t, err, jeton.ErrInvalidKey, "HS256 does not take")
			_, err = jwk.ParsePrivate(text, jwk.DefaultAlgorithm(jeton.RS256))
			refused(t, err, jeton.ErrInvalidKey, "a public key")
		})
	}
}

func TestPEMWithAnECKeyLeavesOneAlgorithm(t *testing.T) {
	parameters := block("EC PARAMETERS", []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07})
	for name, text := range map[string][]byte{
		"PKCS #8":               pkcs8PEM(ecKey()),
		"SEC 1":                 sec1PEM(),
		"SEC 1 after its curve": append(parameters, sec1PEM()...),
	} {
		key, err := jwk.ParsePrivate(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if key.Algorithm() != "ES256" || !ecKey().Equal(key.Secrets()) {
			t.Errorf("%s: %s", name, key.Algorithm())
		}
	}
	if key, err := jwk.ParsePublic(pkixPEM(&ecKey().PublicKey)); err != nil || key.Algorithm() != "ES256" {
		t.Error(key, err)
	}
}

func TestPEMOfKeysForOtherThings(t *testing.T) {
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.ParsePrivate(pkcs8PEM(x25519))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "type of key")
	_, err = jwk.ParsePublic(pkixPEM(x25519.PublicKey()))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "type of key")
	p224, err := ecdsaKey(elliptic.P224())
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.ParsePublic(pkixPEM(&p224.PublicKey))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "type of key")
}

func TestWhatIsNoPEM(t *testing.T) {
	//lint:ignore SA1019 what is refused has to be made
	legacy, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()), []byte("x"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	truncated := pkcs1PEM()
	truncated = append(truncated[:len(truncated)/2:len(truncated)/2], "\n-----END RSA PRIVATE KEY-----\n"...)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	other := append(append([]byte{}, pkcs1PEM()...), pkcs8PEM(rsaKey())...)
	for name, c := range map[string]struct {
		text   []byte
		reason error
		want   string
	}{
		"encrypted PKCS #8":           {block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), jeton.ErrInvalidKey, "encrypted"},
		"encrypted PKCS #1":           {pem.EncodeToMemory(legacy), jeton.ErrInvalidKey, "encrypted"},
		"encrypted, by one header":    {withHeader("Proc-Type", "4,ENCRYPTED"), jeton.ErrInvalidKey, "encrypted"},
		"encrypted, by the other":     {withHeader("DEK-Info", "AES-256-CBC,00"), jeton.ErrInvalidKey, "encrypted"},
		"OpenSSH's format":            {block("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00")), jeton.ErrInvalidKey, "OpenSSH"},
		"an unknown block":            {block("CERTIFICATE REQUEST", []byte{0x30, 0}), jeton.ErrInvalidKey, "holds no key"},
		"parameters alone":            {block("EC PARAMETERS", []byte{0x30, 0}), jeton.ErrInvalidKey, "broken PEM"},
		"only the first line":         {[]byte("-----BEGIN PRIVATE KEY-----\n"), jeton.ErrInvalidKey, "broken PEM"},
		"a broken line":               {bytes.Replace(pkcs1PEM(), []byte("MII"), []byte("M*I"), 1), jeton.ErrInvalidKey, "broken PEM"},
		"half of a key":               {truncated, jeton.ErrInvalidKey, "PEM"},
		"two keys":                    {other, jeton.ErrInvalidKey, "more than one block"},
		"a key after a broken one":    {append([]byte("-----BEGIN PRIVATE KEY-----\n*\n"), pkcs1PEM()...), jeton.ErrInvalidKey, "more than one block"},
		"something after the key":     {append(pkcs1PEM(), "x"...), jeton.ErrInvalidKey, "something after it"},
		"no DER inside":               {block("PRIVATE KEY", []byte("secret")), jeton.ErrInvalidKey, "no key could be read"},
		"PKCS #1 in a PKCS #8 block":  {block("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), jeton.ErrInvalidKey, "no key could be read"},
		"A21 a key of 1024 bits":      {pkcs8PEM(weak), jeton.ErrWeakKey, "1024 bits"},
		"a certificate without sense": {block("CERTIFICATE", []byte{0x30, 0}), jeton.ErrInvalidKey, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.ParsePrivate(c.text, jwk.DefaultAlgorithm(jeton.RS256))
			lines := strings.Split(string(c.text), "\n")
			refused(t, err, c.reason, c.want, lines[min(1, len(lines)-1)])
			_, err = jwk.ParsePublic(c.text, jwk.DefaultAlgorithm(jeton.RS256))
			if refused(t, err, jeton.ErrInvalidKey, ""); errors.Is(err, jeton.ErrUnsupportedAlgorithm) {
				t.Errorf("what is broken is called unknown: %v", err)
			}
		})
	}
}

// withHeader is a whole key that is said to be encrypted.
func withHeader(name, value string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{name: value}, Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())})
}

func TestMarshalPublicPEMIsReadBack(t *testing.T) {
	key := signingKey(jeton.RS256, rsaKey()).Public()
	text, err := jwk.MarshalPublicPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := jwk.ParsePublic(text, jwk.DefaultAlgorithm(jeton.RS256))
	if err != nil {
		t.Fatal(err)
	}
	if again.Thumbprint() != key.Thumbprint() || !bytes.HasPrefix(text, []byte("-----BEGIN PUBLIC KEY-----\n")) {
		t.Errorf("%s", text)
	}
}

func TestMarshalPrivatePEMIsReadBack(t *testing.T) {
	text, err := jwk.MarshalPrivatePEM(signingKey(jeton.RS256, rsaKey()))
	if err != nil {
		t.Fatal(err)
	}
	again, err := jwk.ParsePrivate(text, jwk.DefaultAlgorithm(jeton.RS256))
	if err != nil {
		t.Fatal(err)
	}
	if !rsaKey().Equal(again.Secrets()) || !bytes.HasPrefix(text, []byte("-----BEGIN PRIVATE KEY-----\n")) {
		t.Error("another key, or not PKCS #8")
	}
}

func TestPEMDoesNotHoldSecrets(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.HS256)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.MarshalPrivatePEM(key)
	refused(t, err, jeton.ErrInvalidKey, "PEM does not hold secrets")
	_, err = jwk.MarshalPublicPEM(key.Public())
	refused(t, err, jeton.ErrInvalidKey, "a secret has no public half")
}

// hsm is a signer that keeps its key to itself.
type hsm struct{ crypto.Signer }

func TestAKeyInASignerIsNotWritten(t *testing.T) {
	key, err := jeton.NewSigningKey(jeton.RS256, hsm{rsaKey()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.MarshalPrivatePEM(key)
	refused(t, err, jeton.ErrInvalidKey, "jwk_test.hsm")
	_, err = jwk.MarshalPrivate(key)
	refused(t, err, jeton.ErrInvalidKey, "jwk_test.hsm")
	if _, err := jwk.MarshalPublic(key.Public()); err != nil {
		t.Error(err)
	}
}

// Such keys are rare and slow, and a JWK would need members that are not read.
func TestAKeyOfThreePrimesIsNeitherReadNorWritten(t *testing.T) {
	//lint:ignore SA1019 what is refused has to be made
	three, err := rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.ParsePrivate(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(three)), jwk.DefaultAlgorithm(jeton.RS256))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "type of key")
	key, err := jeton.NewSigningKey(jeton.RS256, three)
	if err != nil {
		t.Skip("package jeton refuses it already")
	}
	_, err = jwk.MarshalPrivate(key)
	refused(t, err, jeton.ErrInvalidKey, "can't be written")
}
