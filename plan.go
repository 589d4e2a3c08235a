package jeton

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// plan writes the structs that claims usually are, those of strings, numbers,
// booleans, lists of strings and the registered claims, to the letter as
// encoding/json does. By its making such a text has no name twice and no
// registered claim of a wrong type, so nobody need read it again. All other
// types, and strings that want a closer look, are left to encoding/json.
type plan struct{ fields []plannedField }

type plannedField struct {
	index     []int
	key       string // "name": with the comma before it
	kind      plannedKind
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
	if marshals(t) || !p.add(t, nil) || !p.distinct() {
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
func (p *plan) add(t reflect.Type, prefix []int) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		index := append(slices.Clone(prefix), i)
		if f.Anonymous {
			if name != "" || f.Type.Kind() != reflect.Struct || marshals(f.Type) || !p.add(f.Type, index) {
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
		kind, ok := plannedKindOf(f.Type)
		want, isRegistered := registered[name]
		// encoding/json has its own idea of a tag with one of these characters.
		if !ok || isRegistered && kind != want || !plain(name) || strings.ContainsAny(name, "'`\x7f") {
			return false
		}
		field := plannedField{index: index, key: `,"` + name + `":`, kind: kind}
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

func plannedKindOf(t reflect.Type) (plannedKind, bool) {
	switch {
	case t == audienceType:
		return plannedAudience, true
	case t == dateType:
		return plannedDate, true
	case marshals(t):
		return 0, false
	}
	switch t.Kind() {
	case reflect.String:
		return plannedString, t != reflect.TypeFor[json.Number]()
	case reflect.Bool:
		return plannedBool, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return plannedInt, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return plannedUint, true
	case reflect.Slice:
		return plannedStrings, t.Elem().Kind() == reflect.String && !marshals(t.Elem()) && t.Elem() != reflect.TypeFor[json.Number]()
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
// nothing said about why.
func appendPlanned(dst []byte, claims any, limits Limits) ([]byte, bool) {
	v := reflect.ValueOf(claims)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || limits.Depth < 2 {
		return dst, false
	}
	p := planOf(v.Type())
	if p == nil || len(p.fields) == 0 {
		return dst, false
	}
	start, count := len(dst), 0
	for i := range p.fields {
		f := &p.fields[i]
		n, ok := 1, true
		if dst, n, ok = f.append(dst, v); !ok {
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

// append appends a field and returns how many members and elements that were.
func (f *plannedField) append(dst []byte, v reflect.Value) ([]byte, int, bool) {
	for _, i := range f.index {
		v = v.Field(i)
	}
	if f.omitEmpty && (v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0) {
		return dst, 0, true
	}
	dst = append(dst, f.key...)
	ok := true
	switch f.kind {
	case plannedString:
		dst, ok = appendPlain(dst, v.String())
	case plannedBool:
		dst = strconv.AppendBool(dst, v.Bool())
	case plannedInt:
		dst = strconv.AppendInt(dst, v.Int(), 10)
	case plannedUint:
		dst = strconv.AppendUint(dst, v.Uint(), 10)
	case plannedDate:
		d := NumericDate{sec: v.Field(0).Int(), nsec: int32(v.Field(1).Int())}
		ok = d.valid()
		dst = d.append(dst)
	case plannedAudience:
		if v.Len() == 1 && v.Index(0).Len() > 0 {
			dst, ok = appendPlain(dst, v.Index(0).String())
			return dst, 1, ok
		}
		return f.appendList(dst, v, false)
	case plannedStrings:
		if v.IsNil() {
			return append(dst, "null"...), 1, true
		}
		return f.appendList(dst, v, true)
	}
	return dst, 1, ok
}

func (f *plannedField) appendList(dst []byte, v reflect.Value, empty bool) ([]byte, int, bool) {
	if !empty && v.Len() == 0 {
		return dst, 0, false
	}
	dst = append(dst, '[')
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		s := v.Index(i).String()
		var ok bool
		if dst, ok = appendPlain(dst, s); !ok || !empty && s == "" {
			return dst, 0, false
		}
	}
	return append(dst, ']'), 1 + v.Len(), true
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
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= utf8.RuneSelf:
			return false
		case c == '"' || c == '\\' || c == '<' || c == '>' || c == '&':
			return false
		}
	}
	return true
}
