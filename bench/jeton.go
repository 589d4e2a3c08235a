package bench

import (
	"context"
	"crypto"

	"github.com/jeton-go/jeton"
)

type jetonClaims struct {
	jeton.Claims
	private
}

func jetonKey(s setting) (*jeton.SigningKey, error) {
	if secret, ok := s.private.([]byte); ok {
		return jeton.NewHMACKey(s.alg, secret)
	}
	return jeton.NewSigningKey(s.alg, s.private.(crypto.Signer))
}

func jetonPublic(s setting) (*jeton.VerifyingKey, error) {
	if secret, ok := s.public.([]byte); ok {
		key, err := jeton.NewHMACKey(s.alg, secret)
		if err != nil {
			return nil, err
		}
		return key.Public(), nil
	}
	return jeton.NewVerifyingKey(s.alg, s.public)
}

func newJetonSigner(s setting) (*jeton.Signer, error) {
	key, err := jetonKey(s)
	if err != nil {
		return nil, err
	}
	return jeton.NewSigner(key, jeton.Type(typ), jeton.WithoutKeyID(), jeton.OlderAlgorithmName())
}

func jetonSigner(s setting) (signFunc, error) {
	signer, err := newJetonSigner(s)
	if err != nil {
		return nil, err
	}
	return func(c *claims) (string, error) {
		own := jetonClaimsOf(c)
		return signer.Sign(&own)
	}, nil
}

// jetonBufferSigner signs into the caller's buffer. The struct that it signs is
// one that it keeps.
func jetonBufferSigner(s setting) (bufferSignFunc, error) {
	signer, err := newJetonSigner(s)
	if err != nil {
		return nil, err
	}
	own := new(jetonClaims)
	return func(dst []byte, c *claims) ([]byte, error) {
		*own = jetonClaimsOf(c)
		return signer.AppendSign(dst, own)
	}, nil
}

func jetonClaimsOf(c *claims) jetonClaims {
	return jetonClaims{
		Claims: jeton.Claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: jeton.At(c.ExpiresAt), NotBefore: jeton.At(c.NotBefore), IssuedAt: jeton.At(c.IssuedAt),
		},
		private: private{Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles},
	}
}

func jetonVerifier(s setting) (verifyFunc, error) { return jetonVerifierWith(s, 0) }

// jetonCachedVerifier remembers tokens. The benchmarks verify one token over and
// over, so that they measure a hit.
func jetonCachedVerifier(s setting) (verifyFunc, error) { return jetonVerifierWith(s, 1024) }

// jetonCachedSigner: there is nothing to remember in signing.
func jetonCachedSigner(setting) (signFunc, error) { return nil, errNotOffered }

func jetonVerifierWith(s setting, cacheEntries int) (verifyFunc, error) {
	key, err := jetonPublic(s)
	if err != nil {
		return nil, err
	}
	policy := jeton.Policy{Issuer: s.issuer, Audience: s.audience, Type: typ, Leeway: leeway, Now: s.clock}
	if s.lax {
		policy = jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true, Leeway: leeway, Now: s.clock}
	}
	policy.CacheEntries = cacheEntries
	v, err := jeton.NewVerifier(key, policy)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(token string) (claims, error) {
		c, err := jeton.VerifyAs[jetonClaims](ctx, v, token)
		if err != nil {
			return claims{}, err
		}
		return claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: c.ExpiresAt.Time(), NotBefore: c.NotBefore.Time(), IssuedAt: c.IssuedAt.Time(),
			Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles,
		}, nil
	}, nil
}
