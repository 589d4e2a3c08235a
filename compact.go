package jeton

import (
	"strings"

	"github.com/jeton-go/jeton/internal/base64url"
)

// compact is a token cut at its dots (RFC 7515 section 7.1), still encoded.
// The signature is over input as it was received, never over anything that was
// encoded again.
type compact struct {
	header, payload, signature []byte
	input                      []byte // header.payload
	room                       []byte // what was decoded, one segment behind the other
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
	text := []byte(token)
	c := compact{
		header:    text[:first],
		payload:   text[first+1 : last],
		signature: text[last+1:],
		input:     text[:last],
	}
	if len(c.header) == 0 || len(c.signature) == 0 {
		return compact{}, errEmptySegment
	}
	return c, nil
}

var errEmptySegment = fail(ErrSegments, "an empty one")

// decode decodes one of the segments.
func (c *compact) decode(name string, segment []byte) ([]byte, error) {
	if c.room == nil {
		c.room = make([]byte, 0, 3*(len(c.input)+len(c.signature))/4) // enough for all three
	}
	start := len(c.room)
	b, err := base64url.AppendDecode(c.room, segment)
	if err != nil {
		return nil, fail(ErrEncoding, "%s", name)
	}
	c.room = b
	return b[start:len(b):len(b)], nil
}
