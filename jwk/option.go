package jwk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jeton-go/jeton"
)

// Option is an option of the functions that read keys.
type Option func(*options) error

type options struct {
	alg       jeton.Algorithm
	idGiven   bool
	symmetric bool
	key       []jeton.KeyOption
}

// DefaultAlgorithm names the algorithm of a key that names none: a JWK without
// "alg", or PEM. A single key that names another one, or is of another type, is
// refused with jeton.ErrInvalidKey. In a set, where an issuer may be changing
// from one algorithm to the next, such keys are left as they are.
//
// jeton.ErrUnsupportedAlgorithm if there is no such algorithm.
func DefaultAlgorithm(alg jeton.Algorithm) Option {
	return func(o *options) error {
		var err error
		o.alg, err = jeton.ParseAlgorithm(string(alg))
		return err
	}
}

// KeyID sets the key's id in place of the "kid" of a JWK. It is 1 to 128
// printable ASCII characters, else jeton.ErrInvalidKey. It is not for sets.
func KeyID(id string) Option {
	return func(o *options) error {
		o.idGiven = true
		o.key = append(o.key, jeton.KeyID(id))
		return nil
	}
}

// InsecureAllowWeakSecret admits an HMAC secret that can be guessed: see
// [jeton.InsecureAllowWeakSecret].
func InsecureAllowWeakSecret() Option {
	return func(o *options) error {
		o.key = append(o.key, jeton.InsecureAllowWeakSecret())
		return nil
	}
}

// InsecureAllowUnusualExponent admits an RSA public exponent other than 65537: see
// [jeton.InsecureAllowUnusualExponent]. In a set it holds for all keys.
func InsecureAllowUnusualExponent() Option {
	return func(o *options) error {
		o.key = append(o.key, jeton.InsecureAllowUnusualExponent())
		return nil
	}
}

// AllowSymmetric lets [ParseSet] read a set of HMAC secrets. Such a set must
// never be published: who reads it can sign. Secrets and public keys in one set
// are refused all the same.
func AllowSymmetric() Option {
	return func(o *options) error { o.symmetric = true; return nil }
}

func newOptions(opts []Option) (*options, error) {
	o := &options{}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// singleOptions are the options for one key.
func singleOptions(opts []Option) (*options, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if o.symmetric {
		return nil, fail(jeton.ErrInvalidKey, "AllowSymmetric is for sets; ParsePrivate reads a secret")
	}
	return o, nil
}

// forKey returns the options for making the key: the JWK's "kid" is one, unless
// the caller set the id.
func (o *options) forKey(m object) ([]jeton.KeyOption, error) {
	if o.idGiven {
		return o.key, nil
	}
	kid, present, err := m.text("kid")
	if err != nil || !present {
		return o.key, err
	}
	return append(slices.Clip(o.key), jeton.KeyID(kid)), nil
}

// noAlgorithm is the error for a key that names no algorithm and leaves more
// than one choice.
type noAlgorithm struct{ choices []jeton.Algorithm }

func (e *noAlgorithm) Error() string {
	names := make([]string, len(e.choices))
	for i, a := range e.choices {
		names[i] = string(a)
	}
	return fmt.Sprintf("%v: it names no algorithm and could be for %s; name one (DefaultAlgorithm)",
		jeton.ErrInvalidKey, strings.Join(names, ", "))
}

func (e *noAlgorithm) Unwrap() error { return jeton.ErrInvalidKey }

// choose returns the algorithm to which a key is bound. Named is the one that
// the key names, or "". Public is the key's public half, nil for a secret.
func (o *options) choose(kty string, named jeton.Algorithm, public any) (jeton.Algorithm, error) {
	if named != "" {
		if named.KeyType() != kty {
			return "", fail(jeton.ErrInvalidKey, "%s is not an algorithm of %s keys", named, kty)
		}
		return named, nil
	}
	if o.alg.KeyType() == kty {
		return o.alg, nil
	}
	var choices []jeton.Algorithm
	var refusal error
	for _, alg := range jeton.Algorithms() {
		if alg.KeyType() != kty {
			continue
		}
		// The length of a secret says nothing about what it is for.
		if !alg.Symmetric() {
			if _, err := jeton.NewVerifyingKey(alg, public, o.key...); err != nil {
				if refusal == nil {
					refusal = err
				}
				continue
			}
		}
		choices = append(choices, alg)
	}
	switch {
	case len(choices) == 1:
		return choices[0], nil
	case len(choices) > 1:
		return "", &noAlgorithm{choices}
	case refusal != nil:
		return "", refusal
	default:
		return "", fail(jeton.ErrUnsupportedAlgorithm, "no algorithm takes a key of this type")
	}
}

// chooseOne is choose for a single key, where DefaultAlgorithm is what the
// caller expects.
func (o *options) chooseOne(kty string, named jeton.Algorithm, public any) (jeton.Algorithm, error) {
	if o.alg != "" {
		if o.alg.KeyType() != kty {
			return "", fail(jeton.ErrInvalidKey, "%s does not take a key of this type", o.alg)
		}
		if named != "" && named != o.alg {
			return "", fail(jeton.ErrInvalidKey, "the key names another algorithm than %s", o.alg)
		}
	}
	return o.choose(kty, named, public)
}

func fail(reason error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", reason, fmt.Sprintf(format, args...))
}
