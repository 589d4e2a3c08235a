package strictjson

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// layout is where the members of a struct go.
type layout struct {
	places []place        // in the order of the struct
	byName map[string]int // index in places
	preset [][]int        // embedded structs that are copied
}

type place struct {
	name  string
	index []int // of the field
}

// find returns the field of a member and where it is in the order; nil if there
// is none. Members mostly come in the order of the struct that wrote them, so
// the place after the last one is tried first.
func (l *layout) find(name string, next int) ([]int, int) {
	if next < len(l.places) && l.places[next].name == name {
		return l.places[next].index, next
	}
	if i, ok := l.byName[name]; ok {
		return l.places[i].index, i
	}
	return nil, 0
}

type layoutKey struct{ of, preset reflect.Type }

// layoutCache remembers layoutOf: a memo, not state.
var layoutCache sync.Map // layoutKey -> *layout

// layoutOf maps the member names of a struct type to field indexes. Embedded
// structs lend their fields. Of the fields of one name the shallowest counts, and
// among those the only one whose tag gives the name, as in encoding/json; where
// that leaves two, encoding/json drops both silently and here it is an error.
func (d decoder) layoutOf(t reflect.Type) (*layout, error) {
	key := layoutKey{of: t}
	if d.preset != nil {
		key.preset = d.preset.Type
	}
	if l, ok := layoutCache.Load(key); ok {
		return l.(*layout), nil
	}
	c := collector{preset: key.preset, fields: map[string]candidate{}}
	if err := c.collect(t, nil, nil); err != nil {
		return nil, err
	}
	l := &layout{byName: make(map[string]int, len(c.fields)), preset: c.copied}
	for name, f := range c.fields {
		if f.twin {
			return nil, fmt.Errorf("%w: %s has two fields for the member %q", ErrUnsupported, t, name)
		}
		if !slices.ContainsFunc(c.copied, func(p []int) bool { return len(p) < len(f.index) && slices.Equal(p, f.index[:len(p)]) }) {
			l.places = append(l.places, place{name, f.index})
		}
	}
	slices.SortFunc(l.places, func(a, b place) int { return slices.Compare(a.index, b.index) })
	for i, p := range l.places {
		l.byName[p.name] = i
	}
	layoutCache.Store(key, l)
	return l, nil
}

// candidate is the best field of a name so far.
type candidate struct {
	index  []int
	tagged bool
	twin   bool // there is another one that is as good
}

type collector struct {
	preset reflect.Type
	copied [][]int
	fields map[string]candidate
}

func (c *collector) add(name string, f candidate) {
	other, taken := c.fields[name]
	switch {
	case !taken || len(f.index) < len(other.index):
		c.fields[name] = f
	case len(f.index) > len(other.index):
	case f.tagged == other.tagged:
		other.twin = true
		c.fields[name] = other
	case f.tagged:
		c.fields[name] = f
	}
}

func (c *collector) collect(t reflect.Type, prefix []int, parents []reflect.Type) error {
	if slices.Contains(parents, t) {
		return fmt.Errorf("%w: %s embeds itself", ErrUnsupported, t)
	}
	parents = append(parents, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		index := append(slices.Clone(prefix), i)
		if f.Anonymous && name == "" {
			e := f.Type
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if e.Kind() == reflect.Struct {
				if f.Type == c.preset {
					c.copied = append(c.copied, index)
				}
				if err := c.collect(e, index, parents); err != nil {
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
		// encoding/json passes over such a tag, and its successor reads it in
		// another way.
		if strings.ContainsAny(name, "'\"\\`") {
			return fmt.Errorf("%w: %s.%s has a json tag with a quote", ErrUnsupported, t, f.Name)
		}
		tagged := name != ""
		if !tagged {
			name = f.Name
		}
		c.add(name, candidate{index: index, tagged: tagged})
	}
	return nil
}

// Field is the field of a struct that takes a member of an object.
type Field struct {
	Name  string
	Index []int // as in reflect.Type.FieldByIndex
}

// Fields returns the fields of a struct type that UnmarshalChecked decodes
// members into, and the indexes of the embedded structs that it copies from a
// preset of that type.
func Fields(t, preset reflect.Type) (fields []Field, presets [][]int, err error) {
	layout, err := decoder{preset: &Preset{Type: preset}}.layoutOf(t)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range layout.places {
		fields = append(fields, Field{p.name, p.index})
	}
	return fields, layout.preset, nil
}
