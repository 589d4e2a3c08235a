package jeton

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"

	"github.com/jeton-go/jeton/internal/base64url"
)

// ecdsaScheme is ECDSA (RFC 7518 section 3.4). Its public key is an
// *ecdsa.PublicKey, its private key a crypto.Signer with such a public half.
// Signatures are r and s, each as long as the curve's order.
type ecdsaScheme struct{}

func (ecdsaScheme) keyType() string { return "EC" }

func (ecdsaScheme) generate(a *algorithm) (any, error) {
	return ecdsa.GenerateKey(a.curve, rand.Reader)
}

func (ecdsaScheme) public(_ *algorithm, private any) (any, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fail(ErrInvalidKey, "an ECDSA signing key is a crypto.Signer, not a %T", private)
	}
	if key, ok := private.(*ecdsa.PrivateKey); ok {
		//lint:ignore SA1019 crypto/ecdsa panics on a number that is nil
		if key.D == nil || !hasPoint(&key.PublicKey) {
			return nil, fail(ErrInvalidKey, "an EC private key without its numbers")
		}
		own, err := key.ECDH()
		if err != nil {
			return nil, fail(ErrInvalidKey, "an EC private key that is none of its curve")
		}
		public, err := key.PublicKey.ECDH()
		if err != nil || !own.PublicKey().Equal(public) {
			return nil, fail(ErrInvalidKey, "the halves of the EC key don't belong together")
		}
	}
	return signer.Public(), nil
}

func (ecdsaScheme) check(a *algorithm, public any, _ *keyOptions) error {
	key, ok := public.(*ecdsa.PublicKey)
	if !ok || key == nil || !hasPoint(key) {
		return fail(ErrInvalidKey, "%s takes an EC key, not a %T", a.name, public)
	}
	if key.Curve != a.curve {
		return fail(ErrInvalidKey, "%s takes a key on %s, not on %s", a.name, a.curve.Params().Name, key.Curve.Params().Name)
	}
	if _, err := key.ECDH(); err != nil {
		return fail(ErrInvalidKey, "an EC public key that is no point on its curve")
	}
	return nil
}

func hasPoint(key *ecdsa.PublicKey) bool {
	//lint:ignore SA1019 crypto/ecdsa panics on a number that is nil
	return key.Curve != nil && key.X != nil && key.Y != nil
}

// prepare copies the key: what was checked must not change with the caller's.
func (ecdsaScheme) prepare(a *algorithm, public any) any {
	point, err := public.(*ecdsa.PublicKey).Bytes()
	if err == nil {
		var key *ecdsa.PublicKey
		if key, err = ecdsa.ParseUncompressedPublicKey(a.curve, point); err == nil {
			return key
		}
	}
	panic("jeton: a point that was on its curve no longer is: " + err.Error())
}

// size is the length of r and of s.
func (a *algorithm) size() int { return (a.curve.Params().BitSize + 7) / 8 }

func (s ecdsaScheme) sign(k *SigningKey, dst, input []byte) ([]byte, error) {
	a := k.public.alg
	signer := k.private().(crypto.Signer)
	_, own := signer.(*ecdsa.PrivateKey)
	der, err := signer.Sign(rand.Reader, digestFor(own, a.hash, dst, input), a.hash)
	if err != nil {
		return dst, fmt.Errorf("%w: the signer failed: %w", ErrInvalidKey, err)
	}
	sig, ok := appendFixed(dst, der, a.size())
	if !ok {
		return dst, errForeignSignature
	}
	// As with RSA: a remote signer may answer anything.
	if !own && !s.verify(k.public, input, sig[len(dst):]) {
		return dst, errForeignSignature
	}
	return sig, nil
}

// verify checks the length before anything else. crypto/ecdsa refuses an r or s
// that is zero or not below the order.
func (ecdsaScheme) verify(k *VerifyingKey, input, sig []byte) bool {
	size := k.alg.size()
	if len(sig) != 2*size {
		return false
	}
	var buf [64]byte
	var room [2 * 72]byte
	der := appendDER(room[:0], sig[:size], sig[size:])
	return ecdsa.VerifyASN1(k.prepared.(*ecdsa.PublicKey), digest(k.alg.hash, buf[:0], input), der)
}

func (ecdsaScheme) thumbprint(dst []byte, public any) []byte {
	key := public.(*ecdsa.PublicKey)
	point, err := key.Bytes()
	if err != nil {
		panic("jeton: a point that was on its curve no longer is: " + err.Error())
	}
	half := len(point) / 2
	dst = append(dst, `{"crv":"`+key.Params().Name+`","kty":"EC","x":"`...)
	dst = base64url.AppendEncode(dst, point[1:1+half])
	dst = append(dst, `","y":"`...)
	dst = base64url.AppendEncode(dst, point[1+half:])
	return append(dst, `"}`...)
}

const (
	derSequence = 0x30
	derInteger  = 0x02
)

// appendFixed appends r and s of a DER signature (RFC 3279 section 2.2.3), each
// of size bytes.
func appendFixed(dst, der []byte, size int) ([]byte, bool) {
	content, rest, ok := derElement(der)
	if !ok || len(rest) != 0 || der[0] != derSequence {
		return dst, false
	}
	out := dst
	for range 2 {
		var n []byte
		if len(content) == 0 || content[0] != derInteger {
			return dst, false
		}
		if n, content, ok = derElement(content); !ok {
			return dst, false
		}
		if n = bytes.TrimLeft(n, "\x00"); len(n) > size {
			return dst, false
		}
		out = append(out, make([]byte, size-len(n))...)
		out = append(out, n...)
	}
	return out, len(content) == 0
}

// appendDER appends the DER form of r and s.
func appendDER(dst, r, s []byte) []byte {
	var body [2 * 70]byte
	content := appendDERInteger(appendDERInteger(body[:0], r), s)
	dst = append(dst, derSequence)
	if len(content) >= 0x80 { // P-521
		dst = append(dst, 0x81)
	}
	return append(append(dst, byte(len(content))), content...)
}

func appendDERInteger(dst, n []byte) []byte {
	n = bytes.TrimLeft(n, "\x00")
	if len(n) == 0 || n[0] >= 0x80 {
		dst = append(dst, derInteger, byte(len(n)+1), 0)
	} else {
		dst = append(dst, derInteger, byte(len(n)))
	}
	return append(dst, n...)
}
