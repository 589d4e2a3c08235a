package bench

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // for crypto.SHA384 and SHA512
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
)

// forge signs header and payload as they are with a setting's key, the way its
// algorithm wants it, whatever the header says.
func forge(tb testing.TB, s setting, header, payload string) string {
	tb.Helper()
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(string(rawSign(tb, s, s.name(), input)))
}

// rawSign signs input with the key of s and any algorithm that the key material
// could be abused for; nil if there is no way.
func rawSign(tb testing.TB, s setting, alg, input string) []byte {
	tb.Helper()
	if alg == "EdDSA" {
		if key, ok := s.private.(ed25519.PrivateKey); ok {
			return ed25519.Sign(key, []byte(input))
		}
		return nil
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	h := hash.New()
	h.Write([]byte(input))
	digest := h.Sum(nil)

	var sig []byte
	var err error
	switch key := s.private.(type) {
	case []byte:
		if alg[0] == 'H' {
			sig = hmacSum(hash, key, input)
		}
	case *rsa.PrivateKey:
		switch alg[0] {
		case 'R':
			sig, err = rsa.SignPKCS1v15(nil, key, hash, digest)
		case 'P':
			sig, err = rsa.SignPSS(rand.Reader, key, hash, digest, pss)
		case 'H':
			// The public key, which all know, taken for a secret.
			sig = hmacSum(hash, publicPEM(tb, s), input)
		}
	case *ecdsa.PrivateKey:
		switch alg[0] {
		case 'E':
			r, sv, signErr := ecdsa.Sign(rand.Reader, key, digest)
			if signErr != nil {
				tb.Fatal(signErr)
			}
			sig = make([]byte, 64)
			r.FillBytes(sig[:32])
			sv.FillBytes(sig[32:])
		case 'H':
			sig = hmacSum(hash, publicPEM(tb, s), input)
		}
	case ed25519.PrivateKey:
		if alg[0] == 'H' {
			sig = hmacSum(hash, s.public.(ed25519.PublicKey), input)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	return sig
}

func hmacSum(hash crypto.Hash, secret []byte, input string) []byte {
	mac := hmac.New(hash.New, secret)
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

func publicPEM(tb testing.TB, s setting) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.public)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
