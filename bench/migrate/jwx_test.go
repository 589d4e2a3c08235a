package migrate

import (
	"context"
	"errors"
	"time"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// docs:start jwx-hs256
func jwxSign(secret []byte, now time.Time) (string, error) {
	token, err := jwt.NewBuilder().
		Issuer("https://auth.example").
		Subject("alice").
		Audience([]string{"orders"}).
		Expiration(now.Add(5*time.Minute)).
		Claim("tenant", "acme").
		Build()
	if err != nil {
		return "", err
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.HS256(), secret))
	return string(signed), err
}

func jwxVerify(secret []byte, token string) (jwt.Token, error) {
	return jwt.ParseString(token, jwt.WithKey(jwa.HS256(), secret))
}

// docs:end

// docs:start jwx-pem
func jwxVerifyPEM(publicPEM []byte, token string) (jwt.Token, error) {
	key, err := jwk.ParseKey(publicPEM, jwk.WithPEM(true))
	if err != nil {
		return nil, err
	}
	return jwt.ParseString(token, jwt.WithKey(jwa.RS256(), key))
}

// docs:end

// docs:start jwx-jwks
func jwxKeys(ctx context.Context, url string) (jwk.Set, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, url); err != nil {
		return nil, err
	}
	return cache.CachedSet(url)
}

func jwxVerifyJWKS(keys jwk.Set, token string) (jwt.Token, error) {
	return jwt.ParseString(token,
		jwt.WithKeySet(keys),
		jwt.WithIssuer("https://auth.example"),
		jwt.WithAudience("orders"),
		jwt.WithRequiredClaim(jwt.ExpirationKey))
}

// docs:end

// docs:start jwx-errors
func jwxAnswer(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, jwt.TokenExpiredError()): // and perhaps for another API, too
		return "refresh it"
	default:
		return "log in again"
	}
}

// docs:end

// docs:start jwx-custom
func jwxTenant(token jwt.Token) (string, error) {
	var tenant string
	if err := token.Get("tenant", &tenant); err != nil {
		return "", err
	}
	if tenant == "" {
		return "", errors.New("no tenant")
	}
	return tenant, nil
}

// docs:end
