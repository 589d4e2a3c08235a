package jeton

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// Verifier verifies tokens: structure, algorithm, key, signature, claims and
// revocation, in one call. It is immutable and safe for concurrent use.
type Verifier struct {
	keys    KeySet
	policy  Policy
	scratch *sync.Pool // of *scratch
	headers *knownHeaders
	cache   *cache                     // nil if there is none
	plan    *atomic.Pointer[typedPlan] // of the type last decoded into
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
	return &Verifier{keys: keys, policy: p, scratch: &sync.Pool{}, headers: &knownHeaders{}, plan: &atomic.Pointer[typedPlan]{}, cache: newCache(p.CacheEntries)}, nil
}

// Verify verifies a token in compact serialization and returns what it says, or
// an error that wraps one of this package's reasons; never both. What the
// policy's revocation list answers comes back with its own reasons, or with
// ErrRevocationsUnavailable if it has none.
//
// The order is: length and segments; header; key, by "kid"; algorithm, which is
// the key's; signature, over the bytes received; claims; policy, with expiry at
// the end; revocation.
func (v *Verifier) Verify(ctx context.Context, token string) (*Verified, error) {
	c, err := v.split(token)
	if err != nil {
		return nil, err
	}
	if v.cache != nil {
		return v.verifyCached(ctx, c)
	}
	verified, err := v.verify(ctx, c)
	if err != nil {
		return nil, err
	}
	return v.admit(ctx, verified)
}

func (v *Verifier) split(token string) (compact, error) {
	c, err := split(token, v.policy.Limits)
	// A JWS may have an empty payload (RFC 7515), a JWT has claims.
	if err == nil && c.payload() == "" {
		err = errEmptySegment
	}
	return c, err
}

// verify goes as far as the claims, which do not change any more.
func (v *Verifier) verify(ctx context.Context, c compact) (*Verified, error) {
	room := v.room()
	defer v.scratch.Put(room)
	a, err := v.authenticate(ctx, c, room, &room.payload)
	if err != nil {
		return nil, err
	}
	return a.verified(v.policy.Limits)
}

// admit looks at what may be different each time: the clock, and revocations.
func (v *Verifier) admit(ctx context.Context, verified *Verified) (*Verified, error) {
	if err := v.policy.check(&verified.header, &verified.claims, v.policy.Now()); err != nil {
		return nil, err
	}
	if v.policy.Revocations != nil {
		if err := v.policy.Revocations.CheckRevoked(ctx, verified); err != nil {
			if ReasonCode(err) == "" {
				// A list of another module: its error gets a reason.
				err = errors.Join(ErrRevocationsUnavailable, err)
			}
			return nil, err
		}
	}
	return verified, nil
}

// verifyCached takes what verify found out before, if the key set still answers
// with the very key that it found out with.
func (v *Verifier) verifyCached(ctx context.Context, c compact) (*Verified, error) {
	digest := v.cache.digest(c)
	entry := v.cache.find(digest, c)
	if entry != nil {
		if key, err := v.keys.FindKey(ctx, entry.verified.header); err == nil && key == entry.verified.key {
			verified, err := v.admit(ctx, entry.verified)
			if err != nil {
				v.cache.drop(entry)
			}
			return verified, err
		}
		v.cache.drop(entry) // let it be decided anew
	}
	verified, err := v.verify(ctx, c)
	if err != nil {
		return nil, err
	}
	if verified, err = v.admit(ctx, verified); err == nil {
		v.cache.add(digest, c, verified)
	}
	return verified, err
}

// authentic is a token whose signature holds.
type authentic struct {
	header  *Header
	key     *VerifyingKey
	payload []byte // in a buffer that is used again
}

// authenticate goes as far as the signature (RFC 7515 section 5.2). The payload
// is decoded into the buffer.
func (v *Verifier) authenticate(ctx context.Context, c compact, room *scratch, buffer *[]byte) (authentic, error) {
	h, known := room.header(v.headers, c.header())
	if !known {
		text, err := decodeSegment(&room.payload, "header", c.header())
		if err != nil {
			return authentic{}, err
		}
		parsed, err := parseHeader(string(text), v.policy.Limits)
		if err != nil {
			return authentic{}, err
		}
		h = &parsed
	}
	payload, err := decodeSegment(buffer, "payload", c.payload())
	if err != nil {
		return authentic{}, err
	}
	signature, err := decodeSegment(&room.signature, "signature", c.signature())
	if err != nil {
		return authentic{}, err
	}
	key, err := v.keys.FindKey(ctx, *h)
	switch {
	case err == nil && (key == nil || key.alg == nil):
		return authentic{}, ErrUnknownKey
	case err != nil && ReasonCode(err) == "":
		// A key set of another module: its error gets a reason.
		return authentic{}, errors.Join(ErrKeysUnavailable, err)
	case err != nil:
		return authentic{}, err
	case h.Algorithm != key.alg.name:
		return authentic{}, fail(ErrAlgorithmMismatch, "the key is for %s", key.alg.name)
	}
	// The signature is over these bytes as they were received, never over
	// anything that was encoded again.
	if !key.alg.scheme.verify(key, bytesOf(c.input()), signature) {
		return authentic{}, ErrSignature
	}
	if !known {
		v.headers.add(c.header(), h)
	}
	return authentic{header: h, key: key, payload: payload}, nil
}

// verified reads the claims.
func (a authentic) verified(limits Limits) (*Verified, error) {
	v := &Verified{header: *a.header, key: a.key, payload: string(a.payload)}
	var err error
	if v.members, err = strictjson.AppendSpans(v.memberRoom[:0], v.payload, limits.json()); err != nil {
		return nil, jsonError("claims", err)
	}
	if err := v.claims.parse(v.payload, v.members, &names{free: v.audienceRoom[:]}); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *Verifier) room() *scratch {
	if room, ok := v.scratch.Get().(*scratch); ok {
		return room
	}
	return &scratch{names: names{grow: namesAtATime}}
}

// Verified is a token whose signature and claims hold. Only [Verifier.Verify]
// makes one, so that a function which takes a *Verified can't be called with a
// token that nobody looked at. It is immutable and safe for concurrent use.
type Verified struct {
	header  Header
	claims  Claims
	payload string
	members []strictjson.Span
	key     *VerifyingKey

	// Room for what a usual token has, so that it takes one allocation.
	audienceRoom [1]string
	memberRoom   [12]strictjson.Span
}

// find returns a claim; nil if the token does not have it.
func (v *Verified) find(name string) *strictjson.Span {
	key := strictjson.NameKey(name)
	for i := range v.members {
		if m := &v.members[i]; m.Key() == key && m.Is(name, v.payload) {
			return m
		}
	}
	return nil
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
func (v *Verified) Payload() []byte { return []byte(v.payload) }

// Claim returns the value of any claim as JSON, and whether the token has it.
func (v *Verified) Claim(name string) ([]byte, bool) {
	m := v.find(name)
	if m == nil {
		return nil, false
	}
	return []byte(m.Value(v.payload)), true
}

// StringClaim returns the value of a claim that is a JSON string; "" if the
// claim is absent or no string.
func (v *Verified) StringClaim(name string) string {
	if m := v.find(name); m != nil {
		s, _ := m.String(v.payload)
		return s
	}
	return ""
}

// Decode decodes the claims into the struct or map that dst points to, by the
// names in its json tags. It is stricter than encoding/json: a member fits only
// the field of exactly its name, and a value that does not fit its field is an
// error, which wraps ErrClaims and names the member. Members without a field
// are passed over; Claim reads them.
func (v *Verified) Decode(dst any) error {
	if v.payload == "" {
		return fail(ErrClaims, "there are none: no verifier made this Verified")
	}
	preset := strictjson.Preset{Type: claimsType, Copy: func(dst any) { *dst.(*Claims) = v.Claims() }}
	if err := strictjson.DecodeSpans(v.members, v.payload, dst, &preset); err != nil {
		return fmt.Errorf("%w: %w", ErrClaims, err)
	}
	return nil
}

var claimsType = reflect.TypeFor[Claims]()
