package strictjson

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// fieldCache remembers fieldsOf per type: a memo, not state.
var fieldCache sync.Map // reflect.Type -> map[string][]int

// fieldsOf maps the member names of a struct type to field indexes. Embedded
// structs lend their fields, and of two fields of one name the shallower wins;
// two at the same depth are an error here (encoding/json drops both silently).
func fieldsOf(t reflect.Type) (map[string][]int, error) {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string][]int), nil
	}
	fields := map[string][]int{}
	if err := collect(t, nil, fields, nil); err != nil {
		return nil, err
	}
	fieldCache.Store(t, fields)
	return fields, nil
}

func collect(t reflect.Type, prefix []int, fields map[string][]int, parents []reflect.Type) error {
	for _, p := range parents {
		if p == t {
			return fmt.Errorf("%w: %s embeds itself", ErrUnsupported, t)
		}
	}
	parents = append(parents, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		index := append(append([]int(nil), prefix...), i)
		if f.Anonymous && name == "" {
			e := f.Type
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if e.Kind() == reflect.Struct {
				if err := collect(e, index, fields, parents); err != nil {
					return err
				}
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if strings.Contains(","+options+",", ",string,") {
			return fmt.Errorf("%w: %s.%s has the json option \"string\"", ErrUnsupported, t, f.Name)
		}
		if name == "" {
			name = f.Name
		}
		if other, taken := fields[name]; taken {
			if len(other) == len(index) {
				return fmt.Errorf("%w: %s has two fields for the member %q", ErrUnsupported, t, name)
			}
			if len(other) < len(index) {
				continue
			}
		}
		fields[name] = index
	}
	return nil
}
