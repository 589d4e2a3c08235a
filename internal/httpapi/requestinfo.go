package httpapi

import (
	"crypto/rand"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jeton-go/jeton/issuer"
)

// requestIDHeader names a request, for whoever looks for it in several logs.
const requestIDHeader = "X-Request-Id"

// maxRequestID is shorter than a JWT or a refresh token.
const maxRequestID = 64

// named gives a request its id and its client's address, and tells the client
// the id.
func (a *api) named(w http.ResponseWriter, r *http.Request) *http.Request {
	info := issuer.RequestInfo{ID: requestID(r), Client: clientAddress(r, a.TrustedProxies), Agent: userAgent(r)}
	w.Header()[requestIDHeader] = []string{info.ID} // spelled as Set would
	return r.WithContext(issuer.WithRequestInfo(r.Context(), info))
}

// requestID returns the id that the client, or a proxy before it, gave the
// request, if it is one that can stand in any log and is no token of ours; else
// a new one.
func requestID(r *http.Request) string {
	if given := r.Header[requestIDHeader]; len(given) == 1 && goodRequestID(given[0]) {
		return given[0]
	}
	return rand.Text()
}

func goodRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID || strings.HasPrefix(id, "jtr_") || strings.HasPrefix(id, "jta_") || strings.HasPrefix(id, "jtd_") {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// maxAgent is as much of a User-Agent as tells one client from another.
const maxAgent = 200

// userAgent is what the client says it is, in printable characters, without what
// could be a token.
func userAgent(r *http.Request) string {
	agent := r.UserAgent()
	agent = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) && c != unicode.ReplacementChar {
			return c
		}
		return '?'
	}, mask(agent[:min(len(agent), 4*maxAgent)]))
	for i, c := range agent { // whole characters
		if i+utf8.RuneLen(c) > maxAgent {
			return agent[:i]
		}
	}
	return agent
}
