package jwe

import (
	"encoding/json"
	"strings"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// Encrypter encrypts with one key. It is immutable and safe for concurrent use.
type Encrypter struct {
	key    *EncryptingKey
	header string // what every header begins with, still open
	limit  int
}

// EncrypterOption is an option of [NewEncrypter].
type EncrypterOption func(*encrypterOptions) error

type encrypterOptions struct {
	noKid bool
	limit int
}

// WithoutKeyID leaves the "kid" header parameter out.
func WithoutKeyID() EncrypterOption {
	return func(o *encrypterOptions) error { o.noKid = true; return nil }
}

// MaxTokenBytes replaces the length within which tokens are kept, 16 KiB by
// default, which is what a [Decrypter] accepts by default.
// jeton.ErrInvalidPolicy if it is not positive.
func MaxTokenBytes(n int) EncrypterOption {
	return func(o *encrypterOptions) error {
		if n <= 0 {
			return fail(jeton.ErrInvalidPolicy, "a length of %d bytes", n)
		}
		o.limit = n
		return nil
	}
}

// NewEncrypter makes an encrypter. "alg", "enc" and "kid" are the key's. Errors:
// jeton.ErrInvalidKey without a key, jeton.ErrInvalidPolicy for a refused option.
func NewEncrypter(key *EncryptingKey, opts ...EncrypterOption) (*Encrypter, error) {
	if key == nil || key.alg == nil {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	o := encrypterOptions{limit: defaultTokenBytes}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	header := `{"alg":"` + string(key.alg.name) + `","enc":"` + string(key.enc.name) + `"`
	if !o.noKid {
		kid, _ := json.Marshal(key.id) // a string always has a JSON form
		header += `,"kid":` + string(kid)
	}
	return &Encrypter{key: key, header: header, limit: o.limit}, nil
}

// EncryptToken encrypts a signed token (RFC 7519 section 5.2, "Nested JWT"). The
// recipient's [Verifier] decrypts it and verifies what is inside.
//
// The signed token is not verified here, but it must have the form of one: three
// segments of base64url that are not empty. Errors: jeton.ErrSegments and
// jeton.ErrEncoding if it has not, jeton.ErrTokenTooLarge if the result would be
// beyond the limit.
func (e *Encrypter) EncryptToken(signed string) (string, error) {
	if len(signed) > e.limit {
		return "", e.tooLarge()
	}
	segments := strings.Split(signed, ".")
	if len(segments) != 3 {
		return "", fail(jeton.ErrSegments, "%d; what is encrypted must be a signed token", len(segments))
	}
	for _, s := range segments {
		if s == "" {
			return "", fail(jeton.ErrSegments, "an empty one; what is encrypted must be a signed token")
		}
		if _, err := base64url.Decode(s); err != nil {
			return "", fail(jeton.ErrEncoding, "what is encrypted must be a signed token")
		}
	}
	return e.encrypt([]byte(signed), `,"cty":"`+nestedType+`"`)
}

// EncryptUnsigned encrypts any bytes. With a public key, nothing tells the
// recipient who did: everybody could have. With a secret it was somebody who
// shares it. A [Verifier] refuses the result. jeton.ErrTokenTooLarge if it would
// be beyond the limit.
func (e *Encrypter) EncryptUnsigned(plaintext []byte) (string, error) {
	return e.encrypt(plaintext, "")
}

// encrypt is RFC 7516 section 5.1.
func (e *Encrypter) encrypt(plaintext []byte, params string) (string, error) {
	if len(plaintext) > e.limit {
		return "", e.tooLarge()
	}
	w, err := e.key.alg.mode.wrap(e.key)
	if err != nil {
		return "", err
	}
	token := base64url.AppendEncode(nil, []byte(e.header+params+w.params+"}"))
	s := e.key.enc.content.seal(w.cek, plaintext, token)
	for _, segment := range [][]byte{w.encryptedKey, s.iv, s.ciphertext, s.tag} {
		token = append(token, '.')
		token = base64url.AppendEncode(token, segment)
	}
	if len(token) > e.limit {
		return "", e.tooLarge()
	}
	return string(token), nil
}

func (e *Encrypter) tooLarge() error {
	return fail(jeton.ErrTokenTooLarge, "it would have more than %d bytes", e.limit)
}
