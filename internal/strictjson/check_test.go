package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jeton-go/jeton/internal/strictjson"
	"pgregory.net/rapid"
)

var reasons = []error{
	strictjson.ErrSyntax, strictjson.ErrUTF8, strictjson.ErrNUL, strictjson.ErrRange, strictjson.ErrDuplicate, strictjson.ErrDepth,
	strictjson.ErrMembers, strictjson.ErrTrailing, strictjson.ErrNotObject, strictjson.ErrType, strictjson.ErrUnsupported,
}

// refused wants one reason and no other, and a message without the input.
func refused(t *testing.T, err, want error, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted; want %v", want)
	}
	for _, r := range reasons {
		if errors.Is(err, r) != (r == want) {
			t.Errorf("error %q, want %q", err, want)
		}
	}
	if strings.Contains(text, "canary") && strings.Contains(err.Error(), "canary") {
		t.Errorf("the error %q shows a part of the text", err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", strictjson.ErrSyntax},
		{"space", " \t\r\n", strictjson.ErrSyntax},
		{"NUL", "\x00", strictjson.ErrSyntax},
		{"a BOM", "\ufeff{}", strictjson.ErrSyntax},
		{"form feed", "\f{}", strictjson.ErrSyntax},
		{"no-break space", "\u00a0{}", strictjson.ErrSyntax},
		{"a word", "canary", strictjson.ErrSyntax},
		{"true in upper case", "True", strictjson.ErrSyntax},
		{"true cut off", "tru", strictjson.ErrSyntax},
		{"false cut off", "fals", strictjson.ErrSyntax},
		{"null cut off", "nul", strictjson.ErrSyntax},
		{"nil", "nil", strictjson.ErrSyntax},
		{"undefined", "undefined", strictjson.ErrSyntax},
		{"NaN", "NaN", strictjson.ErrSyntax},
		{"single quotes", "'canary'", strictjson.ErrSyntax},
		{"a comment before", "/*canary*/1", strictjson.ErrSyntax},
		{"a comment inside", "[1,/*canary*/2]", strictjson.ErrSyntax},

		{"a second value", "{}{}", strictjson.ErrTrailing},
		{"a letter behind", "truecanary", strictjson.ErrTrailing},
		{"a bracket too many", "[]]", strictjson.ErrTrailing},
		{"NUL behind", "1\x00", strictjson.ErrTrailing},
		{"a comma behind", "1,", strictjson.ErrTrailing},
		{"a BOM behind", "1\ufeff", strictjson.ErrTrailing},
		{"a comment behind", "1//canary", strictjson.ErrTrailing},

		{"a number beyond a double", "1e400", strictjson.ErrRange},
		{"a negative number beyond a double", "-1E+309", strictjson.ErrRange},
		{"a long number beyond a double", "1" + strings.Repeat("0", 309), strictjson.ErrRange},
		{"a number beyond a double in an object", `{"canary":1e400}`, strictjson.ErrRange},
		{"a long number beyond a double in an object", `{"canary":1` + strings.Repeat("0", 309) + `,"b":1}`, strictjson.ErrRange},

		{"a plus", "+1", strictjson.ErrSyntax},
		{"a minus", "-", strictjson.ErrSyntax},
		{"a minus before a letter", "-a", strictjson.ErrSyntax},
		{"two minuses", "--1", strictjson.ErrSyntax},
		{"minus infinity", "-Infinity", strictjson.ErrSyntax},
		{"a leading zero", "01", strictjson.ErrTrailing},
		{"a leading zero after a minus", "-01", strictjson.ErrTrailing},
		{"two zeros", "00", strictjson.ErrTrailing},
		{"hexadecimal", "0x10", strictjson.ErrTrailing},
		{"a point without digits", "1.", strictjson.ErrSyntax},
		{"a point without digits before an exponent", "1.e5", strictjson.ErrSyntax},
		{"no digits before the point", ".5", strictjson.ErrSyntax},
		{"an exponent without digits", "1e", strictjson.ErrSyntax},
		{"an exponent with a sign alone", "1e+", strictjson.ErrSyntax},
		{"an exponent with two signs", "1e+-1", strictjson.ErrSyntax},
		{"a fraction in the exponent", "1e1.5", strictjson.ErrTrailing},
		{"an underscore", "1_0", strictjson.ErrTrailing},
		{"Arabic digits", "١", strictjson.ErrSyntax},

		{"a string cut off", `"canary`, strictjson.ErrSyntax},
		{"a string cut off after a backslash", `"canary\`, strictjson.ErrSyntax},
		{"a string cut off after an escaped quote", `"canary\"`, strictjson.ErrSyntax},
		{"an escape that is none", `"\a"`, strictjson.ErrSyntax},
		{"an escape in upper case", `"\N"`, strictjson.ErrSyntax},
		{"an escape of C", `"\x41"`, strictjson.ErrSyntax},
		{"an escaped single quote", `"\'"`, strictjson.ErrSyntax},
		{"an escape of three digits", `"\u004"`, strictjson.ErrSyntax},
		{"an escape cut off by the end", `"\u004`, strictjson.ErrSyntax},
		{"an escape with another letter", `"\u00g0"`, strictjson.ErrSyntax},
		{"an escape with a sign", `"\u+041"`, strictjson.ErrSyntax},
		{"an escape in braces", `"\u{41}"`, strictjson.ErrSyntax},
		{"an escape in upper case U", `"\U00000041"`, strictjson.ErrSyntax},
		{"a raw NUL", "\"\x00\"", strictjson.ErrSyntax},
		{"a raw line feed", "\"\n\"", strictjson.ErrSyntax},
		{"a raw tab", "\"\t\"", strictjson.ErrSyntax},
		{"a raw unit separator", "\"\x1f\"", strictjson.ErrSyntax},
		{"an escaped NUL", `"\u0000"`, strictjson.ErrNUL},
		{"an escaped NUL in a name", `{"\u0000":1}`, strictjson.ErrNUL},

		{"a first surrogate", `"\ud800"`, strictjson.ErrSyntax},
		{"the last first surrogate", `"\udbff"`, strictjson.ErrSyntax},
		{"a second surrogate", `"\udc00"`, strictjson.ErrSyntax},
		{"the last second surrogate", `"\udfff"`, strictjson.ErrSyntax},
		{"two first surrogates", `"\ud800\ud800"`, strictjson.ErrSyntax},
		{"surrogates in the wrong order", `"\udc00\ud800"`, strictjson.ErrSyntax},
		{"a first surrogate and what is beyond the second ones", `"\ud800\ue000"`, strictjson.ErrSyntax},
		{"two second surrogates", `"\udc00\udc00"`, strictjson.ErrSyntax},
		{"a first surrogate, a letter, and what is left of the second", `"\ud800xudc00"`, strictjson.ErrSyntax},
		{"a first surrogate, a line feed, and what is left of the second", `"\ud800\ndc00"`, strictjson.ErrSyntax},
		{"a first surrogate before another escape", `"\ud800\n"`, strictjson.ErrSyntax},
		{"a first surrogate before an escaped letter", `"\ud800\u0041"`, strictjson.ErrSyntax},
		{"a first surrogate before text", `"\ud800abcdef"`, strictjson.ErrSyntax},
		{"a first surrogate before half an escape", `"\ud800\udc0"`, strictjson.ErrSyntax},
		{"a first surrogate at the end", `"\ud800`, strictjson.ErrSyntax},
		{"a pair cut off by the end", `"\ud800\udc00`, strictjson.ErrSyntax},

		{"a byte that is never UTF-8", "\"\xff\"", strictjson.ErrUTF8},
		{"a continuation alone", "\"\x80\"", strictjson.ErrUTF8},
		{"a character cut off", "\"\xe2\x82\"", strictjson.ErrUTF8},
		{"a character cut off by the end", "\"\xe2\x82", strictjson.ErrUTF8},
		{"a slash in two bytes", "\"\xc0\xaf\"", strictjson.ErrUTF8},
		{"a NUL in two bytes", "\"\xc0\x80\"", strictjson.ErrUTF8},
		{"a surrogate in three bytes", "\"\xed\xa0\x80\"", strictjson.ErrUTF8},
		{"a pair of surrogates in six bytes", "\"\xed\xa0\x80\xed\xb0\x80\"", strictjson.ErrUTF8},
		{"beyond Unicode", "\"\xf4\x90\x80\x80\"", strictjson.ErrUTF8},
		{"Latin-1", "\"caf\xe9\"", strictjson.ErrUTF8},
		{"not UTF-8 in a name", "{\"\xff\":1}", strictjson.ErrUTF8},

		{"an array cut off", "[", strictjson.ErrSyntax},
		{"an array cut off after a value", "[1", strictjson.ErrSyntax},
		{"an array cut off after a comma", "[1,", strictjson.ErrSyntax},
		{"a comma before the bracket", "[1,]", strictjson.ErrSyntax},
		{"a comma first", "[,1]", strictjson.ErrSyntax},
		{"two commas", "[1,,2]", strictjson.ErrSyntax},
		{"a missing comma", "[1 2]", strictjson.ErrSyntax},
		{"a colon in an array", "[1:2]", strictjson.ErrSyntax},
		{"a brace for a bracket", "[1}", strictjson.ErrSyntax},
		{"an object cut off", "{", strictjson.ErrSyntax},
		{"an object cut off after a name", `{"canary"`, strictjson.ErrSyntax},
		{"an object cut off after a colon", `{"canary":`, strictjson.ErrSyntax},
		{"an object cut off after a value", `{"canary":1`, strictjson.ErrSyntax},
		{"an object cut off after a comma", `{"canary":1,`, strictjson.ErrSyntax},
		{"a comma before the brace", `{"canary":1,}`, strictjson.ErrSyntax},
		{"a name alone", `{"canary"}`, strictjson.ErrSyntax},
		{"a name without quotes", `{canary:1}`, strictjson.ErrSyntax},
		{"a name that only ends in a quote", `{a":1}`, strictjson.ErrSyntax},
		{"a name that begins with another quote", `{'":1}`, strictjson.ErrSyntax},
		{"a number for a name", `{1:1}`, strictjson.ErrSyntax},
		{"a name that ends in a backslash", `{"canary\:1,"b":"long enough"}`, strictjson.ErrSyntax},
		{"a name that ends in a control character", "{\"canary\x01:1,\"b\":\"long enough\"}", strictjson.ErrSyntax},
		{"a string that ends in a backslash", `{"canary":"x\,"b":"long enough"}`, strictjson.ErrSyntax},
		{"a string that ends in a control character", "{\"canary\":\"x\x01,\"b\":\"long enough\"}", strictjson.ErrSyntax},
		{"no colon", `{"canary" 1}`, strictjson.ErrSyntax},
		{"an equals sign", `{"canary"=1}`, strictjson.ErrSyntax},
		{"no value", `{"canary":}`, strictjson.ErrSyntax},
		{"a missing comma in an object", `{"canary":1 "b":2}`, strictjson.ErrSyntax},
		{"a bracket for a brace", `{"canary":1]`, strictjson.ErrSyntax},

		{"a name twice", `{"canary":1,"canary":1}`, strictjson.ErrDuplicate},
		{"a name twice, far apart", `{"canary":1,"b":2,"c":[],"canary":{}}`, strictjson.ErrDuplicate},
		{"a name twice in an object in an object", `{"a":{"canary":1,"canary":2}}`, strictjson.ErrDuplicate},
		{"a name twice in an object in an array", `[{},{"canary":1,"canary":2}]`, strictjson.ErrDuplicate},
		{"a name twice around an object", `{"canary":{"b":1},"canary":2}`, strictjson.ErrDuplicate},
		{"a long name twice", `{"aaaaaaaaaaaaaaaa":1,"aaaaaaaaaaaaaaaa":2}`, strictjson.ErrDuplicate},
		{"a long name and its escape", `{"aaaaaaaaaaaaaaaa":1,"aaaaaaaaaaaaaaa\u0061":2}`, strictjson.ErrDuplicate},
		{"an empty name twice", `{"":1,"":2}`, strictjson.ErrDuplicate},
		{"a name and its escape", `{"a":1,"\u0061":2}`, strictjson.ErrDuplicate},
		{"an escape and its name", `{"\u0061":1,"a":2}`, strictjson.ErrDuplicate},
		{"two escapes", `{"\u0061b":1,"a\u0062":2}`, strictjson.ErrDuplicate},
		{"escapes in two cases", `{"\u00e9":1,"\u00E9":2}`, strictjson.ErrDuplicate},
		{"a slash and its escape", `{"a/b":1,"a\/b":2}`, strictjson.ErrDuplicate},
		{"a line feed in two escapes", `{"\n":1,"\u000a":2}`, strictjson.ErrDuplicate},
		{"a character and its surrogates", `{"😀":1,"\ud83d\ude00":2}`, strictjson.ErrDuplicate},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, strictjson.Check([]byte(c.text), strictjson.Limits{}), c.want, c.text)
			dst := []strictjson.Member{{Name: "kept"}}
			members, err := strictjson.AppendMembers(dst, []byte(c.text), strictjson.Limits{})
			if err == nil || len(members) != 1 {
				t.Errorf("AppendMembers: %v, %v", members, err)
			}
			var v any
			refused(t, strictjson.Unmarshal([]byte(c.text), &v, strictjson.Limits{}), c.want, c.text)
			if v != nil {
				t.Errorf("Unmarshal filled in %v", v)
			}
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	for _, text := range []string{
		"null", "true", "false", " null ", "\r\n\t 1 \t", "0", "-0", "10", "-1.5", "0.0", "1e5", "1E5", "1e+5", "1e-05", "0e0", "123456789012345678901234567890", "1e308", "-1e-999",
		`""`, `"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u0001"`, `"\uffff"`, `"\u0A9F"`, `"\u0a9f"`, `"\ud800\udc00"`, `"\uDBFF\uDFFF"`, `"\ud7ff\ue000"`, "\"\x7f\"", "\"é€😀\"", "\"\ufeff\"", "\"\u2028\"", `"\\u0000"`,
		"[]", "[ ]", "[1]", "[ 1 , [ ] , { } ]", "{}", "{ }", `{"a":1}`, ` { "a" : 1 , "b" : { "a" : 1 } } `, `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}`,
		`{"a":1,"A":2}`, `{"\\u0061":1,"a":2}`, `{"":1," ":2}`, `{"a":"a","b":"a"}`,
		"{\"aaaaaaaaaaaaaaaa\":1,\"caaaaaaa`aaaaaaa\":2}", "{\"a\":{\"aaaaaaaaaaaaaaaa\":1,\"caaaaaaa`aaaaaaa\":2}}", // one NameKey
	} {
		if err := strictjson.Check([]byte(text), strictjson.Limits{}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	elements := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]" }
	for _, c := range []struct {
		name   string
		text   string
		limits strictjson.Limits
		want   error
	}{
		{"a scalar at depth 1", "1", strictjson.Limits{Depth: 1}, nil},
		{"depth 1 of 1", "[1]", strictjson.Limits{Depth: 1}, nil},
		{"depth 2 of 1", "[[]]", strictjson.Limits{Depth: 1}, strictjson.ErrDepth},
		{"an object at depth 2 of 1", `[{}]`, strictjson.Limits{Depth: 1}, strictjson.ErrDepth},
		{"an array at depth 2 of 1", `{"a":[]}`, strictjson.Limits{Depth: 1}, strictjson.ErrDepth},
		{"depth 16 of 16", nested(16), strictjson.Limits{Depth: 16}, nil},
		{"depth 17 of 16", nested(17), strictjson.Limits{Depth: 16}, strictjson.ErrDepth},
		{"objects 16 of 16", objects(16), strictjson.Limits{Depth: 16}, nil},
		{"objects 17 of 16", objects(17), strictjson.Limits{Depth: 16}, strictjson.ErrDepth},
		{"by default, 64", nested(64), strictjson.Limits{}, nil},
		{"by default, 65", nested(65), strictjson.Limits{}, strictjson.ErrDepth},
		{"a million brackets", strings.Repeat("[", 1_000_000), strictjson.Limits{}, strictjson.ErrDepth},
		{"depth is of nesting, not of number", "[[],[],[],{},{}]", strictjson.Limits{Depth: 2}, nil},
		{"3 elements of 3", "[1,2,3]", strictjson.Limits{Members: 3}, nil},
		{"4 elements of 3", "[1,2,3,4]", strictjson.Limits{Members: 3}, strictjson.ErrMembers},
		{"3 members of 3", `{"a":1,"b":2,"c":3}`, strictjson.Limits{Members: 3}, nil},
		{"4 members of 3", `{"a":1,"b":2,"c":3,"d":4}`, strictjson.Limits{Members: 3}, strictjson.ErrMembers},
		{"4 of both of 3", `{"a":[1,2],"b":3}`, strictjson.Limits{Members: 3}, strictjson.ErrMembers},
		{"4 of both of 4", `{"a":[1,2],"b":3}`, strictjson.Limits{Members: 4}, nil},
		{"by default, 10,000", elements(10_000), strictjson.Limits{}, nil},
		{"by default, 10,001", elements(10_001), strictjson.Limits{}, strictjson.ErrMembers},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := strictjson.Check([]byte(c.text), c.limits)
			if c.want != nil {
				refused(t, err, c.want, c.text)
			} else if err != nil {
				t.Error(err)
			}
			if c.text[0] == '{' {
				if _, err := strictjson.AppendMembers(nil, []byte(c.text), c.limits); !errors.Is(err, c.want) {
					t.Error(err)
				}
			}
		})
	}
}

func TestAppendMembers(t *testing.T) {
	text := " {\"a\" : 1 ,\n\"\\u0062\":\"x\\u0079\", \"c\":{\"a\":[ ]} , \"\": null} "
	members, err := strictjson.AppendMembers([]strictjson.Member{{Name: "kept"}}, []byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"kept=", "a=1", `b="x\u0079"`, `c={"a":[ ]}`, "=null"}
	var got []string
	for _, m := range members {
		got = append(got, string(m.Name)+"="+string(m.Value))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	// Members are copies: whoever overwrites the bytes changes none.
	b := []byte(text)
	members, _ = strictjson.AppendMembers(nil, b, strictjson.Limits{})
	clear(b)
	if len(members) == 0 || members[0].Name != "a" {
		t.Errorf("%q", members)
	}
	if got, err := strictjson.AppendMembers(nil, []byte("{ }"), strictjson.Limits{}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"null", "[]", `"canary"`, "1", "true", " [{}] "} {
		_, err := strictjson.AppendMembers(nil, []byte(text), strictjson.Limits{})
		refused(t, err, strictjson.ErrNotObject, text)
	}
	// Of two things that are wrong, the text comes first.
	_, err = strictjson.AppendMembers(nil, []byte("[1"), strictjson.Limits{})
	refused(t, err, strictjson.ErrSyntax, "")
}

func TestStringsAndElements(t *testing.T) {
	for value, want := range map[string]string{`""`: "", `"a"`: "a", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\u00e9\ud83d\ude00x"`: "é😀x", `"a\\u0041"`: `a\u0041`} {
		if got, ok := strictjson.String([]byte(value)); !ok || got != want {
			t.Errorf("%s is %q, %t", value, got, ok)
		}
	}
	for _, value := range []string{"", "1", "null", "[]", "{}", "true", `"`} {
		if got, ok := strictjson.String([]byte(value)); ok {
			t.Errorf("%s is the string %q", value, got)
		}
	}
	for value, want := range map[string]string{"[]": "", "[ ]": "", "[1]": "1", `[ 1 , "a,]" , [2,3] , {"a":[4]} ]`: `1|"a,]"|[2,3]|{"a":[4]}`} {
		got, ok := strictjson.AppendElements(nil, []byte(value))
		if !ok || strings.Join(got, "|") != want {
			t.Errorf("%s has %q, %t", value, got, ok)
		}
	}
	// What nobody checked has an end too.
	for _, value := range []string{"", "1", "{}", "null", `"[]"`, `"]"`, `"1]"`, "t1]", "[", "[1", "[1,", "[,", "[}", "[1}"} {
		if got, ok := strictjson.AppendElements(nil, []byte(value)); ok {
			t.Errorf("%s has the elements %q", value, got)
		}
	}
}

// tree builds what encoding/json would, out of this package's pieces.
func tree(t interface{ Fatalf(string, ...any) }, value []byte) any {
	switch value[0] {
	case '{':
		members, err := strictjson.AppendMembers(nil, value, strictjson.Limits{Depth: len(value), Members: len(value)})
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		m := map[string]any{}
		for _, e := range members {
			m[string(e.Name)] = tree(t, []byte(e.Value))
		}
		return m
	case '[':
		elements, ok := strictjson.AppendElements(nil, value)
		if !ok {
			t.Fatalf("%s is no array", value)
		}
		a := []any{}
		for _, e := range elements {
			a = append(a, tree(t, []byte(e)))
		}
		return a
	case '"':
		s, ok := strictjson.String(value)
		if !ok {
			t.Fatalf("%s is no string", value)
		}
		return s
	case 't', 'f':
		return value[0] == 't'
	case 'n':
		return nil
	}
	return json.Number(value)
}

// duplicates is a second opinion: it reads tokens and remembers the names of
// each open object in a map.
func duplicates(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	type open struct {
		names map[string]bool // nil for an array
		value bool            // the next string is a value
	}
	var stack []open
	for {
		token, err := d.Token()
		if err != nil {
			return err != io.EOF
		}
		top := len(stack) - 1
		switch token {
		case json.Delim('{'):
			if top >= 0 {
				stack[top].value = false
			}
			stack = append(stack, open{names: map[string]bool{}})
			continue
		case json.Delim('['):
			if top >= 0 {
				stack[top].value = false
			}
			stack = append(stack, open{})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			continue
		}
		if top < 0 || stack[top].names == nil {
			continue
		}
		if stack[top].value {
			stack[top].value = false
			continue
		}
		name := token.(string)
		if stack[top].names[name] {
			return true
		}
		stack[top].names[name], stack[top].value = true, true
	}
}

// agree holds Check against encoding/json: what it accepts is valid, free of
// duplicates, and means the same; what it refuses has something wrong with it.
func agree(t interface {
	Fatalf(string, ...any)
}, text []byte) {
	limits := strictjson.Limits{Depth: 50, Members: 500}
	err := strictjson.Check(text, limits)
	if err != nil {
		// encoding/json takes lone surrogates and NUL. Texts with such escapes
		// stay out of the way back.
		lower := bytes.ToLower(text)
		suspicious := bytes.Contains(lower, []byte(`\ud`)) || bytes.Contains(lower, []byte(`\u0000`))
		limited := errors.Is(err, strictjson.ErrRange) || errors.Is(err, strictjson.ErrDepth) || errors.Is(err, strictjson.ErrMembers)
		if json.Valid(text) && utf8.Valid(text) && !duplicates(text) && !suspicious && !limited {
			t.Fatalf("%q is refused: %v", text, err)
		}
		return
	}
	switch {
	case !json.Valid(text):
		t.Fatalf("%q is accepted and no JSON", text)
	case !utf8.Valid(text):
		t.Fatalf("%q is accepted and not UTF-8", text)
	case duplicates(text):
		t.Fatalf("%q is accepted and has duplicate names", text)
	}
	var want any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if got := tree(t, bytes.Trim(text, " \t\r\n")); !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is %#v, want %#v", text, got, want)
	}
	// With floating point, where it holds the number.
	var floats, ours any
	if json.Unmarshal(text, &floats) != nil {
		return
	}
	if err := strictjson.Unmarshal(text, &ours, limits); err != nil || !reflect.DeepEqual(ours, floats) {
		t.Fatalf("%q is %#v, want %#v, %v", text, ours, floats, err)
	}
}

// texts are JSON, or nearly: pieces of it in any order, or a value that was
// written and then damaged.
func texts() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ":", ",", `"a"`, `"b"`, `"\u0061"`, `""`, `"\ud83d\ude00"`, `"😀"`, `"\u0000"`, `"\ud800"`, "1", "-0", "1e5", "01", "1.5", "true", "null", " ", "\n", "\xff", "\x00", `"a":1`, `"a":{`, `,"a":[`,
	})
	return rapid.OneOf(
		rapid.Map(rapid.SliceOfN(piece, 1, 20), func(p []string) string { return strings.Join(p, "") }),
		rapid.Custom(func(t *rapid.T) string {
			text := value(3).Draw(t, "value")
			if rapid.Bool().Draw(t, "whole") {
				return text
			}
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			return text[:at] + piece.Draw(t, "piece") + text[at+rapid.IntRange(0, 1).Draw(t, "cut"):]
		}),
	)
}

// value writes JSON by hand, with names that often meet.
func value(depth int) *rapid.Generator[string] {
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
	str := rapid.OneOf(
		rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"A"`, `""`, `"a\/b"`, `"a/b"`}),
		rapid.Map(rapid.String(), func(s string) string { b, _ := json.Marshal(s); return string(b) }),
	)
	leaf := rapid.OneOf(str, rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?`), rapid.SampledFrom([]string{"true", "false", "null"}))
	if depth == 0 {
		return leaf
	}
	return rapid.Custom(func(t *rapid.T) string {
		inner := value(depth - 1)
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return leaf.Draw(t, "leaf")
		case 1:
			return "[" + strings.Join(rapid.SliceOfN(inner, 0, 4).Draw(t, "array"), space.Draw(t, "s")+",") + space.Draw(t, "s") + "]"
		default:
			var members []string
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				members = append(members, fmt.Sprint(space.Draw(t, "s"), str.Draw(t, "name"), space.Draw(t, "s"), ":", space.Draw(t, "s"), inner.Draw(t, "value")))
			}
			return "{" + strings.Join(members, ",") + space.Draw(t, "s") + "}"
		}
	})
}

func TestCheckAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { agree(t, []byte(texts().Draw(t, "text"))) })
}

// The second opinion must be worth something.
func TestDuplicatesFindsDuplicates(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":1,"a":2}`: true, `{"a":1,"\u0061":2}`: true, `[{"a":{"b":1,"c":"b","b":2}}]`: true, `{"a":[],"b":{},"a":1}`: true, `{"a":"a"}`: false, `{"a":{"a":"a"},"b":["a","a"]}`: false, `[1,1]`: false,
	} {
		if got := duplicates([]byte(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// Duplicates are found wherever they stand, in objects of any size and around
// objects of any size.
func TestDuplicatesAmongManyNames(t *testing.T) {
	const n = 60
	object := func(names []string, inner int, value string) string {
		var members []string
		for i, name := range names {
			v := "1"
			if i == inner {
				v = value
			}
			members = append(members, `"`+name+`":`+v)
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	large := object(names, -1, "")
	for _, size := range []int{0, 1, 15, 16, 17, 18, 31, 32, 33, n} {
		for inner := range size {
			text := object(names[:size], inner, large)
			if err := strictjson.Check([]byte(text), strictjson.Limits{}); err != nil {
				t.Fatalf("%d names around %d: %v", size, n, err)
			}
		}
	}
	for j := range n {
		for i := range j {
			twice := append([]string(nil), names[:j+1]...)
			twice[j] = twice[i]
			for _, text := range []string{object(twice, -1, ""), object(twice, j/2, large), object(names[:3], 1, object(twice, -1, ""))} {
				if err := strictjson.Check([]byte(text), strictjson.Limits{}); !errors.Is(err, strictjson.ErrDuplicate) {
					t.Fatalf("name %d again as %d: %v", i, j, err)
				}
			}
		}
	}
}
