package bench

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"math/big"
	"strconv"
	"sync"

	"github.com/jeton-go/jeton"
)

// The floor refuses a wrong signature and nothing else. It is no JWT library:
// it takes the header for what it must be and the claims for well-formed.

// floorState is what one call works with; a pool keeps it.
type floorState struct {
	hash hash.Hash // with an HMAC's key mixed in already, or plain SHA-256
	sum  [sha256.Size]byte
	text []byte // the token
	raw  []byte // decoded claims or signature
}

func (f *floorState) digest(input []byte) []byte {
	f.hash.Reset()
	f.hash.Write(input)
	return f.hash.Sum(f.sum[:0])
}

func floorPool(s setting) *sync.Pool {
	return &sync.Pool{New: func() any {
		if secret, ok := s.public.([]byte); ok {
			return &floorState{hash: hmac.New(sha256.New, secret)}
		}
		return &floorState{hash: sha256.New()}
	}}
}

var pss = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}

func floorSigner(s setting) (signFunc, error) {
	pool := floorPool(s)
	appendSign := floorAppendSigner(s)
	return func(c *claims) (string, error) {
		f := pool.Get().(*floorState)
		defer pool.Put(f)
		var err error
		if f.text, err = appendSign(f.text[:0], f, c); err != nil {
			return "", err
		}
		return string(f.text), nil
	}, nil
}

// floorBufferSigner signs into the caller's buffer.
func floorBufferSigner(s setting) (bufferSignFunc, error) {
	pool := floorPool(s)
	appendSign := floorAppendSigner(s)
	return func(dst []byte, c *claims) ([]byte, error) {
		f := pool.Get().(*floorState)
		defer pool.Put(f)
		return appendSign(dst, f, c)
	}, nil
}

// floorAppendSigner signs with a state of the caller's.
func floorAppendSigner(s setting) func(dst []byte, f *floorState, c *claims) ([]byte, error) {
	head := base64.RawURLEncoding.AppendEncode(nil, []byte(`{"alg":"`+s.name()+`","typ":"`+typ+`"}`))
	head = append(head, '.')
	return func(dst []byte, f *floorState, c *claims) ([]byte, error) {
		f.raw = appendClaims(f.raw[:0], c)
		text := append(dst, head...)
		text = base64.RawURLEncoding.AppendEncode(text, f.raw)
		input := text[len(dst):]
		var sig []byte
		var err error
		switch key := s.private.(type) {
		case []byte:
			sig = f.digest(input)
		case *rsa.PrivateKey:
			if s.alg == jeton.PS256 {
				sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, f.digest(input), pss)
			} else {
				sig, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, f.digest(input))
			}
		case *ecdsa.PrivateKey:
			var r, sv *big.Int
			if r, sv, err = ecdsa.Sign(rand.Reader, key, f.digest(input)); err == nil {
				sig = make([]byte, 64)
				r.FillBytes(sig[:32])
				sv.FillBytes(sig[32:])
			}
		case ed25519.PrivateKey:
			sig = ed25519.Sign(key, input)
		}
		if err != nil {
			return dst, err
		}
		return base64.RawURLEncoding.AppendEncode(append(text, '.'), sig), nil
	}
}

// appendClaims writes claims whose strings need no escapes.
func appendClaims(b []byte, c *claims) []byte {
	b = append(append(append(b, `{"iss":"`...), c.Issuer...), `","sub":"`...)
	b = append(append(b, c.Subject...), `","aud":"`...)
	b = append(append(b, c.Audience[0]...), `","exp":`...)
	b = append(strconv.AppendInt(b, c.ExpiresAt.Unix(), 10), `,"nbf":`...)
	b = append(strconv.AppendInt(b, c.NotBefore.Unix(), 10), `,"iat":`...)
	b = append(strconv.AppendInt(b, c.IssuedAt.Unix(), 10), `,"jti":"`...)
	b = append(append(b, c.ID...), `","scope":"`...)
	b = append(append(b, c.Scope...), `","tenant":"`...)
	b = append(append(b, c.Tenant...), `","roles":[`...)
	for i, r := range c.Roles {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), r...), '"')
	}
	return append(b, "]}"...)
}

func floorVerifier(s setting) (verifyFunc, error) {
	pool := floorPool(s)
	return func(token string) (claims, error) {
		f := pool.Get().(*floorState)
		defer pool.Put(f)
		f.text = append(f.text[:0], token...)
		first, last := bytes.IndexByte(f.text, '.'), bytes.LastIndexByte(f.text, '.')
		if first < 0 || first == last {
			return claims{}, errRefused
		}
		var err error
		if f.raw, err = base64.RawURLEncoding.AppendDecode(f.raw[:0], f.text[last+1:]); err != nil {
			return claims{}, err
		}
		if !floorCheck(s, f, f.text[:last], f.raw) {
			return claims{}, errRefused
		}
		if f.raw, err = base64.RawURLEncoding.AppendDecode(f.raw[:0], f.text[first+1:last]); err != nil {
			return claims{}, err
		}
		if r := scan(f.raw); r.iss == nil || r.aud == nil || r.exp == nil {
			return claims{}, errRefused
		}
		return claims{}, nil
	}, nil
}

func floorCheck(s setting, f *floorState, input, sig []byte) bool {
	switch key := s.public.(type) {
	case []byte:
		return subtle.ConstantTimeCompare(f.digest(input), sig) == 1
	case *rsa.PublicKey:
		if s.alg == jeton.PS256 {
			return rsa.VerifyPSS(key, crypto.SHA256, f.digest(input), sig, pss) == nil
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, f.digest(input), sig) == nil
	case *ecdsa.PublicKey:
		if len(sig) != 64 {
			return false
		}
		return ecdsa.Verify(key, f.digest(input), new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	case ed25519.PublicKey:
		return ed25519.Verify(key, input, sig)
	}
	return false
}

// registered are the registered claims as they stand in the JSON.
type registered struct{ iss, sub, aud, exp, nbf, iat, jti []byte }

// scan finds the registered claims in a JSON object without white space. It
// trusts its input and panics on what is no such object.
func scan(b []byte) (r registered) {
	for i := 1; b[i] == '"'; i++ {
		start := i
		i = skipString(b, i)
		name := b[start+1 : i-1]
		i++ // the colon
		start = i
		i = skipValue(b, i)
		value := b[start:i]
		switch string(name) {
		case "iss":
			r.iss = value
		case "sub":
			r.sub = value
		case "aud":
			r.aud = value
		case "exp":
			r.exp = value
		case "nbf":
			r.nbf = value
		case "iat":
			r.iat = value
		case "jti":
			r.jti = value
		}
		if b[i] == '}' {
			break
		}
	}
	return r
}

// skipString returns the index behind the string that begins at i.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		i += bytes.IndexByte(b[i:], '"')
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// skipValue returns the index behind the value that begins at i.
func skipValue(b []byte, i int) int {
	for depth := 0; ; {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
}
