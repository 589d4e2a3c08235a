package jeton

import (
	"context"
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"sync"
	"unsafe"

	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// typedPlan decodes claims into the structs that claims usually are: those of
// strings, integers, booleans, lists of strings and the registered claims. It
// knows where each field lies, so that nothing goes through reflection and a
// struct need not leave its caller's stack. All other types, and every value
// that does not fit its field, are left to strictjson, which says what is wrong.
//
// It is the only place where this package writes through unsafe.Pointer. What
// makes that sound: an offset and a kind come from reflect, for a field of that
// very type; a plan is used with the type that it was made for; and values are
// stored by assignment, so that the garbage collector sees them.
type typedPlan struct {
	of         reflect.Type
	fields     []typedField
	embeds     bool    // the struct embeds Claims,
	claims     uintptr // which lie here
	registered bool    // a field of the struct's own takes a registered claim
	usual      []typedField
}

type typedField struct {
	name   string
	key    uint64 // strictjson.NameKey
	offset uintptr
	kind   plannedKind
	bits   int // of an integer

	registered bool // it lies in Claims
}

// maxTypedFields bounds the search for a member's field. With the registered
// claims they are as many as a word has bits.
const maxTypedFields = 64 - 7

// typedPlans remembers typedPlanOf: a memo, not state.
var typedPlans sync.Map // reflect.Type -> *typedPlan, nil for a type that has none

func typedPlanOf(t reflect.Type) *typedPlan {
	if p, ok := typedPlans.Load(t); ok {
		return p.(*typedPlan)
	}
	p := newTypedPlan(t)
	typedPlans.Store(t, p)
	return p
}

func newTypedPlan(t reflect.Type) *typedPlan {
	if t == claimsType {
		return &typedPlan{of: t, embeds: true, usual: usualFields(nil)}
	}
	if t.Kind() != reflect.Struct || unmarshals(t) {
		return nil
	}
	fields, presets, err := strictjson.Fields(t, claimsType)
	if err != nil || len(presets) > 1 || len(fields) > maxTypedFields {
		return nil
	}
	p := &typedPlan{of: t}
	for _, index := range presets {
		_, offset, ok := fieldAt(t, index)
		if !ok {
			return nil
		}
		p.embeds, p.claims = true, offset
	}
	for _, f := range fields {
		ft, offset, ok := fieldAt(t, f.Index)
		if !ok {
			return nil
		}
		kind, ok := plannedKindOf(ft, unmarshals)
		if !ok {
			return nil
		}
		field := typedField{name: f.Name, key: strictjson.NameKey(f.Name), offset: offset, kind: kind}
		if kind == plannedInt || kind == plannedUint {
			field.bits = ft.Bits()
		}
		p.registered = p.registered || isRegistered(field.key)
		p.fields = append(p.fields, field)
	}
	p.usual = usualFields(p.fields)
	return p
}

// fieldAt returns the type of a field and where it lies; false if it lies behind
// a pointer.
func fieldAt(t reflect.Type, index []int) (reflect.Type, uintptr, bool) {
	var offset uintptr
	for _, i := range index {
		if t.Kind() != reflect.Struct {
			return nil, 0, false
		}
		f := t.Field(i)
		t, offset = f.Type, offset+f.Offset
	}
	return t, offset, true
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	numberType      = reflect.TypeFor[json.Number]()
)

func unmarshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler)
}

// claimsAt returns the Claims that the struct at dst embeds; own if it embeds
// none.
func (p *typedPlan) claimsAt(dst unsafe.Pointer, own *Claims) *Claims {
	if p.embeds {
		return (*Claims)(unsafe.Add(dst, p.claims))
	}
	return own
}

// decode fills the other fields of the struct at dst, of the plan's type, which
// must be zero. False: some value does not fit, and the struct is to be thrown
// away.
func (p *typedPlan) decode(dst unsafe.Pointer, text string, members []strictjson.Span, room *names) bool {
	next := 0
	for i := range members {
		m := &members[i]
		if !p.registered && isRegistered(m.Key()) {
			continue
		}
		at, ok := p.find(text, m, next)
		if !ok {
			continue
		}
		if !p.fields[at].set(dst, text, m, room) {
			return false
		}
		next = at + 1
	}
	return true
}

// find returns the index of a member's field. Members mostly come in the order
// of the struct that wrote them.
func (p *typedPlan) find(text string, m *strictjson.Span, next int) (int, bool) {
	for i := next; i < len(p.fields); i++ {
		if f := &p.fields[i]; f.key == m.Key() && m.Is(f.name, text) {
			return i, true
		}
	}
	for i := range min(next, len(p.fields)) {
		if f := &p.fields[i]; f.key == m.Key() && m.Is(f.name, text) {
			return i, true
		}
	}
	return 0, false
}

// set writes a member's value into the field of the struct at dst, by the rules of
// strictjson.Unmarshal; false if it does not fit.
func (f *typedField) set(dst unsafe.Pointer, text string, m *strictjson.Span, room *names) bool {
	p, value, ok := unsafe.Add(dst, f.offset), m.Value(text), true
	switch f.kind {
	case plannedString:
		*(*string)(p), ok = m.String(text)
	case plannedBool:
		ok = value == "true" || value == "false"
		*(*bool)(p) = value == "true"
	case plannedInt:
		n, err := strconv.ParseInt(value, 10, f.bits)
		ok = err == nil
		f.setInt(p, n)
	case plannedUint:
		n, err := strconv.ParseUint(value, 10, f.bits)
		ok = err == nil
		f.setInt(p, int64(n))
	case plannedStrings:
		if value == "null" {
			*(*[]string)(p) = nil
			return true
		}
		*(*[]string)(p), ok = room.list(value)
	case plannedAudience:
		*(*Audience)(p), ok = parseAudience(value, room)
	case plannedDate:
		*(*NumericDate)(p), ok = parseNumericDate(value)
	}
	return ok
}

// setInt writes an integer's lowest bits, which are the same with a sign and
// without, into the field at p.
func (f *typedField) setInt(p unsafe.Pointer, n int64) {
	switch f.bits {
	case 8:
		*(*int8)(p) = int8(n)
	case 16:
		*(*int16)(p) = int16(n)
	case 32:
		*(*int32)(p) = int32(n)
	default:
		*(*int64)(p) = n
	}
}

// names is where lists of strings lie. They are cut off one array after the
// other, so that a token's few names cost no allocation of their own, and each
// has no capacity beyond its length, so that appending to one changes no other.
// A list that is kept keeps the others of its array from being freed.
type names struct {
	free []string
	grow int // how many strings to allocate at a time; 0 for as many as needed
}

const (
	namesAtATime = 48
	namesAtLeast = 4 // longer lists are rare
)

func (n *names) refill() {
	if len(n.free) < min(namesAtLeast, n.grow) {
		n.free = make([]string, n.grow)
	}
}

func (n *names) one(name string) []string {
	if len(n.free) == 0 {
		n.free = make([]string, max(n.grow, 1))
	}
	list := n.free[:1:1]
	list[0], n.free = name, n.free[1:]
	return list
}

// list reads a checked JSON array of strings; false if the value is no such
// array.
func (n *names) list(value string) ([]string, bool) {
	n.refill()
	list, ok := strictjson.AppendStrings(n.free[:0], value)
	if !ok {
		return nil, false
	}
	if len(list) <= len(n.free) {
		n.free = n.free[len(list):]
	}
	if list == nil {
		list = []string{}
	}
	return list[:len(list):len(list)], true
}

// copy returns a list of the caller's own.
func (n *names) copy(list []string) []string {
	if len(list) == 1 {
		return n.one(list[0])
	}
	return append([]string(nil), list...)
}

// VerifyAs verifies a token as Verify does and decodes its claims into a T, as
// Decode does. With an error the T is zero.
//
// It is the fast way to typed claims: where T is a struct of strings, integers,
// booleans, lists of strings, dates and [Claims], a few tokens take one allocation
// for the text of their claims, and now and then one for lists. Tokens that were
// verified one after the other so share up to 2 KiB: none can be changed through
// another, but one that is kept keeps the memory of the others. Keep a copy
// (strings.Clone) of what is to stay for long.
func VerifyAs[T any](ctx context.Context, v *Verifier, token string) (claims T, err error) {
	t := reflect.TypeFor[T]()
	p := v.plan.Load()
	if p == nil || p.of != t {
		p = typedPlanOf(t)
		if p != nil {
			v.plan.Store(p)
		}
	}
	if p == nil {
		verified, err := v.Verify(ctx, token)
		if err != nil {
			return claims, err
		}
		return decodeAs[T](verified)
	}
	verified, err := v.verifyPlanned(ctx, token, p, unsafe.Pointer(&claims))
	switch {
	case err != nil:
		var zero T
		return zero, err
	case verified != nil:
		return decodeAs[T](verified)
	}
	return claims, nil
}

func decodeAs[T any](verified *Verified) (T, error) {
	var claims T
	if err := verified.Decode(&claims); err != nil {
		var zero T
		return zero, err
	}
	return claims, nil
}

// verifyPlanned verifies a token and decodes its claims into the struct at dst.
// If they don't fit it returns what it verified, to be decoded in another way.
func (v *Verifier) verifyPlanned(ctx context.Context, token string, p *typedPlan, dst unsafe.Pointer) (*Verified, error) {
	room := v.room()
	defer v.scratch.Put(room)
	if v.cache != nil || v.policy.Revocations != nil {
		verified, err := v.Verify(ctx, token)
		if err != nil {
			return nil, err
		}
		var own Claims
		c := p.claimsAt(dst, &own)
		*c = verified.claims
		c.Audience = room.names.copy(c.Audience)
		if !p.decode(dst, verified.payload, verified.members, &room.names) {
			return verified, nil
		}
		return nil, nil
	}

	s, err := v.split(token)
	if err != nil {
		return nil, err
	}
	buffer, shared := room.texts.buffer(base64url.DecodedLen(len(s.payload())), &room.payload)
	a, err := v.authenticate(ctx, s, room, buffer)
	if err != nil {
		return nil, err
	}
	var text string
	if shared {
		text = room.texts.take()
	} else {
		text = string(a.payload)
	}
	var own Claims
	c := p.claimsAt(dst, &own)
	if p.decodeUsual(dst, c, text, v.policy.Limits, &room.names) {
		return nil, v.policy.check(a.header, c, v.policy.Now())
	}
	members, err := strictjson.AppendSpans(room.members[:0], text, v.policy.Limits.json())
	if err != nil {
		return nil, jsonError("claims", err)
	}
	room.members = members
	if err := c.parse(text, members, &room.names); err != nil {
		return nil, err
	}
	if err := v.policy.check(a.header, c, v.policy.Now()); err != nil {
		return nil, err
	}
	if !p.decode(dst, text, members, &room.names) {
		return a.verified(v.policy.Limits)
	}
	return nil, nil
}
