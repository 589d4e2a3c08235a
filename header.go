package jeton

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// Header is what a token's JOSE header says of itself (RFC 7515 section 4.1).
// Until the token is verified it is a stranger's word. Parameters that bring a
// key along ("jwk", "jku", "x5u", "x5c") are never read.
type Header struct {
	Algorithm   Algorithm // "alg"; one of this package's
	KeyID       string    // "kid"; "" if absent
	Type        string    // "typ"; "" if absent
	ContentType string    // "cty"; "" if absent
}

const maxKeyIDBytes = 128

// parseHeader reads a decoded header. The members it does not know are legal
// (RFC 7515 section 4) and passed over, with the exception of those that change
// how a token must be read.
func parseHeader(text string, limits Limits) (Header, error) {
	var room [8]strictjson.Member
	members, err := strictjson.AppendMembers(room[:0], text, limits.json())
	if err != nil {
		return Header{}, jsonError("header", err)
	}
	var h Header
	var seenAlg bool
	for _, m := range members {
		switch m.Name {
		case "alg":
			name, ok := strictjson.String(m.Value)
			if !ok {
				return Header{}, fail(ErrHeader, `"alg" is not a string`)
			}
			seenAlg = true
			if h.Algorithm, err = ParseAlgorithm(name); err != nil {
				return Header{}, err
			}
		case "kid":
			id, ok := strictjson.String(m.Value)
			if !ok {
				return Header{}, fail(ErrHeader, `"kid" is not a string`)
			}
			if id == "" || len(id) > limits.KeyIDBytes || !printable(id) {
				return Header{}, fail(ErrHeader, `"kid" is not 1 to %d printable ASCII characters`, limits.KeyIDBytes)
			}
			h.KeyID = id
		case "typ":
			var ok bool
			if h.Type, ok = mediaType(m.Value); !ok {
				return Header{}, fail(ErrHeader, `"typ" is not a media type`)
			}
		case "cty":
			var ok bool
			if h.ContentType, ok = mediaType(m.Value); !ok {
				return Header{}, fail(ErrHeader, `"cty" is not a media type`)
			}
		case "crit":
			return Header{}, fail(ErrCritical, `"crit" names extensions and none is implemented`)
		case "b64":
			return Header{}, fail(ErrCritical, `"b64" is not implemented`)
		}
	}
	if !seenAlg {
		return Header{}, fail(ErrHeader, `"alg" is missing`)
	}
	return h, nil
}

// knownHeaders remembers the headers of tokens that were authentic, which are
// few: one for each key. A stranger's token never gets in.
type knownHeaders [8]atomic.Pointer[knownHeader]

type knownHeader struct {
	encoded string
	header  *Header
}

var headerSeed = maphash.MakeSeed()

func (k *knownHeaders) slot(encoded string) *atomic.Pointer[knownHeader] {
	return &k[maphash.String(headerSeed, encoded)%uint64(len(k))]
}

func (k *knownHeaders) find(encoded string) *knownHeader {
	if known := k.slot(encoded).Load(); known != nil && known.encoded == encoded {
		return known
	}
	return nil
}

func (k *knownHeaders) add(encoded string, h *Header) {
	k.slot(encoded).Store(&knownHeader{strings.Clone(encoded), h})
}

// mediaType reads a media type: a string of ASCII characters, so that comparing
// it without regard to case can't take one letter for another.
func mediaType(value string) (string, bool) {
	s, ok := strictjson.String(value)
	return s, ok && printable(s)
}

// printable tells whether s is printable ASCII, space included.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// sameType compares media types as "typ" has them: without regard to case, and
// "application/" may be left out where no other slash is (RFC 7515 4.1.9).
func sameType(a, b string) bool {
	return strings.EqualFold(shortType(a), shortType(b))
}

func shortType(t string) string {
	const application = "application/"
	if len(t) <= len(application) || !strings.EqualFold(t[:len(application)], application) {
		return t
	}
	if short := t[len(application):]; !strings.Contains(short, "/") {
		return short
	}
	return t
}
