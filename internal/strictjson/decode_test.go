package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/strictjson"
	"pgregory.net/rapid"
)

type name string

type inner struct {
	X int    `json:"x"`
	Y string `json:"y,omitempty"`
}

type Base struct {
	ID   string `json:"id"`
	Over string `json:"over"`
}

type Pointed struct {
	Far string `json:"far"`
}

type hidden struct {
	Shown string `json:"shown"`
}

// every has a field of every kind that can be decoded into.
type every struct {
	Base
	*Pointed
	hidden
	Bool     bool              `json:"bool"`
	String   string            `json:"string"`
	Named    name              `json:"named"`
	Int      int               `json:"int"`
	Int8     int8              `json:"int8"`
	Int16    int16             `json:"int16"`
	Int32    int32             `json:"int32"`
	Int64    int64             `json:"int64"`
	Uint     uint              `json:"uint"`
	Uint8    uint8             `json:"uint8"`
	Uint16   uint16            `json:"uint16"`
	Uint32   uint32            `json:"uint32"`
	Uint64   uint64            `json:"uint64"`
	Float32  float32           `json:"float32"`
	Float64  float64           `json:"float64"`
	Bytes    []byte            `json:"bytes"`
	Strings  []string          `json:"strings"`
	Structs  []inner           `json:"structs"`
	Array    [3]int            `json:"array"`
	Map      map[string]int    `json:"map"`
	NamedMap map[name][]string `json:"namedmap"`
	Struct   inner             `json:"struct"`
	Pointer  *inner            `json:"pointer"`
	Twice    **int             `json:"twice"`
	Any      any               `json:"any"`
	Raw      json.RawMessage   `json:"raw"`
	Number   json.Number       `json:"number"`
	Time     time.Time         `json:"time"`
	Addr     netip.Addr        `json:"addr"`
	Over     string            `json:"over"` // hides Base.Over
	Untagged string
	//lint:ignore SA5008 encoding/json reads it as the name "-", and so must we
	Dash    string `json:"-,"`
	Skipped string `json:"-"`
	//lint:ignore U1000 decoding must pass it over
	unseen string
}

func draw() *rapid.Generator[every] {
	return rapid.Custom(func(t *rapid.T) every {
		text := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
		in := rapid.Custom(func(t *rapid.T) inner { return inner{rapid.Int().Draw(t, "x"), text.Draw(t, "y")} })
		e := every{
			Base:    Base{ID: text.Draw(t, "id")},
			Pointed: &Pointed{text.Draw(t, "far")},
			hidden:  hidden{text.Draw(t, "shown")},
			Bool:    rapid.Bool().Draw(t, "bool"), String: text.Draw(t, "string"), Named: name(text.Draw(t, "named")),
			Int: rapid.Int().Draw(t, "int"), Int8: rapid.Int8().Draw(t, "int8"), Int16: rapid.Int16().Draw(t, "int16"), Int32: rapid.Int32().Draw(t, "int32"), Int64: rapid.Int64().Draw(t, "int64"),
			Uint: rapid.Uint().Draw(t, "uint"), Uint8: rapid.Uint8().Draw(t, "uint8"), Uint16: rapid.Uint16().Draw(t, "uint16"), Uint32: rapid.Uint32().Draw(t, "uint32"), Uint64: rapid.Uint64().Draw(t, "uint64"),
			Float32: rapid.Float32().Draw(t, "float32"), Float64: rapid.Float64().Draw(t, "float64"),
			Bytes:   rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"),
			Strings: rapid.SliceOf(text).Draw(t, "strings"),
			Structs: rapid.SliceOf(in).Draw(t, "structs"),
			Array:   [3]int{rapid.Int().Draw(t, "a0"), 2, 3},
			Map:     rapid.MapOf(text, rapid.Int()).Draw(t, "map"),
			NamedMap: rapid.MapOf(rapid.Map(text, func(s string) name { return name(s) }),
				rapid.SliceOfN(text, 0, 3)).Draw(t, "namedmap"),
			Struct: in.Draw(t, "struct"),
			Any:    rapid.SampledFrom([]any{nil, true, 1.5, "x", []any{}, []any{nil, "y"}, map[string]any{}, map[string]any{"k": []any{1.0}}}).Draw(t, "any"),
			Raw:    json.RawMessage(rapid.SampledFrom([]string{"null", "[1,2]", `{"a":"b"}`, `"x"`}).Draw(t, "raw")),
			Number: json.Number(rapid.SampledFrom([]string{"0", "-1.5e-7", "1e300", "12345678901234567890"}).Draw(t, "number")),
			Time:   time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "sec"), rapid.Int64Range(0, 999_999_999).Draw(t, "nsec")).UTC(),
			Addr:   netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr"))),
			Over:   text.Draw(t, "over"), Untagged: text.Draw(t, "untagged"), Dash: text.Draw(t, "dash"),
		}
		if rapid.Bool().Draw(t, "pointers") {
			i, n := in.Draw(t, "pointer"), rapid.Int().Draw(t, "twice")
			p := &n
			e.Pointer, e.Twice = &i, &p
		}
		return e
	})
}

func TestUnmarshalReadsWhatEncodingJSONWrites(t *testing.T) {
	limits := strictjson.Limits{Depth: 100, Members: 100_000}
	rapid.Check(t, func(t *rapid.T) {
		want := draw().Draw(t, "value")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got, same every
		if err := strictjson.Unmarshal(text, &got, limits); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ngot  %#v\nwant %#v", text, got, want)
		}
		if err := json.Unmarshal(text, &same); err != nil || !reflect.DeepEqual(got, same) {
			t.Fatalf("%s\ngot           %#v\nencoding/json %#v", text, got, same)
		}
	})
}

func TestUnmarshalRefusesWhatDoesNotFit(t *testing.T) {
	// For each field, values of every other kind.
	values := map[string]string{
		"null": "null", "true": "true", "number": "5", "minus": "-5", "fraction": "5.5", "exponent": "5e0", "large": "300", "larger": "1e39", "huge": "18446744073709551616",
		"string": `"canary"`, "digits": `"5"`, "array": `[1,2,3]`, "short array": `[1,2]`, "long array": `[1,2,3,4]`, "strings": `["canary"]`, "nulls": "[null]", "object": `{"x":1}`, "wrong object": `{"x":"canary"}`,
		"base64": `"aGk="`, "base64 without padding": `"aGk"`, "base64url": `"_-8="`, "base64 with stray bits": `"aGl="`,
	}
	fits := map[string]string{ // the values that a field takes
		"bool":     "true",
		"string":   "string digits base64 base64-without-padding base64url base64-with-stray-bits",
		"named":    "string digits base64 base64-without-padding base64url base64-with-stray-bits",
		"int":      "number minus large",
		"int8":     "number minus",
		"int16":    "number minus large",
		"int32":    "number minus large",
		"int64":    "number minus large",
		"uint":     "number large",
		"uint8":    "number",
		"uint16":   "number large",
		"uint32":   "number large",
		"uint64":   "number large",
		"float32":  "number minus fraction exponent large huge",
		"float64":  "number minus fraction exponent large larger huge",
		"bytes":    "null base64",
		"strings":  "null strings",
		"structs":  "null",
		"array":    "array",
		"map":      "null object",
		"namedmap": "null",
		"struct":   "object",
		"pointer":  "null object",
		"twice":    "null number minus large",
		"any":      "null true number minus fraction exponent large larger huge string digits array short-array long-array strings nulls object wrong-object base64 base64-without-padding base64url base64-with-stray-bits",
		"raw":      "null true number minus fraction exponent large larger huge string digits array short-array long-array strings nulls object wrong-object base64 base64-without-padding base64url base64-with-stray-bits",
		"number":   "number minus fraction exponent large larger huge",
		"time":     "null", // time.Time takes it upon itself
		"addr":     "",
		"id":       "string digits base64 base64-without-padding base64url base64-with-stray-bits",
		"far":      "string digits base64 base64-without-padding base64url base64-with-stray-bits",
	}
	for field, list := range fits {
		for kind, value := range values {
			t.Run(field+" "+kind, func(t *testing.T) {
				fits := false
				for _, f := range strings.Fields(list) {
					fits = fits || f == strings.ReplaceAll(kind, " ", "-")
				}
				text := `{"` + field + `":` + value + `}`
				var e every
				err := strictjson.Unmarshal([]byte(text), &e, strictjson.Limits{})
				if fits {
					if err != nil {
						t.Error(err)
					}
					return
				}
				refused(t, err, strictjson.ErrType, text)
				var typeError *strictjson.TypeError
				if !errors.As(err, &typeError) || typeError.Path != field && !strings.HasPrefix(typeError.Path, field+".") || typeError.Want == "" {
					t.Errorf("%#v", err)
				}
			})
		}
	}
}

func TestUnmarshalByExactName(t *testing.T) {
	var e every
	text := `{"STRING":"a","String":"b","untagged":"c","skipped":"d","Skipped":"e","unseen":"f","Base":{"id":"g"},"ID":"h","":"i","nobody":{"x":[1]},"-":"dash"}`
	if err := strictjson.Unmarshal([]byte(text), &e, strictjson.Limits{}); err != nil {
		t.Fatal(err)
	}
	if want := (every{Dash: "dash"}); !reflect.DeepEqual(e, want) {
		t.Errorf("%#v", e)
	}
}

func TestUnmarshalNullAndWhatWasThere(t *testing.T) {
	n := 1
	p := &n
	e := every{Bytes: []byte{1}, Strings: []string{"a"}, Map: map[string]int{"a": 1}, Pointer: &inner{X: 1, Y: "kept"}, Twice: &p, Any: 1}
	if err := strictjson.Unmarshal([]byte(`{"bytes":null,"strings":null,"map":null,"pointer":null,"twice":null,"any":null}`), &e, strictjson.Limits{}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(e, every{}) {
		t.Errorf("%#v", e)
	}
	// Slices and maps are the token's alone.
	e = every{Strings: []string{"a", "b"}, Map: map[string]int{"a": 1}}
	if err := strictjson.Unmarshal([]byte(`{"strings":["c"],"map":{"d":2}}`), &e, strictjson.Limits{}); err != nil {
		t.Fatal(err)
	}
	if len(e.Strings) != 1 || len(e.Map) != 1 {
		t.Errorf("%v, %v", e.Strings, e.Map)
	}
}

func TestUnmarshalInto(t *testing.T) {
	text := []byte(" {\"a\":[1,{\"b\":null}]} \n")
	var m map[string]any
	if err := strictjson.Unmarshal(text, &m, strictjson.Limits{}); err != nil || !reflect.DeepEqual(m, map[string]any{"a": []any{1.0, map[string]any{"b": nil}}}) {
		t.Errorf("%v, %v", m, err)
	}
	var raw json.RawMessage
	if err := strictjson.Unmarshal(text, &raw, strictjson.Limits{}); err != nil || string(raw) != `{"a":[1,{"b":null}]}` {
		t.Errorf("%s, %v", raw, err)
	}
	p := &m
	if err := strictjson.Unmarshal([]byte(`{"c":true}`), &p, strictjson.Limits{}); err != nil || !reflect.DeepEqual(m, map[string]any{"c": true}) {
		t.Errorf("%v, %v", m, err)
	}
	var f float64
	if err := strictjson.Unmarshal([]byte(" 1.5 "), &f, strictjson.Limits{}); err != nil || f != 1.5 {
		t.Errorf("%v, %v", f, err)
	}
	var overflow any
	refused(t, strictjson.Unmarshal([]byte("[1e999]"), &overflow, strictjson.Limits{}), strictjson.ErrRange, "")
	var narrow float32
	refused(t, strictjson.Unmarshal([]byte("1e39"), &narrow, strictjson.Limits{}), strictjson.ErrType, "")
	if err := strictjson.Unmarshal(fmt.Appendf(nil, "%v", math.MaxFloat32), &narrow, strictjson.Limits{}); err != nil || narrow != math.MaxFloat32 {
		t.Errorf("%v, %v", narrow, err)
	}
	for _, text := range []string{"5", "{}", "null", "[1]"} {
		refused(t, strictjson.Unmarshal([]byte(text), new([0]int), strictjson.Limits{}), strictjson.ErrType, "")
	}
	for _, text := range []string{"0", "9", "-1"} {
		var n json.Number
		if err := strictjson.Unmarshal([]byte(text), &n, strictjson.Limits{}); err != nil || string(n) != text {
			t.Errorf("%s: %v, %v", text, n, err)
		}
	}
	limited := strictjson.Unmarshal([]byte("[[1]]"), &overflow, strictjson.Limits{Depth: 1})
	refused(t, limited, strictjson.ErrDepth, "")
}

type keyText string

func (k *keyText) UnmarshalText([]byte) error { return errors.New("no key is good enough") }

func TestUnmarshalTypesThatItDoesNotKnow(t *testing.T) {
	type recursive struct{ *recursive }
	type Tagged struct {
		Same int `json:"same"`
	}
	type Other struct {
		Same int `json:"same"`
	}
	// Made by hand, since go vet would complain.
	twins := reflect.StructOf([]reflect.StructField{
		{Name: "Tagged", Type: reflect.TypeFor[Tagged](), Anonymous: true}, {Name: "Other", Type: reflect.TypeFor[Other](), Anonymous: true},
	})
	for name, dst := range map[string]any{
		"nothing":                          nil,
		"no pointer":                       every{},
		"a nil pointer":                    (*every)(nil),
		"a channel":                        new(chan int),
		"a function":                       new(func()),
		"a complex number":                 new(complex128),
		"an interface with methods":        new(fmt.Stringer),
		"a map with numbers for keys":      new(map[int]string),
		"a map whose keys read themselves": new(map[keyText]string),
		"a field with the string option": &struct {
			N int `json:"n,string"`
		}{},
		"a field with the string option among others": &struct {
			N int `json:"n,omitempty,string"`
		}{},
		"a tag with an apostrophe": reflect.New(reflect.StructOf([]reflect.StructField{
			{Name: "N", Type: reflect.TypeFor[int](), Tag: `json:"it's"`}, // no linter need read it
		})).Interface(),
		"a channel in a field": &struct {
			N chan int `json:"n"`
		}{},
		"a channel in a map":                 new(map[string]chan int),
		"two fields of one name":             reflect.New(twins).Interface(),
		"a struct in itself":                 &recursive{},
		"a pointer to an unexported struct":  &struct{ *hidden }{},
		"an unexported struct, for its name": &struct{ *inner }{},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, strictjson.Unmarshal([]byte(`{"n":1,"same":1,"shown":"a","x":1}`), dst, strictjson.Limits{}), strictjson.ErrUnsupported, "")
		})
	}
}

// A struct lends its fields only where it is embedded without a name.
func TestStructsThatLendNothing(t *testing.T) {
	type holder struct {
		Inner inner // a field of the name Inner
		Base  `json:"base"`
	}
	text := []byte(`{"Inner":{"x":1},"base":{"id":"a"},"x":2,"id":"b","Base":{"id":"c"}}`)
	var got, want holder
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want.Base.ID = "a" // encoding/json takes "Base" for "base"
	if err := strictjson.Unmarshal(text, &got, strictjson.Limits{}); err != nil || got != want || got.Inner.X != 1 {
		t.Errorf("%+v, want %+v, %v", got, want, err)
	}
}

func TestFieldsOfOneNameAsInEncodingJSON(t *testing.T) {
	type Tagged struct {
		Same string `json:"Same"`
	}
	type Untagged struct{ Same string }
	type Other struct{ Same string }
	type Deep struct{ Untagged }
	for name, dst := range map[string]any{
		"the shallower wins": &struct {
			Deep
			Tagged
		}{},
		"the shallower wins, whatever the order": &struct {
			Tagged
			Deep
		}{},
		"the outer one wins over two": &struct {
			Untagged
			Other
			Same string
		}{},
		"the outer one wins over two, whatever the order": &struct {
			Same string
			Untagged
			Other
		}{},
		"the tagged one wins": &struct {
			Untagged
			Tagged
		}{},
		"the tagged one wins, whatever the order": &struct {
			Tagged
			Untagged
		}{},
		"an outer tag": &struct {
			Untagged
			Other
			X string `json:"Same"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(`{"Same":"value"}`)
			want := reflect.New(reflect.TypeOf(dst).Elem()).Interface()
			if err := json.Unmarshal(text, want); err != nil {
				t.Fatal(err)
			}
			if err := strictjson.Unmarshal(text, dst, strictjson.Limits{}); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(dst, want) {
				t.Errorf("%+v, want %+v", dst, want)
			}
		})
	}
}

type picky struct{ err error }

func (p *picky) UnmarshalJSON(value []byte) error {
	if p.err == nil {
		return fmt.Errorf("can't use %s", value)
	}
	return p.err
}

// An error names the place by the names that the Go types have, never by one
// that the text brought along.
func TestTypeErrorsSayWhereAndNotWhat(t *testing.T) {
	type place struct {
		Map   map[string]map[string]int `json:"map"`
		List  []inner                   `json:"list"`
		Any   any                       `json:"any"`
		Picky picky                     `json:"picky"`
		Addr  netip.Addr                `json:"addr"`
		Deep  struct {
			Array [2]inner `json:"array"`
		} `json:"deep"`
	}
	for text, path := range map[string]string{
		`{"map":{"canary":{"canary2":"canary3"}}}`:      "map.*.*",
		`{"map":{"canary":[]}}`:                         "map.*",
		`{"list":[{"x":1},{"x":"canary"}]}`:             "list.1.x",
		`{"picky":"canary"}`:                            "picky",
		`{"addr":"canary"}`:                             "addr",
		`{"deep":{"array":[{"x":1},{"y":["canary"]}]}}`: "deep.array.1.y",
		`["canary"]`:                                    "",
	} {
		var p place
		err := strictjson.Unmarshal([]byte(text), &p, strictjson.Limits{})
		refused(t, err, strictjson.ErrType, text)
		var typeError *strictjson.TypeError
		if errors.As(err, &typeError) && typeError.Path != path {
			t.Errorf("%s: path %q, want %q", text, typeError.Path, path)
		}
		if path == "" && err.Error() != "want an object" {
			t.Errorf("%s: %v", text, err)
		}
		if path != "" && !strings.Contains(err.Error(), `"`+path+`"`) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// What an inner decoder says of a place is kept, below the outer one.
	for inner, path := range map[string]string{"inner": "picky.inner", "": "picky"} {
		outer := struct {
			Picky picky `json:"picky"`
		}{picky{&strictjson.TypeError{Path: inner, Want: "something"}}}
		err := strictjson.Unmarshal([]byte(`{"picky":1}`), &outer, strictjson.Limits{})
		var typeError *strictjson.TypeError
		if !errors.As(err, &typeError) || *typeError != (strictjson.TypeError{Path: path, Want: "something"}) {
			t.Errorf("%v", err)
		}
	}
}

// A preset is the outermost struct's alone.
func TestPresetIsForTheOutermostStruct(t *testing.T) {
	type outer struct {
		Base
		In   struct{ Base }   `json:"in"`
		List []struct{ Base } `json:"list"`
		Any  any              `json:"any"`
	}
	preset := strictjson.Preset{Type: reflect.TypeFor[Base](), Copy: func(dst any) { *dst.(*Base) = Base{ID: "preset"} }}
	const text = ` {"id":"outer","in":{"id":"in"},"list":[{"id":"list"},{}],"any":{"id":"any"}} `
	var got outer
	p := &got
	for name, dst := range map[string]any{"struct": &got, "pointer": &p} {
		got = outer{}
		if err := strictjson.UnmarshalChecked(text, dst, &preset); err != nil {
			t.Fatal(err)
		}
		want := outer{Base: Base{ID: "preset"}, In: struct{ Base }{Base{ID: "in"}}, List: []struct{ Base }{{Base{ID: "list"}}, {}}, Any: map[string]any{"id": "any"}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	var m map[string]any
	var list []struct{ Base }
	if err := strictjson.UnmarshalChecked(`{"m":{"id":"m"}}`, &m, &preset); err != nil || m["m"].(map[string]any)["id"] != "m" {
		t.Errorf("%v, %v", m, err)
	}
	if err := strictjson.UnmarshalChecked(`[{"id":"a"}]`, &list, &preset); err != nil || list[0].ID != "a" {
		t.Errorf("%v, %v", list, err)
	}
	var structs map[string]struct{ Base }
	if err := strictjson.UnmarshalChecked(`{"m":{"id":"m"}}`, &structs, &preset); err != nil || structs["m"].ID != "m" {
		t.Errorf("%v, %v", structs, err)
	}
	// Fields beside it, above it and longer ways to other fields are decoded.
	type Middle struct{ Base }
	type Lender struct{ Borrowed string }
	type Further struct{ Lender }
	var beside struct {
		Middle
		Further
		X string `json:"x"`
	}
	if err := strictjson.UnmarshalChecked(`{"id":"outer","x":"x","Borrowed":"y"}`, &beside, &preset); err != nil || beside.ID != "preset" || beside.X != "x" || beside.Borrowed != "y" {
		t.Errorf("%+v, %v", beside, err)
	}
	type hiddenBase struct{ Base }
	refused(t, strictjson.UnmarshalChecked(`{}`, &struct{ *hiddenBase }{}, &preset), strictjson.ErrUnsupported, "")
	// Without one, nothing is copied.
	got = outer{}
	if err := strictjson.UnmarshalChecked(text, &got, nil); err != nil || got.ID != "outer" {
		t.Errorf("%+v, %v", got, err)
	}
}
