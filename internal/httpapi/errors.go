package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// answer is an error as a client sees it (RFC 6749 section 5.2). The
// description is fixed text in the characters that the RFC allows: nothing of
// the request, and nothing that would tell two causes of one refusal apart.
type answer struct {
	status      int
	code        string
	description string
	retry       time.Duration // when to try again; 0: the usual
}

func (a answer) after(d time.Duration) answer {
	a.retry = d
	return a
}

func (a answer) Error() string { return a.description }

// answers maps what the issuer says to what the client gets. What is not in the
// table is a failure of the service.
var answers = []struct {
	err error
	answer
}{
	{issuer.ErrInvalidCredentials, answer{status: 400, code: "invalid_grant", description: "wrong username or password"}},
	{issuer.ErrInvalidGrant, answer{status: 400, code: "invalid_grant", description: "the refresh token is not valid"}},
	{issuer.ErrInvalidScope, answer{status: 400, code: "invalid_scope", description: "the scope exceeds what was granted"}},
	{issuer.ErrInvalidTarget, answer{status: 400, code: "invalid_target", description: "no tokens are made for this audience"}},
	{issuer.ErrNotFound, answer{status: 404, code: "not_found", description: "there is no such thing"}},
	{issuer.ErrFeedFull, answer{status: 503, code: "temporarily_unavailable", description: "too many readers of the feed, try again later"}},
	{issuer.ErrFeedEnded, answer{status: 503, code: "temporarily_unavailable", description: "the feed begins anew, try again"}},
	{issuer.ErrDevice, answer{status: 503, code: "temporarily_unavailable", description: "tokens can't be signed at the moment, try again shortly"}},
	{issuer.ErrBusy, answer{status: 503, code: "temporarily_unavailable", description: "too many logins at once, try again shortly"}},
}

var (
	serverError = answer{status: 500, code: "server_error", description: "the service failed, try again"}
	outOfTime   = answer{status: 503, code: "temporarily_unavailable", description: "the request ended before the service was done, try again"}
	// The code is that of RFC 8628 section 3.5 for a client that asks too often.
	tooManyFailures = answer{status: 429, code: "slow_down", description: "too many failed logins, wait before the next one"}
)

// answerTo finds the answer to an error and tells whether it is a failure of
// the service, which belongs in a log.
func answerTo(err error) (a answer, failure bool) {
	var own answer
	if errors.As(err, &own) {
		return own, false
	}
	var slow *issuer.RetryError
	if errors.As(err, &slow) {
		return tooManyFailures.after(slow.After), false
	}
	var rule *issuer.RequestError
	if errors.As(err, &rule) {
		return answer{status: 400, code: "invalid_request", description: rule.Rule}, false
	}
	for _, row := range answers {
		if errors.Is(err, row.err) {
			return row.answer, false
		}
	}
	return serverError, true
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer, failure := answerTo(err)
	if failure && r.Context().Err() != nil {
		// The client left, or the program gave the request a deadline. In the
		// second case somebody still listens, and silence would be a 200.
		answer = outOfTime
	}
	a.report(r, answer.status, err)
	writeAnswer(w, answer)
}

// report tells OnError of an answer.
func (a *api) report(r *http.Request, status int, err error) {
	if a.OnError != nil {
		a.OnError(withoutSecrets(r), status, err)
	}
}

// tokenLike finds what is long enough to be a refresh token or a JWT; a session
// id and a traceparent are shorter.
var tokenLike = regexp.MustCompile(fmt.Sprintf(`[\w.~+=-]{%d,}`, leastToken))

const leastToken = 65

func mask(s string) string {
	if len(s) < leastToken {
		return s
	}
	return tokenLike.ReplaceAllString(s, "[redacted]")
}

// withoutSecrets returns what a log may have of a request: no credentials, no
// query, no body, and no token that a client put into the path by mistake.
func withoutSecrets(r *http.Request) *http.Request {
	c := &http.Request{
		Method:     mask(r.Method),
		URL:        &url.URL{Path: mask(r.URL.Path)},
		Proto:      r.Proto,
		ProtoMajor: r.ProtoMajor,
		ProtoMinor: r.ProtoMinor,
		Header:     make(http.Header, len(r.Header)),
		Body:       http.NoBody,
		Host:       mask(r.Host),
		RemoteAddr: r.RemoteAddr,
		TLS:        r.TLS,
		Pattern:    r.Pattern,
	}
	c.RequestURI = c.URL.EscapedPath()
	for name, values := range r.Header {
		switch name {
		case "Authorization", "Proxy-Authorization", "Cookie", "Referer":
			continue
		}
		for _, value := range values {
			c.Header[name] = append(c.Header[name], mask(value))
		}
	}
	return c.WithContext(r.Context())
}

func writeAnswer(w http.ResponseWriter, a answer) {
	switch a.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		seconds := max(1, (a.retry+time.Second-1)/time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="jeton"`)
	}
	writeJSON(w, a.status, map[string]string{"error": a.code, "error_description": a.description})
}

// writeJSON writes an answer that no cache may keep.
func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic("httpapi: " + err.Error()) // all bodies are plain structs and maps of strings
	}
	writeText(w, status, append(b, '\n'))
}

// writeText writes a JSON text that no cache may keep.
func writeText(w http.ResponseWriter, status int, text []byte) {
	values := [...]string{"application/json", "no-store", "no-cache"}
	h := w.Header()
	h["Content-Type"] = values[0:1:1]
	h["Cache-Control"] = values[1:2:2]
	h["Pragma"] = values[2:3:3] // RFC 6749 section 5.1
	w.WriteHeader(status)
	w.Write(text)
}
