package jeton

import "context"

// KeySet finds the key for a token. Package jwks has a static and a remote one;
// a single [VerifyingKey] is one too.
//
// FindKey gets the token's header, unverified: a name to look up, nothing to
// trust. It returns the one key that the header can mean. If there is none, or
// if there are several, the error wraps ErrUnknownKey; if the keys can't be had
// right now, ErrKeysUnavailable. It never uses a key, an address or a
// certificate that a token brings along.
//
// An implementation is safe for concurrent use and honours ctx.
type KeySet interface {
	FindKey(ctx context.Context, h Header) (*VerifyingKey, error)
}
