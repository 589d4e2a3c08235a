// Package base64url is the encoding of RFC 7515 section 2: the URL-safe
// alphabet, no padding, and exactly one text for each sequence of bytes.
//
// The standard library's strict decoder still skips CR and LF; this one
// refuses them, together with padding, other characters and stray bits in the
// last one. What decodes here encodes to the very same text.
//
// There are two ways through it. AppendEncode and AppendDecode are for tokens
// and look several characters up at once, in tables of some kilobytes. Encode
// and Decode are encoding/base64 and are for keys as well: their tables are so
// small that another process, watching the cache, learns little.
package base64url

import (
	"encoding/base64"
	"errors"
)

// ErrNotCanonical is the error for every text that Encode would not have
// written.
var ErrNotCanonical = errors.New("not canonical base64url: padding, white space, stray bits or a character outside the alphabet")

var strict = base64.RawURLEncoding.Strict()

// EncodedLen returns the length of the text for n bytes.
func EncodedLen(n int) int { return strict.EncodedLen(n) }

// DecodedLen returns the number of bytes that a text of n characters stands for.
func DecodedLen(n int) int { return strict.DecodedLen(n) }

// Encode returns the text for b.
func Encode(b []byte) string { return strict.EncodeToString(b) }

// Decode returns the bytes that text stands for, or ErrNotCanonical.
func Decode(text string) ([]byte, error) {
	out, err := strict.DecodeString(text)
	// The decoder passes over CR and LF, which leaves fewer bytes than a text
	// of this length stands for. The one length that a line end would not
	// change is 1 modulo 4, which no text has.
	if err != nil || len(text)%4 == 1 || len(out) != strict.DecodedLen(len(text)) {
		return nil, ErrNotCanonical
	}
	return out, nil
}
