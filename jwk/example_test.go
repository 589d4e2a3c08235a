package jwk_test

import (
	"fmt"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// A key goes to a safe place and comes back; its public half goes to verifiers.
func Example() {
	key, err := jeton.GenerateKey(jeton.RS256, jeton.KeyID("2026-11"))
	if err != nil {
		panic(err)
	}
	private, err := jwk.MarshalPrivate(key) // for a file that only the signer reads
	if err != nil {
		panic(err)
	}
	again, err := jwk.ParsePrivate(private)
	if err != nil {
		panic(err)
	}

	set, err := jwk.MarshalSet([]*jeton.VerifyingKey{again.Public()}) // for /.well-known/jwks.json
	if err != nil {
		panic(err)
	}
	keys, err := jwk.ParseSet(set)
	if err != nil {
		panic(err)
	}
	fmt.Println(keys[0].ID(), keys[0].Algorithm(), keys[0].Thumbprint() == key.Public().Thumbprint())
	// Output: 2026-11 RS256 true
}

// PEM names no algorithm, so the caller does.
func ExampleDefaultAlgorithm() {
	const file = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX
ZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS
oc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt
7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0
zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f
M4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK
gwIDAQAB
-----END PUBLIC KEY-----`

	_, err := jwk.ParsePublic([]byte(file))
	fmt.Println(err != nil)

	key, err := jwk.ParsePublic([]byte(file), jwk.DefaultAlgorithm(jeton.RS256))
	fmt.Println(key.Algorithm(), err)
	// Output:
	// true
	// RS256 <nil>
}

// A verifier must not be handed what signs.
func ExampleParsePublic_secret() {
	_, err := jwk.ParsePublic([]byte(`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`))
	fmt.Println(err)
	// Output: jeton: refused key: a secret has no public half
}
