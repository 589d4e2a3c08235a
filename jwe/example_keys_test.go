package jwe_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// Two services that share a secret: each encrypts for the other.
func ExampleNewSecretKey() {
	secret := make([]byte, 32) // as long as A256KW takes, exactly
	rand.Read(secret)
	key, err := jwe.NewSecretKey(jwe.A256KW, jwe.A256GCM, secret, jwe.KeyID("2026-11"))
	if err != nil {
		panic(err)
	}
	encrypter, _ := jwe.NewEncrypter(key.Public(), jwe.MaxTokenBytes(4096))
	token, _ := encrypter.EncryptUnsigned([]byte("hello"))
	decrypter, _ := jwe.NewDecrypter([]*jwe.DecryptingKey{key}, jwe.Options{TokenBytes: 4096})
	text, err := decrypter.DecryptUnsigned(token)
	fmt.Println(key.ID(), string(text), err)
	// Output: 2026-11 hello <nil>
}

// Keys of the standard library, for a recipient of one key.
func ExampleNewDecryptingKey() {
	private, _ := ecdh.X25519().GenerateKey(rand.Reader)
	recipient, err := jwe.NewDecryptingKey(jwe.ECDHES, jwe.A256GCM, private)
	if err != nil {
		panic(err)
	}
	sender, err := jwe.NewEncryptingKey(jwe.ECDHES, jwe.A256GCM, private.PublicKey())
	if err != nil {
		panic(err)
	}
	encrypter, _ := jwe.NewEncrypter(sender, jwe.WithoutKeyID())
	token, _ := encrypter.EncryptUnsigned([]byte("hello"))
	decrypter, _ := jwe.NewDecrypter([]*jwe.DecryptingKey{recipient}, jwe.Options{})
	text, err := decrypter.DecryptUnsigned(token)
	fmt.Println(string(text), err)
	// Output: hello <nil>
}

// What there is to choose from.
func ExampleAlgorithms() {
	fmt.Println(jwe.Algorithms())
	fmt.Println(jwe.Encryptions())
	// Output:
	// [dir A128KW A256KW A128GCMKW A256GCMKW RSA-OAEP-256 ECDH-ES ECDH-ES+A128KW ECDH-ES+A256KW]
	// [A128GCM A256GCM A128CBC-HS256 A256CBC-HS512]
}

// A recipient whose RSA key has the exponent 3, and who can't change it.
func ExampleInsecureAllowUnusualExponent() {
	private, _ := rsa.GenerateKey(rand.Reader, 2048)
	public := &rsa.PublicKey{N: private.N, E: 3}
	_, err := jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A256GCM, public)
	fmt.Println(jeton.ReasonCode(err))
	_, err = jwe.NewEncryptingKey(jwe.RSAOAEP256, jwe.A256GCM, public, jwe.InsecureAllowUnusualExponent())
	fmt.Println(err)
	// Output:
	// invalid_key
	// <nil>
}
