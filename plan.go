package jeton

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// plan writes the structs that claims usually are, those of strings, numbers,
// booleans, lists of strings and the registered claims, to the letter as
// encoding/json does. By its making such a text has no name twice and no
// registered claim of a wrong type, so nobody need read it again. All other
// types, and strings that want a closer look, are left to encoding/json.
type plan struct{ fields []plannedField }

type plannedField struct {
	offset    uintptr // from the start of the outermost struct
	key       string  // "name": with the comma before it
	kind      plannedKind
	bits      int // of an integer
	omitEmpty bool
}

type plannedKind int

const (
	plannedString plannedKind = iota
	plannedBool
	plannedInt
	plannedUint
	plannedStrings
	plannedAudience
	plannedDate
)

var (
	audienceType = reflect.TypeFor[Audience]()
	dateType     = reflect.TypeFor[NumericDate]()

	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// registered are the kinds that the registered claims must have.
var registered = map[string]plannedKind{
	"iss": plannedString, "sub": plannedString, "jti": plannedString, "aud": plannedAudience,
	"exp": plannedDate, "nbf": plannedDate, "iat": plannedDate,
}

// plans remembers planOf: a memo, not state.
var plans sync.Map // reflect.Type -> *plan, nil for a type that has none

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	if marshals(t) || !p.add(t, 0) || !p.distinct() {
		p = nil
	}
	plans.Store(t, p)
	return p
}

func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
}

// add adds the fields of a struct type; false if there is one that is not
// planned for.
func (p *plan) add(t reflect.Type, base uintptr) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous {
			if name != "" || f.Type.Kind() != reflect.Struct || marshals(f.Type) || !p.add(f.Type, base+f.Offset) {
				return false
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		kind, ok := plannedKindOf(f.Type, marshals)
		want, isRegistered := registered[name]
		// encoding/json has its own idea of a tag with one of these characters.
		if !ok || isRegistered && kind != want || !plain(name) || strings.ContainsAny(name, "'`\x7f") {
			return false
		}
		field := plannedField{offset: base + f.Offset, key: `,"` + name + `":`, kind: kind}
		if kind == plannedInt || kind == plannedUint {
			field.bits = f.Type.Bits()
		}
		switch options {
		case "":
		case "omitempty":
			field.omitEmpty = kind != plannedDate // a struct is never empty
		case "omitzero":
			_, ownZero := reflect.PointerTo(f.Type).MethodByName("IsZero")
			switch {
			case kind == plannedStrings || kind == plannedAudience:
				return false // zero is nil, not empty
			case ownZero && kind != plannedDate:
				return false // what is zero, the type decides
			}
			field.omitEmpty = true
		default:
			return false
		}
		p.fields = append(p.fields, field)
	}
	return true
}

// plannedKindOf tells how a type is read or written by offset, if it is, given
// whether a type does that itself.
func plannedKindOf(t reflect.Type, itself func(reflect.Type) bool) (plannedKind, bool) {
	switch {
	case t == audienceType:
		return plannedAudience, true
	case t == dateType:
		return plannedDate, true
	case itself(t):
		return 0, false
	}
	switch t.Kind() {
	case reflect.String:
		return plannedString, t != numberType
	case reflect.Bool:
		return plannedBool, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return plannedInt, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return plannedUint, true
	case reflect.Slice:
		return plannedStrings, t.Elem().Kind() == reflect.String && !itself(t.Elem()) && t.Elem() != numberType
	}
	return 0, false
}

// distinct leaves the question which of two fields of one name counts to
// encoding/json.
func (p *plan) distinct() bool {
	seen := map[string]bool{}
	for _, f := range p.fields {
		if seen[f.key] {
			return false
		}
		seen[f.key] = true
	}
	return true
}

// appendPlanned appends the JSON of claims to dst; false if it can't, with
// nothing said about why. A struct is copied once, one behind a pointer not.
func appendPlanned(dst []byte, claims any, limits Limits) ([]byte, bool) {
	v := reflect.ValueOf(claims)
	t := reflect.TypeOf(claims)
	switch {
	case limits.Depth < 2:
		return dst, false
	case v.Kind() == reflect.Pointer && !v.IsNil():
		t = t.Elem()
	case v.Kind() == reflect.Struct:
	default:
		return dst, false
	}
	if t.Kind() != reflect.Struct {
		return dst, false
	}
	p := planOf(t)
	if p == nil || len(p.fields) == 0 {
		return dst, false
	}
	if v.Kind() == reflect.Struct {
		addressable := reflect.New(t)
		addressable.Elem().Set(v)
		v = addressable
	}
	src := v.UnsafePointer()
	start, count := len(dst), 0
	for i := range p.fields {
		f := &p.fields[i]
		n, ok := 1, true
		if dst, n, ok = f.append(dst, src); !ok {
			return dst[:start], false
		}
		count += n
	}
	if len(dst) == start || count > limits.Members {
		return dst[:start], false
	}
	dst[start] = '{' // for the first comma
	return append(dst, '}'), true
}

// append appends a field of the struct at src and returns how many members and
// elements that were. As with typedPlan, offset and kind come from reflect, for a
// field of that very type; here they are only read by.
func (f *plannedField) append(dst []byte, src unsafe.Pointer) ([]byte, int, bool) {
	p, ok := unsafe.Add(src, f.offset), true
	switch f.kind {
	case plannedString:
		s := *(*string)(p)
		if f.omitEmpty && s == "" {
			return dst, 0, true
		}
		dst, ok = appendPlain(append(dst, f.key...), s)
	case plannedBool:
		b := *(*bool)(p)
		if f.omitEmpty && !b {
			return dst, 0, true
		}
		dst = strconv.AppendBool(append(dst, f.key...), b)
	case plannedInt:
		n := f.int(p)
		if f.omitEmpty && n == 0 {
			return dst, 0, true
		}
		dst = strconv.AppendInt(append(dst, f.key...), n, 10)
	case plannedUint:
		n := f.uint(p)
		if f.omitEmpty && n == 0 {
			return dst, 0, true
		}
		dst = strconv.AppendUint(append(dst, f.key...), n, 10)
	case plannedDate:
		d := *(*NumericDate)(p)
		if f.omitEmpty && d.IsZero() {
			return dst, 0, true
		}
		dst, ok = d.append(append(dst, f.key...)), d.valid()
	case plannedAudience:
		list := *(*[]string)(p)
		switch {
		case f.omitEmpty && len(list) == 0:
			return dst, 0, true
		case len(list) == 1 && list[0] != "":
			dst, ok = appendPlain(append(dst, f.key...), list[0])
		case len(list) == 0:
			return dst, 0, false
		default:
			return appendList(append(dst, f.key...), list, false)
		}
	case plannedStrings:
		list := *(*[]string)(p)
		switch {
		case f.omitEmpty && len(list) == 0:
			return dst, 0, true
		case list == nil:
			return append(append(dst, f.key...), "null"...), 1, true
		}
		return appendList(append(dst, f.key...), list, true)
	}
	return dst, 1, ok
}

func (f *plannedField) int(p unsafe.Pointer) int64 {
	switch f.bits {
	case 8:
		return int64(*(*int8)(p))
	case 16:
		return int64(*(*int16)(p))
	case 32:
		return int64(*(*int32)(p))
	}
	return *(*int64)(p)
}

func (f *plannedField) uint(p unsafe.Pointer) uint64 {
	switch f.bits {
	case 8:
		return uint64(*(*uint8)(p))
	case 16:
		return uint64(*(*uint16)(p))
	case 32:
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}

// appendList appends a list, in which names may be empty or not.
func appendList(dst []byte, list []string, empty bool) ([]byte, int, bool) {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = appendPlain(dst, s); !ok || !empty && s == "" {
			return dst, 0, false
		}
	}
	return append(dst, ']'), 1 + len(list), true
}

// appendPlain appends a string that encoding/json writes as it is.
func appendPlain(dst []byte, s string) ([]byte, bool) {
	if !plain(s) {
		return dst, false
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"'), true
}

// plain tells whether s is ASCII that encoding/json does not escape.
func plain(s string) bool {
	b := bytesOf(s)
	if len(b) >= 8 {
		for i := 0; i+8 < len(b); i += 8 {
			if odd(binary.LittleEndian.Uint64(b[i:])) {
				return false
			}
		}
		return !odd(binary.LittleEndian.Uint64(b[len(b)-8:]))
	}
	for _, c := range b {
		if odd(uint64(c) | '0'*(ones-1)) {
			return false
		}
	}
	return true
}

const (
	ones  = 0x0101010101010101 // times a byte: that byte, eight times
	highs = 0x80 * ones
)

// odd tells whether one of eight bytes is a control character, not ASCII, or one
// of "&<>\. Each subtraction sets the high bit of a byte that is looked for, and
// borrows from the next one only then.
func odd(w uint64) bool {
	quoteOrAmp := ((w | 0x04*ones) ^ '&'*ones) - ones
	lessOrMore := ((w | 0x02*ones) ^ '>'*ones) - ones
	backslash := (w ^ '\\'*ones) - ones
	return (w|(w-' '*ones)|quoteOrAmp|lessOrMore|backslash)&highs != 0
}
