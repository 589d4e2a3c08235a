package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/unverified"
)

// Revocations are what a token is held against. Stale is how long ago they were
// complete.
type Revocations interface {
	jeton.RevocationList
	Stale() time.Duration
}

// errStale: the revocations are older than the route tolerates.
var errStale = errors.New("guard: revocations are too old to tell")

// source is an issuer that is ready to verify.
type source struct {
	Issuer
	verifier    *jeton.Verifier
	revocations Revocations // nil if there is no feed
}

func newSource(i Issuer, keys jeton.KeySet, revocations Revocations, now func() time.Time) (*source, error) {
	policy := jeton.Policy{
		Issuer: i.Issuer, AnyAudience: true, Type: i.Type, AnyType: i.Type == "",
		Leeway: i.Leeway, CacheEntries: i.Remember, Now: now,
	}
	if i.Leeway == 0 {
		policy.Leeway = jeton.NoLeeway
	}
	if revocations != nil {
		policy.Revocations = revocations
	}
	if i.Algorithms != nil {
		keys = &someAlgorithms{keys, i.Algorithms}
	}
	verifier, err := jeton.NewVerifier(keys, policy)
	if err != nil {
		return nil, err
	}
	return &source{i, verifier, revocations}, nil
}

// someAlgorithms is a key set without the keys of other algorithms.
type someAlgorithms struct {
	jeton.KeySet
	algorithms []jeton.Algorithm
}

func (s *someAlgorithms) FindKey(ctx context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	key, err := s.KeySet.FindKey(ctx, h)
	if err == nil && !slices.Contains(s.algorithms, key.Algorithm()) {
		return nil, fmt.Errorf("%w: of an algorithm that the policy doesn't name", jeton.ErrUnknownKey)
	}
	return key, err
}

// routeVerifier verifies tokens for one route.
type routeVerifier struct {
	sources []*source
	route   Route
}

// Verify makes it an httpauth.Verifier.
func (r *routeVerifier) Verify(ctx context.Context, token string) (*jeton.Verified, error) {
	from, err := r.source(token)
	if err != nil {
		return nil, err
	}
	v, err := from.verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	wanted := r.route.Audiences
	if wanted == nil {
		wanted = from.Audiences
	}
	if !slices.ContainsFunc(v.Claims().Audience, func(name string) bool { return slices.Contains(wanted, name) }) {
		return nil, fmt.Errorf("%w: none that the route names", jeton.ErrAudience)
	}
	if from.revocations != nil && r.route.Freshness.Refuse && from.revocations.Stale() > r.route.Freshness.Within {
		return nil, errStale
	}
	return v, nil
}

// source returns the issuer that a token names. What an unverified token says
// chooses the verifier, which then compares the issuer itself.
func (r *routeVerifier) source(token string) (*source, error) {
	if len(r.sources) == 1 {
		return r.sources[0], nil
	}
	if len(token) > 8<<10 {
		return nil, jeton.ErrTokenTooLarge
	}
	said, err := unverified.Decode(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", jeton.ErrMalformed, err)
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(said.Claims, &claims); err != nil {
		return nil, fmt.Errorf("%w: claims that can't be read", jeton.ErrMalformed)
	}
	for _, each := range r.sources {
		if each.Issuer.Issuer == claims.Issuer {
			return each, nil
		}
	}
	return nil, fmt.Errorf("%w: none that the policy names", jeton.ErrIssuer)
}
