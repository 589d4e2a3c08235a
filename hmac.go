package jeton

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"hash"
	"sync"

	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/weaksecret"
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

func (hmacScheme) check(a *algorithm, public any, o *keyOptions) error {
	secret, ok := public.([]byte)
	if !ok {
		return fail(ErrInvalidKey, "an HMAC key is a []byte, not a %T", public)
	}
	if looksLikeKey(secret) {
		return fail(ErrInvalidKey, "an HMAC secret that looks like a key file (PEM, JWK, OpenSSH or DER); load it as a key of its own algorithm")
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
	if weaksecret.Listed(secret) {
		return fail(ErrWeakKey, "an HMAC secret that stands in public lists of secrets")
	}
	return nil
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
	dst = append(dst, base64url.Encode(public.([]byte))...)
	return append(dst, `","kty":"oct"}`...)
}
