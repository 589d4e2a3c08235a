package jeton

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"reflect"
	"slices"

	"github.com/jeton-go/jeton/internal/base64url"
)

// SigningKey is a private key, or an HMAC secret, bound to one algorithm. It is
// immutable and safe for concurrent use. It hides itself from fmt, slog and
// encoding/json.
type SigningKey struct {
	public  *VerifyingKey
	private material // []byte for HMAC, else a crypto.Signer
}

// material holds a key where reflection can't follow: fmt walks through a
// struct's unexported fields without calling their Format methods, and would
// print the bytes.
type material func() any

func conceal(key any) material { return func() any { return key } }

// VerifyingKey is the public half of a key, or an HMAC secret, bound to one
// algorithm. It is immutable and safe for concurrent use.
//
// It is a [KeySet] of one key: a caller who passes it to [NewVerifier] pins it.
// If its id was given, a token that names another one is refused; if the id is
// the default one, the token's "kid" is not compared.
type VerifyingKey struct {
	alg      *algorithm
	id       string
	idGiven  bool
	public   material // []byte for HMAC, else a crypto.PublicKey
	prepared any      // of scheme.prepare
}

// KeyOption is an option of the functions that make keys.
type KeyOption func(*keyOptions) error

type keyOptions struct {
	id                   string
	allowWeakSecret      bool
	allowUnusualExponent bool
}

// KeyID sets the key's id, the "kid" that its tokens carry (RFC 7515 section
// 4.1.4). It is 1 to 128 printable ASCII characters, else ErrInvalidKey.
// Without this option the id is the RFC 7638 thumbprint.
func KeyID(id string) KeyOption {
	return func(o *keyOptions) error {
		if id == "" || len(id) > maxKeyIDBytes || !printable(id) {
			return fail(ErrInvalidKey, "a key id has 1 to %d printable ASCII characters", maxKeyIDBytes)
		}
		o.id = id
		return nil
	}
}

// InsecureAllowWeakSecret admits an HMAC secret that is shorter than the hash,
// repeats one byte or stands in public lists. Such a secret can be guessed from
// a single token. It is for tutorials and for old systems that can't change
// theirs; an empty secret and one that looks like a key file stay refused.
func InsecureAllowWeakSecret() KeyOption {
	return func(o *keyOptions) error { o.allowWeakSecret = true; return nil }
}

// InsecureAllowUnusualExponent admits an RSA public exponent other than 65537:
// an odd number from 3 to 2^31-1. Small ones turn a flaw in a verifier's padding
// check into forged signatures, large ones cost whoever verifies, and nothing
// speaks for either (RFC 8017 leaves the choice open; NIST SP 800-89 section
// 5.3.3 and FIPS 186-5 ask for at least 65537). It is for keys of old systems
// that can't be replaced.
func InsecureAllowUnusualExponent() KeyOption {
	return func(o *keyOptions) error { o.allowUnusualExponent = true; return nil }
}

// GenerateKey makes a fresh key for an algorithm: an HMAC secret as long as the
// hash, or an RSA key of 2048 bits. Errors: ErrUnsupportedAlgorithm, those of
// the options.
func GenerateKey(alg Algorithm, opts ...KeyOption) (*SigningKey, error) {
	row := lookup(alg)
	if row == nil {
		return nil, ErrUnsupportedAlgorithm
	}
	private, err := row.scheme.generate(row)
	if err != nil {
		return nil, fail(ErrInvalidKey, "generate: %v", err)
	}
	return newSigningKey(row, private, opts)
}

// NewHMACKey makes a key of a secret, for HS256, HS384 or HS512. The secret is
// copied. It must be at least as long as the hash (RFC 7518 section 3.2), else
// ErrWeakKey; the text of a key file is refused with ErrInvalidKey, since a
// public key that is taken for a secret is a hole known to all.
//
// Whoever holds an HMAC secret, if only to verify, can sign. Where one issuer
// serves many verifiers, take an asymmetric algorithm.
func NewHMACKey(alg Algorithm, secret []byte, opts ...KeyOption) (*SigningKey, error) {
	if row := lookup(alg); row == nil {
		return nil, ErrUnsupportedAlgorithm
	} else if !alg.Symmetric() {
		return nil, fail(ErrInvalidKey, "%s does not take a secret", alg)
	} else {
		return newSigningKey(row, secret, opts)
	}
}

// NewSigningKey makes a signing key of a private key such as *rsa.PrivateKey,
// or of any other crypto.Signer, such as one in an HSM. Errors:
// ErrUnsupportedAlgorithm; ErrInvalidKey or ErrWeakKey if the key does not fit
// the algorithm or must not be used (for RSA: 2048 to 8192 bits, the exponent
// 65537 unless InsecureAllowUnusualExponent, and not of the families that are
// known to be factored).
func NewSigningKey(alg Algorithm, signer crypto.Signer, opts ...KeyOption) (*SigningKey, error) {
	row := lookup(alg)
	if row == nil {
		return nil, ErrUnsupportedAlgorithm
	}
	if v := reflect.ValueOf(signer); signer == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fail(ErrInvalidKey, "no key")
	}
	return newSigningKey(row, signer, opts)
}

// NewVerifyingKey makes a verifying key of a public key such as *rsa.PublicKey.
// Errors: as for NewSigningKey. An HMAC secret is not public: see NewHMACKey.
func NewVerifyingKey(alg Algorithm, public crypto.PublicKey, opts ...KeyOption) (*VerifyingKey, error) {
	row := lookup(alg)
	switch {
	case row == nil:
		return nil, ErrUnsupportedAlgorithm
	case alg.Symmetric():
		return nil, fail(ErrInvalidKey, "%s has no public key; its secret comes in through NewHMACKey", alg)
	}
	return newVerifyingKey(row, public, opts)
}

func newSigningKey(row *algorithm, private any, opts []KeyOption) (*SigningKey, error) {
	private = own(private)
	public, err := row.scheme.public(row, private)
	if err != nil {
		return nil, err
	}
	v, err := newVerifyingKey(row, public, opts)
	if err != nil {
		return nil, err
	}
	return &SigningKey{public: v, private: conceal(private)}, nil
}

func newVerifyingKey(row *algorithm, public any, opts []KeyOption) (*VerifyingKey, error) {
	var o keyOptions
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if err := row.scheme.check(row, public, &o); err != nil {
		return nil, err
	}
	k := &VerifyingKey{alg: row, id: o.id, idGiven: o.id != "", public: conceal(public)}
	k.prepared = row.scheme.prepare(row, public)
	if !k.idGiven {
		k.id = k.Thumbprint()
	}
	return k, nil
}

// Public returns the half of the key that verifies. For HMAC there is only one
// half: what Public returns then is as secret as the key itself.
func (k *SigningKey) Public() *VerifyingKey { return k.public }

// Algorithm returns the algorithm that the key is bound to.
func (k *SigningKey) Algorithm() Algorithm { return k.public.alg.name }

// ID returns the key's id ("kid").
func (k *SigningKey) ID() string { return k.public.id }

// Secrets returns the key material itself: a copy of the secret for HMAC or of
// an ed25519.PrivateKey, else the private key or crypto.Signer that the key was
// made of. It is for writing a key to a safe place.
func (k *SigningKey) Secrets() any {
	return own(k.private())
}

// own copies key material that is a slice, so that nobody changes a key through
// it.
func own(private any) any {
	switch key := private.(type) {
	case []byte:
		return slices.Clone(key)
	case ed25519.PrivateKey:
		return slices.Clone(key)
	}
	return private
}

// Algorithm returns the algorithm that the key is bound to.
func (k *VerifyingKey) Algorithm() Algorithm { return k.alg.name }

// ID returns the key's id ("kid").
func (k *VerifyingKey) ID() string { return k.id }

// PublicKey returns the public key, such as an *rsa.PublicKey, which the caller
// must not change. It is nil for an HMAC secret, which has no public half.
func (k *VerifyingKey) PublicKey() crypto.PublicKey {
	if k.alg.name.Symmetric() {
		return nil
	}
	return k.public()
}

// Thumbprint returns the RFC 7638 thumbprint with SHA-256, in base64url. That
// of an HMAC secret allows guesses to be checked, as any token signed with it
// does.
func (k *VerifyingKey) Thumbprint() string {
	sum := sha256.Sum256(k.alg.scheme.thumbprint(nil, k.public()))
	return base64url.Encode(sum[:])
}

// FindKey makes the key a [KeySet] of one.
func (k *VerifyingKey) FindKey(_ context.Context, h Header) (*VerifyingKey, error) {
	if k.idGiven && h.KeyID != "" && h.KeyID != k.id {
		return nil, fail(ErrUnknownKey, "the token names another key id")
	}
	return k, nil
}

// What prints a key has value receivers, so that it holds for a copy of the
// struct too.

func (k SigningKey) describe() string {
	if k.public == nil {
		return "jeton.SigningKey(none)"
	}
	return fmt.Sprintf("jeton.SigningKey(%s, private half redacted)", k.Algorithm())
}

func (k VerifyingKey) describe() string {
	if k.alg == nil {
		return "jeton.VerifyingKey(none)"
	}
	return fmt.Sprintf("jeton.VerifyingKey(%s)", k.alg.name)
}

// Format writes the algorithm and nothing of the key, whatever the verb.
func (k SigningKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.describe()) }

// LogValue returns the algorithm and nothing of the key.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.describe()) }

// MarshalJSON writes the algorithm and nothing of the key. Package jwk writes
// keys on purpose.
func (k SigningKey) MarshalJSON() ([]byte, error) { return []byte(`"` + k.describe() + `"`), nil }

// Format writes the algorithm and nothing of the key, whatever the verb.
func (k VerifyingKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.describe()) }

// LogValue returns the algorithm and nothing of the key.
func (k VerifyingKey) LogValue() slog.Value { return slog.StringValue(k.describe()) }

// MarshalJSON writes the algorithm and nothing of the key. Package jwk writes
// public keys on purpose.
func (k VerifyingKey) MarshalJSON() ([]byte, error) { return []byte(`"` + k.describe() + `"`), nil }
