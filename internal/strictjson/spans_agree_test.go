package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/strictjson"
)

var usualObjects = []string{
	`{"iss":"https://auth.example","sub":"a","exp":1800000300,"n":123456789012345678,"abcdefgh":"x","longer_than_eight":7,"e":"\u00e9","b":true}`,
	`{ "a" : 1 , "b":"" ,"":{"c":[1,"d"]},"nine":9,"zero":0,"minus":-5,"f":1.5e3}`,
	`{"a":"12345678","b":"123456789012345","c":"é","abcdefg":1,"abcdefg2":2}`,
}

// The outermost object is read by code of its own, which takes the usual members
// in one go. It must agree with the reader of all other values, which Check is, on
// every text: here on one that has it all, cut off everywhere and with every byte
// in every place.
func TestTheOutermostObjectIsReadLikeAnyOther(t *testing.T) {
	for _, text := range usualObjects {
		readAlike(t, text)
		for i := range len(text) + 1 {
			readAlike(t, text[:i])
			readAlike(t, text[:i]+"}")
			for c := range 256 {
				changed := string([]byte{byte(c)})
				if i < len(text) {
					readAlike(t, text[:i]+changed+text[i+1:])
				}
				if strings.IndexByte("\"\\:,{}[] +-.0", byte(c)) >= 0 {
					readAlike(t, text[:i]+changed+text[i:])
				}
			}
		}
	}
}

func readAlike(t *testing.T, text string) {
	t.Helper()
	limits := strictjson.Limits{}
	spans, err := strictjson.AppendSpans(nil, text, limits)
	checked := strictjson.Check(text, limits)
	if (checked == nil || errors.Is(checked, strictjson.ErrTrailing)) && !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		checked = strictjson.ErrNotObject
	}
	// Of a member that is wrong and there twice, either may be found first.
	twice := errors.Is(err, strictjson.ErrDuplicate) || errors.Is(checked, strictjson.ErrDuplicate)
	if (err == nil) != (checked == nil) || err != nil && !twice && reasonOf(err) != reasonOf(checked) {
		t.Errorf("%q: %v as the outermost object, %v as any other", text, err, checked)
		return
	}
	if err != nil {
		return
	}
	var want map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &want); err != nil || len(want) != len(spans) {
		t.Errorf("%q: %d members, encoding/json finds %d, %v", text, len(spans), len(want), err)
		return
	}
	for i := range spans {
		m := &spans[i]
		name := m.Name(text)
		if string(want[name]) != m.Value(text) || m.Key() != strictjson.NameKey(name) {
			t.Errorf("%q: member %q is %q, key %x", text, name, m.Value(text), m.Key())
		}
		var s string
		isString := json.Unmarshal(want[name], &s) == nil && m.Value(text)[0] == '"'
		if got, ok := m.String(text); ok != isString || ok && got != s {
			t.Errorf("%q: member %q is the string %q, %t", text, name, got, ok)
		}
	}
}

func reasonOf(err error) error {
	for _, reason := range []error{
		strictjson.ErrDuplicate, strictjson.ErrTrailing, strictjson.ErrUTF8, strictjson.ErrDepth,
		strictjson.ErrRange, strictjson.ErrMembers, strictjson.ErrNotObject, strictjson.ErrNUL,
	} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return strictjson.ErrSyntax
}

// However many names there are, each is compared with each, in the outermost object
// and inside.
func TestADuplicateIsFoundWhereverItStands(t *testing.T) {
	for _, spelling := range []string{"%c%d", "a_name_of_some_length_%c%d", "\\u006%[2]d%[1]c"} {
		for n := 2; n <= 40; n++ {
			name := func(i int) string { return fmt.Sprintf(spelling, 'a'+i%26, i/26) }
			for first := range n - 1 {
				members := make([]string, n)
				for i := range n {
					members[i] = `"` + name(i) + `":1`
				}
				text := "{" + strings.Join(members, ",") + "}"
				if err := strictjson.Check("["+text+"]", strictjson.Limits{}); err != nil {
					t.Fatal(err)
				}
				if got, err := strictjson.AppendSpans(nil, text, strictjson.Limits{}); err != nil || len(got) != n {
					t.Fatalf("%s: %d members, %v", text, len(got), err)
				}
				members[n-1] = `"` + name(first) + `":2`
				text = "{" + strings.Join(members, ",") + "}"
				if err := strictjson.Check("["+text+"]", strictjson.Limits{}); !errors.Is(err, strictjson.ErrDuplicate) {
					t.Errorf("the name of %d of %d, inside: %v", first, n, err)
				}
				if _, err := strictjson.AppendSpans(nil, text, strictjson.Limits{}); !errors.Is(err, strictjson.ErrDuplicate) {
					t.Errorf("the name of %d of %d: %v", first, n, err)
				}
			}
		}
	}
}

// What is no number is not called one that is too large.
func TestALongTextThatIsNoNumberIsASyntaxError(t *testing.T) {
	for _, text := range []string{strings.Repeat("1", 310) + ".", strings.Repeat("1", 310) + "e", strings.Repeat("1", 310) + ".e1"} {
		if err := strictjson.Check(text, strictjson.Limits{}); !errors.Is(err, strictjson.ErrSyntax) || errors.Is(err, strictjson.ErrRange) {
			t.Errorf("%.20s...: %v", text, err)
		}
	}
	if _, err := strictjson.AppendSpans(nil, `{"exp":`+strings.Repeat("9", 400)+`}`, strictjson.Limits{}); !errors.Is(err, strictjson.ErrRange) {
		t.Error(err)
	}
}

type Pair0 struct {
	First  string `json:"first"`
	Second string `json:"second"`
}

type Label string

func TestWhatIsEmbeddedIsFilledByAllItsMembers(t *testing.T) {
	var dst struct {
		*Pair0
		Third string `json:"third"`
	}
	if err := strictjson.UnmarshalChecked(`{"first":"1","third":"3","second":"2"}`, &dst, nil); err != nil {
		t.Fatal(err)
	}
	if dst.Pair0 == nil || dst.First != "1" || dst.Second != "2" || dst.Third != "3" {
		t.Errorf("%+v, %+v", dst, dst.Pair0)
	}
	// A type that is no struct is a field like any other when it is embedded.
	var labelled struct {
		Label
		Other string `json:"other"`
	}
	if err := strictjson.UnmarshalChecked(`{"Label":"x","other":"y"}`, &labelled, nil); err != nil || labelled.Label != "x" || labelled.Other != "y" {
		t.Errorf("%+v, %v", labelled, err)
	}
}
