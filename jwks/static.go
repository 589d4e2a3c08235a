package jwks

import (
	"context"
	"fmt"

	"github.com/jeton-go/jeton"
)

// Static is a key set that never changes. It is immutable and safe for
// concurrent use.
type Static struct {
	byID map[string]*jeton.VerifyingKey
	// byAlgorithm has the one key of an algorithm, and nil if there are several.
	byAlgorithm map[jeton.Algorithm]*jeton.VerifyingKey
}

// NewStatic makes a key set of at least one key. jeton.ErrInvalidKey if two keys
// have the same id, or if HMAC secrets and public keys are mixed: who sees only
// public keys must not be able to sign.
func NewStatic(keys ...*jeton.VerifyingKey) (*Static, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: a key set without keys", jeton.ErrInvalidKey)
	}
	s := &Static{
		byID:        make(map[string]*jeton.VerifyingKey, len(keys)),
		byAlgorithm: make(map[jeton.Algorithm]*jeton.VerifyingKey),
	}
	for _, k := range keys {
		if k == nil {
			return nil, fmt.Errorf("%w: a key set with a nil key", jeton.ErrInvalidKey)
		}
		if s.byID[k.ID()] != nil {
			return nil, fmt.Errorf("%w: two keys of one id in a key set", jeton.ErrInvalidKey)
		}
		if k.Algorithm().Symmetric() != keys[0].Algorithm().Symmetric() {
			return nil, fmt.Errorf("%w: secrets and public keys in one key set", jeton.ErrInvalidKey)
		}
		s.byID[k.ID()] = k
		if _, taken := s.byAlgorithm[k.Algorithm()]; taken {
			s.byAlgorithm[k.Algorithm()] = nil
		} else {
			s.byAlgorithm[k.Algorithm()] = k
		}
	}
	return s, nil
}

// Made once: a flood of tokens must not cost an allocation each.
var (
	errUnknownID = fmt.Errorf("%w: the key set has none of that id", jeton.ErrUnknownKey)
	errNoID      = fmt.Errorf("%w: the token names no key, and not exactly one of the key set is for its algorithm", jeton.ErrUnknownKey)
)

// FindKey returns the key whose id is the token's "kid", byte for byte. For a
// token without one it returns the only key of the token's algorithm, if there
// is exactly one. Else the error is jeton.ErrUnknownKey. Whether the key is for
// the token's algorithm is for the verifier to check.
func (s *Static) FindKey(_ context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	if h.KeyID != "" {
		if k := s.byID[h.KeyID]; k != nil {
			return k, nil
		}
		return nil, errUnknownID
	}
	if k := s.byAlgorithm[h.Algorithm]; k != nil {
		return k, nil
	}
	return nil, errNoID
}
