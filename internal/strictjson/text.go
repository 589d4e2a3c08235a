package strictjson

import (
	"strings"
	"unicode/utf8"
)

// isPlain are the bytes that stand for themselves in a string.
var isPlain = func() (plain [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// str takes a string and tells whether it holds escapes.
func (s *scanner) str() (escaped bool, err error) {
	s.pos++ // "
	for s.pos < len(s.text) {
		for s.pos < len(s.text) && isPlain[s.text[s.pos]] {
			s.pos++
		}
		if s.pos == len(s.text) {
			break
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
	return false, s.fail(ErrSyntax)
}

func (s *scanner) name() (string, error) {
	start := s.pos
	escaped, err := s.str()
	if err != nil {
		return "", err
	}
	raw := s.text[start+1 : s.pos-1]
	if escaped {
		raw = unescape(raw)
	}
	return raw, nil
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
