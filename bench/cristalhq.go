package bench

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"time"

	"github.com/cristalhq/jwt/v5"
	"github.com/jeton-go/jeton"
)

type cristalhqClaims struct {
	jwt.RegisteredClaims
	private
}

func cristalhqSigner(s setting) (signFunc, error) {
	var signer jwt.Signer
	var err error
	switch s.alg {
	case jeton.HS256:
		signer, err = jwt.NewSignerHS(jwt.HS256, s.private.([]byte))
	case jeton.RS256:
		signer, err = jwt.NewSignerRS(jwt.RS256, s.private.(*rsa.PrivateKey))
	case jeton.PS256:
		signer, err = jwt.NewSignerPS(jwt.PS256, s.private.(*rsa.PrivateKey))
	case jeton.ES256:
		signer, err = jwt.NewSignerES(jwt.ES256, s.private.(*ecdsa.PrivateKey))
	case jeton.Ed25519:
		signer, err = jwt.NewSignerEdDSA(s.private.(ed25519.PrivateKey))
	default:
		return nil, errNotOffered
	}
	if err != nil {
		return nil, err
	}
	builder := jwt.NewBuilder(signer)
	return func(c *claims) (string, error) {
		token, err := builder.Build(&cristalhqClaims{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
				ExpiresAt: jwt.NewNumericDate(c.ExpiresAt), NotBefore: jwt.NewNumericDate(c.NotBefore), IssuedAt: jwt.NewNumericDate(c.IssuedAt),
			},
			private: private{Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles},
		})
		if err != nil {
			return "", err
		}
		return token.String(), nil
	}, nil
}

func cristalhqVerifier(s setting) (verifyFunc, error) {
	var verifier jwt.Verifier
	var err error
	switch s.alg {
	case jeton.HS256:
		verifier, err = jwt.NewVerifierHS(jwt.HS256, s.public.([]byte))
	case jeton.RS256:
		verifier, err = jwt.NewVerifierRS(jwt.RS256, s.public.(*rsa.PublicKey))
	case jeton.PS256:
		verifier, err = jwt.NewVerifierPS(jwt.PS256, s.public.(*rsa.PublicKey))
	case jeton.ES256:
		verifier, err = jwt.NewVerifierES(jwt.ES256, s.public.(*ecdsa.PublicKey))
	case jeton.Ed25519:
		verifier, err = jwt.NewVerifierEdDSA(s.public.(ed25519.PublicKey))
	default:
		return nil, errNotOffered
	}
	if err != nil {
		return nil, err
	}
	return func(token string) (claims, error) {
		var c cristalhqClaims
		if err := jwt.ParseClaims([]byte(token), verifier, &c); err != nil {
			return claims{}, err
		}
		// The library has these checks and leaves it to the caller to make
		// them. There is no leeway, and a missing "exp" passes.
		if c.ExpiresAt == nil || !c.IsValidAt(s.now()) || !c.IsIssuer(s.issuer) || !c.IsForAudience(s.audience) {
			return claims{}, errRefused
		}
		return claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: cristalhqTime(c.ExpiresAt), NotBefore: cristalhqTime(c.NotBefore), IssuedAt: cristalhqTime(c.IssuedAt),
			Scope: c.Scope, Tenant: c.Tenant, Roles: c.Roles,
		}, nil
	}, nil
}

func cristalhqTime(d *jwt.NumericDate) time.Time {
	if d == nil {
		return time.Time{}
	}
	return d.Time
}
