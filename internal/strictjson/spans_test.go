package strictjson_test

import (
	"testing"

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
