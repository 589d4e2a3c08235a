package bench

import (
	"errors"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

func jwxSigner(s setting) (signFunc, error) {
	alg, ok := jwa.LookupSignatureAlgorithm(s.name())
	if !ok {
		return nil, errNotOffered
	}
	key := jwt.WithKey(alg, s.private)
	return func(c *claims) (string, error) {
		token, err := jwt.NewBuilder().
			Issuer(c.Issuer).Subject(c.Subject).Audience(c.Audience).JwtID(c.ID).
			Expiration(c.ExpiresAt).NotBefore(c.NotBefore).IssuedAt(c.IssuedAt).
			Claim("scope", c.Scope).Claim("tenant", c.Tenant).Claim("roles", c.Roles).
			Build()
		if err != nil {
			return "", err
		}
		signed, err := jwt.Sign(token, key)
		return string(signed), err
	}, nil
}

func jwxVerifier(s setting) (verifyFunc, error) {
	alg, ok := jwa.LookupSignatureAlgorithm(s.name())
	if !ok {
		return nil, errNotOffered
	}
	options := []jwt.ParseOption{
		jwt.WithKey(alg, s.public),
		jwt.WithAcceptableSkew(leeway),
		jwt.WithStrictStringClaims(true),
		// The library keeps private claims in a map. These options have them
		// decoded into their types.
		jwt.WithTypedClaim("scope", ""),
		jwt.WithTypedClaim("tenant", ""),
		jwt.WithTypedClaim("roles", []string(nil)),
	}
	if s.clock != nil {
		options = append(options, jwt.WithClock(jwt.ClockFunc(s.clock)))
	}
	if !s.lax {
		options = append(options, jwt.WithIssuer(s.issuer), jwt.WithAudience(s.audience),
			jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithPedantic(true))
	}
	return func(token string) (claims, error) {
		t, err := jwt.ParseString(token, options...)
		if err != nil {
			return claims{}, err
		}
		var c claims
		c.Issuer, _ = t.Issuer()
		c.Subject, _ = t.Subject()
		c.Audience, _ = t.Audience()
		c.ID, _ = t.JwtID()
		c.ExpiresAt, _ = t.Expiration()
		c.NotBefore, _ = t.NotBefore()
		c.IssuedAt, _ = t.IssuedAt()
		for name, dst := range map[string]any{"scope": &c.Scope, "tenant": &c.Tenant, "roles": &c.Roles} {
			if err := t.Get(name, dst); err != nil && !errors.Is(err, jwt.ClaimNotFoundError()) {
				return claims{}, err
			}
		}
		return c, nil
	}, nil
}
