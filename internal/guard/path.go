package guard

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// errAmbiguous: gateway, guard and service could take a request for different
// ones.
var errAmbiguous = errors.New("guard: ambiguous request")

type ambiguity string

func (a ambiguity) Error() string { return errAmbiguous.Error() + ": " + string(a) }
func (ambiguity) Unwrap() error   { return errAmbiguous }

const mostTarget = 8 << 10

// splitTarget returns the path of a request target (RFC 9112 section 3.2.1), with
// its percent encoding undone, and the query as it is. A path that there are two
// ways to read is refused, however it would be matched: with dots, empty segments
// or parameters, or with a character encoded that separates segments, or that
// need not be encoded.
func splitTarget(target string) (path, query string, err error) {
	raw, query, _ := strings.Cut(target, "?")
	if len(target) > mostTarget {
		return "", "", ambiguity("a target longer than 8 KiB")
	}
	if !strings.HasPrefix(raw, "/") {
		return "", "", ambiguity("a target that doesn't begin with a slash")
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			if c <= ' ' || c >= 0x7f || c == '\\' || c == ';' || c == '#' {
				return "", "", ambiguity("a character that paths don't have")
			}
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
			return "", "", ambiguity("broken percent encoding")
		}
		c = byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
		i += 2
		if c < ' ' || c == 0x7f || unreserved(c) || strings.IndexByte(`/\;?#%`, c) >= 0 {
			return "", "", ambiguity("an encoded character that separates or needs no encoding")
		}
		b.WriteByte(c)
	}
	path = b.String()
	if !utf8.ValidString(path) {
		return "", "", ambiguity("a path that is not UTF-8")
	}
	if segmentProblem(path) != "" {
		return "", "", ambiguity("a path with empty segments or dots")
	}
	return path, query, nil
}

func segmentProblem(path string) string {
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		if s == "" && i < len(segments)-1 {
			return "has an empty segment"
		}
		if s == "." || s == ".." {
			return "has dots for a segment"
		}
	}
	return ""
}

// patternProblem says what is wrong with a path of the policy, which is written
// without percent encoding; "" if nothing.
func patternProblem(s string) string {
	switch {
	case s[0] != '/':
		return "doesn't begin with a slash"
	case strings.ContainsAny(s, "*{}"):
		return "has a pattern: a prefix is all that there is"
	case strings.ContainsAny(s, `%\;?#`), strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "has a character that no path which is let through can have; percent encoding is undone"
	}
	return segmentProblem(s)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unreserved characters mean the same encoded and not (RFC 3986 section 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// isMethod tells whether s is a method as all readers write them.
func isMethod(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// hostName returns the name in a Host header: small letters, no port, no dot at
// the end.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
