package migrate

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// docs:start golang-jwt-hs256
type golangClaims struct {
	jwt.RegisteredClaims
	Tenant string `json:"tenant"`
}

func golangSign(secret []byte, now time.Time) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, golangClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    "https://auth.example",
			Subject:   "alice",
			Audience:  jwt.ClaimStrings{"orders"},
			ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
		},
		Tenant: "acme",
	}).SignedString(secret)
}

func golangVerify(secret []byte, token string) (golangClaims, error) {
	var claims golangClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return secret, nil },
		jwt.WithValidMethods([]string{"HS256"}))
	return claims, err
}

// docs:end

// docs:start golang-jwt-pem
func golangVerifyPEM(publicPEM []byte, token string) (golangClaims, error) {
	var claims golangClaims
	key, err := jwt.ParseRSAPublicKeyFromPEM(publicPEM)
	if err != nil {
		return claims, err
	}
	_, err = jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{"RS256"}))
	return claims, err
}

// docs:end

// docs:start golang-jwt-jwks
// byKeyID comes from another library, or is your own: this one fetches nothing.
func golangVerifyJWKS(byKeyID jwt.Keyfunc, token string) (golangClaims, error) {
	var claims golangClaims
	_, err := jwt.ParseWithClaims(token, &claims, byKeyID,
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer("https://auth.example"),
		jwt.WithAudience("orders"),
		jwt.WithExpirationRequired())
	return claims, err
}

// docs:end

// docs:start golang-jwt-errors
func golangAnswer(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, jwt.ErrTokenExpired): // and perhaps for another API, too
		return "refresh it"
	default:
		return "log in again"
	}
}

// docs:end

// docs:start golang-jwt-custom
// Validate is called by the parser, after its own checks.
func (c golangClaims) Validate() error {
	if c.Tenant == "" {
		return errors.New("no tenant")
	}
	return nil
}

// docs:end
