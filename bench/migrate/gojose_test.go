package migrate

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// docs:start go-jose-hs256
type joseClaims struct {
	jwt.Claims
	Tenant string `json:"tenant"`
}

func joseSign(secret []byte, now time.Time) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.HS256, Key: secret},
		new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(joseClaims{
		Claims: jwt.Claims{
			Issuer:   "https://auth.example",
			Subject:  "alice",
			Audience: jwt.Audience{"orders"},
			Expiry:   jwt.NewNumericDate(now.Add(5 * time.Minute)),
		},
		Tenant: "acme",
	}).Serialize()
}

func joseVerify(secret []byte, token string) (joseClaims, error) {
	var claims joseClaims
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return claims, err
	}
	if err := parsed.Claims(secret, &claims); err != nil {
		return claims, err
	}
	return claims, claims.Validate(jwt.Expected{})
}

// docs:end

// docs:start go-jose-pem
func joseVerifyPEM(publicPEM []byte, token string) (joseClaims, error) {
	var claims joseClaims
	block, _ := pem.Decode(publicPEM)
	if block == nil {
		return claims, errors.New("no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return claims, err
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return claims, err
	}
	if err := parsed.Claims(key, &claims); err != nil {
		return claims, err
	}
	return claims, claims.Validate(jwt.Expected{})
}

// docs:end

// docs:start go-jose-jwks
// When to fetch, how often, with which limits: your code.
func joseKeys(ctx context.Context, url string) (*jose.JSONWebKeySet, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	keys := new(jose.JSONWebKeySet)
	return keys, json.NewDecoder(response.Body).Decode(keys)
}

func joseVerifyJWKS(keys *jose.JSONWebKeySet, token string) (joseClaims, error) {
	var claims joseClaims
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return claims, err
	}
	if err := parsed.Claims(keys, &claims); err != nil {
		return claims, err
	}
	if claims.Expiry == nil {
		return claims, errors.New("no exp")
	}
	return claims, claims.Validate(jwt.Expected{
		Issuer:      "https://auth.example",
		AnyAudience: jwt.Audience{"orders"},
	})
}

// docs:end

// docs:start go-jose-errors
func joseAnswer(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, jwt.ErrExpired):
		return "refresh it"
	default:
		return "log in again"
	}
}

// docs:end

// docs:start go-jose-custom
func joseTenant(claims joseClaims) (string, error) {
	if claims.Tenant == "" {
		return "", errors.New("no tenant")
	}
	return claims.Tenant, nil
}

// docs:end
