package strictjson

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

func load64(b string) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

const (
	ones  = 0x0101010101010101 // times a byte: that byte, eight times
	highs = 0x80 * ones
)

// special sets the high bit of the first of eight bytes that does not stand for
// itself in a string: a control character, a quote, a backslash, or what is not
// ASCII. Each subtraction sets it in the bytes that it looks for; a borrow may set
// it in others further up, but the lowest one is right.
func special(w uint64) uint64 {
	return (w | (w - ' '*ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones)) & highs
}

// plainEnd returns the index of the first special byte from i on.
func plainEnd(text string, i int) int {
	for ; i+8 <= len(text); i += 8 {
		if found := special(load64(text[i : i+8])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] >= ' ' && text[i] < utf8.RuneSelf && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}

// str takes a string and tells whether it holds escapes.
func (s *cursor) str() (escaped bool, err error) {
	s.pos++ // "
	for {
		s.pos = plainEnd(s.text, s.pos)
		if s.pos == len(s.text) {
			return false, s.fail(ErrSyntax)
		}
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return escaped, nil
		case c == '\\':
			escaped = true
			n, r := escape(s.text[s.pos:])
			if n == 0 {
				return false, s.fail(ErrSyntax)
			}
			if r == 0 {
				return false, s.fail(ErrNUL)
			}
			s.pos += n
		case c < ' ':
			return false, s.fail(ErrSyntax)
		default:
			r, n := utf8.DecodeRuneInString(s.text[s.pos:])
			if r == utf8.RuneError && n == 1 {
				return false, s.fail(ErrUTF8)
			}
			s.pos += n
		}
	}
}

// escape reads the escape sequence at the start of b and returns its length and
// what it stands for; a length of 0 means that it is none. Half of a surrogate
// pair is none.
func escape(b string) (int, rune) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return 2, rune(b[1])
	case 'b':
		return 2, '\b'
	case 'f':
		return 2, '\f'
	case 'n':
		return 2, '\n'
	case 'r':
		return 2, '\r'
	case 't':
		return 2, '\t'
	case 'u':
	default:
		return 0, 0
	}
	r, ok := hex4(b[2:])
	switch {
	case !ok:
		return 0, 0
	case r < 0xD800 || r > 0xDFFF:
		return 6, r
	case r > 0xDBFF || len(b) < 12 || b[6] != '\\' || b[7] != 'u':
		return 0, 0
	}
	low, ok := hex4(b[8:])
	if !ok || low < 0xDC00 || low > 0xDFFF {
		return 0, 0
	}
	return 12, 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
}

func hex4(b string) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(b[:4]) {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unescape returns the contents of a checked string, given without its quotes.
func unescape(raw string) string {
	b := make([]byte, 0, len(raw))
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			return string(append(b, raw...))
		}
		b = append(b, raw[:i]...)
		n, r := escape(raw[i:])
		b = utf8.AppendRune(b, r)
		raw = raw[i+n:]
	}
}

// String returns the contents of a checked JSON string value, as AppendMembers
// gives it; false if the value is no string.
func String[T Text](value T) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	raw := string(value[1 : len(value)-1])
	if strings.IndexByte(raw, '\\') < 0 {
		return raw, true
	}
	return unescape(raw), true
}

// AppendStrings appends the elements of a checked JSON array of strings to dst;
// false if the value is no such array.
func AppendStrings(dst []string, value string) ([]string, bool) {
	if len(value) == 0 || value[0] != '[' {
		return dst, false
	}
	out, s := dst, cursor{value, 1}
	s.space()
	for s.next() != ']' {
		if s.next() != '"' {
			return dst, false
		}
		start, escaped := s.pos+1, false
		if end := plainEnd(value, start); end < len(value) && value[end] == '"' {
			s.pos = end + 1
		} else {
			var err error
			if escaped, err = s.str(); err != nil {
				return dst, false
			}
		}
		text := value[start : s.pos-1]
		if escaped {
			text = unescape(text)
		}
		out = append(out, text)
		s.space()
		if s.next() == ',' {
			s.pos++
			s.space()
		}
	}
	return out, true
}
