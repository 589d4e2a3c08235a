package strictjson_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/jeton-go/jeton/internal/strictjson"
	"pgregory.net/rapid"
)

// A usual number is the one that its digits say; what is no usual number is none
// for a reason.
func TestUsualNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.StringMatching(`[0-9]{1,20}`), rapid.StringMatching(`[0-9]{0,9}[-+./:;eE\x00\x80 ]?[0-9]{0,9}`)).Draw(t, "value")
		after := rapid.SampledFrom([]string{",", "}", `,"exp":18}`, "", "]", " "}).Draw(t, "after")
		n, next := strictjson.UsualNumber(value+after+"\x00", 0)
		want, err := strconv.ParseInt(value, 10, 64)
		usual := err == nil && len(value) <= 18 && strconv.FormatInt(want, 10) == value && value[0] != '-' && after != "" && (after[0] == ',' || after[0] == '}')
		if (next != 0) != usual || usual && (n != want || next != len(value)) {
			t.Fatalf("%q before %q: %d up to %d", value, after, n, next)
		}
	})
}

// Lists of usual strings are read as any list is.
func TestUsualStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`\[("[a-z :.,\]\[]{0,20}",){0,5}("[a-z\\é]{0,20}"?)?\]?,?`).Draw(t, "text")
		kept := []string{"kept"}
		list, next := strictjson.UsualStrings(kept, text, 0)
		if next == 0 {
			if !slices.Equal(list, kept) {
				t.Fatalf("%q: no list, and %q", text, list)
			}
			return
		}
		value := text[:next]
		want, ok := strictjson.AppendStrings(kept, value)
		if err := strictjson.Check(value, strictjson.Limits{}); err != nil || !ok || !slices.Equal(list, want) {
			t.Fatalf("%q is the list %q; the others say %q, %v", value, list, want, err)
		}
	})
	if list, next := strictjson.UsualStrings(nil, `["a","b"],`, 0); next != 9 || !slices.Equal(list, []string{"a", "b"}) {
		t.Errorf("a list of two: %q up to %d", list, next)
	}
}
