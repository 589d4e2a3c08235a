package jeton

import (
	"context"
	"errors"
	"fmt"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// Verifier verifies tokens: structure, algorithm, key, signature, claims and
// revocation, in one call. It is immutable and safe for concurrent use.
type Verifier struct {
	keys   KeySet
	policy Policy
}

// NewVerifier makes a verifier of the keys that may have signed and of what a
// token must say. ErrInvalidPolicy if the policy is incomplete or contradicts
// itself.
func NewVerifier(keys KeySet, p Policy) (*Verifier, error) {
	if key, pinned := keys.(*VerifyingKey); keys == nil || pinned && (key == nil || key.alg == nil) {
		return nil, fail(ErrInvalidPolicy, "no key set")
	}
	p, err := p.complete()
	if err != nil {
		return nil, err
	}
	return &Verifier{keys: keys, policy: p}, nil
}

// Verify verifies a token in compact serialization and returns what it says, or
// an error that wraps one of this package's reasons; never both. What the
// policy's revocation list answers comes back as it is, with its own reasons.
//
// The order is: length and segments; header; key, by "kid"; algorithm, which is
// the key's; signature, over the bytes received; claims; policy, with expiry at
// the end; revocation.
func (v *Verifier) Verify(ctx context.Context, token string) (*Verified, error) {
	c, err := split(token, v.policy.Limits)
	if err != nil {
		return nil, err
	}
	// A JWS may have an empty payload (RFC 7515), a JWT has claims.
	if len(c.payload) == 0 {
		return nil, errEmptySegment
	}
	verified, err := v.authenticate(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := verified.parse(v.policy.Limits); err != nil {
		return nil, err
	}
	if err := v.policy.check(verified.header, &verified.claims, v.policy.Now()); err != nil {
		return nil, err
	}
	if v.policy.Revocations != nil {
		if err := v.policy.Revocations.CheckRevoked(ctx, verified); err != nil {
			return nil, err
		}
	}
	return verified, nil
}

// authenticate goes as far as the signature (RFC 7515 section 5.2). Of the
// result only header, payload and key are set.
func (v *Verifier) authenticate(ctx context.Context, c compact) (*Verified, error) {
	text, err := c.decode("header", c.header)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(text, v.policy.Limits)
	if err != nil {
		return nil, err
	}
	payload, err := c.decode("payload", c.payload)
	if err != nil {
		return nil, err
	}
	signature, err := c.decode("signature", c.signature)
	if err != nil {
		return nil, err
	}
	key, err := v.keys.FindKey(ctx, h)
	switch {
	case err == nil && (key == nil || key.alg == nil):
		return nil, ErrUnknownKey
	case err != nil && ReasonCode(err) == "":
		// A key set of another module: its error gets a reason.
		return nil, errors.Join(ErrKeysUnavailable, err)
	case err != nil:
		return nil, err
	case h.Algorithm != key.alg.name:
		return nil, fail(ErrAlgorithmMismatch, "the key is for %s", key.alg.name)
	}
	if !key.alg.scheme.verify(key, c.input, signature) {
		return nil, ErrSignature
	}
	return &Verified{header: h, payload: payload, key: key}, nil
}

// Verified is a token whose signature and claims hold. Only [Verifier.Verify]
// makes one, so that a function which takes a *Verified can't be called with a
// token that nobody looked at. It is immutable and safe for concurrent use.
type Verified struct {
	header  Header
	claims  Claims
	payload []byte
	members []strictjson.Member
	key     *VerifyingKey
}

func (v *Verified) parse(limits Limits) error {
	var err error
	room := make([]strictjson.Member, 0, 12) // for the claims of an access token
	if v.members, err = strictjson.AppendMembers(room, v.payload, limits.json()); err != nil {
		return jsonError("claims", err)
	}
	v.claims, err = parseClaims(v.members)
	return err
}

// Header returns the token's header, which its signature covers.
func (v *Verified) Header() Header { return v.header }

// Key returns the key that verified the token.
func (v *Verified) Key() *VerifyingKey { return v.key }

// Claims returns the registered claims.
func (v *Verified) Claims() Claims {
	c := v.claims
	c.Audience = append(Audience(nil), c.Audience...)
	return c
}

// Issuer returns the "iss" claim; "" if absent.
func (v *Verified) Issuer() string { return v.claims.Issuer }

// Subject returns the "sub" claim; "" if absent. It is unique within the issuer
// only.
func (v *Verified) Subject() string { return v.claims.Subject }

// ID returns the "jti" claim; "" if absent.
func (v *Verified) ID() string { return v.claims.ID }

// ExpiresAt returns the "exp" claim; zero if absent.
func (v *Verified) ExpiresAt() NumericDate { return v.claims.ExpiresAt }

// IssuedAt returns the "iat" claim; zero if absent.
func (v *Verified) IssuedAt() NumericDate { return v.claims.IssuedAt }

// Payload returns a copy of the claims set, the very bytes that were signed.
func (v *Verified) Payload() []byte { return append([]byte(nil), v.payload...) }

// Claim returns the value of any claim as JSON, and whether the token has it.
func (v *Verified) Claim(name string) ([]byte, bool) {
	for _, m := range v.members {
		if string(m.Name) == name {
			return append([]byte(nil), m.Value...), true
		}
	}
	return nil, false
}

// StringClaim returns the value of a claim that is a JSON string; "" if the
// claim is absent or no string.
func (v *Verified) StringClaim(name string) string {
	for _, m := range v.members {
		if string(m.Name) == name {
			s, _ := strictjson.String(m.Value)
			return s
		}
	}
	return ""
}

// Decode decodes the claims into the struct or map that dst points to, by the
// names in its json tags. It is stricter than encoding/json: a member fits only
// the field of exactly its name, and a value that does not fit its field is an
// error, which wraps ErrClaims and names the member. Members without a field
// are passed over; Claim reads them.
func (v *Verified) Decode(dst any) error {
	err := strictjson.Unmarshal(v.payload, dst, strictjson.Limits{Depth: len(v.payload), Members: len(v.payload)})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrClaims, err)
	}
	return nil
}

// VerifyAs verifies a token as Verify does and decodes its claims into a T, as
// Decode does. With an error the T is zero.
func VerifyAs[T any](ctx context.Context, v *Verifier, token string) (T, error) {
	var claims T
	verified, err := v.Verify(ctx, token)
	if err != nil {
		return claims, err
	}
	if err := verified.Decode(&claims); err != nil {
		var zero T
		return zero, err
	}
	return claims, nil
}
