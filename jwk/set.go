package jwk

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/strictjson"
)

const (
	maxSetBytes = 512 << 10
	maxSetKeys  = 100
)

// ParseSet reads a set of public keys (RFC 7517 section 5), such as an issuer
// publishes, and returns those that verify signatures here, in their order.
//
// Keys for something else are skipped: of another "kty", "crv" or "alg" than
// package jeton has, or whose "use" or "key_ops" are not for verifying. So is a
// key that names no algorithm where more than one could be meant and
// [DefaultAlgorithm] does not say which: some issuers leave "alg" out. If nothing
// is left, that is an error which says why.
//
// The whole set is refused for a key that is broken or weak, a private key, two
// keys of one "kid", or a symmetric key (but see [AllowSymmetric]); and if it has
// more than 512 KiB or 100 keys.
//
// Errors: jeton.ErrInvalidKey, jeton.ErrWeakKey, jeton.ErrUnsupportedAlgorithm.
func ParseSet(data []byte, opts ...Option) ([]*jeton.VerifyingKey, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if o.idGiven {
		return nil, fail(jeton.ErrInvalidKey, "KeyID is for a single key")
	}
	entries, err := parseEntries(data)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(entries, o); err != nil {
		return nil, err
	}
	var keys []*jeton.VerifyingKey
	var why skips
	for i, e := range entries {
		key, err := o.entryKey(e)
		if err != nil {
			if why.skip(err) {
				continue
			}
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fail(jeton.ErrInvalidKey, "no key in the set can be used%s", why.String())
	}
	if err := distinct(keys); err != nil {
		return nil, err
	}
	return keys, nil
}

// entry is one key of a set.
type entry struct {
	object
	kty string
}

// parseEntries reads as much as tells what kind of keys a set has.
func parseEntries(data []byte) ([]entry, error) {
	if len(data) > maxSetBytes {
		return nil, fail(jeton.ErrInvalidKey, "a set of %d bytes, at most %d", len(data), maxSetBytes)
	}
	set, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	value, present := set.get("keys")
	if !present {
		return nil, fail(jeton.ErrInvalidKey, `"keys" is missing: not a set of keys`)
	}
	elements, ok := strictjson.AppendElements(nil, value)
	if !ok {
		return nil, fail(jeton.ErrInvalidKey, `"keys" is not an array`)
	}
	if len(elements) > maxSetKeys {
		return nil, fail(jeton.ErrInvalidKey, "a set of %d keys, at most %d", len(elements), maxSetKeys)
	}
	entries := make([]entry, len(elements))
	for i, text := range elements {
		m, err := parseObject(text)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		kty, err := m.keyTypeName()
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		entries[i] = entry{m, kty}
	}
	return entries, nil
}

// checkEntries makes the checks that hold for the keys that are skipped, too.
func checkEntries(entries []entry, o *options) error {
	var secret, other bool
	seen := map[string]bool{}
	for i, e := range entries {
		if e.kty == "oct" {
			secret = true
		} else {
			other = true
			if e.isPrivate() {
				return fail(jeton.ErrInvalidKey, "keys[%d] is a private key: it must not be used any more", i)
			}
		}
		if kid, _, _ := e.text("kid"); kid != "" {
			if seen[kid] {
				return fail(jeton.ErrInvalidKey, `keys[%d] has the "kid" of another key`, i)
			}
			seen[kid] = true
		}
	}
	switch {
	case secret && other:
		return fail(jeton.ErrInvalidKey, "secrets and public keys in one set")
	case secret && !o.symmetric:
		return fail(jeton.ErrInvalidKey, "a set of secrets (see AllowSymmetric)")
	}
	return nil
}

func (o *options) entryKey(e entry) (*jeton.VerifyingKey, error) {
	if e.kty != "oct" {
		return o.publicJWK(e.object, e.kty, o.choose)
	}
	key, err := o.privateJWK(e.object, e.kty, "verify", o.choose)
	if err != nil {
		return nil, err
	}
	return key.Public(), nil
}

// skips counts the keys that were passed over.
type skips struct{ unsupported, purpose, unnamed int }

// skip counts a key that is legal and not for us, and tells whether it is.
func (s *skips) skip(err error) bool {
	var unnamed *noAlgorithm
	switch {
	case errors.Is(err, jeton.ErrUnsupportedAlgorithm):
		s.unsupported++
	case errors.Is(err, errPurpose):
		s.purpose++
	case errors.As(err, &unnamed):
		s.unnamed++
	default:
		return false
	}
	return true
}

func (s *skips) String() string {
	var parts []string
	for _, p := range []struct {
		count int
		why   string
	}{
		{s.unnamed, "without an algorithm (DefaultAlgorithm names it)"},
		{s.purpose, "not for verifying"},
		{s.unsupported, "of a type, curve or algorithm that is not supported"},
	} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.count, p.why))
		}
	}
	if len(parts) == 0 {
		return ": it is empty"
	}
	return ": " + strings.Join(parts, ", ")
}

// distinct refuses keys of one id: a key without "kid" has its thumbprint for
// one, so the "kid" members alone don't tell.
func distinct(keys []*jeton.VerifyingKey) error {
	seen := make(map[string]bool, len(keys))
	for _, k := range keys {
		if seen[k.ID()] {
			return fail(jeton.ErrInvalidKey, "two keys of one id")
		}
		seen[k.ID()] = true
	}
	return nil
}
