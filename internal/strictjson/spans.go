package strictjson

import "math"

// Span is where a member lies in a text that was checked. It is small, and has no
// pointers that the garbage collector would have to know of.
type Span struct {
	part
	value, valueEnd uint32
	plainValue      bool // a string without escapes
}

// part is a part of a text: a name, without its quotes.
type part struct {
	key        uint64 // its nameKey
	start, end uint32
	escaped    bool
}

func (p *part) of(text string) string {
	if p.escaped {
		return unescape(text[p.start:p.end])
	}
	return text[p.start:p.end]
}

// same compares the parts of one text.
func (p *part) same(other *part, text string) bool {
	return p.key == other.key && (p.key < longKey || p.of(text) == other.of(text))
}

// Key returns the NameKey of the member's name.
func (m *Span) Key() uint64 { return m.key }

// Name returns the member's name, escapes resolved. The text is the one that the
// member is in.
func (m *Span) Name(text string) string { return m.of(text) }

// Is tells whether the member has a name, given that it has its NameKey.
func (m *Span) Is(name, text string) bool { return m.key < longKey || m.of(text) == name }

// Value returns the member's value as written, without the space around it.
func (m *Span) Value(text string) string { return text[m.value:m.valueEnd] }

// String returns the contents of a value that is a string; false if it is none.
func (m *Span) String(text string) (string, bool) {
	if m.plainValue {
		return text[m.value+1 : m.valueEnd-1], true
	}
	return String(m.Value(text))
}

// NameKey returns a number for a name: of up to seven bytes, they and their
// number, which no other name has; else one of 1<<63 and more, which another name
// may share.
func NameKey(name string) uint64 {
	n := len(name)
	if n >= 8 {
		return load64(name) ^ load64(name[n-8:])<<1 ^ uint64(n) | longKey
	}
	key := uint64(n) << 56
	for i := range n {
		key |= uint64(name[i]) << (8 * i)
	}
	return key
}

const longKey = 1 << 63

// Exact tells whether only one name has that key.
func Exact(key uint64) bool { return key < longKey }

// AppendSpans is AppendMembers for callers that keep the text.
func AppendSpans(dst []Span, text string, limits Limits) ([]Span, error) {
	s := scanner{cursor: cursor{text: text}, limits: limits.withDefaults()}
	if uint64(len(text)) > math.MaxUint32 {
		return dst, s.fail(ErrMembers) // it has more, or one is absurd
	}
	s.space()
	if s.next() != '{' {
		// Say what is wrong with the text before what is wrong with its type.
		if err := s.value(0); err != nil {
			return dst, err
		}
		return dst, ErrNotObject
	}
	spans, err := appendObject(dst, &s)
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return dst, err
	}
	return spans, nil
}

// appendObject is scanner.object at depth 0, which appends the members to dst.
// The scanner does not hold dst, so that dst may lie on the caller's stack.
func appendObject(dst []Span, s *scanner) ([]Span, error) {
	first := len(dst)
	var named uint64 // a bit for each name; two names that have the same one may be the same
	more, err := s.open(0, '}')
	for more && err == nil {
		// It is filled where it lies: to copy what was only just written takes
		// a processor longer than all the rest.
		dst = append(dst, Span{})
		m := &dst[len(dst)-1]
		if next := usualMember(s.text, s.pos, m); next > 0 {
			s.pos = next
		} else if err = s.member(m); err != nil {
			break
		}
		bit := uint64(1) << (m.key * hashFactor >> 58)
		if named&bit != 0 || len(dst)-first > manyNames {
			if !s.checked && s.twice(dst[first:]) {
				err = s.fail(ErrDuplicate)
				break
			}
		}
		named |= bit
		if i := s.pos; i+1 < len(s.text) && s.text[i] == ',' && s.text[i+1] == '"' {
			s.pos++
			err = s.countOne()
			continue
		}
		more, err = s.more('}')
	}
	return dst, err
}

// hashFactor spreads keys over the high bits of a product.
const hashFactor = 0x9E3779B97F4A7C15

// twice tells whether the last member has the name of another.
func (s *scanner) twice(members []Span) bool {
	last := len(members) - 1
	if last < manyNames {
		for i := range members[:last] {
			if members[i].same(&members[last].part, s.text) {
				return true
			}
		}
		return false
	}
	if last == manyNames {
		for i := range members[:last] {
			s.names.push(name{part: members[i].part})
		}
	}
	return s.seen(0, &members[last].part)
}

// member takes a member of the outermost object.
func (s *scanner) member(m *Span) (err error) {
	if m.part, err = s.name(); err != nil {
		return err
	}
	m.value = uint32(s.pos)
	err = s.value(1)
	m.valueEnd = uint32(s.pos)
	return err
}

// usualMember is member for a usual name with a usual string or number. It returns
// the index behind the member, or 0 if it is not of that kind.
func usualMember(text string, i int, m *Span) int {
	key, next := UsualName(text, i)
	if next == 0 {
		return 0
	}
	m.key, m.start, m.end = key, uint32(i+1), uint32(next-2)
	m.value = uint32(next)
	if i = UsualString(text, next); i != 0 {
		m.plainValue = true
	} else if _, i = UsualNumber(text, next); i == 0 {
		return 0
	}
	m.valueEnd = uint32(i)
	return i
}
