package jeton

import (
	"context"
	"time"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// Policy says which tokens a [Verifier] accepts. Issuer, audience and type are
// each either expected or waived by name: a forgotten field is an error of
// NewVerifier, not a check that is left out.
type Policy struct {
	Issuer    string // expected "iss", byte for byte
	AnyIssuer bool   // accept any issuer, or none

	Audience    string // must be among "aud", byte for byte
	AnyAudience bool   // accept any audience, or none

	// Type is the expected "typ" header, such as "at+jwt" or "JWT", compared
	// as a media type: case does not count and "application/" may be left out.
	// It keeps one kind of token from passing for another (RFC 8725 3.11).
	Type    string
	AnyType bool // accept any type, or none

	// Leeway is what clocks may be apart: 0 means 30 s, NoLeeway none, at most
	// a minute.
	Leeway time.Duration
	// AllowMissingExpiration accepts tokens without "exp", which are good for
	// ever. One that has it must not be expired all the same.
	AllowMissingExpiration bool

	// Revocations, if set, is asked last.
	Revocations RevocationList

	// CacheEntries, if not 0, makes the verifier remember that many tokens at
	// the least, rounded up to a power of two, and not verify the same one
	// twice. Key set, clock and revocations are asked each time all the same:
	// nothing outlives its expiry, its key or its revocation. It pays where
	// signatures are slow and clients send a token often. An entry takes about
	// 900 bytes, 2.4 times the length of the claims and the signature, the end of
	// which it does not hold; at most 16,777,216 entries.
	CacheEntries int

	// Limits on what is read; a zero field is its default.
	Limits Limits
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// NoLeeway as a [Policy.Leeway] means that clocks agree.
const NoLeeway time.Duration = -1

const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = time.Minute
)

// RevocationList tells whether a token that holds otherwise was called back.
// CheckRevoked returns nil, or an error that wraps ErrRevoked, or another error
// if it can't tell and its policy is to refuse then; one without a reason of this
// package gets ErrRevocationsUnavailable. It is safe for concurrent
// use.
type RevocationList interface {
	CheckRevoked(ctx context.Context, v *Verified) error
}

// Limits bound the work that a token may cause before it is verified. A zero
// field means the default; nothing means "no limit".
type Limits struct {
	TokenBytes int // length of the token; default 8192
	Depth      int // nesting of its JSON; default 16, at most 10,000
	Members    int // members and array elements of header or claims; default 512. Work grows with its square
	KeyIDBytes int // length of "kid"; default 128
}

const maxDepth = 10_000 // JSON is read recursively, and a stack overflow ends the process

func (l Limits) withDefaults() (Limits, error) {
	for _, f := range []struct {
		value *int
		def   int
	}{{&l.TokenBytes, 8192}, {&l.Depth, 16}, {&l.Members, 512}, {&l.KeyIDBytes, maxKeyIDBytes}} {
		if *f.value < 0 {
			return Limits{}, fail(ErrInvalidPolicy, "a negative limit")
		}
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	if l.Depth > maxDepth {
		return Limits{}, fail(ErrInvalidPolicy, "a nesting limit over %d", maxDepth)
	}
	return l, nil
}

func (l Limits) json() strictjson.Limits {
	return strictjson.Limits{Depth: l.Depth, Members: l.Members}
}

// complete checks a policy and fills in its defaults.
func (p Policy) complete() (Policy, error) {
	for _, f := range []struct {
		name  string
		value string
		any   bool
	}{
		{"Issuer", p.Issuer, p.AnyIssuer},
		{"Audience", p.Audience, p.AnyAudience},
		{"Type", p.Type, p.AnyType},
	} {
		if f.value == "" && !f.any {
			return p, fail(ErrInvalidPolicy, "set %s, or Any%s to accept any", f.name, f.name)
		}
		if f.value != "" && f.any {
			return p, fail(ErrInvalidPolicy, "both %s and Any%s are set", f.name, f.name)
		}
	}
	switch {
	case p.Leeway == 0:
		p.Leeway = defaultLeeway
	case p.Leeway == NoLeeway:
		p.Leeway = 0
	case p.Leeway < 0 || p.Leeway > maxLeeway:
		return p, fail(ErrInvalidPolicy, "a leeway that is not between 0 and %s", maxLeeway)
	}
	if p.CacheEntries < 0 || p.CacheEntries > maxCacheEntries {
		return p, fail(ErrInvalidPolicy, "CacheEntries is not between 0 and %d", maxCacheEntries)
	}
	var err error
	if p.Limits, err = p.Limits.withDefaults(); err != nil {
		return p, err
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return p, nil
}

// check holds a verified token against the policy. Expiry comes last, so that
// ErrExpired says that the rest holds.
func (p *Policy) check(h *Header, c *Claims, now time.Time) error {
	if !p.AnyType && h.Type != p.Type && !sameType(h.Type, p.Type) {
		return fail(ErrType, "typ is not %q", p.Type)
	}
	if !p.AnyIssuer && c.Issuer != p.Issuer {
		if c.Issuer == "" {
			return fail(ErrMissingClaim, "iss")
		}
		return fail(ErrIssuer, "iss is not %q", p.Issuer)
	}
	if !p.AnyAudience && !c.Audience.Contains(p.Audience) {
		if c.Audience == nil {
			return fail(ErrMissingClaim, "aud")
		}
		return fail(ErrAudience, "aud does not name %q", p.Audience)
	}
	exp, nbf, iat := c.ExpiresAt, c.NotBefore, c.IssuedAt
	if exp.IsZero() && !p.AllowMissingExpiration {
		return fail(ErrMissingClaim, "exp")
	}
	if !exp.IsZero() {
		if !nbf.IsZero() && !exp.after(nbf) {
			return fail(ErrContradictoryTimes, "nbf is not before exp")
		}
		if !iat.IsZero() && iat.after(exp) {
			return fail(ErrContradictoryTimes, "iat is after exp")
		}
	}
	// The clock is moved by the leeway only where that decides.
	if !nbf.IsZero() && nbf.afterTime(now) && nbf.afterTime(now.Add(p.Leeway)) {
		return fail(ErrNotYetValid, "nbf is in the future")
	}
	if !iat.IsZero() && iat.afterTime(now) && iat.afterTime(now.Add(p.Leeway)) {
		return fail(ErrIssuedInFuture, "iat is in the future")
	}
	// A fraction of "exp" rounds down: never a moment longer than it says.
	if !exp.IsZero() && now.Unix() >= exp.sec && now.Add(-p.Leeway).Unix() >= exp.sec {
		return fail(ErrExpired, "exp has passed")
	}
	return nil
}
