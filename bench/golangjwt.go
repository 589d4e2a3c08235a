package bench

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

type golangJWTClaims struct {
	jwt.RegisteredClaims
	private
}

func golangJWTSigner(s setting) (signFunc, error) {
	method := jwt.GetSigningMethod(s.name())
	return func(c *claims) (string, error) {
		return jwt.NewWithClaims(method, &golangJWTClaims{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
				ExpiresAt: jwt.NewNumericDate(c.ExpiresAt), NotBefore: jwt.NewNumericDate(c.NotBefore), IssuedAt: jwt.NewNumericDate(c.IssuedAt),
			},
			private: private{Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles},
		}).SignedString(s.private)
	}, nil
}

func golangJWTVerifier(s setting) (verifyFunc, error) {
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{s.name()}),
		jwt.WithIssuer(s.issuer),
		jwt.WithAudience(s.audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
	}
	if s.clock != nil {
		options = append(options, jwt.WithTimeFunc(s.clock))
	}
	parser := jwt.NewParser(options...)
	key := func(*jwt.Token) (any, error) { return s.public, nil }
	return func(token string) (claims, error) {
		var c golangJWTClaims
		if _, err := parser.ParseWithClaims(token, &c, key); err != nil {
			return claims{}, err
		}
		return claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: golangJWTTime(c.ExpiresAt), NotBefore: golangJWTTime(c.NotBefore), IssuedAt: golangJWTTime(c.IssuedAt),
			Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles,
		}, nil
	}, nil
}

func golangJWTTime(d *jwt.NumericDate) time.Time {
	if d == nil {
		return time.Time{}
	}
	return d.Time
}
