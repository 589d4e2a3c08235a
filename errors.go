package jeton

import (
	"errors"
	"fmt"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// Every error of this package wraps one of the reasons below, so that errors.Is
// tells why; where it wraps two, ReasonCode tells the first. Its message is for
// an operator: it never holds the token, a key or the value of a claim. Answer
// clients with less: that a token was refused is enough.
//
// The reasons form a small tree: errors.Is(err, ErrMalformed) holds for each
// way in which a token can be malformed, errors.Is(err, ErrInvalidClaim) for
// each claim that the policy refuses, and so on.
var (
	// ErrMalformed: the string is no compact JWS with a JSON claims set
	// (RFC 7515 section 7.1, RFC 7519 section 7.2). Segments and header are read
	// before the signature is verified, claims after it.
	ErrMalformed = newReason("malformed", nil, "malformed token")

	ErrTokenTooLarge = newReason("token_too_large", ErrMalformed, "token longer than the limit")
	// ErrSegments: not exactly three segments, or an empty one. An encrypted
	// token (five segments) and an unsecured one (an empty third) end here.
	ErrSegments = newReason("segments", ErrMalformed, "not three non-empty segments")
	// ErrEncoding: base64url with padding, white space, stray bits or another
	// character (RFC 7515 section 2).
	ErrEncoding = newReason("encoding", ErrMalformed, "not canonical base64url")
	// ErrJSON: header or claims are not one JSON object that all parsers read
	// alike; the reasons below say more.
	ErrJSON            = newReason("json", ErrMalformed, "refused JSON")
	ErrDuplicateMember = newReason("duplicate_member", ErrJSON, "duplicate JSON member")
	ErrTrailingData    = newReason("trailing_data", ErrJSON, "data after the JSON value")
	ErrInvalidUTF8     = newReason("invalid_utf8", ErrJSON, "JSON that is not valid UTF-8")
	ErrTooDeep         = newReason("too_deep", ErrJSON, "JSON nested deeper than the limit")
	ErrTooManyMembers  = newReason("too_many_members", ErrJSON, "more JSON members than the limit")
	// ErrNumberRange: a number that a double can't hold, such as 1e400 (RFC 7493
	// section 2.2).
	ErrNumberRange = newReason("number_range", ErrJSON, "JSON number beyond the range of a double")
	ErrNotObject   = newReason("not_object", ErrJSON, "not a JSON object")
	// ErrHeader: a header parameter is missing, of the wrong type or beyond
	// its limit.
	ErrHeader = newReason("header", ErrMalformed, "refused header parameter")
	// ErrCritical: the header has "crit" or "b64", extensions that this
	// package does not implement (RFC 7515 section 4.1.11, RFC 7797).
	ErrCritical = newReason("critical", ErrMalformed, "critical header extension")
	// ErrClaimType: a registered claim has a wrong type or an impossible
	// value, such as a string for "exp" (RFC 7519 section 4.1).
	ErrClaimType = newReason("claim_type", ErrMalformed, "registered claim of a wrong type")

	// ErrUnsupportedAlgorithm: an algorithm that this package does not have.
	// "none" is one of those.
	ErrUnsupportedAlgorithm = newReason("unsupported_algorithm", nil, "unsupported algorithm")
	// ErrAlgorithmMismatch: the token names another algorithm than its key's.
	ErrAlgorithmMismatch = newReason("algorithm_mismatch", nil, "the token's algorithm is not its key's")
	// ErrUnknownKey: the key set has no key for the token, or more than one
	// could be meant.
	ErrUnknownKey = newReason("unknown_key", nil, "no key for this token")
	// ErrKeysUnavailable: the key set could not be had. The token may be good.
	ErrKeysUnavailable = newReason("keys_unavailable", nil, "key set unavailable")
	// ErrSignature: the signature is not the key's over this token.
	ErrSignature = newReason("signature", nil, "wrong signature")

	// ErrInvalidClaim: the signature holds and the policy refuses a claim.
	ErrInvalidClaim = newReason("invalid_claim", nil, "refused claim")
	// ErrMissingClaim: the policy requires a claim that the token lacks.
	ErrMissingClaim = newReason("missing_claim", ErrInvalidClaim, "missing claim")
	// ErrType: "typ" is not the one that the policy expects (RFC 8725 3.11).
	ErrType     = newReason("type", ErrInvalidClaim, "another type of token")
	ErrIssuer   = newReason("issuer", ErrInvalidClaim, "another issuer")
	ErrAudience = newReason("audience", ErrInvalidClaim, "another audience")
	// ErrNotYetValid: "nbf" is in the future, by more than the leeway.
	ErrNotYetValid = newReason("not_yet_valid", ErrInvalidClaim, "not valid yet")
	// ErrIssuedInFuture: "iat" is in the future, by more than the leeway.
	ErrIssuedInFuture = newReason("issued_in_future", ErrInvalidClaim, "issued in the future")
	// ErrContradictoryTimes: "nbf" is not before "exp", or "iat" is after it.
	ErrContradictoryTimes = newReason("contradictory_times", ErrInvalidClaim, "times that contradict each other")
	// ErrExpired: "exp" has passed, by more than the leeway. It is looked at
	// last: everything else about the token holds, but for revocation.
	ErrExpired = newReason("expired", ErrInvalidClaim, "expired")
	// ErrRevoked: the token's session or subject was revoked.
	ErrRevoked = newReason("revoked", nil, "revoked")
	// ErrRevocationsUnavailable: what was revoked is not known well enough. The
	// token may be good.
	ErrRevocationsUnavailable = newReason("revocations_unavailable", nil, "revocations unavailable")

	// ErrInvalidKey: key material or a key option that is refused.
	ErrInvalidKey = newReason("invalid_key", nil, "refused key")
	// ErrWeakKey: a key too short, or one that could be guessed.
	ErrWeakKey = newReason("weak_key", ErrInvalidKey, "weak key")
	// ErrInvalidPolicy: a Policy, or an option of a Signer, that is
	// incomplete or contradicts itself.
	ErrInvalidPolicy = newReason("invalid_policy", nil, "refused policy")
	// ErrClaims: claims that a Signer refuses to sign, or that do not fit the
	// Go type that they are decoded into.
	ErrClaims = newReason("claims", nil, "claims that do not fit")
)

// reason is a sentinel error with a place in the tree and a stable code.
type reason struct {
	code   string
	parent error
	text   string
}

func newReason(code string, parent error, text string) error {
	return &reason{code, parent, "jeton: " + text}
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.parent }

// ReasonCode returns the stable, lower-case code of the reason that err wraps,
// such as "expired" or "signature", for logs, metrics and machine-readable
// output; "" if err wraps none of this package's reasons.
func ReasonCode(err error) string {
	var r *reason
	if errors.As(err, &r) {
		return r.code
	}
	return ""
}

// fail returns reason with a detail. The detail must not hold anything that
// came out of a token but for names of registered claims and parameters.
func fail(reason error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", reason, fmt.Sprintf(format, args...))
}

// jsonReasons maps what strictjson refuses to this package's reasons.
var jsonReasons = []struct{ from, to error }{
	{strictjson.ErrDuplicate, ErrDuplicateMember},
	{strictjson.ErrTrailing, ErrTrailingData},
	{strictjson.ErrUTF8, ErrInvalidUTF8},
	{strictjson.ErrDepth, ErrTooDeep},
	{strictjson.ErrRange, ErrNumberRange},
	{strictjson.ErrMembers, ErrTooManyMembers},
	{strictjson.ErrNotObject, ErrNotObject},
}

// jsonError turns an error of strictjson into one of this package. Its text
// has an offset and no part of the input.
func jsonError(what string, err error) error {
	for _, r := range jsonReasons {
		if errors.Is(err, r.from) {
			return fail(r.to, "%s: %v", what, err)
		}
	}
	return fail(ErrJSON, "%s: %v", what, err)
}
