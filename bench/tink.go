package bench

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/jwt"
	"github.com/tink-crypto/tink-go/v2/jwt/jwtecdsa"
	"github.com/tink-crypto/tink-go/v2/jwt/jwthmac"
	"github.com/tink-crypto/tink-go/v2/jwt/jwtrsassapkcs1"
	"github.com/tink-crypto/tink-go/v2/jwt/jwtrsassapss"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
)

func tinkSigner(s setting) (signFunc, error) {
	var sign func(*jwt.RawJWT) (string, error)
	switch s.alg {
	case jeton.HS256:
		mac, err := tinkMAC(s.private.([]byte))
		if err != nil {
			return nil, err
		}
		sign = mac.ComputeMACAndEncode
	case jeton.RS256, jeton.PS256, jeton.ES256:
		private, err := tinkPrivate(s)
		if err != nil {
			return nil, err
		}
		handle, err := tinkKeyset(private)
		if err != nil {
			return nil, err
		}
		signer, err := jwt.NewSigner(handle)
		if err != nil {
			return nil, err
		}
		sign = signer.SignAndEncode
	default:
		return nil, errNotOffered
	}
	typeHeader := typ
	return func(c *claims) (string, error) {
		roles := make([]any, len(c.Roles)) // a list of strings is refused
		for i, r := range c.Roles {
			roles[i] = r
		}
		raw, err := jwt.NewRawJWT(&jwt.RawJWTOptions{
			TypeHeader: &typeHeader,
			Issuer:     &c.Issuer, Subject: &c.Subject, Audiences: c.Audience, JWTID: &c.ID,
			ExpiresAt: &c.ExpiresAt, NotBefore: &c.NotBefore, IssuedAt: &c.IssuedAt,
			CustomClaims: map[string]any{"scope": c.Scope, "tenant": c.Tenant, "roles": roles},
		})
		if err != nil {
			return "", err
		}
		return sign(raw)
	}, nil
}

func tinkVerifier(s setting) (verifyFunc, error) {
	var verify func(string, *jwt.Validator) (*jwt.VerifiedJWT, error)
	switch s.alg {
	case jeton.HS256:
		mac, err := tinkMAC(s.public.([]byte))
		if err != nil {
			return nil, err
		}
		verify = mac.VerifyMACAndDecode
	case jeton.RS256, jeton.PS256, jeton.ES256:
		public, err := tinkPublic(s)
		if err != nil {
			return nil, err
		}
		handle, err := tinkKeyset(public)
		if err != nil {
			return nil, err
		}
		verifier, err := jwt.NewVerifier(handle)
		if err != nil {
			return nil, err
		}
		verify = verifier.VerifyAndDecode
	default:
		return nil, errNotOffered
	}
	expectedType := typ
	opts := jwt.ValidatorOpts{
		ExpectedIssuer: &s.issuer, ExpectedAudience: &s.audience, ExpectedTypeHeader: &expectedType,
		ExpectIssuedInThePast: true,
		ClockSkew:             leeway,
	}
	if s.lax {
		opts = jwt.ValidatorOpts{IgnoreIssuer: true, IgnoreAudiences: true, IgnoreTypeHeader: true, AllowMissingExpiration: true, ClockSkew: leeway}
	}
	if s.clock != nil {
		opts.FixedNow = s.clock()
	}
	validator, err := jwt.NewValidator(&opts)
	if err != nil {
		return nil, err
	}
	return func(token string) (claims, error) {
		verified, err := verify(token, validator)
		if err != nil {
			return claims{}, err
		}
		return tinkClaims(verified)
	}, nil
}

// tinkClaims reads the claims one by one: the library has no struct for them.
func tinkClaims(v *jwt.VerifiedJWT) (c claims, err error) {
	read := func(has bool, get func() (string, error), dst *string) {
		if has && err == nil {
			*dst, err = get()
		}
	}
	readTime := func(has bool, get func() (time.Time, error), dst *time.Time) {
		if has && err == nil {
			*dst, err = get()
		}
	}
	read(v.HasIssuer(), v.Issuer, &c.Issuer)
	read(v.HasSubject(), v.Subject, &c.Subject)
	read(v.HasJWTID(), v.JWTID, &c.ID)
	readTime(v.HasExpiration(), v.ExpiresAt, &c.ExpiresAt)
	readTime(v.HasNotBefore(), v.NotBefore, &c.NotBefore)
	readTime(v.HasIssuedAt(), v.IssuedAt, &c.IssuedAt)
	if v.HasAudiences() && err == nil {
		c.Audience, err = v.Audiences()
	}
	if v.HasStringClaim("scope") && err == nil {
		c.Scope, err = v.StringClaim("scope")
	}
	if v.HasStringClaim("tenant") && err == nil {
		c.Tenant, err = v.StringClaim("tenant")
	}
	if !v.HasArrayClaim("roles") || err != nil {
		return c, err
	}
	roles, err := v.ArrayClaim("roles")
	if err != nil {
		return c, err
	}
	c.Roles = make([]string, len(roles))
	for i, r := range roles {
		role, ok := r.(string)
		if !ok {
			return c, errRefused
		}
		c.Roles[i] = role
	}
	return c, nil
}

func tinkKeyset(k key.Key) (*keyset.Handle, error) {
	manager := keyset.NewManager()
	id, err := manager.AddKey(k)
	if err != nil {
		return nil, err
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, err
	}
	return manager.Handle()
}

func tinkSecret(b []byte) secretdata.Bytes {
	return secretdata.NewBytesFromData(b, insecuresecretdataaccess.Token{})
}

func tinkMAC(secret []byte) (jwt.MAC, error) {
	parameters, err := jwthmac.NewParameters(len(secret), jwthmac.IgnoredKID, jwthmac.HS256)
	if err != nil {
		return nil, err
	}
	k, err := jwthmac.NewKey(jwthmac.KeyOpts{KeyBytes: tinkSecret(secret), Parameters: parameters})
	if err != nil {
		return nil, err
	}
	handle, err := tinkKeyset(k)
	if err != nil {
		return nil, err
	}
	return jwt.NewMAC(handle)
}

func tinkPublic(s setting) (key.Key, error) {
	switch s.alg {
	case jeton.RS256:
		return tinkRS256(s.public.(*rsa.PublicKey))
	case jeton.PS256:
		return tinkPS256(s.public.(*rsa.PublicKey))
	default:
		return tinkES256(s.public.(*ecdsa.PublicKey))
	}
}

func tinkPrivate(s setting) (key.Key, error) {
	switch k := s.private.(type) {
	case *rsa.PrivateKey:
		d, p, q := tinkSecret(k.D.Bytes()), tinkSecret(k.Primes[0].Bytes()), tinkSecret(k.Primes[1].Bytes())
		if s.alg == jeton.PS256 {
			public, err := tinkPS256(&k.PublicKey)
			if err != nil {
				return nil, err
			}
			return jwtrsassapss.NewPrivateKey(jwtrsassapss.PrivateKeyOpts{PublicKey: public, D: d, P: p, Q: q})
		}
		public, err := tinkRS256(&k.PublicKey)
		if err != nil {
			return nil, err
		}
		return jwtrsassapkcs1.NewPrivateKey(jwtrsassapkcs1.PrivateKeyOpts{PublicKey: public, D: d, P: p, Q: q})
	case *ecdsa.PrivateKey:
		public, err := tinkES256(&k.PublicKey)
		if err != nil {
			return nil, err
		}
		d, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		return jwtecdsa.NewPrivateKeyFromPublicKey(tinkSecret(d), public)
	}
	return nil, errNotOffered
}

func tinkRS256(k *rsa.PublicKey) (*jwtrsassapkcs1.PublicKey, error) {
	parameters, err := jwtrsassapkcs1.NewParameters(jwtrsassapkcs1.ParametersOpts{
		ModulusSizeInBits: k.N.BitLen(), PublicExponent: k.E,
		Algorithm: jwtrsassapkcs1.RS256, KidStrategy: jwtrsassapkcs1.IgnoredKID,
	})
	if err != nil {
		return nil, err
	}
	return jwtrsassapkcs1.NewPublicKey(jwtrsassapkcs1.PublicKeyOpts{Modulus: k.N.Bytes(), Parameters: parameters})
}

func tinkPS256(k *rsa.PublicKey) (*jwtrsassapss.PublicKey, error) {
	parameters, err := jwtrsassapss.NewParameters(jwtrsassapss.ParametersOpts{
		ModulusSizeInBits: k.N.BitLen(), PublicExponent: k.E,
		Algorithm: jwtrsassapss.PS256, KidStrategy: jwtrsassapss.IgnoredKID,
	})
	if err != nil {
		return nil, err
	}
	return jwtrsassapss.NewPublicKey(jwtrsassapss.PublicKeyOpts{Modulus: k.N.Bytes(), Parameters: parameters})
}

func tinkES256(k *ecdsa.PublicKey) (*jwtecdsa.PublicKey, error) {
	parameters, err := jwtecdsa.NewParameters(jwtecdsa.IgnoredKID, jwtecdsa.ES256)
	if err != nil {
		return nil, err
	}
	point, err := k.Bytes()
	if err != nil {
		return nil, err
	}
	return jwtecdsa.NewPublicKey(jwtecdsa.PublicKeyOpts{PublicPoint: point, Parameters: parameters})
}
