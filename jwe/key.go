package jwe

import (
	"crypto"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// EncryptingKey is the key with which tokens are encrypted: a recipient's public
// key, or a secret that it shares with the sender. It is bound to one key
// management and one content encryption, immutable and safe for concurrent use. It
// hides itself from fmt, slog and encoding/json.
type EncryptingKey struct {
	binding
	id      string
	idGiven bool
	public  material // []byte, *rsa.PublicKey or *ecdh.PublicKey
}

// DecryptingKey is the key with which tokens are decrypted: a private key, or a
// secret. It is bound to one key management and one content encryption, immutable
// and safe for concurrent use. It hides itself from fmt, slog and encoding/json.
type DecryptingKey struct {
	public  *EncryptingKey
	private material // []byte, *rsa.PrivateKey or *ecdh.PrivateKey
}

// material holds a key where reflection can't follow: fmt walks through a struct's
// unexported fields without calling their Format methods, and would print the
// bytes.
type material func() any

func conceal(key any) material { return func() any { return key } }

// KeyOption is an option of the functions that make keys.
type KeyOption func(*keyOptions) error

type keyOptions struct {
	id                   string
	curve                ecdh.Curve
	allowUnusualExponent bool
}

// rsa are the options with which package jeton judges an RSA key.
func (o *keyOptions) rsa() []jeton.KeyOption {
	if o.allowUnusualExponent {
		return []jeton.KeyOption{jeton.InsecureAllowUnusualExponent()}
	}
	return nil
}

// KeyID sets the key's id, the "kid" that its tokens carry (RFC 7516 section
// 4.1.6). It is 1 to 128 printable ASCII characters, else jeton.ErrInvalidKey.
// Without this option the id is the "kid" of a JWK that is parsed, or the RFC 7638
// thumbprint of the key. That of a secret allows guesses to be checked, as any
// token encrypted with it does.
func KeyID(id string) KeyOption {
	return func(o *keyOptions) error {
		if !validKeyID(id) {
			return fail(jeton.ErrInvalidKey, "a key id has 1 to %d printable ASCII characters", maxKeyIDBytes)
		}
		o.id = id
		return nil
	}
}

// Curve names the curve of a key that [GenerateKey] makes for ECDH-ES: ecdh.P256(),
// which is the default, ecdh.P384(), ecdh.P521() or ecdh.X25519(). Elsewhere it is
// jeton.ErrInvalidKey.
func Curve(c ecdh.Curve) KeyOption {
	return func(o *keyOptions) error {
		if _, ok := curveOf(c); !ok {
			return fail(jeton.ErrInvalidKey, "no curve of this package")
		}
		o.curve = c
		return nil
	}
}

// InsecureAllowUnusualExponent admits an RSA public exponent other than 65537: see
// [jeton.InsecureAllowUnusualExponent].
func InsecureAllowUnusualExponent() KeyOption {
	return func(o *keyOptions) error { o.allowUnusualExponent = true; return nil }
}

var errCurveOption = fail(jeton.ErrInvalidKey, "a curve is for GenerateKey with ECDH-ES")

func newKeyOptions(opts []KeyOption) (*keyOptions, error) {
	o := &keyOptions{}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// GenerateKey makes a fresh key: a secret of the length that alg and enc take, an
// RSA key of 2048 bits, or a key on P-256 or on the curve of option [Curve].
// Errors: jeton.ErrUnsupportedAlgorithm, those of the options.
func GenerateKey(alg Algorithm, enc Encryption, opts ...KeyOption) (*DecryptingKey, error) {
	b, err := bind(alg, enc)
	if err != nil {
		return nil, err
	}
	o, err := newKeyOptions(opts)
	if err != nil {
		return nil, err
	}
	private, err := b.alg.family.generate(b, o.curve)
	if err != nil {
		return nil, err
	}
	o.curve = nil // it has done its work
	return newDecryptingKey(b, private, o)
}

// NewSecretKey makes a key of a secret that sender and recipient share, for dir
// (RFC 7518 section 4.5), A128KW, A256KW, A128GCMKW and A256GCMKW. The secret is
// copied. It must be random, and exactly as long as alg takes, for dir as long as
// enc takes: 16 or 32 bytes for AES-GCM, 32 or 64 for AES-CBC with HMAC.
//
// Errors: jeton.ErrUnsupportedAlgorithm; jeton.ErrWeakKey for a secret that is too
// short, repeats one byte or stands in public lists, else jeton.ErrInvalidKey.
func NewSecretKey(alg Algorithm, enc Encryption, secret []byte, opts ...KeyOption) (*DecryptingKey, error) {
	b, err := bind(alg, enc)
	if err != nil {
		return nil, err
	}
	o, err := newKeyOptions(opts)
	if err != nil {
		return nil, err
	}
	return newDecryptingKey(b, secret, o)
}

// NewDecryptingKey makes a key of an *rsa.PrivateKey, for RSA-OAEP-256, or of an
// *ecdh.PrivateKey, for ECDH-ES and its relatives. (Keys for the NIST curves come
// out of crypto/x509 as *ecdsa.PrivateKey, which has a method ECDH.)
//
// Errors: jeton.ErrUnsupportedAlgorithm; jeton.ErrInvalidKey or jeton.ErrWeakKey
// if the key does not fit the algorithm or must not be used (for RSA: 2048 to 8192
// bits, the exponent 65537 unless InsecureAllowUnusualExponent, and not of the
// families that are known to be factored).
func NewDecryptingKey(alg Algorithm, enc Encryption, private crypto.PrivateKey, opts ...KeyOption) (*DecryptingKey, error) {
	b, err := bindAsymmetric(alg, enc)
	if err != nil {
		return nil, err
	}
	o, err := newKeyOptions(opts)
	if err != nil {
		return nil, err
	}
	return newDecryptingKey(b, private, o)
}

// NewEncryptingKey makes a key of a recipient's *rsa.PublicKey or *ecdh.PublicKey.
// Errors: as for NewDecryptingKey. A secret is not public: see NewSecretKey.
func NewEncryptingKey(alg Algorithm, enc Encryption, public crypto.PublicKey, opts ...KeyOption) (*EncryptingKey, error) {
	b, err := bindAsymmetric(alg, enc)
	if err != nil {
		return nil, err
	}
	o, err := newKeyOptions(opts)
	if err != nil {
		return nil, err
	}
	return newEncryptingKey(b, public, o)
}

func bindAsymmetric(alg Algorithm, enc Encryption) (binding, error) {
	b, err := bind(alg, enc)
	if err == nil && alg.Symmetric() {
		err = fail(jeton.ErrInvalidKey, "%s takes a secret, which comes in through NewSecretKey", alg)
	}
	return b, err
}

func newDecryptingKey(b binding, private any, o *keyOptions) (*DecryptingKey, error) {
	if secret, ok := private.([]byte); ok {
		private = slices.Clone(secret)
	}
	half, err := b.alg.family.public(private, o)
	if err != nil {
		return nil, err
	}
	public, err := newEncryptingKey(b, half, o)
	if err != nil {
		return nil, err
	}
	return &DecryptingKey{public: public, private: conceal(private)}, nil
}

func newEncryptingKey(b binding, public any, o *keyOptions) (*EncryptingKey, error) {
	if o.curve != nil {
		return nil, errCurveOption
	}
	public, err := b.alg.family.check(b, public, o)
	if err != nil {
		return nil, err
	}
	k := &EncryptingKey{binding: b, id: o.id, idGiven: o.id != "", public: conceal(public)}
	if !k.idGiven {
		k.id = thumbprint(b.alg.family.params(public))
	}
	return k, nil
}

// thumbprint is RFC 7638 with SHA-256: encoding/json writes a map in the order of
// its names, which is the one that section 3 asks for.
func thumbprint(params []param) string {
	members := make(map[string]string, len(params))
	for _, p := range params {
		members[p.name] = p.value
	}
	text, _ := json.Marshal(members) // a map of strings always has a JSON form
	sum := sha256.Sum256(text)
	return base64url.Encode(sum[:])
}

// Public returns the half of the key that encrypts. For a secret there is only one
// half: what Public returns then is as secret as the key itself.
func (k *DecryptingKey) Public() *EncryptingKey { return k.public }

// Algorithm returns the key management that the key is bound to.
func (k *DecryptingKey) Algorithm() Algorithm { return k.public.alg.name }

// Encryption returns the content encryption that the key is bound to.
func (k *DecryptingKey) Encryption() Encryption { return k.public.enc.name }

// ID returns the key's id ("kid").
func (k *DecryptingKey) ID() string { return k.public.id }

// Algorithm returns the key management that the key is bound to.
func (k *EncryptingKey) Algorithm() Algorithm { return k.alg.name }

// Encryption returns the content encryption that the key is bound to.
func (k *EncryptingKey) Encryption() Encryption { return k.enc.name }

// ID returns the key's id ("kid").
func (k *EncryptingKey) ID() string { return k.id }

// What prints a key has value receivers, so that it holds for a copy of the struct
// too.

func (k DecryptingKey) describe() string {
	if k.public == nil {
		return "jwe.DecryptingKey(none)"
	}
	return fmt.Sprintf("jwe.DecryptingKey(%s, %s, private half redacted)", k.Algorithm(), k.Encryption())
}

func (k EncryptingKey) describe() string {
	if k.alg == nil {
		return "jwe.EncryptingKey(none)"
	}
	return fmt.Sprintf("jwe.EncryptingKey(%s, %s)", k.Algorithm(), k.Encryption())
}

// Format writes what the key is for and nothing of the key, whatever the verb.
func (k DecryptingKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.describe()) }

// LogValue returns what the key is for and nothing of the key.
func (k DecryptingKey) LogValue() slog.Value { return slog.StringValue(k.describe()) }

// MarshalJSON writes what the key is for and nothing of the key. MarshalPrivate
// writes a key on purpose.
func (k DecryptingKey) MarshalJSON() ([]byte, error) { return []byte(`"` + k.describe() + `"`), nil }

// Format writes what the key is for and nothing of the key, whatever the verb.
func (k EncryptingKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.describe()) }

// LogValue returns what the key is for and nothing of the key.
func (k EncryptingKey) LogValue() slog.Value { return slog.StringValue(k.describe()) }

// MarshalJSON writes what the key is for and nothing of the key. MarshalPublic
// writes a public key on purpose.
func (k EncryptingKey) MarshalJSON() ([]byte, error) { return []byte(`"` + k.describe() + `"`), nil }
