package jeton

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type plannedClaims struct {
	AccessClaims
	Tenant  string   `json:"tenant"`
	Note    string   `json:",omitempty"`
	Admin   bool     `json:"admin,omitempty"`
	Level   int8     `json:"level"`
	Quota   uint64   `json:"quota,omitzero"`
	I16     int16    `json:"i16,omitempty"`
	I32     int32    `json:"i32"`
	I       int      `json:"i"`
	U8      uint8    `json:"u8,omitempty"`
	U16     uint16   `json:"u16"`
	U32     uint32   `json:"u32"`
	Groups  []string `json:"groups"`
	Since   NumericDate
	Ignored string `json:"-"`
	hidden  string
}

// What the plan writes is what encoding/json writes, to the letter.
func TestPlanWritesAsEncodingJSON(t *testing.T) {
	planned := 0
	rapid.Check(t, planWritesAsEncodingJSON(&planned))
	if planned == 0 {
		t.Error("nothing was planned for")
	}
}

// FuzzPlan looks further.
func FuzzPlan(f *testing.F) {
	seed := make([]byte, 4<<10) // rapid skips an input that ends too early
	rand.NewChaCha8([32]byte{}).Read(seed)
	f.Add(seed)
	f.Fuzz(rapid.MakeFuzz(planWritesAsEncodingJSON(new(int))))
}

// planWritesAsEncodingJSON counts how often there was a plan.
func planWritesAsEncodingJSON(planned *int) func(*rapid.T) {
	usual := rapid.StringMatching(`[a-zA-Z0-9 :./-]{1,12}`)
	strange := rapid.OneOf(
		usual, rapid.String(),
		rapid.SampledFrom([]string{"", "a", "<b>", "a&b", `"`, `\`, "\u2028", "\x00", "\xff", "é", "\u007f", "a\nb"}),
	)
	usualDate := rapid.Custom(func(t *rapid.T) NumericDate {
		return NumericDate{sec: rapid.Int64Range(1, maxNumericDate-1).Draw(t, "sec"), nsec: rapid.SampledFrom([]int32{0, 1, 5e8, 999999999}).Draw(t, "nsec")}
	})
	strangeDate := rapid.OneOf(usualDate, rapid.SampledFrom([]NumericDate{{}, {sec: -1}, {nsec: 1}, {sec: maxNumericDate}, {sec: maxNumericDate, nsec: 1}}))
	limits, _ := Limits{}.withDefaults()
	return func(t *rapid.T) {
		text, date := usual, usualDate
		if rapid.Bool().Draw(t, "strange") {
			text, date = strange, strangeDate
		}
		c := plannedClaims{
			AccessClaims: AccessClaims{
				Claims: Claims{
					Issuer: text.Draw(t, "iss"), Subject: text.Draw(t, "sub"), ID: text.Draw(t, "jti"),
					Audience:  rapid.SliceOfN(text, 0, 3).Draw(t, "aud"),
					ExpiresAt: date.Draw(t, "exp"), NotBefore: date.Draw(t, "nbf"), IssuedAt: date.Draw(t, "iat"),
				},
				Scope: text.Draw(t, "scope"), Roles: rapid.SliceOfN(text, 0, 3).Draw(t, "roles"),
			},
			Tenant: text.Draw(t, "tenant"), Note: text.Draw(t, "note"), Admin: rapid.Bool().Draw(t, "admin"),
			Level: rapid.Int8().Draw(t, "level"), Quota: rapid.Uint64().Draw(t, "quota"),
			I16: rapid.Int16().Draw(t, "i16"), I32: rapid.Int32().Draw(t, "i32"), I: rapid.Int().Draw(t, "i"),
			U8: rapid.Uint8().Draw(t, "u8"), U16: rapid.Uint16().Draw(t, "u16"), U32: rapid.Uint32().Draw(t, "u32"),
			Since: date.Draw(t, "since"), Ignored: "x", hidden: "x",
		}
		if rapid.Bool().Draw(t, "has groups") {
			c.Groups = rapid.SliceOfN(text, 0, 3).Draw(t, "groups")
		}
		want, err := json.Marshal(c)
		for _, claims := range []any{c, &c} {
			got, ok := appendPlanned([]byte("kept"), claims, limits)
			switch {
			case !ok && string(got) != "kept":
				t.Fatalf("it gave up and left %q", got)
			case !ok:
				continue // encoding/json does it
			case err != nil:
				t.Fatalf("it wrote %s, and encoding/json: %v", got, err)
			case string(got) != "kept"+string(want):
				t.Fatalf("it wrote\n%s\nencoding/json\n%s", got[4:], want)
			}
			*planned++
		}
	}
}

// Every byte in every place, beside every kind of neighbour.
func TestPlainIsWhatEncodingJSONLeavesAlone(t *testing.T) {
	for length := 1; length < 20; length++ {
		for i := range length {
			for c := range 256 {
				text := []byte("abcdefghijklmnopqrst"[:length])
				text[i] = byte(c)
				written, err := json.Marshal(string(text))
				if want := err == nil && c < 0x80 && string(written) == `"`+string(text)+`"`; plain(string(text)) != want {
					t.Fatalf("plain(%q) is %t", text, !want)
				}
			}
		}
	}
	if !plain("") {
		t.Error("the empty string is not plain")
	}
}

// These write themselves.
type (
	ownJSON   struct{ X string }
	ownText   struct{ X string }
	loudly    string
	loudlyToo string
)

func (ownJSON) MarshalJSON() ([]byte, error)     { return []byte(`{"own":true}`), nil }
func (*ownText) MarshalText() ([]byte, error)    { return []byte("own"), nil }
func (l loudly) MarshalText() ([]byte, error)    { return []byte(l + "!"), nil }
func (l loudlyToo) MarshalJSON() ([]byte, error) { return []byte(`"` + string(l) + `!"`), nil }

// negative is zero where others are not.
type negative int

func (n negative) IsZero() bool { return n < 0 }

func TestPlanLeavesTheRestToEncodingJSON(t *testing.T) {
	limits, _ := Limits{}.withDefaults()
	type text string
	for name, claims := range map[string]any{
		"nil":             nil,
		"a nil pointer":   (*Claims)(nil),
		"a map":           map[string]any{"sub": "a"},
		"raw JSON":        json.RawMessage(`{}`),
		"no field":        struct{}{},
		"an empty object": Claims{},
		"exp as a string": struct {
			Exp string `json:"exp"`
		}{"1"},
		"exp as an integer": struct {
			Exp int64 `json:"exp"`
		}{1},
		"sub as an integer": struct {
			Sub int `json:"sub"`
		}{1},
		"aud as a list": struct {
			Aud []string `json:"aud"`
		}{[]string{"a"}},
		"a float":             struct{ X float64 }{1},
		"an interface":        struct{ X any }{1},
		"a map in it":         struct{ X map[string]string }{},
		"bytes":               struct{ X []byte }{[]byte("x")},
		"a pointer in it":     struct{ X *string }{},
		"a struct in it":      struct{ X struct{ Y string } }{},
		"a time":              struct{ X time.Time }{},
		"a number":            struct{ X json.Number }{"1"},
		"numbers":             struct{ X []json.Number }{},
		"an embedded pointer": struct{ *Claims }{&Claims{Subject: "a"}},
		"an embedded time":    struct{ time.Time }{},
		"two fields of a name": struct {
			Claims
			Sub string `json:"sub"`
		}{},
		"a name with a quote": struct {
			X string `json:"a&b"`
		}{},
		"a name with an apostrophe": reflect.Zero(reflect.StructOf([]reflect.StructField{
			{Name: "X", Type: reflect.TypeFor[string](), Tag: `json:"it's"`}, // no linter need read it
		})).Interface(),
		"a type with its own zero": struct {
			X negative `json:"x,omitzero"`
		}{-1},
		"the option string": struct {
			X int `json:"x,string"`
		}{},
		"omitzero of a list": struct {
			X []string `json:"x,omitzero"`
		}{},
		"a string with its own JSON": struct{ X loudlyToo }{"a"},
		"a list of texts":            struct{ X []loudly }{[]loudly{"a"}},
		"integers":                   struct{ X []int }{[]int{1}},
		"lists":                      struct{ X [][]string }{[][]string{{"a"}}},
		"an embedded struct with a name": struct {
			Claims `json:"claims"`
		}{Claims{Subject: "a"}},
		"an empty audience that is written": struct {
			Audience Audience `json:"aud"`
		}{Audience{}},
		"omitzero of a list that is empty": struct {
			X []string `json:"x,omitzero"`
			Y string   `json:"y"`
		}{[]string{}, "y"},
		"omitzero of an audience that is empty": struct {
			Audience Audience `json:"aud,omitzero"`
			Y        string   `json:"y"`
		}{Audience{}, "y"},
		"a continuation byte":                 Claims{Subject: "\x80"},
		"less":                                Claims{Subject: "<"},
		"greater":                             Claims{Subject: ">"},
		"ampersand":                           Claims{Subject: "&"},
		"a type that writes itself":           ownJSON{"x"},
		"a type that writes itself as text":   &ownText{"x"},
		"a string that writes itself":         struct{ X loudly }{"a"},
		"strings that write themselves":       struct{ X []loudlyToo }{[]loudlyToo{"a"}},
		"an embedded type that writes itself": struct{ ownJSON }{ownJSON{"x"}},
		"not UTF-8":                           Claims{Subject: "\xff"},
		"a NUL":                               Claims{Subject: "a\x00"},
		"an empty audience":                   Claims{Audience: Audience{""}},
		"one of two is empty":                 Claims{Audience: Audience{"a", ""}},
		"a date out of range":                 Claims{ExpiresAt: NumericDate{sec: -1}},
		"no date":                             struct{ X NumericDate }{},
		"too many members":                    struct{ X []string }{make([]string, limits.Members)},
	} {
		if got, ok := appendPlanned(nil, claims, limits); ok {
			t.Errorf("%s: it wrote %s", name, got)
		}
	}
	if got, ok := appendPlanned(nil, struct{ X text }{"a"}, limits); !ok || string(got) != `{"X":"a"}` {
		t.Errorf("a string type: %s, %t", got, ok)
	}
	shallow := limits
	shallow.Depth = 1
	if _, ok := appendPlanned(nil, Claims{Subject: "a"}, shallow); ok {
		t.Error("it wrote a list's depth where the limit is 1")
	}
}

// What an empty value becomes depends on the tag alone.
func TestPlanWritesEmptyValuesByTheirTags(t *testing.T) {
	type kept struct {
		Text string   `json:"text"`
		Yes  bool     `json:"yes"`
		N    int      `json:"n"`
		U    uint     `json:"u"`
		List []string `json:"list"`
	}
	type left struct {
		Text string   `json:"text,omitempty"`
		Yes  bool     `json:"yes,omitempty"`
		N    int      `json:"n,omitempty"`
		U    uint     `json:"u,omitempty"`
		List []string `json:"list,omitempty"`
		X    string   `json:"x"`
	}
	limits, _ := Limits{}.withDefaults()
	for _, claims := range []any{kept{}, left{}, kept{List: []string{}}, left{List: []string{}}, kept{List: []string{""}}, &kept{N: 1}} {
		want, err := json.Marshal(claims)
		got, ok := appendPlanned(nil, claims, limits)
		if err != nil || !ok || string(got) != string(want) {
			t.Errorf("it wrote %s, %t; encoding/json %s, %v", got, ok, want, err)
		}
	}
	// An audience is never empty, so a field that is not left out has no form.
	type aud struct {
		Aud Audience
		X   string
	}
	for _, list := range []Audience{nil, {}, {""}, {"a", ""}} {
		if got, ok := appendPlanned(nil, aud{Aud: list, X: "x"}, limits); ok {
			t.Errorf("%q is written as %s", list, got)
		}
	}
	// Nor has a date that is not left out: encoding/json writes null.
	type date struct {
		D NumericDate
		X string
	}
	if got, ok := appendPlanned(nil, date{X: "x"}, limits); ok {
		t.Errorf("no date is written as %s", got)
	}
	// Not a struct, though a pointer to something.
	for _, claims := range []any{&map[string]int{"a": 1}, new(string), &[]string{"a"}} {
		if got, ok := appendPlanned(nil, claims, limits); ok {
			t.Errorf("%T is written as %s", claims, got)
		}
	}
}
