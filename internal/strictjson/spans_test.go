package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jeton-go/jeton/internal/strictjson"
)

func TestNameKeyIsOfOneShortName(t *testing.T) {
	seen := map[uint64]string{}
	for _, name := range []string{"", "\x00", "\x00\x00", "a", "b", "ab", "ba", "abc", "\x00abc", "abc\x00", "abcdefg", "abcdef", "bcdefg", "abcdefgh", "abcdefghi", "\xff\xff\xff\xff\xff\xff\xff"} {
		key := strictjson.NameKey(name)
		if other, taken := seen[key]; taken {
			t.Errorf("%q and %q have one key", name, other)
		}
		if long := key >= 1<<63; long != (len(name) > 7) {
			t.Errorf("%q: long is %t", name, long)
		}
		seen[key] = name
	}
	if strictjson.NameKey("aaaaaaaaaaaaaaaa") != strictjson.NameKey("caaaaaaa`aaaaaaa") {
		t.Error("two names that tests take for alike are not")
	}
}

// Every byte in every place of a name and of a value.
func TestAppendSpansReadsStringsAsEncodingJSON(t *testing.T) {
	for length := 1; length < 20; length++ {
		for i := range length {
			for c := range 256 {
				part := []byte("abcdefghijklmnopqrst"[:length])
				part[i] = byte(c)
				for _, text := range []string{`{"` + string(part) + `":"v","##":1}`, `{"%%":"` + string(part) + `","##":1}`, `{"%%":"a","##":["` + string(part) + `"]}`} {
					spans, err := strictjson.AppendSpans(nil, text, strictjson.Limits{})
					if want := json.Valid([]byte(text)) && utf8.ValidString(text); want != (err == nil) {
						t.Fatalf("%q: %v", text, err)
					}
					if err != nil {
						continue
					}
					var members map[string]any
					if err := json.Unmarshal([]byte(text), &members); err != nil || len(members) != len(spans) {
						t.Fatalf("%q: %d members, want %d (%v)", text, len(spans), len(members), err)
					}
					for _, m := range spans {
						value, isString := members[m.Name(text)].(string)
						if got, ok := m.String(text); ok != isString || got != value {
							t.Fatalf("%q: %q is %q, want %v", text, m.Name(text), got, members[m.Name(text)])
						}
						if m.Key() != strictjson.NameKey(m.Name(text)) {
							t.Fatalf("%q: the key of %q is %x", text, m.Name(text), m.Key())
						}
					}
				}
			}
		}
	}
}

// A name is found again wherever the two of them are, few names or many.
func TestAppendSpansFindsEveryDuplicate(t *testing.T) {
	for _, format := range []string{"%d", "a name that is rather long, number %d"} {
		for second := range 40 {
			for first := range second {
				var members []string
				for i := range 40 {
					name := i
					if i == second {
						name = first
					}
					members = append(members, fmt.Sprintf(`"`+format+`":0`, name))
				}
				text := "{" + strings.Join(members, ",") + "}"
				if _, err := strictjson.AppendSpans(nil, text, strictjson.Limits{}); !errors.Is(err, strictjson.ErrDuplicate) {
					t.Fatalf("member %d has the name of member %d: %v", second, first, err)
				}
			}
		}
	}
}
