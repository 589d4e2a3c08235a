package httpauth

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// bearer takes the token out of a request: the one Authorization header, in the
// one form that RFC 6750 section 2.1 gives it. Two readers that take a sloppy
// header for different tokens are a hole, so there is no leniency but for the
// scheme's case (RFC 9110 section 11.1).
func bearer(r *http.Request) (string, error) {
	if r.URL != nil && queryHasToken(r.URL.RawQuery) {
		return "", fmt.Errorf("%w: access_token in the query string", ErrBadRequest)
	}
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", ErrNoToken
	}
	if len(values) > 1 {
		return "", fmt.Errorf("%w: more than one Authorization header", ErrBadRequest)
	}
	scheme, token, spaced := strings.Cut(values[0], " ")
	switch {
	case !isScheme(scheme):
		return "", fmt.Errorf("%w: an Authorization header without a scheme", ErrBadRequest)
	case !strings.EqualFold(scheme, "Bearer"):
		if listsBearer(token) {
			return "", fmt.Errorf("%w: a list in the Authorization header", ErrBadRequest)
		}
		return "", fmt.Errorf("%w: another scheme in the Authorization header", ErrNoToken)
	case !spaced || !isToken68(token):
		return "", fmt.Errorf("%w: not one space and one token after Bearer", ErrBadRequest)
	}
	return token, nil
}

// isScheme tells whether s is a token of RFC 9110 section 5.6.2, as the name of
// a scheme is.
func isScheme(s string) bool {
	for i := range len(s) {
		if !alphanumeric(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// isToken68 tells whether s is a b64token of RFC 6750 section 2.1, the token68
// of RFC 9110 section 11.2.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '.' && c != '_' && c != '~' && c != '+' && c != '/' {
			return false
		}
	}
	return s != ""
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// listsBearer tells whether the credentials of another scheme go on with ones of
// ours, as when something on the way joined two headers.
func listsBearer(credentials string) bool {
	for i, part := range strings.Split(credentials, ",") {
		scheme, _, _ := strings.Cut(strings.Trim(part, " \t"), " ")
		if i > 0 && strings.EqualFold(scheme, "Bearer") {
			return true
		}
	}
	return false
}

// queryHasToken tells whether a query string has the parameter access_token.
// Some programs split queries at semicolons too, so both separators count.
func queryHasToken(query string) bool {
	for query != "" {
		pair := query
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			query = ""
		}
		name, _, _ := strings.Cut(pair, "=")
		if strings.Contains(name, "%") {
			if plain, err := url.QueryUnescape(name); err == nil {
				name = plain
			}
		}
		if name == "access_token" {
			return true
		}
	}
	return false
}
