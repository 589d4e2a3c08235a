package strictjson

import (
	"hash/maphash"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is what is read. Bytes are copied once; of a string, what is handed out
// is a part.
type Text interface{ ~string | ~[]byte }

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

// Member is one member of an object.
type Member struct {
	Name  string // without quotes, escapes resolved
	Value string // as written, without the space around it
}

// Check returns nil if text is exactly one JSON value within the limits.
func Check[T Text](text T, limits Limits) error {
	s := scanner{text: string(text), limits: limits.withDefaults()}
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	return s.end()
}

// AppendMembers checks that text is exactly one JSON object within the limits
// and appends its members, in the order of the text, to dst. On an error it
// returns dst as it was.
func AppendMembers[T Text](dst []Member, text T, limits Limits) ([]Member, error) {
	s := scanner{text: string(text), limits: limits.withDefaults()}
	s.space()
	if s.next() != '{' {
		// Say what is wrong with the text before what is wrong with its type.
		if err := s.value(0); err != nil {
			return dst, err
		}
		return dst, ErrNotObject
	}
	s.collect = true
	err := s.object(0)
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return dst, err
	}
	return s.members.appendTo(dst), nil
}

// scanner walks a text once. Names of the objects that are open lie on one
// stack, so that finding a duplicate needs no allocation per object.
type scanner struct {
	text    string
	pos     int
	limits  Limits
	count   int // members and elements so far
	names   stack[name]
	collect bool // the outermost object's members
	members stack[Member]
}

// name is a member's name with a hash that a stranger can't foresee, so that
// few names are compared byte by byte.
type name struct {
	hash uint64
	text string
}

// stack is a stack whose first elements lie in itself, so that reading a usual
// token allocates nothing.
type stack[T any] struct {
	n    int
	room [stackRoom]T
	more []T
}

// stackRoom is more than the claims of an access token.
const stackRoom = 16

func (s *stack[T]) push(v T) {
	if s.n < stackRoom {
		s.room[s.n] = v
	} else {
		s.more = append(s.more[:s.n-stackRoom], v)
	}
	s.n++
}

func (s *stack[T]) at(i int) *T {
	if i < stackRoom {
		return &s.room[i]
	}
	return &s.more[i-stackRoom]
}

func (s *stack[T]) appendTo(dst []T) []T {
	dst = append(dst, s.room[:min(s.n, stackRoom)]...)
	return append(dst, s.more[:max(0, s.n-stackRoom)]...)
}

var seed = maphash.MakeSeed()

func (l Limits) withDefaults() Limits {
	if l.Depth == 0 {
		l.Depth = defaultDepth
	}
	if l.Members == 0 {
		l.Members = defaultMembers
	}
	return l
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
		return s.object(depth)
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
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.fail(ErrSyntax)
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) object(depth int) error {
	if depth >= s.limits.Depth {
		return s.fail(ErrDepth)
	}
	first := s.names.n
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
		hash := maphash.String(seed, text)
		for i := first; i < s.names.n; i++ {
			if other := s.names.at(i); hash == other.hash && text == other.text {
				return s.fail(ErrDuplicate)
			}
		}
		s.names.push(name{hash, text})
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
		if depth == 0 && s.collect {
			s.members.push(Member{Name: text, Value: s.text[start:s.pos]})
		}
		s.space()
		switch s.next() {
		case ',':
			s.pos++
			s.space()
		case '}':
			s.pos++
			s.names.n = first
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

// number takes a number of RFC 8259 section 6 that a double can hold (RFC 7493
// section 2.2): of one that it can't, parsers make infinity, an error or
// something else.
func (s *scanner) number() error {
	start := s.pos
	if err := s.anyNumber(); err != nil {
		return err
	}
	text := s.text[start:s.pos]
	if len(text) < 300 && strings.IndexAny(text, "eE") < 0 {
		return nil
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return s.fail(ErrRange)
	}
	return nil
}

func (s *scanner) anyNumber() error {
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

// AppendElements appends the elements of a checked JSON array value to dst, as
// raw text; false if the value is no array.
func AppendElements[T Text](dst []string, value T) ([]string, bool) {
	if len(value) == 0 || value[0] != '[' {
		return dst, false
	}
	s := scanner{text: string(value), pos: 1, limits: Limits{Depth: len(value), Members: len(value)}}
	s.space()
	for s.next() != ']' {
		start := s.pos
		if err := s.value(0); err != nil {
			return dst, false
		}
		dst = append(dst, s.text[start:s.pos])
		s.space()
		if s.next() == ',' {
			s.pos++
			s.space()
		}
	}
	return dst, true
}
