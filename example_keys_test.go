package jeton_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton"
)

// Any crypto.Signer signs: a key of the standard library, or one that lives in an
// HSM or with a cloud's key service.
func ExampleNewSigningKey() {
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	key, err := jeton.NewSigningKey(jeton.Ed25519, private, jeton.KeyID("2026-11"))
	fmt.Println(key.Algorithm(), key.ID(), err)
	// Output: Ed25519 2026-11 <nil>
}

// Who only verifies is given public keys. A key is bound to one algorithm.
func ExampleNewVerifyingKey() {
	private, _ := rsa.GenerateKey(rand.Reader, 2048)
	key, err := jeton.NewVerifyingKey(jeton.PS256, &private.PublicKey)
	fmt.Println(key.Algorithm(), key.ID() == key.Thumbprint(), err)

	_, err = jeton.NewVerifyingKey(jeton.ES256, &private.PublicKey)
	fmt.Println(errors.Is(err, jeton.ErrInvalidKey))
	// Output:
	// PS256 true <nil>
	// true
}

// Tutorials and old systems have secrets that can be guessed. They take an option
// with a name that nobody overlooks.
func ExampleInsecureAllowWeakSecret() {
	_, err := jeton.NewHMACKey(jeton.HS256, []byte("secret"))
	fmt.Println(err)
	_, err = jeton.NewHMACKey(jeton.HS256, []byte("secret"), jeton.InsecureAllowWeakSecret())
	fmt.Println(err)
	// Output:
	// jeton: weak key: HS256 takes a secret of at least 32 bytes, this one has 6 (RFC 7518 section 3.2)
	// <nil>
}

// A key of an old system with the public exponent 3.
func ExampleInsecureAllowUnusualExponent() {
	private, _ := rsa.GenerateKey(rand.Reader, 2048)
	public := &rsa.PublicKey{N: private.N, E: 3}
	_, err := jeton.NewVerifyingKey(jeton.RS256, public)
	fmt.Println(err)
	_, err = jeton.NewVerifyingKey(jeton.RS256, public, jeton.InsecureAllowUnusualExponent())
	fmt.Println(err)
	// Output:
	// jeton: refused key: an RSA public exponent other than 65537 (InsecureAllowUnusualExponent admits it)
	// <nil>
}

// Names that come from a configuration become algorithms or errors. There is no
// "none".
func ExampleParseAlgorithm() {
	for _, name := range []string{"RS256", "EdDSA", "none"} {
		alg, err := jeton.ParseAlgorithm(name)
		fmt.Printf("%s: %q %v\n", name, alg, err)
	}
	for _, alg := range jeton.Algorithms() {
		if alg.Symmetric() {
			fmt.Print(alg, " ")
		}
	}
	// Output:
	// RS256: "RS256" <nil>
	// EdDSA: "Ed25519" <nil>
	// none: "" jeton: unsupported algorithm
	// HS256 HS384 HS512
}

// What a signer writes into each header.
func ExampleNewSigner() {
	key, _ := jeton.GenerateKey(jeton.Ed25519)
	signer, err := jeton.NewSigner(key,
		jeton.Type("at+jwt"),
		jeton.HeaderParam("trace", "4bf92f35"),
		jeton.OlderAlgorithmName(), // for verifiers that know "EdDSA" alone
		jeton.WithoutKeyID(),       // there is one key, and everybody has it
		jeton.TokenLimits(jeton.Limits{TokenBytes: 4096}),
	)
	if err != nil {
		panic(err)
	}
	token, _ := signer.Sign(jeton.Claims{Subject: "alice"})

	verifier, _ := jeton.NewVerifier(key.Public(), jeton.Policy{
		AnyIssuer: true, AnyAudience: true, Type: "at+jwt", AllowMissingExpiration: true,
	})
	verified, _ := verifier.Verify(context.Background(), token)
	fmt.Printf("%+v\n", verified.Header())
	// Output: {Algorithm:Ed25519 KeyID: Type:at+jwt ContentType:}
}

// Many tokens go into one buffer without an allocation each.
func ExampleSigner_AppendSign() {
	key, _ := jeton.NewHMACKey(jeton.HS256, []byte("a secret of at least 32 bytes, from a file"))
	signer, _ := jeton.NewSigner(key)
	buffer := make([]byte, 0, 1024)
	for _, subject := range []string{"alice", "bob"} {
		buffer, _ = signer.AppendSign(buffer[:0], jeton.Claims{Subject: subject, ExpiresAt: jeton.At(time.Unix(1_900_000_000, 0))})
		fmt.Println(len(buffer))
	}
	// Output:
	// 194
	// 191
}

// Claims that no struct names can be read one by one.
func ExampleVerified_Claim() {
	key, _ := jeton.GenerateKey(jeton.HS256)
	signer, _ := jeton.NewSigner(key)
	token, _ := signer.Sign(map[string]any{"iss": "me", "aud": "me", "exp": time.Now().Unix() + 60, "cnf": map[string]string{"jkt": "0ZcOCORZ"}})

	verifier, _ := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "me", Audience: "me", Type: "JWT"})
	verified, _ := verifier.Verify(context.Background(), token)
	cnf, ok := verified.Claim("cnf")
	fmt.Println(string(cnf), ok)
	// Output: {"jkt":"0ZcOCORZ"} true
}
