package strictjson

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

// Limits bound the work that a text may cause. The cost of finding duplicates
// grows with the square of the members of one object, though slowly, so there is
// no "no limit".
type Limits struct {
	Depth   int // nesting of arrays and objects; a bare scalar has depth 0; 0 means 64
	Members int // members of all objects in the text, and elements of all arrays; 0 means 10,000
}

const (
	defaultDepth   = 64
	defaultMembers = 10_000
)

// Member is one member of an object. Its slices point into the scanned text,
// but for a name that was written with escapes.
type Member struct {
	Name  []byte // without quotes, escapes resolved
	Value []byte // as written, without the space around it
}

// Check returns nil if text is exactly one JSON value within the limits.
func Check(text []byte, limits Limits) error {
	s := newScanner(text, limits)
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	return s.end()
}

// AppendMembers checks that text is exactly one JSON object within the limits
// and appends its members, in the order of the text, to dst. On an error it
// returns dst as it was.
func AppendMembers(dst []Member, text []byte, limits Limits) ([]Member, error) {
	s := newScanner(text, limits)
	s.space()
	if s.pos >= len(s.text) || s.text[s.pos] != '{' {
		// Say what is wrong with the text before what is wrong with its type.
		if err := s.value(0); err != nil {
			return dst, err
		}
		return dst, ErrNotObject
	}
	out := dst
	err := s.object(0, func(m Member) { out = append(out, m) })
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// scanner walks a text once. Names of the objects that are open lie on one
// stack, so that finding a duplicate needs no allocation per object.
type scanner struct {
	text   []byte
	pos    int
	limits Limits
	count  int // members and elements so far
	names  []name
}

// name is a member's name with a hash that a stranger can't foresee, so that
// few names are compared byte by byte.
type name struct {
	hash uint64
	text []byte
}

var seed = maphash.MakeSeed()

func newScanner(text []byte, limits Limits) *scanner {
	if limits.Depth == 0 {
		limits.Depth = defaultDepth
	}
	if limits.Members == 0 {
		limits.Members = defaultMembers
	}
	return &scanner{text: text, limits: limits, names: make([]name, 0, 12)}
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) end() error {
	s.space()
	if s.pos != len(s.text) {
		return s.fail(ErrTrailing)
	}
	return nil
}

// next returns the next byte without taking it, or 0 at the end: a NUL is
// legal nowhere outside a string, so the two need no telling apart.
func (s *scanner) next() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) countOne() error {
	s.count++
	if s.count > s.limits.Members {
		return s.fail(ErrMembers)
	}
	return nil
}

func (s *scanner) value(depth int) error {
	switch c := s.next(); {
	case c == '{':
		return s.object(depth, nil)
	case c == '[':
		return s.array(depth)
	case c == '"':
		_, err := s.str()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		return s.fail(ErrSyntax)
	}
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.text[s.pos:], []byte(word)) {
		return s.fail(ErrSyntax)
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) object(depth int, member func(Member)) error {
	if depth >= s.limits.Depth {
		return s.fail(ErrDepth)
	}
	first := len(s.names)
	s.pos++ // {
	s.space()
	if s.next() == '}' {
		s.pos++
		return nil
	}
	for {
		if err := s.countOne(); err != nil {
			return err
		}
		if s.next() != '"' {
			return s.fail(ErrSyntax)
		}
		text, err := s.name()
		if err != nil {
			return err
		}
		hash := maphash.Bytes(seed, text)
		for _, other := range s.names[first:] {
			if hash == other.hash && bytes.Equal(text, other.text) {
				return s.fail(ErrDuplicate)
			}
		}
		s.names = append(s.names, name{hash, text})
		s.space()
		if s.next() != ':' {
			return s.fail(ErrSyntax)
		}
		s.pos++
		s.space()
		start := s.pos
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if member != nil {
			member(Member{Name: text, Value: s.text[start:s.pos:s.pos]})
		}
		s.space()
		switch s.next() {
		case ',':
			s.pos++
			s.space()
		case '}':
			s.pos++
			s.names = s.names[:first]
			return nil
		default:
			return s.fail(ErrSyntax)
		}
	}
}

func (s *scanner) array(depth int) error {
	if depth >= s.limits.Depth {
		return s.fail(ErrDepth)
	}
	s.pos++ // [
	s.space()
	if s.next() == ']' {
		s.pos++
		return nil
	}
	for {
		if err := s.countOne(); err != nil {
			return err
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
		s.space()
		switch s.next() {
		case ',':
			s.pos++
			s.space()
		case ']':
			s.pos++
			return nil
		default:
			return s.fail(ErrSyntax)
		}
	}
}

// number takes a number of RFC 8259 section 6.
func (s *scanner) number() error {
	if s.next() == '-' {
		s.pos++
	}
	switch c := s.next(); {
	case c == '0':
		s.pos++
	case '1' <= c && c <= '9':
		s.digits()
	default:
		return s.fail(ErrSyntax)
	}
	if s.next() == '.' {
		s.pos++
		if !s.digits() {
			return s.fail(ErrSyntax)
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.fail(ErrSyntax)
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// str takes a string and tells whether it holds escapes.
func (s *scanner) str() (escaped bool, err error) {
	s.pos++ // "
	for s.pos < len(s.text) {
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
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, n := utf8.DecodeRune(s.text[s.pos:])
			if r == utf8.RuneError && n == 1 {
				return false, s.fail(ErrUTF8)
			}
			s.pos += n
		}
	}
	return false, s.fail(ErrSyntax)
}

func (s *scanner) name() ([]byte, error) {
	start := s.pos
	escaped, err := s.str()
	if err != nil {
		return nil, err
	}
	raw := s.text[start+1 : s.pos-1 : s.pos-1]
	if escaped {
		raw = appendUnescaped(nil, raw)
	}
	return raw, nil
}

// escape reads the escape sequence at the start of b and returns its length and
// what it stands for; a length of 0 means that it is none. Half of a surrogate
// pair is none.
func escape(b []byte) (int, rune) {
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

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
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

// appendUnescaped appends the contents of a checked string, without its quotes,
// to dst.
func appendUnescaped(dst, raw []byte) []byte {
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		n, r := escape(raw[i:])
		dst = utf8.AppendRune(dst, r)
		raw = raw[i+n:]
	}
	return dst
}

// String returns the contents of a checked JSON string value, as AppendMembers
// gives it; false if the value is no string.
func String(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	raw := value[1 : len(value)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), true
	}
	return string(appendUnescaped(make([]byte, 0, len(raw)), raw)), true
}

// AppendElements appends the elements of a checked JSON array value to dst, as
// raw text; false if the value is no array.
func AppendElements(dst [][]byte, value []byte) ([][]byte, bool) {
	if len(value) == 0 || value[0] != '[' {
		return dst, false
	}
	s := scanner{text: value, pos: 1, limits: Limits{Depth: len(value), Members: len(value)}}
	s.space()
	for s.next() != ']' {
		start := s.pos
		if err := s.value(0); err != nil {
			return dst, false
		}
		dst = append(dst, value[start:s.pos:s.pos])
		s.space()
		if s.next() == ',' {
			s.pos++
			s.space()
		}
	}
	return dst, true
}
