package httpauth

import "errors"

// Every error of Check wraps exactly one of these. Their text is for an operator;
// WriteError has another one for clients.
var (
	// ErrNoToken: no Authorization header, or one of another scheme. Answer 401.
	ErrNoToken = errors.New("httpauth: no bearer token")
	// ErrBadRequest: more than one token, or one in another form or place than
	// RFC 6750 section 2.1 gives it. Answer 400.
	ErrBadRequest = errors.New("httpauth: bad request")
	// ErrInvalidToken: the token doesn't verify. The error wraps the reason of
	// package jeton as well. Answer 401.
	ErrInvalidToken = errors.New("httpauth: token refused")
	// ErrInsufficientScope: the token is good and lacks a scope or role. Answer
	// 403.
	ErrInsufficientScope = errors.New("httpauth: token grants too little")
	// ErrUnavailable: it can't be told whether the token is good: keys or
	// revocations are not to be had. Answer 503.
	ErrUnavailable = errors.New("httpauth: can't verify now")
)

// insufficient is an ErrInsufficientScope with the scopes that the resource
// needs; "" if a role is what the token lacks.
type insufficient struct {
	scope  string
	detail string
}

func (e *insufficient) Error() string { return ErrInsufficientScope.Error() + ": " + e.detail }
func (e *insufficient) Unwrap() error { return ErrInsufficientScope }
