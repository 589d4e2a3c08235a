package strictjson

import (
	"math"
	"math/bits"
)

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
	more, err := s.open(0, '}')
	for more && err == nil {
		// It is filled where it lies: to copy what was only just written takes
		// a processor longer than all the rest.
		dst = append(dst, Span{})
		m := &dst[len(dst)-1]
		if !s.usualMember(m) {
			err = s.member(m)
		}
		if err != nil {
			break
		}
		if !s.checked && s.twice(dst[first:]) {
			err = s.fail(ErrDuplicate)
			break
		}
		if i := s.pos; i+1 < len(s.text) && s.text[i] == ',' && s.text[i+1] == '"' {
			s.pos++
			err = s.countOne()
			continue
		}
		more, err = s.more('}')
	}
	return dst, err
}

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

// usualMember is member for what tokens mostly have: a name and a value without
// space around them, of which the value is a string or digits and neither has
// escapes or is cut off. Otherwise it takes nothing and is false.
func (s *scanner) usualMember(m *Span) bool {
	text, i := s.text, s.pos+1
	if i+9 > len(text) || text[i-1] != '"' {
		return false
	}
	end := i
	if first := load64(text[i : i+8]); special(first) != 0 {
		n := bits.TrailingZeros64(special(first)) / 8
		end = i + n
		m.key = first&(1<<(8*n)-1) | uint64(n)<<56
	} else {
		end = plainEnd(text, i+8)
		m.key = NameKey(text[i:end])
	}
	if end+2 >= len(text) || text[end] != '"' || text[end+1] != ':' {
		return false
	}
	m.start, m.end = uint32(i), uint32(end)
	i = end + 2
	m.value = uint32(i)
	switch c := text[i]; {
	case c == '"':
		if end = plainEnd(text, i+1); end >= len(text) || text[end] != '"' {
			return false
		}
		i, m.plainValue = end+1, true
	case '1' <= c && c <= '9':
		for end = i + 1; end < len(text) && '0' <= text[end] && text[end] <= '9'; end++ {
		}
		if end >= len(text) || text[end] != ',' && text[end] != '}' || end-i > 18 {
			return false
		}
		i = end
	default:
		return false
	}
	m.valueEnd = uint32(i)
	s.pos = i
	return true
}
