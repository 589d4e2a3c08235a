package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
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

// source returns the issuer that a token names. All that an unverified token
// decides is which verifier it has to pass, and that one compares the issuer and
// has none but its own keys.
func (r *routeVerifier) source(token string) (*source, error) {
	if len(r.sources) == 1 {
		return r.sources[0], nil
	}
	name, err := issuerOf(token)
	if err != nil {
		return nil, err
	}
	for _, each := range r.sources {
		if each.Issuer.Issuer == name {
			return each, nil
		}
	}
	return nil, fmt.Errorf("%w: none that the policy names", jeton.ErrIssuer)
}

// issuerOf returns what a token says its issuer is.
func issuerOf(token string) (string, error) {
	const mostToken = 8 << 10 // as in jeton.Limits
	if len(token) > mostToken {
		return "", jeton.ErrTokenTooLarge
	}
	_, rest, _ := strings.Cut(token, ".")
	segment, _, ok := strings.Cut(rest, ".")
	if !ok {
		return "", jeton.ErrSegments
	}
	text, err := base64url.AppendDecode(nil, segment)
	if err != nil {
		return "", jeton.ErrEncoding
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := strictjson.Unmarshal(text, &claims, strictjson.Limits{}); err != nil {
		return "", jeton.ErrJSON
	}
	return claims.Issuer, nil
}
