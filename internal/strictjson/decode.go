package strictjson

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
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
func Unmarshal(text []byte, dst any, limits Limits) error {
	if err := Check(text, limits); err != nil {
		return err
	}
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("%w: %T is not a pointer to something", ErrUnsupported, dst)
	}
	return decode(trim(text), v.Elem(), "")
}

// trim drops the space around a checked value.
func trim(text []byte) []byte {
	s := scanner{text: text}
	s.space()
	end := len(text)
	for end > s.pos {
		switch text[end-1] {
		case ' ', '\t', '\n', '\r':
			end--
			continue
		}
		break
	}
	return text[s.pos:end]
}

// decode decodes a checked value without space around it.
func decode(value []byte, v reflect.Value, path string) error {
	isNull := value[0] == 'n'
	if v.Kind() == reflect.Pointer {
		if isNull {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return decode(value, v.Elem(), path)
	}
	if v.CanAddr() {
		switch u := v.Addr().Interface().(type) {
		case json.Unmarshaler:
			if err := u.UnmarshalJSON(value); err != nil {
				return wantAt(path, err, v.Type())
			}
			return nil
		case encoding.TextUnmarshaler:
			text, ok := String(value)
			if !ok {
				return &TypeError{path, "a string"}
			}
			if err := u.UnmarshalText([]byte(text)); err != nil {
				return &TypeError{path, v.Type().String()}
			}
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		if value[0] != 't' && value[0] != 'f' {
			return &TypeError{path, "true or false"}
		}
		v.SetBool(value[0] == 't')
	case reflect.String:
		return decodeString(value, v, path)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(string(value), 10, v.Type().Bits())
		if err != nil {
			return &TypeError{path, v.Type().String()}
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(string(value), 10, v.Type().Bits())
		if err != nil {
			return &TypeError{path, v.Type().String()}
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(string(value), v.Type().Bits())
		if err != nil {
			return &TypeError{path, v.Type().String()}
		}
		v.SetFloat(n)
	case reflect.Interface:
		if v.NumMethod() != 0 {
			return fmt.Errorf("%w: %s", ErrUnsupported, v.Type())
		}
		a, err := decodeAny(value, path)
		if err != nil {
			return err
		}
		if a == nil {
			v.SetZero()
		} else {
			v.Set(reflect.ValueOf(a))
		}
	case reflect.Slice:
		return decodeSlice(value, v, path)
	case reflect.Array:
		return decodeArray(value, v, path)
	case reflect.Map:
		return decodeMap(value, v, path)
	case reflect.Struct:
		return decodeStruct(value, v, path)
	default:
		return fmt.Errorf("%w: %s", ErrUnsupported, v.Type())
	}
	return nil
}

// wantAt keeps a TypeError of an inner decoder, with the path before it; the
// text of any other error could repeat the value and stays behind.
func wantAt(path string, err error, t reflect.Type) error {
	if inner, ok := err.(*TypeError); ok {
		return &TypeError{join(path, inner.Path), inner.Want}
	}
	return &TypeError{path, t.String()}
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

func isNumber(value []byte) bool {
	return value[0] == '-' || '0' <= value[0] && value[0] <= '9'
}

var numberType = reflect.TypeFor[json.Number]()

func decodeString(value []byte, v reflect.Value, path string) error {
	if v.Type() == numberType {
		if !isNumber(value) {
			return &TypeError{path, "a number"}
		}
		v.SetString(string(value))
		return nil
	}
	text, ok := String(value)
	if !ok {
		return &TypeError{path, "a string"}
	}
	v.SetString(text)
	return nil
}

func decodeAny(value []byte, path string) (any, error) {
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
		return decodeInto(value, path, &m)
	case '[':
		var a []any
		return decodeInto(value, path, &a)
	default:
		var n float64
		return decodeInto(value, path, &n)
	}
}

func decodeInto[T any](value []byte, path string, dst *T) (any, error) {
	err := decode(value, reflect.ValueOf(dst).Elem(), path)
	return *dst, err
}

func decodeSlice(value []byte, v reflect.Value, path string) error {
	if value[0] == 'n' {
		v.SetZero()
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		text, ok := String(value)
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if !ok || err != nil {
			return &TypeError{path, "bytes in base64"}
		}
		v.SetBytes(b)
		return nil
	}
	elements, ok := AppendElements(nil, value)
	if !ok {
		return &TypeError{path, "an array"}
	}
	out := reflect.MakeSlice(v.Type(), len(elements), len(elements))
	for i, e := range elements {
		if err := decode(e, out.Index(i), join(path, strconv.Itoa(i))); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func decodeArray(value []byte, v reflect.Value, path string) error {
	elements, ok := AppendElements(nil, value)
	if !ok || len(elements) != v.Len() {
		return &TypeError{path, fmt.Sprintf("an array of %d", v.Len())}
	}
	for i, e := range elements {
		if err := decode(e, v.Index(i), join(path, strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

// members returns the members of a checked value, which may be no object.
func members(value []byte, path string) ([]Member, error) {
	if value[0] != '{' {
		return nil, &TypeError{path, "an object"}
	}
	return AppendMembers(nil, value, Limits{Depth: len(value), Members: len(value)})
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func decodeMap(value []byte, v reflect.Value, path string) error {
	t := v.Type()
	if value[0] == 'n' {
		v.SetZero()
		return nil
	}
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(textUnmarshaler) {
		return fmt.Errorf("%w: %s (map keys must be plain strings)", ErrUnsupported, t)
	}
	ms, err := members(value, path)
	if err != nil {
		return err
	}
	out := reflect.MakeMapWithSize(t, len(ms))
	for _, m := range ms {
		e := reflect.New(t.Elem()).Elem()
		// The name is a stranger's word and stays out of the path.
		if err := decode(m.Value, e, join(path, "*")); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(string(m.Name)).Convert(t.Key()), e)
	}
	v.Set(out)
	return nil
}

func decodeStruct(value []byte, v reflect.Value, path string) error {
	ms, err := members(value, path)
	if err != nil {
		return err
	}
	fields, err := fieldsOf(v.Type())
	if err != nil {
		return err
	}
	for _, m := range ms {
		index, ok := fields[string(m.Name)]
		if !ok {
			continue
		}
		f, err := field(v, index)
		if err != nil {
			return err
		}
		if err := decode(m.Value, f, join(path, string(m.Name))); err != nil {
			return err
		}
	}
	return nil
}

// field walks to a field and makes the embedded pointers on the way.
func field(v reflect.Value, index []int) (reflect.Value, error) {
	for i, n := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
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
