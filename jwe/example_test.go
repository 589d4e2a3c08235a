package jwe_test

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// docs:start keys
// newKey runs once, where the API runs: the private key stays there, the public
// one goes to the issuer.
func newKey(privateFile, publicFile string) error {
	key, err := jwe.GenerateKey(jwe.ECDHES, jwe.A256GCM, jwe.Curve(ecdh.X25519()))
	if err != nil {
		return err
	}
	private, err := jwe.MarshalPrivate(key)
	if err != nil {
		return err
	}
	public, err := jwe.MarshalPublic(key.Public())
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(privateFile, private, 0o600), os.WriteFile(publicFile, public, 0o644))
}

// docs:end

// docs:start issuer
func newIssuer(signer *jeton.Signer, publicFile string) (func(claims any) (string, error), error) {
	text, err := os.ReadFile(publicFile)
	if err != nil {
		return nil, err
	}
	key, err := jwe.ParsePublic(text, jwe.ECDHES, jwe.A256GCM)
	if err != nil {
		return nil, err
	}
	encrypter, err := jwe.NewEncrypter(key)
	if err != nil {
		return nil, err
	}
	return func(claims any) (string, error) {
		signed, err := signer.Sign(claims)
		if err != nil {
			return "", err
		}
		return encrypter.EncryptToken(signed)
	}, nil
}

// docs:end

// docs:start api
// newAPI makes a verifier of the API's own key and of the policy for what is inside.
func newAPI(policy *jeton.Verifier, privateFile string) (*jwe.Verifier, error) {
	text, err := os.ReadFile(privateFile)
	if err != nil {
		return nil, err
	}
	key, err := jwe.ParsePrivate(text, jwe.ECDHES, jwe.A256GCM)
	if err != nil {
		return nil, err
	}
	decrypter, err := jwe.NewDecrypter([]*jwe.DecryptingKey{key}, jwe.Options{})
	if err != nil {
		return nil, err
	}
	return jwe.NewVerifier(decrypter, policy)
}

// docs:end

// The whole way: sign and encrypt, decrypt and verify, with a key in two files.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := newKey(dir+"/private.jwk", dir+"/public.jwk"); err != nil {
		panic(err)
	}

	signing, _ := jeton.GenerateKey(jeton.ES256)
	signer, _ := jeton.NewSigner(signing, jeton.Type("at+jwt"))
	issue, err := newIssuer(signer, dir+"/public.jwk")
	if err != nil {
		panic(err)
	}
	token, err := issue(map[string]any{
		"iss": "https://auth.example", "aud": "payroll", "sub": "alice",
		"exp": time.Now().Add(5 * time.Minute).Unix(), "salary": 4200,
	})
	if err != nil {
		panic(err)
	}

	policy, _ := jeton.NewVerifier(signing.Public(), jeton.Policy{Issuer: "https://auth.example", Audience: "payroll", Type: "at+jwt"})
	verifier, err := newAPI(policy, dir+"/private.jwk")
	if err != nil {
		panic(err)
	}
	verified, err := verifier.Verify(context.Background(), token)
	if err != nil {
		panic(err)
	}
	salary, _ := verified.Claim("salary")
	fmt.Println(verified.Subject(), string(salary))
	// Output: alice 4200
}

// Every failure of cryptography is one error, whatever the reason.
func ExampleDecrypter_DecryptUnsigned() {
	ours, _ := jwe.GenerateKey(jwe.A256KW, jwe.A256GCM)
	theirs, _ := jwe.GenerateKey(jwe.A256KW, jwe.A256GCM)
	encrypter, _ := jwe.NewEncrypter(theirs.Public())
	token, _ := encrypter.EncryptUnsigned([]byte("for somebody else"))

	decrypter, _ := jwe.NewDecrypter([]*jwe.DecryptingKey{ours}, jwe.Options{})
	_, err := decrypter.DecryptUnsigned(token)
	fmt.Println(errors.Is(err, jwe.ErrDecrypt), err)
	// Output: true jwe: the token can't be decrypted with this key
}

// While keys change, tokens for the old one are still read.
func ExampleNewDecrypter_rotation() {
	old, _ := jwe.GenerateKey(jwe.RSAOAEP256, jwe.A128GCM)
	next, _ := jwe.GenerateKey(jwe.ECDHES, jwe.A256GCM)
	decrypter, _ := jwe.NewDecrypter([]*jwe.DecryptingKey{next, old}, jwe.Options{})

	for _, key := range []*jwe.DecryptingKey{old, next} {
		encrypter, _ := jwe.NewEncrypter(key.Public())
		token, _ := encrypter.EncryptUnsigned([]byte(key.Algorithm()))
		text, err := decrypter.DecryptUnsigned(token)
		fmt.Println(string(text), err)
	}
	// Output:
	// RSA-OAEP-256 <nil>
	// ECDH-ES <nil>
}
