package jeton

import (
	"unsafe"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// decodeUsual reads claims as most tokens have them in one go: check, registered
// claims, fields and all. It is a short cut for strictjson.AppendSpans,
// Claims.parse and typedPlan.decode: where it says true, those take the text
// too and read the same. Where it says false it tells nothing, and they have to be
// asked; whatever it wrote into the struct by then, they write anew.
func (p *typedPlan) decodeUsual(dst unsafe.Pointer, claims *Claims, text string, limits Limits, room *names) bool {
	if len(text) < 2 || text[0] != '{' || limits.Depth < 2 || p.registered {
		return false
	}
	var seen uint64 // a bit for each field
	var strangers strangerNames
	count, next := 0, 0
	for i := 1; ; i++ {
		key, value := strictjson.UsualName(text, i)
		if value == 0 {
			return false
		}
		at, known := p.findUsual(key, text[i+1:value-2], next)
		if !known {
			if !strangers.add(key) {
				return false
			}
			i = skipUsual(text, value)
		} else {
			if seen>>at&1 != 0 {
				return false
			}
			seen |= 1 << at
			next = at + 1
			f := &p.usual[at]
			base := dst
			if f.registered {
				base = unsafe.Pointer(claims)
			}
			var elements int
			i, elements = f.setUsual(base, text, value, room)
			count += elements
		}
		if i == 0 || i == len(text) {
			return false
		}
		if count++; count > limits.Members {
			return false
		}
		switch text[i] {
		case ',':
		case '}':
			return i == len(text)-1
		default:
			return false
		}
	}
}

// usualFields puts the registered claims before a plan's own fields: the order in
// which tokens mostly have them.
func usualFields(fields []typedField) []typedField {
	var all []typedField
	var c Claims
	add := func(name string, kind plannedKind, offset uintptr) {
		all = append(all, typedField{name: name, key: strictjson.NameKey(name), kind: kind, offset: offset, registered: true})
	}
	add("iss", plannedString, unsafe.Offsetof(c.Issuer))
	add("sub", plannedString, unsafe.Offsetof(c.Subject))
	add("aud", plannedAudience, unsafe.Offsetof(c.Audience))
	add("exp", plannedDate, unsafe.Offsetof(c.ExpiresAt))
	add("nbf", plannedDate, unsafe.Offsetof(c.NotBefore))
	add("iat", plannedDate, unsafe.Offsetof(c.IssuedAt))
	add("jti", plannedString, unsafe.Offsetof(c.ID))
	return append(all, fields...)
}

func (p *typedPlan) findUsual(key uint64, name string, next int) (at int, ok bool) {
	for at = next; at < len(p.usual); at++ {
		if f := &p.usual[at]; f.key == key && (strictjson.Exact(key) || f.name == name) {
			return at, true
		}
	}
	for at = range min(next, len(p.usual)) {
		if f := &p.usual[at]; f.key == key && (strictjson.Exact(key) || f.name == name) {
			return at, true
		}
	}
	return 0, false
}

// setUsual is set for a usual value that begins at i. It returns the index behind
// the value, 0 if it is not usual, and how many elements it has.
func (f *typedField) setUsual(base unsafe.Pointer, text string, i int, room *names) (next, elements int) {
	p := unsafe.Add(base, f.offset)
	switch f.kind {
	case plannedString:
		if next = strictjson.UsualString(text, i); next != 0 {
			*(*string)(p) = text[i+1 : next-1]
		}
	case plannedDate:
		var d NumericDate
		if d.sec, next = strictjson.UsualNumber(text, i); !d.valid() {
			return 0, 0
		}
		*(*NumericDate)(p) = d
	case plannedAudience:
		if next = strictjson.UsualString(text, i); next != 0 {
			*(*Audience)(p) = room.one(text[i+1 : next-1])
			return next, 0
		}
		fallthrough
	case plannedStrings:
		var list []string
		if list, next = room.usualList(text, i); next != 0 {
			*(*[]string)(p) = list
		}
		return next, len(list)
	case plannedBool:
		value := usualBool(text, i)
		*(*bool)(p) = value == "true"
		if value != "" {
			next = i + len(value)
		}
	case plannedInt, plannedUint:
		var n int64
		bits := f.bits
		if f.kind == plannedInt {
			bits--
		}
		if n, next = strictjson.UsualNumber(text, i); uint64(n)>>bits != 0 {
			return 0, 0
		}
		f.setInt(p, n)
	}
	return next, 0
}

// usualList is list for a usual array.
func (n *names) usualList(text string, i int) ([]string, int) {
	n.refill()
	list, next := strictjson.UsualStrings(n.free[:0], text, i)
	if next == 0 {
		return nil, 0
	}
	if len(list) <= len(n.free) {
		n.free = n.free[len(list):]
	}
	return list[:len(list):len(list)], next
}

func usualBool(text string, i int) string {
	for _, word := range [...]string{"true", "false"} {
		if len(text) > i+len(word) && text[i:i+len(word)] == word {
			return word
		}
	}
	return ""
}

// skipUsual returns the index behind a usual value that no field takes; 0 if it is
// of another kind.
func skipUsual(text string, i int) (next int) {
	switch text[i] {
	case '"':
		return strictjson.UsualString(text, i)
	case 't', 'f':
		if value := usualBool(text, i); value != "" {
			return i + len(value)
		}
		return 0
	}
	_, next = strictjson.UsualNumber(text, i)
	return next
}

// strangerNames are the keys of members that no field takes: different keys,
// different names.
type strangerNames struct {
	n    int
	keys [8]uint64
}

// add returns false if the key is there already, or there is no room.
func (s *strangerNames) add(key uint64) bool {
	if s.n == len(s.keys) {
		return false
	}
	for _, k := range s.keys[:s.n] {
		if k == key {
			return false
		}
	}
	s.keys[s.n] = key
	s.n++
	return true
}
