package httpauth

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/jeton-go/jeton"
)

// answer is what a client is told (RFC 6750 section 3.1). Its texts hold neither
// quotes nor backslashes, so they stand in a quoted-string as they are.
type answer struct {
	is          func(error) bool
	status      int
	code        string
	description string
	bare        bool // the challenge has no error code
}

// answers is the one table from errors to answers; the first that fits counts,
// and what fits none is unavailable.
var answers = []answer{
	{is(ErrNoToken), http.StatusUnauthorized, "unauthorized", "This resource needs a bearer token", true},
	{is(ErrBadRequest), http.StatusBadRequest, "invalid_request",
		"Send exactly one token, as one Authorization header with Bearer, one space and the token", false},
	{is(ErrInsufficientScope), http.StatusForbidden, "insufficient_scope", "The access token does not grant this", false},
	{is(jeton.ErrExpired), http.StatusUnauthorized, "invalid_token", "The access token expired", false},
	{refusesToken, http.StatusUnauthorized, "invalid_token", "The access token is not accepted", false},
}

var unavailable = answer{nil, http.StatusServiceUnavailable, "temporarily_unavailable",
	"The access token can't be verified at the moment", false}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// retryAfter is how many seconds a client is asked to wait after a 503.
const retryAfter = "5"

func answerTo(err error) answer {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, jeton.ErrKeysUnavailable) {
		return unavailable
	}
	for _, a := range answers {
		if a.is(err) {
			return a
		}
	}
	return unavailable
}

// Status returns the HTTP status with which to answer an error of Check: 400,
// 401, 403 or 503. An error of a jeton.Verifier gets that of the error that
// Check makes of it, and any other error is 503.
func Status(err error) int { return answerTo(err).status }

// Answer is what a client is told about an error of Check, in parts, for those
// who speak another protocol than HTTP. It holds nothing of the token.
type Answer struct {
	Status      int    // 400, 401, 403 or 503
	Code        string // RFC 6750 section 3.1, "unauthorized" without a token, or "temporarily_unavailable"
	Description string // a sentence for people
	Scope       string // what the resource needs, names with spaces between; "" if that is not what lacks
}

// AnswerTo returns the answer to an error of Check, as [Status] and
// [Auth.WriteError] give it.
func AnswerTo(err error) Answer {
	to := answerTo(err)
	return Answer{Status: to.status, Code: to.code, Description: to.description, Scope: lackingScope(err)}
}

// lackingScope returns the scopes that a resource needs, if lacking one of them
// is the error.
func lackingScope(err error) string {
	var lacking *insufficient
	if errors.As(err, &lacking) {
		return lacking.scope
	}
	return ""
}

// Challenge returns the WWW-Authenticate header for an error of Check (RFC 6750
// section 3), for programs that write their own answers; "" if there is none to
// send, as with 503.
func (a *Auth) Challenge(err error) string {
	to := answerTo(err)
	if to.status == http.StatusServiceUnavailable {
		return ""
	}
	c := "Bearer realm=" + a.realm
	if to.bare {
		return c
	}
	c += `, error="` + to.code + `", error_description="` + to.description + `"`
	if scope := lackingScope(err); scope != "" {
		c += `, scope="` + scope + `"`
	}
	return c
}

// WriteError answers a request that Check refused, with its error: the status,
// the challenge, and a JSON body with "error" and "error_description". An answer
// of 503 has a Retry-After header, and none may be cached.
func (a *Auth) WriteError(w http.ResponseWriter, err error) {
	to := answerTo(err)
	// Two strings always marshal.
	body, _ := json.Marshal(struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}{to.code, to.description})
	h := w.Header()
	if challenge := a.Challenge(err); challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	} else {
		h.Set("Retry-After", retryAfter)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(to.status)
	// A client that has gone away is none of the caller's business.
	_, _ = w.Write(append(body, '\n'))
}
