package bench

import (
	"time"

	"github.com/jeton-go/jeton"
	"github.com/kataras/jwt"
)

type katarasClaims struct {
	jwt.Claims
	private
}

func katarasAlg(s setting) (jwt.Alg, error) {
	switch s.alg {
	case jeton.HS256:
		return jwt.HS256, nil
	case jeton.RS256:
		return jwt.RS256, nil
	case jeton.PS256:
		return jwt.PS256, nil
	case jeton.ES256:
		return jwt.ES256, nil
	case jeton.Ed25519:
		return jwt.EdDSA, nil
	}
	return nil, errNotOffered
}

func katarasSigner(s setting) (signFunc, error) {
	alg, err := katarasAlg(s)
	if err != nil {
		return nil, err
	}
	return func(c *claims) (string, error) {
		token, err := jwt.Sign(alg, s.private, &katarasClaims{
			Claims: jwt.Claims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
				Expiry: c.ExpiresAt.Unix(), NotBefore: c.NotBefore.Unix(), IssuedAt: c.IssuedAt.Unix(),
			},
			private: private{Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles},
		})
		return string(token), err
	}, nil
}

func katarasVerifier(s setting) (verifyFunc, error) {
	alg, err := katarasAlg(s)
	if err != nil {
		return nil, err
	}
	expected := jwt.Expected{Issuer: s.issuer}
	return func(token string) (claims, error) {
		verified, err := jwt.Verify(alg, s.public, []byte(token), expected)
		if err != nil {
			return claims{}, err
		}
		// Verify checks the times with its own clock and without leeway. The
		// presence of "exp" is the caller's to check; so is the audience,
		// because Expected wants the whole list to be equal.
		std := &verified.StandardClaims
		if std.Expiry == 0 || !contains(std.Audience, s.audience) {
			return claims{}, errRefused
		}
		var c katarasClaims
		if err := verified.Claims(&c); err != nil {
			return claims{}, err
		}
		return claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: time.Unix(c.Expiry, 0), NotBefore: time.Unix(c.NotBefore, 0), IssuedAt: time.Unix(c.IssuedAt, 0),
			Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles,
		}, nil
	}, nil
}
