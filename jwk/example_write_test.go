package jwk_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// Other programs often want PEM, which keeps neither algorithm nor id.
func ExampleMarshalPrivatePEM() {
	key, _ := jeton.GenerateKey(jeton.ES256)
	private, err := jwk.MarshalPrivatePEM(key)
	if err != nil {
		panic(err)
	}
	public, err := jwk.MarshalPublicPEM(key.Public())
	if err != nil {
		panic(err)
	}
	for _, text := range [][]byte{private, public} {
		fmt.Println(strings.SplitN(string(text), "\n", 2)[0])
	}
	again, _ := jwk.ParsePrivate(private, jwk.KeyID("2026-11")) // P-256 leaves ES256 alone
	fmt.Println(again.Algorithm(), again.ID())
	// Output:
	// -----BEGIN PRIVATE KEY-----
	// -----BEGIN PUBLIC KEY-----
	// ES256 2026-11
}

// The public half of one key.
func ExampleMarshalPublic() {
	key, _ := jeton.GenerateKey(jeton.Ed25519, jeton.KeyID("2026-11"))
	text, _ := jwk.MarshalPublic(key.Public())
	public, err := jwk.ParsePublic(text)
	fmt.Println(public.ID(), err, strings.Contains(string(text), `"d"`))
	// Output: 2026-11 <nil> false
}

// A set of secrets is read by those who say that they want one.
func ExampleAllowSymmetric() {
	const set = `{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"c2VjcmV0"}]}`
	_, err := jwk.ParseSet([]byte(set))
	fmt.Println(errors.Is(err, jeton.ErrInvalidKey))
	keys, err := jwk.ParseSet([]byte(set), jwk.AllowSymmetric(), jwk.InsecureAllowWeakSecret())
	fmt.Println(len(keys), err)
	// Output:
	// true
	// 1 <nil>
}

// An issuer whose RSA keys have the exponent 3, and who can't change them.
func ExampleInsecureAllowUnusualExponent() {
	const key = `{"kty":"RSA","alg":"RS256","e":"Aw","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}`
	_, err := jwk.ParsePublic([]byte(key))
	fmt.Println(err != nil)
	_, err = jwk.ParsePublic([]byte(key), jwk.InsecureAllowUnusualExponent())
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}
