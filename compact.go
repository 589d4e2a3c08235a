package jeton

import (
	"strings"
	"unsafe"

	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// compact is a token cut at its dots (RFC 7515 section 7.1), still encoded.
type compact struct {
	token       string
	first, last int // the dots
}

func (c compact) header() string    { return c.token[:c.first] }
func (c compact) payload() string   { return c.token[c.first+1 : c.last] }
func (c compact) signature() string { return c.token[c.last+1:] }

// input is what the signature is over.
func (c compact) input() string { return c.token[:c.last] }

// split checks the length and the two dots before anything else is looked at.
func split(token string, limits Limits) (compact, error) {
	if len(token) > limits.TokenBytes {
		return compact{}, fail(ErrTokenTooLarge, "%d bytes, at most %d", len(token), limits.TokenBytes)
	}
	first := strings.IndexByte(token, '.')
	if first < 0 {
		return compact{}, fail(ErrSegments, "no dot")
	}
	last := first + 1 + strings.IndexByte(token[first+1:], '.')
	if last == first || strings.IndexByte(token[last+1:], '.') >= 0 {
		return compact{}, fail(ErrSegments, "%d", strings.Count(token, ".")+1)
	}
	if first == 0 || last == len(token)-1 {
		return compact{}, errEmptySegment
	}
	return compact{token, first, last}, nil
}

var errEmptySegment = fail(ErrSegments, "an empty one")

// bytesOf returns the bytes of s, which nobody may change. Hashing a token needs
// no copy of it.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// scratch is the room in which one token is decoded at a time. Nothing that is
// kept of a token points into it, but for what names and texts have given away.
type scratch struct {
	known     *knownHeader // of the token before, which mostly has the same
	payload   []byte
	signature []byte
	members   []strictjson.Span
	names     names
	texts     texts
}

// header returns what a header that was seen before says.
func (s *scratch) header(all *knownHeaders, encoded string) (*Header, bool) {
	if s.known == nil || s.known.encoded != encoded {
		known := all.find(encoded)
		if known == nil {
			return nil, false
		}
		s.known = known
	}
	return s.known.header, true
}

// texts is where the claims of a few tokens lie one behind the other, so that not
// each of them costs an allocation. What was given away is never written again.
type texts []byte // the free end of an array, empty

const (
	textsAtATime = 2048
	maxText      = textsAtATime / 4 // longer ones have memory of their own
)

// buffer returns where to decode n bytes, and whether take may be called then.
func (t *texts) buffer(n int, otherwise *[]byte) (buffer *[]byte, ours bool) {
	if n > maxText {
		return otherwise, false
	}
	if cap(*t) < n {
		*t = make([]byte, 0, textsAtATime)
	}
	return (*[]byte)(t), true
}

// take gives away what was decoded last.
func (t *texts) take() string {
	text := unsafe.String(unsafe.SliceData(*t), len(*t))
	*t = (*t)[len(*t):]
	return text
}

// decodeSegment returns what a segment stands for; it holds until the next call with
// the same buffer.
func decodeSegment(buffer *[]byte, name, segment string) ([]byte, error) {
	b, err := base64url.AppendDecode((*buffer)[:0], segment)
	if err != nil {
		return nil, fail(ErrEncoding, "%s", name)
	}
	*buffer = b
	return b, nil
}
