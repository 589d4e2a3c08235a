package strictjson

import (
	"hash/maphash"
	"strconv"
	"strings"
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
	s := scanner{cursor: cursor{text: string(text)}, limits: limits.withDefaults()}
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
	whole := string(text)
	var room [stackRoom]Span
	spans, err := AppendSpans(room[:0], whole, limits)
	if err != nil {
		return dst, err
	}
	return membersOf(dst, whole, spans), nil
}

// AppendCheckedMembers is AppendMembers for a text that was checked before: it
// looks for no duplicates and knows no limits.
func AppendCheckedMembers(dst []Member, text string) ([]Member, error) {
	s := scanner{cursor: cursor{text: text}, limits: Limits{Depth: len(text) + 1, Members: len(text) + 1}, checked: true}
	s.space()
	if s.next() != '{' {
		return dst, ErrNotObject
	}
	var room [stackRoom]Span
	spans, err := appendObject(room[:0], &s)
	if err != nil {
		return dst, err
	}
	return membersOf(dst, text, spans), nil
}

func membersOf(dst []Member, text string, spans []Span) []Member {
	for i := range spans {
		dst = append(dst, Member{spans[i].Name(text), spans[i].Value(text)})
	}
	return dst
}

// scanner walks a text once. Names of the objects that are open lie on one
// stack, so that finding a duplicate needs no allocation per object.
type scanner struct {
	cursor
	limits  Limits
	count   int // members and elements so far
	names   stack[name]
	checked bool // the text was scanned before: no name is there twice
}

// cursor is a place in a text.
type cursor struct {
	text string
	pos  int
}

// name is a member's name. Where an object has many, it comes with a hash that a
// stranger can't foresee, so that few of them are compared byte by byte.
type name struct {
	part
	hash uint64
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

func (s *cursor) space() {
	if s.pos < len(s.text) && s.text[s.pos] <= ' ' { // mostly there is none
		s.skipSpace()
	}
}

func (s *cursor) skipSpace() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *cursor) end() error {
	s.space()
	if s.pos != len(s.text) {
		return s.fail(ErrTrailing)
	}
	return nil
}

// next returns the next byte without taking it, or 0 at the end: a NUL is
// legal nowhere outside a string, so the two need no telling apart.
func (s *cursor) next() byte {
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

func (s *cursor) literal(word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.fail(ErrSyntax)
	}
	s.pos += len(word)
	return nil
}

// open takes the bracket at the front of an array or object and tells whether
// anything is in it.
func (s *scanner) open(depth int, closing byte) (more bool, err error) {
	if depth >= s.limits.Depth {
		return false, s.fail(ErrDepth)
	}
	s.pos++
	s.space()
	if s.next() == closing {
		s.pos++
		return false, nil
	}
	return true, s.countOne()
}

// more takes what is behind a member or element: a comma, if there is another
// one, or the bracket.
func (s *scanner) more(closing byte) (more bool, err error) {
	s.space()
	switch s.next() {
	case ',':
		s.pos++
		s.space()
		return true, s.countOne()
	case closing:
		s.pos++
		return false, nil
	}
	return false, s.fail(ErrSyntax)
}

func (s *scanner) object(depth int) error {
	first := s.names.n
	more, err := s.open(depth, '}')
	for more && err == nil {
		var p part
		if p, err = s.name(); err != nil {
			break
		}
		if !s.checked && s.seen(first, &p) {
			err = s.fail(ErrDuplicate)
			break
		}
		if err = s.value(depth + 1); err != nil {
			break
		}
		more, err = s.more('}')
	}
	s.names.n = first
	return err
}

func (s *scanner) array(depth int) error {
	more, err := s.open(depth, ']')
	for more && err == nil {
		if err = s.value(depth + 1); err != nil {
			break
		}
		more, err = s.more(']')
	}
	return err
}

// name takes a member's name and the colon.
func (s *scanner) name() (part, error) {
	if s.next() != '"' {
		return part{}, s.fail(ErrSyntax)
	}
	start := s.pos + 1
	escaped, err := s.str()
	if err != nil {
		return part{}, err
	}
	p := part{start: uint32(start), end: uint32(s.pos - 1), escaped: escaped}
	p.key = NameKey(p.of(s.text))
	s.space()
	if s.next() != ':' {
		return part{}, s.fail(ErrSyntax)
	}
	s.pos++
	s.space()
	return p, nil
}

// manyNames is how many names of one object are compared without a hash.
const manyNames = 16

// seen tells whether the object whose names begin at first has the name already,
// and remembers it.
func (s *scanner) seen(first int, p *part) bool {
	few := min(s.names.n, first+manyNames)
	for i := first; i < few; i++ {
		if p.same(&s.names.at(i).part, s.text) {
			return true
		}
	}
	if s.names.n-first < manyNames {
		s.names.push(name{part: *p})
		return false
	}
	hash := maphash.String(seed, p.of(s.text))
	for i := few; i < s.names.n; i++ {
		if other := s.names.at(i); hash == other.hash && p.same(&other.part, s.text) {
			return true
		}
	}
	s.names.push(name{*p, hash})
	return false
}

// number takes a number of RFC 8259 section 6 that a double can hold (RFC 7493
// section 2.2): of one that it can't, parsers make infinity, an error or
// something else.
func (s *cursor) number() error {
	start := s.pos
	exponent, err := s.anyNumber()
	if err != nil || !exponent && s.pos-start < 300 {
		return err
	}
	if _, err := strconv.ParseFloat(s.text[start:s.pos], 64); err != nil {
		return s.fail(ErrRange)
	}
	return nil
}

func (s *cursor) anyNumber() (exponent bool, err error) {
	if s.next() == '-' {
		s.pos++
	}
	switch c := s.next(); {
	case c == '0':
		s.pos++
	case '1' <= c && c <= '9':
		s.digits()
	default:
		return false, s.fail(ErrSyntax)
	}
	if s.next() == '.' {
		s.pos++
		if !s.digits() {
			return false, s.fail(ErrSyntax)
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		exponent = true
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return false, s.fail(ErrSyntax)
		}
	}
	return exponent, nil
}

func (s *cursor) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// AppendElements appends the elements of a checked JSON array value to dst, as
// raw text; false if the value is no array.
func AppendElements[T Text](dst []string, value T) ([]string, bool) {
	if len(value) == 0 || value[0] != '[' {
		return dst, false
	}
	s := scanner{cursor: cursor{string(value), 1}, limits: Limits{Depth: len(value), Members: len(value)}, checked: true}
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
