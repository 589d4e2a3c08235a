package strictjson

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Unmarshal checks text as Check does and decodes it into the value that dst, a
// non-nil pointer, points to.
//
// It follows the struct tags of encoding/json (name, "-", embedding) and calls
// json.Unmarshaler and encoding.TextUnmarshaler, and it is stricter: a member
// goes to the field of exactly its name, upper and lower case told apart; null
// goes only where nil can be told from a value (pointer, interface, slice,
// map); an integer is written without fraction and exponent and must fit; an
// array of another length than a Go array's is refused. Members without a field
// are passed over. In an interface value, a number is a float64 and one that
// overflows it is refused.
//
// Errors: those of Check, *TypeError (ErrType), ErrUnsupported. On an error
// what dst points to may be half filled: callers throw it away.
func Unmarshal[T Text](text T, dst any, limits Limits) error {
	whole := string(text)
	if err := Check(whole, limits); err != nil {
		return err
	}
	return UnmarshalChecked(whole, dst, nil)
}

// Preset lends an embedded struct its value: one that the caller has decoded
// already.
type Preset struct {
	Type reflect.Type  // of the struct
	Copy func(dst any) // dst is a pointer to a Type
}

// UnmarshalChecked is Unmarshal for a text that was checked before, whose limits
// no longer matter. Where dst is a struct that embeds the preset's type, that part
// is copied from it, whole, and not decoded. Structs inside that one are decoded:
// the preset is about the outermost object.
func UnmarshalChecked(text string, dst any, preset *Preset) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("%w: %T is not a pointer to something", ErrUnsupported, dst)
	}
	d := decoder{preset: preset}
	return d.decode(strings.Trim(text, " \t\r\n"), v.Elem())
}

// DecodeSpans is UnmarshalChecked for an object whose members the caller has.
func DecodeSpans(spans []Span, text string, dst any, preset *Preset) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return UnmarshalChecked(text, dst, preset)
	}
	var room [stackRoom]Member
	d := decoder{preset: preset, members: membersOf(room[:0], text, spans)}
	return d.decode(strings.Trim(text, " \t\r\n"), v.Elem())
}

// decoder decodes one value. What it knows is of the outermost one: the values
// inside get a decoder of their own.
type decoder struct {
	preset  *Preset
	members []Member // of the value, if they are known
}

// decode decodes a checked value without space around it.
func (d decoder) decode(value string, v reflect.Value) error {
	isNull := value[0] == 'n'
	if v.Kind() == reflect.Pointer {
		if isNull {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return d.decode(value, v.Elem())
	}
	if v.Kind() != reflect.Struct {
		d.preset = nil // not the outermost struct any more
	}
	if v.CanAddr() {
		switch u := v.Addr().Interface().(type) {
		case json.Unmarshaler:
			if err := u.UnmarshalJSON([]byte(value)); err != nil {
				return wantOf(err, v.Type())
			}
			return nil
		case encoding.TextUnmarshaler:
			text, ok := String(value)
			if !ok {
				return &TypeError{"", "a string"}
			}
			if err := u.UnmarshalText([]byte(text)); err != nil {
				return &TypeError{"", v.Type().String()}
			}
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		if value[0] != 't' && value[0] != 'f' {
			return &TypeError{"", "true or false"}
		}
		v.SetBool(value[0] == 't')
	case reflect.String:
		return decodeString(value, v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(value, 10, v.Type().Bits())
		if err != nil {
			return &TypeError{"", v.Type().String()}
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(value, 10, v.Type().Bits())
		if err != nil {
			return &TypeError{"", v.Type().String()}
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(value, v.Type().Bits())
		if err != nil {
			return &TypeError{"", v.Type().String()}
		}
		v.SetFloat(n)
	case reflect.Interface:
		if v.NumMethod() != 0 {
			return fmt.Errorf("%w: %s", ErrUnsupported, v.Type())
		}
		a, err := d.decodeAny(value)
		if err != nil {
			return err
		}
		if a == nil {
			v.SetZero()
		} else {
			v.Set(reflect.ValueOf(a))
		}
	case reflect.Slice:
		return d.decodeSlice(value, v)
	case reflect.Array:
		return d.decodeArray(value, v)
	case reflect.Map:
		return d.decodeMap(value, v)
	case reflect.Struct:
		return d.decodeStruct(value, v)
	default:
		return fmt.Errorf("%w: %s", ErrUnsupported, v.Type())
	}
	return nil
}

// wantOf keeps a TypeError of an inner decoder; the text of any other error could
// repeat the value and stays behind.
func wantOf(err error, t reflect.Type) error {
	if inner, ok := err.(*TypeError); ok {
		return inner
	}
	return &TypeError{"", t.String()}
}

// at puts a name before the path of a TypeError.
func at(name string, err error) error {
	inner, ok := err.(*TypeError)
	switch {
	case !ok:
		return err
	case inner.Path == "":
		return &TypeError{name, inner.Want}
	default:
		return &TypeError{name + "." + inner.Path, inner.Want}
	}
}

func isNumber(value string) bool {
	return value[0] == '-' || '0' <= value[0] && value[0] <= '9'
}

var numberType = reflect.TypeFor[json.Number]()

func decodeString(value string, v reflect.Value) error {
	if v.Type() == numberType {
		if !isNumber(value) {
			return &TypeError{"", "a number"}
		}
		v.SetString(value)
		return nil
	}
	text, ok := String(value)
	if !ok {
		return &TypeError{"", "a string"}
	}
	v.SetString(text)
	return nil
}

func (d decoder) decodeAny(value string) (any, error) {
	switch value[0] {
	case 'n':
		return nil, nil
	case 't', 'f':
		return value[0] == 't', nil
	case '"':
		text, _ := String(value)
		return text, nil
	case '{':
		var m map[string]any
		return decodeInto(d, value, &m)
	case '[':
		var a []any
		return decodeInto(d, value, &a)
	default:
		var n float64
		return decodeInto(d, value, &n)
	}
}

func decodeInto[T any](d decoder, value string, dst *T) (any, error) {
	err := d.decode(value, reflect.ValueOf(dst).Elem())
	return *dst, err
}

func (d decoder) decodeSlice(value string, v reflect.Value) error {
	if value[0] == 'n' {
		v.SetZero()
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		text, ok := String(value)
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if !ok || err != nil {
			return &TypeError{"", "bytes in base64"}
		}
		v.SetBytes(b)
		return nil
	}
	var room [elementRoom]string
	elements, ok := AppendElements(room[:0], value)
	if !ok {
		return &TypeError{"", "an array"}
	}
	out := reflect.MakeSlice(v.Type(), len(elements), len(elements))
	for i, e := range elements {
		if err := d.decode(e, out.Index(i)); err != nil {
			return at(strconv.Itoa(i), err)
		}
	}
	v.Set(out)
	return nil
}

func (d decoder) decodeArray(value string, v reflect.Value) error {
	var room [elementRoom]string
	elements, ok := AppendElements(room[:0], value)
	if !ok || len(elements) != v.Len() {
		return &TypeError{"", fmt.Sprintf("an array of %d", v.Len())}
	}
	for i, e := range elements {
		if err := d.decode(e, v.Index(i)); err != nil {
			return at(strconv.Itoa(i), err)
		}
	}
	return nil
}

// elementRoom is how many elements of an array lie on the stack.
const elementRoom = 8

// members returns the members of a checked value, which may be no object.
func members(room []Member, value string) ([]Member, error) {
	if value[0] != '{' {
		return nil, &TypeError{"", "an object"}
	}
	return AppendCheckedMembers(room, value)
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func (d decoder) decodeMap(value string, v reflect.Value) error {
	t := v.Type()
	if value[0] == 'n' {
		v.SetZero()
		return nil
	}
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(textUnmarshaler) {
		return fmt.Errorf("%w: %s (map keys must be plain strings)", ErrUnsupported, t)
	}
	var room [stackRoom]Member
	ms, err := members(room[:0], value)
	if err != nil {
		return err
	}
	out := reflect.MakeMapWithSize(t, len(ms))
	for _, m := range ms {
		e := reflect.New(t.Elem()).Elem()
		// The name is a stranger's word and stays out of the path.
		if err := d.decode(m.Value, e); err != nil {
			return at("*", err)
		}
		out.SetMapIndex(reflect.ValueOf(m.Name).Convert(t.Key()), e)
	}
	v.Set(out)
	return nil
}

func (d decoder) decodeStruct(value string, v reflect.Value) error {
	ms := d.members
	if ms == nil {
		var room [stackRoom]Member
		var err error
		if ms, err = members(room[:0], value); err != nil {
			return err
		}
	}
	layout, err := d.layoutOf(v.Type())
	if err != nil {
		return err
	}
	for _, index := range layout.preset {
		f, err := field(v, index)
		if err != nil {
			return err
		}
		d.preset.Copy(f.Addr().Interface())
	}
	next := 0
	for _, m := range ms {
		index, place := layout.find(m.Name, next)
		if index == nil {
			continue
		}
		next = place + 1
		f, err := field(v, index)
		if err != nil {
			return err
		}
		if err := (decoder{}).decode(m.Value, f); err != nil {
			return at(m.Name, err)
		}
	}
	return nil
}

// field walks to a field and makes the embedded pointers on the way.
func field(v reflect.Value, index []int) (reflect.Value, error) {
	for _, n := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, fmt.Errorf("%w: embedded pointer to unexported %s", ErrUnsupported, v.Type().Elem())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, nil
}
