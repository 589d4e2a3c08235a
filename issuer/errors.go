package issuer

import (
	"errors"
	"fmt"
	"time"
)

// Errors of an Issuer. Each is one answer to a client; what is wrapped behind
// it is for the operator's log and must not be sent. An error that is none of
// these is a failure of the service: the client learns only that.
var (
	// ErrInvalidRequest: the request itself is malformed (RFC 6749 5.2
	// invalid_request).
	ErrInvalidRequest = errors.New("issuer: invalid request")
	// ErrInvalidCredentials: no such user, a wrong password or a disabled
	// user; which one, the client does not learn.
	ErrInvalidCredentials = errors.New("issuer: wrong username or password")
	// ErrInvalidGrant: a refresh token that is forged, unknown, expired,
	// revoked, superseded or another client's; which one, the client does not
	// learn (RFC 6749 5.2 invalid_grant).
	ErrInvalidGrant = errors.New("issuer: invalid refresh token")
	// ErrInvalidScope: a refresh asked for more scope than was granted (RFC
	// 6749 section 6).
	ErrInvalidScope = errors.New("issuer: scope exceeds what was granted")
	// ErrInvalidTarget: an audience that this issuer has no tokens for (RFC
	// 8707 section 2).
	ErrInvalidTarget = errors.New("issuer: unknown audience")
	// ErrBusy: all password hashing slots stay taken; try again shortly.
	ErrBusy = errors.New("issuer: busy")
	// ErrTooManyFailures: too many logins failed, and this one comes too soon; its
	// password was not looked at. A [RetryError] says when to try again.
	ErrTooManyFailures = errors.New("issuer: too many failed logins")
	// ErrFeedFull: as many read the feed of revocations as may; try again later.
	ErrFeedFull = errors.New("issuer: too many readers of the feed")
	// ErrFeedEnded: the feed was closed, or its log is another one now. A
	// reader begins again.
	ErrFeedEnded = errors.New("issuer: the feed ended")
	// ErrConfig: a Config that is incomplete or contradicts itself.
	ErrConfig = errors.New("issuer: refused configuration")
	// ErrMasterKey: the keys in the store were sealed under another master
	// key, or were changed.
	ErrMasterKey = errors.New("issuer: the master key does not open the keys in the store")
)

// LoginLimit names one of the limits on logins.
type LoginLimit string

// The limits on logins.
const (
	LimitAddress LoginLimit = "address" // failures of an address, whatever the accounts
	LimitSource  LoginLimit = "source"  // failures for one account from one address
	LimitDevice  LoginLimit = "device"  // failures for one account from one known device
	LimitAccount LoginLimit = "account" // failures for one account from wherever nobody knows
)

// RetryError is an ErrTooManyFailures that says how long to wait. The client may
// learn that, and not which limit it met.
type RetryError struct {
	After time.Duration // positive
	Limit LoginLimit
}

func (e *RetryError) Error() string {
	return fmt.Sprintf("%v: of this %s; again in %s", ErrTooManyFailures, e.Limit, e.After.Round(time.Millisecond))
}

// Is makes errors.Is(err, ErrTooManyFailures) true.
func (e *RetryError) Is(target error) bool { return target == ErrTooManyFailures }

// RequestError is an ErrInvalidRequest with a text that may be shown to the
// client: it says what the rule is and repeats nothing of what was sent.
type RequestError struct{ Rule string }

func (e *RequestError) Error() string { return ErrInvalidRequest.Error() + ": " + e.Rule }

// Is makes errors.Is(err, ErrInvalidRequest) true.
func (e *RequestError) Is(target error) bool { return target == ErrInvalidRequest }

func badRequest(format string, args ...any) error {
	return &RequestError{fmt.Sprintf(format, args...)}
}

// because returns sentinel with a cause for the operator. The cause must hold
// no secret, password or token.
func because(sentinel error, format string, args ...any) error {
	return fmt.Errorf("%w: %w", sentinel, fmt.Errorf(format, args...))
}
