package bench

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"

	"github.com/jeton-go/jeton"
	"github.com/pascaldekloe/jwt"
)

func pascaldekloeSigner(s setting) (signFunc, error) {
	var sign func(*jwt.Claims) ([]byte, error)
	header := json.RawMessage(`{"typ":"JWT"}`)
	switch s.alg {
	case jeton.HS256:
		h, err := jwt.NewHMAC(jwt.HS256, s.private.([]byte))
		if err != nil {
			return nil, err
		}
		sign = func(c *jwt.Claims) ([]byte, error) { return h.Sign(c, header) }
	case jeton.RS256, jeton.PS256:
		key := s.private.(*rsa.PrivateKey)
		sign = func(c *jwt.Claims) ([]byte, error) { return c.RSASign(s.name(), key, header) }
	case jeton.ES256:
		key := s.private.(*ecdsa.PrivateKey)
		sign = func(c *jwt.Claims) ([]byte, error) { return c.ECDSASign(s.name(), key, header) }
	case jeton.Ed25519:
		key := s.private.(ed25519.PrivateKey)
		sign = func(c *jwt.Claims) ([]byte, error) { return c.EdDSASign(key, header) }
	default:
		return nil, errNotOffered
	}
	return func(c *claims) (string, error) {
		token, err := sign(&jwt.Claims{
			Registered: jwt.Registered{
				Issuer: c.Issuer, Subject: c.Subject, Audiences: c.Audience, ID: c.ID,
				Expires: jwt.NewNumericTime(c.ExpiresAt), NotBefore: jwt.NewNumericTime(c.NotBefore), Issued: jwt.NewNumericTime(c.IssuedAt),
			},
			Set: map[string]any{"scope": c.Scope, "tenant": c.Tenant, "roles": c.Roles},
		})
		return string(token), err
	}, nil
}

func pascaldekloeVerifier(s setting) (verifyFunc, error) {
	var check func(token []byte) (*jwt.Claims, error)
	pinned := false
	switch s.alg {
	case jeton.HS256:
		h, err := jwt.NewHMAC(jwt.HS256, s.public.([]byte))
		if err != nil {
			return nil, err
		}
		check, pinned = h.Check, true
	case jeton.RS256, jeton.PS256:
		key := s.public.(*rsa.PublicKey)
		check = func(token []byte) (*jwt.Claims, error) { return jwt.RSACheck(token, key) }
	case jeton.ES256:
		key := s.public.(*ecdsa.PublicKey)
		check = func(token []byte) (*jwt.Claims, error) { return jwt.ECDSACheck(token, key) }
	case jeton.Ed25519:
		key := s.public.(ed25519.PublicKey)
		check, pinned = func(token []byte) (*jwt.Claims, error) { return jwt.EdDSACheck(token, key) }, true
	default:
		return nil, errNotOffered
	}
	return func(token string) (claims, error) {
		c, err := check([]byte(token))
		if err != nil {
			return claims{}, err
		}
		// An RSA or ECDSA key verifies all algorithms of its family, as the
		// token's header has it: who wants one algorithm reads the header again.
		if !pinned {
			var header struct {
				Algorithm string `json:"alg"`
			}
			if err := json.Unmarshal(c.RawHeader, &header); err != nil {
				return claims{}, err
			}
			if header.Algorithm != s.name() {
				return claims{}, errRefused
			}
		}
		if err := c.AcceptTemporal(s.now(), leeway); err != nil {
			return claims{}, err
		}
		// The issuer is the caller's to check. AcceptAudience takes a token
		// that has no audience, and AcceptTemporal one without "exp".
		if c.Expires == nil || c.Issuer != s.issuer || len(c.Audiences) == 0 || !c.AcceptAudience(s.audience) {
			return claims{}, errRefused
		}
		// What is not registered is in a map by now; a struct takes a second
		// look at the JSON.
		var p private
		if err := json.Unmarshal(c.Raw, &p); err != nil {
			return claims{}, err
		}
		return claims{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audiences, ID: c.ID,
			ExpiresAt: c.Expires.Time(), NotBefore: c.NotBefore.Time(), IssuedAt: c.Issued.Time(),
			Scope: p.Scope, Tenant: p.Tenant, Roles: p.Roles,
		}, nil
	}, nil
}
