package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Failure is an operation that did not succeed.
type Failure struct {
	Kind       string        // what is counted: "503 temporarily_unavailable", "timeout"
	Detail     string        // what the server said of it; without secrets
	RetryAfter time.Duration // what the server asks for; 0 if nothing
	Timeout    bool          // the answer did not come in time
	status     int           // of the answer; 0 if there was none
	code       string        // the server's word for it, as it came
}

// Error is kind and detail.
func (f *Failure) Error() string {
	if f.Detail == "" {
		return f.Kind
	}
	return f.Kind + ": " + f.Detail
}

// transportFailure is a request without an answer.
func transportFailure(err error) *Failure {
	f := &Failure{Kind: "no answer", Detail: err.Error()}
	var timeout net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		f.Kind, f.Timeout = "timeout", true
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Kind = "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		f.Kind = "connection closed"
	}
	return f
}

// refusal is an answer with another status than the one that was hoped for.
func (s *session) refusal(a answer) *Failure {
	f := &Failure{Kind: fmt.Sprint(a.status), RetryAfter: a.retryAfter, status: a.status}
	code, description := errorMembers(a.body)
	f.code = code
	if code != "" {
		f.Kind += " " + s.scrub(code)
	}
	f.Detail = s.scrub(description)
	return f
}

// errorMembers finds code and description in the body of an error: those of RFC
// 6749 section 5.2, or what other servers have in their place.
func errorMembers(body []byte) (code, description string) {
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return "", ""
	}
	first := func(names ...string) string {
		for _, name := range names {
			if text, ok := members[name].(string); ok {
				return text
			}
		}
		return ""
	}
	return first("error", "error_code", "code"), first("error_description", "msg", "message")
}

// tokenLike finds what is long enough to be a token.
var tokenLike = regexp.MustCompile(`[\w.~+/=-]{40,}`)

const longestText = 200

// scrub makes a server's text fit for a terminal: it may have sent back what it
// was sent.
func (s *session) scrub(text string) string {
	for _, secret := range s.target.secrets() {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	text = tokenLike.ReplaceAllString(text, "[redacted]")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > longestText {
		text = string(runes[:longestText]) + "..."
	}
	return text
}
