package bench

import (
	"errors"
	"time"

	"github.com/jeton-go/jeton"
)

// claims are what the application puts into a token and wants back.
type claims struct {
	Issuer, Subject string
	Audience        []string
	ExpiresAt       time.Time
	NotBefore       time.Time
	IssuedAt        time.Time
	ID              string

	Scope, Tenant string
	Roles         []string
}

// private are the claims that are not registered ones, for the structs of
// libraries that decode with encoding/json or a variant of it.
type private struct {
	Scope  string   `json:"scope,omitempty"`
	Tenant string   `json:"tenant,omitempty"`
	Roles  []string `json:"roles,omitempty"`
}

// setting is what a signer or a verifier is made for.
type setting struct {
	alg     jeton.Algorithm
	private any // []byte or a crypto.Signer
	public  any // []byte or a public key

	issuer, audience string

	// lax waives issuer, audience, type and the presence of "exp". Only the
	// differential test does that.
	lax bool
	// clock stands still; nil means the library's own, which is time.Now.
	clock func() time.Time
}

// leeway is what clocks may be apart, for libraries that have such an option.
const leeway = 30 * time.Second

// typ is the "typ" of all tokens.
const typ = "JWT"

// name is the algorithm's name in tokens. All peers know Ed25519 by its older
// name, and some by no other.
func (s setting) name() string {
	if s.alg == jeton.Ed25519 {
		return "EdDSA"
	}
	return string(s.alg)
}

func (s setting) now() time.Time {
	if s.clock != nil {
		return s.clock()
	}
	return time.Now()
}

type (
	// signFunc signs claims into a token.
	signFunc func(*claims) (string, error)
	// bufferSignFunc signs claims and appends the token to dst.
	bufferSignFunc func(dst []byte, c *claims) ([]byte, error)
	// verifyFunc does all of the work on a token as it stands in an
	// Authorization header.
	verifyFunc func(token string) (claims, error)
)

// library is one implementation.
type library struct {
	name     string
	signer   func(setting) (signFunc, error)
	verifier func(setting) (verifyFunc, error)
}

// libraries returns all of them in the order of the tables.
func libraries() []library {
	return []library{
		{"floor", floorSigner, floorVerifier},
		{"jeton", jetonSigner, jetonVerifier},
		{"jeton-cached", jetonCachedSigner, jetonCachedVerifier},
		{"golang-jwt", golangJWTSigner, golangJWTVerifier},
		{"jwx", jwxSigner, jwxVerifier},
		{"go-jose", goJOSESigner, goJOSEVerifier},
		{"cristalhq", cristalhqSigner, cristalhqVerifier},
		{"kataras", katarasSigner, katarasVerifier},
		{"pascaldekloe", pascaldekloeSigner, pascaldekloeVerifier},
		{"tink", tinkSigner, tinkVerifier},
	}
}

var (
	// errNotOffered: the library does not have the algorithm.
	errNotOffered = errors.New("algorithm not offered")
	// errRefused is what adapters answer for the checks that they do because
	// the library does not.
	errRefused = errors.New("refused by the caller's own check")
)

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
