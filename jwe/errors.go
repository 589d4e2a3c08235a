package jwe

import (
	"errors"
	"fmt"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// Errors of this package wrap the reasons of package jeton, where a reason about
// a signed token holds for an encrypted one just as well, or one of these two.
// [jeton.ReasonCode] has a code for all of them. No message holds a part of a
// token or of a key.
var (
	// ErrDecrypt: the token was not encrypted for this key, or was changed. It is
	// the one error for every failure of cryptography, whichever step it is that
	// failed. It wraps jeton.ErrSignature, whose code it has.
	ErrDecrypt error = &reason{"jwe: the token can't be decrypted with this key", jeton.ErrSignature}
	// ErrCompressed: the header has "zip" (RFC 7516 section 4.1.3), which is not
	// implemented: a short token could unpack into a long one, and the length of
	// what is compressed tells about its contents. It wraps jeton.ErrHeader.
	ErrCompressed error = &reason{`jwe: compressed ("zip"), which is not implemented`, jeton.ErrHeader}
)

// reason is a sentinel that stands below one of package jeton without repeating
// its text, which is about signed tokens.
type reason struct {
	text   string
	parent error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.parent }

var (
	errAlgorithm  = fail(jeton.ErrUnsupportedAlgorithm, `"alg" is no key management of this package`)
	errEncryption = fail(jeton.ErrUnsupportedAlgorithm, `"enc" is no content encryption of this package`)
)

// fail returns reason with a detail, which must not hold anything that came out
// of a token or a key but for registered names.
func fail(reason error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", reason, fmt.Sprintf(format, args...))
}

// headerReasons maps what strictjson refuses in a header to reasons of package
// jeton.
var headerReasons = []struct{ from, to error }{
	{strictjson.ErrDuplicate, jeton.ErrDuplicateMember},
	{strictjson.ErrTrailing, jeton.ErrTrailingData},
	{strictjson.ErrUTF8, jeton.ErrInvalidUTF8},
	{strictjson.ErrDepth, jeton.ErrTooDeep},
	{strictjson.ErrMembers, jeton.ErrTooManyMembers},
	{strictjson.ErrNotObject, jeton.ErrNotObject},
}

func headerError(err error) error {
	for _, r := range headerReasons {
		if errors.Is(err, r.from) {
			return fail(r.to, "header: %v", err)
		}
	}
	return fail(jeton.ErrJSON, "header: %v", err)
}
