package jeton

import (
	"strings"

	"github.com/jeton-go/jeton/internal/base64url"
)

// compact is a token cut at its dots (RFC 7515 section 7.1), still encoded.
// The signature is over input as it was received, never over anything that was
// encoded again.
type compact struct {
	header, payload, signature string
	input                      string // header.payload
}

// split checks the length and the two dots before anything else is looked at.
func split(token string, limits Limits) (compact, error) {
	if len(token) > limits.TokenBytes {
		return compact{}, fail(ErrTokenTooLarge, "%d bytes, at most %d", len(token), limits.TokenBytes)
	}
	first := strings.IndexByte(token, '.')
	if first < 0 {
		return compact{}, fail(ErrSegments, "no dot")
	}
	last := strings.LastIndexByte(token, '.')
	if first == last || strings.IndexByte(token[first+1:last], '.') >= 0 {
		return compact{}, fail(ErrSegments, "%d", strings.Count(token, ".")+1)
	}
	c := compact{
		header:    token[:first],
		payload:   token[first+1 : last],
		signature: token[last+1:],
		input:     token[:last],
	}
	if c.header == "" || c.signature == "" {
		return compact{}, errEmptySegment
	}
	return c, nil
}

var errEmptySegment = fail(ErrSegments, "an empty one")

func decodeSegment(name, text string) ([]byte, error) {
	b, err := base64url.Decode(text)
	if err != nil {
		return nil, fail(ErrEncoding, "%s", name)
	}
	return b, nil
}
