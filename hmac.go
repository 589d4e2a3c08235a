package jeton

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"hash"
	"sync"

	"github.com/jeton-go/jeton/internal/base64url"
)

const keyTypeOct = "oct"

// hmacScheme is HMAC with SHA-2 (RFC 7518 section 3.2). Its key is a []byte.
type hmacScheme struct{}

func (hmacScheme) keyType() string { return keyTypeOct }

func (hmacScheme) generate(a *algorithm) (any, error) {
	secret := make([]byte, a.hash.Size())
	rand.Read(secret)
	return secret, nil
}

func (hmacScheme) public(_ *algorithm, private any) (any, error) {
	secret, ok := private.([]byte)
	if !ok {
		return nil, fail(ErrInvalidKey, "an HMAC key is a []byte, not a %T", private)
	}
	return secret, nil
}

// pastedKeys are the beginnings of public and private keys in text form. Used
// as HMAC secrets they are the classic confusion of algorithms: everybody
// knows the public key (CVE-2016-10555 and a dozen after it).
var pastedKeys = [][]byte{
	[]byte("-----BEGIN"), []byte("ssh-"), []byte("ecdsa-sha2-"), []byte("{"),
	// DER in base64: RSA, Ed25519 and X25519, P-256, P-384, P-521
	[]byte("MIIB"), []byte("MCowBQYDK2V"), []byte("MFkwEwYHKoZ"), []byte("MHYwEAYHKoZ"), []byte("MIGbMBAGByqG"),
}

func (hmacScheme) check(a *algorithm, public any, o *keyOptions) error {
	secret, ok := public.([]byte)
	if !ok {
		return fail(ErrInvalidKey, "an HMAC key is a []byte, not a %T", public)
	}
	text := bytes.TrimLeft(secret, " \t\r\n\ufeff")
	for _, start := range pastedKeys {
		if bytes.HasPrefix(text, start) {
			return fail(ErrInvalidKey, "an HMAC secret that looks like a key file (PEM, JWK or DER); load it as a key of its own algorithm")
		}
	}
	if looksDER(secret) {
		return fail(ErrInvalidKey, "an HMAC secret that looks like a DER structure; load it as a key of its own algorithm")
	}
	if len(secret) == 0 {
		return fail(ErrWeakKey, "an empty HMAC secret")
	}
	if o.allowWeakSecret {
		return nil
	}
	if len(secret) < a.hash.Size() {
		return fail(ErrWeakKey, "%s takes a secret of at least %d bytes, this one has %d (RFC 7518 section 3.2)", a.name, a.hash.Size(), len(secret))
	}
	if bytes.Count(secret, secret[:1]) == len(secret) {
		return fail(ErrWeakKey, "an HMAC secret of one repeated byte")
	}
	return nil
}

// looksDER tells whether b is, to the last byte, a DER sequence that begins as
// keys and certificates do: with a sequence (PKIX, X.509) or an integer (PKCS#1,
// PKCS#8, SEC 1). The shortest public key has 44 bytes. A random secret passes
// for one with a probability of about 2^-27.
func looksDER(b []byte) bool {
	const sequence, integer = 0x30, 0x02
	if len(b) < 44 || b[0] != sequence {
		return false
	}
	content, rest, ok := derElement(b)
	if !ok || len(rest) != 0 || len(content) == 0 || content[0] != sequence && content[0] != integer {
		return false
	}
	for len(content) > 0 {
		if _, content, ok = derElement(content); !ok {
			return false
		}
	}
	return true
}

// derElement splits the first element off b.
func derElement(b []byte) (content, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	length, start := int(b[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 3 || len(b) < 2+n {
			return nil, nil, false
		}
		length, start = 0, 2+n
		for _, c := range b[2:start] {
			length = length<<8 | int(c)
		}
	}
	if len(b)-start < length {
		return nil, nil, false
	}
	return b[start : start+length], b[start+length:], true
}

// macPool keeps HMAC states that have the key mixed in already: a token then
// costs two compressions less and no allocation.
type macPool struct{ sync.Pool }

type mac struct {
	hash.Hash
	sum [64]byte // room for the largest digest
}

func (hmacScheme) prepare(a *algorithm, public any) any {
	secret := public.([]byte)
	p := &macPool{}
	p.New = func() any { return &mac{Hash: hmac.New(a.hash.New, secret)} }
	return p
}

func (p *macPool) sum(dst, input []byte) []byte {
	m := p.Get().(*mac)
	m.Reset()
	m.Write(input)
	dst = append(dst, m.Sum(m.sum[:0])...)
	p.Put(m)
	return dst
}

func (hmacScheme) sign(k *SigningKey, dst, input []byte) ([]byte, error) {
	return k.public.prepared.(*macPool).sum(dst, input), nil
}

func (hmacScheme) verify(k *VerifyingKey, input, sig []byte) bool {
	p := k.prepared.(*macPool)
	m := p.Get().(*mac)
	m.Reset()
	m.Write(input)
	ok := subtle.ConstantTimeCompare(m.Sum(m.sum[:0]), sig) == 1
	p.Put(m)
	return ok
}

func (hmacScheme) thumbprint(dst []byte, public any) []byte {
	dst = append(dst, `{"k":"`...)
	dst = base64url.AppendEncode(dst, public.([]byte))
	return append(dst, `","kty":"oct"}`...)
}
