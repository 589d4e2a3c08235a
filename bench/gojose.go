package bench

import (
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

type goJOSEClaims struct {
	jwt.Claims
	private
}

func goJOSESigner(s setting) (signFunc, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.name()), Key: s.private},
		new(jose.SignerOptions).WithType(typ),
	)
	if err != nil {
		return nil, err
	}
	return func(c *claims) (string, error) {
		return jwt.Signed(signer).Claims(&goJOSEClaims{
			Claims: jwt.Claims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
				Expiry: jwt.NewNumericDate(c.ExpiresAt), NotBefore: jwt.NewNumericDate(c.NotBefore), IssuedAt: jwt.NewNumericDate(c.IssuedAt),
			},
			private: private{Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles},
		}).Serialize()
	}, nil
}

func goJOSEVerifier(s setting) (verifyFunc, error) {
	algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.name())}
	expected := jwt.Expected{Issuer: s.issuer, AnyAudience: jwt.Audience{s.audience}}
	if s.lax {
		expected = jwt.Expected{}
	}
	return func(token string) (claims, error) {
		t, err := jwt.ParseSigned(token, algorithms)
		if err != nil {
			return claims{}, err
		}
		var c goJOSEClaims
		if err := t.Claims(s.public, &c); err != nil {
			return claims{}, err
		}
		if err := c.ValidateWithLeeway(expected.WithTime(s.now()), leeway); err != nil {
			return claims{}, err
		}
		// A token without "exp" is good for ever to ValidateWithLeeway.
		if c.Expiry == nil && !s.lax {
			return claims{}, errRefused
		}
		return claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: goJOSETime(c.Expiry), NotBefore: goJOSETime(c.NotBefore), IssuedAt: goJOSETime(c.IssuedAt),
			Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles,
		}, nil
	}, nil
}

func goJOSETime(d *jwt.NumericDate) time.Time {
	if d == nil {
		return time.Time{}
	}
	return d.Time()
}
