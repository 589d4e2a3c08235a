package strictjson_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/strictjson"
)

var seeds = []string{
	"", "{}", "null", `{"iss":"a","exp":1800000000.5,"aud":["b","c"]}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `[1,-0,1e5,1.5E-7]`, `"\ud83d\ude00\u00e9\n"`,
	`"\ud800"`, `"\u0000"`, "\ufeff{}", "{}{}", "[[[[]]]]", strings.Repeat("[", 60), `{"a":{"b":{"c":[{},{}]}}}`, "\"\xff\"", "1e999", " { \"a\" : [ true , false , null ] } ", `{"":{"":""}}`, `"\\u0061"`,
}

// FuzzCheck holds Check against encoding/json and a second opinion on
// duplicates, and the reader of the outermost object against Check: see agree and
// readAlike.
func FuzzCheck(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for _, s := range usualObjects {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		agree(t, text)
		readAlike(t, string(text))
	})
}

// FuzzUnmarshal decodes into a field of every kind. What fits, fits a second
// time, unchanged, after it was written.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	text, err := json.Marshal(every{Pointed: &Pointed{}, Bytes: []byte("bytes"), Strings: []string{"a"}, Map: map[string]int{"a": 1}, Any: []any{1.5, "x"}, Raw: json.RawMessage("[1]"), Number: "1e5", Pointer: &inner{X: 1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"int8":127,"uint64":18446744073709551615,"float32":1e38,"bytes":"aGk=","array":[1,2,3],"twice":5,"time":"2027-01-15T08:00:00Z","addr":"::1","-":"dash","far":"x","shown":"y"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		limits := strictjson.Limits{Depth: 20, Members: 1000}
		var first, second every
		if strictjson.Unmarshal(text, &first, limits) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Fatalf("%s\nread as %+v: %v", text, first, err)
		}
		if err := strictjson.Unmarshal(written, &second, strictjson.Limits{Depth: 20, Members: 2000}); err != nil {
			t.Fatalf("%s\nwritten as %s: %v", text, written, err)
		}
		again, err := json.Marshal(second)
		if err != nil || !reflect.DeepEqual(again, written) {
			t.Fatalf("%s\nwritten as %s\nand then as %s", text, written, again)
		}
	})
}
