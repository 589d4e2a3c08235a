package issuer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

var cheapParams = PasswordParams{MemoryKiB: 8192, Passes: 1, Threads: 1}

func TestHashPassword(t *testing.T) {
	for _, p := range []PasswordParams{cheapParams, {MemoryKiB: 8193, Passes: 2, Threads: 2}} {
		text := string(hasher(nil).hash("secret", p))
		// The notation, taken apart by hand.
		parts := strings.Split(text, "$")
		if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" ||
			parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", p.MemoryKiB, p.Passes, p.Threads) {
			t.Fatalf("%q", parts[:4])
		}
		salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
		key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
		if err1 != nil || err2 != nil || len(salt) != 16 || len(key) != 32 {
			t.Fatalf("salt of %d bytes (%v), key of %d bytes (%v)", len(salt), err1, len(key), err2)
		}
		if string(key) != string(argon2.IDKey([]byte("secret"), salt, p.Passes, p.MemoryKiB, p.Threads, 32)) {
			t.Error("not argon2id of the password and the salt")
		}
		h, err := parseHash(PasswordHash(text))
		if err != nil {
			t.Fatal(err)
		}
		if h.params != p || !hasher(nil).matches("secret", h) || hasher(nil).matches("Secret", h) || hasher(nil).matches("", h) {
			t.Error("read again it is another")
		}
	}
}

// What comes from the store is not trusted: a hash that would cost an hour, or
// that nothing can match, is refused.
func TestParseHash(t *testing.T) {
	const salt, key = "c2FsdHNhbHRzYWx0c2FsdA", "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
	bytes := func(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + key, true},
		{"$argon2id$v=19$m=1048576,t=64,p=16$" + salt + "$" + key, true},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + bytes(8) + "$" + bytes(16), true},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + bytes(64) + "$" + bytes(128), true},

		{"", false},
		{"secret", false},
		{"$2b$12$abcdefghijklmnopqrstuv", false},
		{"argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2i$v=19$m=8192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=16$m=8192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$m=8192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8191,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=1048577,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=0,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=65,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=0$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=17$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=257$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=4294975488,t=1,p=1$" + salt + "$" + key, false}, // 2^32 + 8192
		{"$argon2id$v=19$m=-1,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=+8192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=08192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$ m=8192,t=1,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$t=1,m=8192,p=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=1,x=1$" + salt + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=1$$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$", false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + bytes(7) + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + bytes(65) + "$" + key, false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + bytes(15), false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + bytes(129), false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + key + "=", false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + key + "$", false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt + "$" + key + "\n", false},
		{"$argon2id$v=19$m=8192,t=1,p=1$" + salt[:21] + "B$" + key, false}, // stray bits
		{"$argon2id$v=19$m=8192,t=1,p=1$" + strings.ReplaceAll(salt, "c", "_") + "$" + key, false},
	} {
		h, err := parseHash(PasswordHash(c.text))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.text, err)
		}
		if err != nil && (h.key != nil || len(c.text) > 40 && strings.Contains(err.Error(), c.text[len(c.text)-20:])) {
			t.Errorf("%s: returned beside an error, or shown by it", c.text)
		}
	}
}

func TestPrepareUsername(t *testing.T) {
	for _, c := range []struct {
		in, out string // "" refused
	}{
		{"alice", "alice"}, {"Alice", "alice"}, {"ALICE", "alice"}, {"alice@example.com", "alice@example.com"},
		{"Zoë", "zoë"}, {"zoe\u0308", "zoë"}, {"ａｂｃ", "abc"}, {"Ünal-7_x.y", "ünal-7_x.y"}, {"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{strings.Repeat("a", 128), strings.Repeat("a", 128)},
		{strings.Repeat("é", 64), strings.Repeat("é", 64)},

		{"", ""}, {strings.Repeat("a", 129), ""}, {strings.Repeat("é", 64) + "a", ""},
		{"a b", ""}, {" alice", ""}, {"alice ", ""}, {"alice\n", ""}, {"alice\x00", ""}, {"\x00", ""}, {"a\tb", ""}, {"a\x7fb", ""},
		{"a\u00a0b", ""}, {"a\u200bb", ""}, {"a\u202eb", ""}, {"a\ufeffb", ""}, {"a\ufffdb", ""}, {"alice\xff", ""}, {"\xc0\x80", ""}, {"\xed\xa0\x80", ""},
		{"½", ""}, {"★", ""}, {"א1a", ""},
		{strings.Repeat("İ", 64), ""}, // 128 bytes as typed, 192 in lower case
	} {
		out, err := prepareUsername(c.in)
		if c.out == "" {
			if !errors.Is(err, ErrInvalidRequest) || out != "" {
				t.Errorf("%q: %q, %v; want ErrInvalidRequest", c.in, out, err)
			}
			continue
		}
		if out != c.out || err != nil {
			t.Errorf("%q: %q, %v; want %q", c.in, out, err, c.out)
		}
	}
}

// A normal form is its own: the name in a list is the name that commands take.
func TestPreparedUsernamesAreStable(t *testing.T) {
	letters := rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.Mn, unicode.Nd), 1, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		name := letters.Draw(t, "name")
		once, err := prepareUsername(name)
		if err != nil {
			return
		}
		twice, err := prepareUsername(once)
		if err != nil || twice != once {
			t.Errorf("%q is %q, which is %q, %v", name, once, twice, err)
		}
	})
	// Case by case for all single characters.
	for r := rune(0); r <= utf8.MaxRune; r++ {
		once, err := prepareUsername(string(r))
		if err != nil {
			continue
		}
		if twice, err := prepareUsername(once); err != nil || twice != once {
			t.Errorf("%U is %q, which is %q, %v", r, once, twice, err)
		}
	}
}

func TestPreparePassword(t *testing.T) {
	for _, c := range []struct {
		in, out string // "" refused
	}{
		{"x", "x"}, {"correct horse battery staple", "correct horse battery staple"}, {" x ", " x "}, {"Pa$$w0rd", "Pa$$w0rd"},
		{"cafe\u0301", "caf\u00e9"}, {"a\u00a0b\u3000c", "a b c"}, {"ＡＢＣ", "ＡＢＣ"}, {"🐎🔋", "🐎🔋"},
		{strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		{strings.Repeat("é", 512), strings.Repeat("é", 512)},

		{"", ""}, {strings.Repeat("x", 1025), ""}, {strings.Repeat("é", 512) + "x", ""},
		{"a\x00b", ""}, {"\x00", ""}, {"a\nb", ""}, {"a\tb", ""}, {"a\x7fb", ""}, {"\u0085", ""}, {"\xff", ""}, {"a\xc3", ""}, {"\xed\xa0\x80", ""},
	} {
		out, err := preparePassword(c.in)
		if c.out == "" {
			if !errors.Is(err, ErrInvalidRequest) || out != "" {
				t.Errorf("%.20q: %.20q, %v; want ErrInvalidRequest", c.in, out, err)
			} else if len(c.in) > 3 && strings.Contains(err.Error(), c.in) {
				t.Errorf("%.20q: the error shows the password", c.in)
			}
			continue
		}
		if out != c.out || err != nil {
			t.Errorf("%.20q: %.20q, %v", c.in, out, err)
		}
	}
}

// The hash that an unknown user is compared with costs what others cost, and is
// nobody's.
func TestUnknownUsersCostTheSame(t *testing.T) {
	i := &Issuer{Admin: &Admin{password: cheapParams, gate: newGate(1, 1, time.Second)}, dummy: nobodysHash(cheapParams)}
	made, err := parseHash(hasher(nil).hash("secret", cheapParams))
	if err != nil || i.dummy.params != made.params || len(i.dummy.salt) != len(made.salt) || len(i.dummy.key) != len(made.key) {
		t.Errorf("%v: nobody's hash is not like one that is made", err)
	}
	if other := nobodysHash(cheapParams); bytes.Equal(other.salt, i.dummy.salt) || bytes.Equal(other.key, i.dummy.key) {
		t.Error("nobody's hash is the same twice")
	}
	check := func(password string, u *User) (bool, PasswordHash) {
		t.Helper()
		ok, rehash, err := i.checkPassword(context.Background(), password, u, admit)
		if err != nil {
			t.Fatal(err)
		}
		return ok, rehash
	}
	if ok, _ := check("a password that nobody has", nil); ok {
		t.Error("an unknown user has a password")
	}
	costly := &User{PasswordHash: hasher(nil).hash("secret", PasswordParams{MemoryKiB: 8192, Passes: 2, Threads: 1})}
	if ok, rehash := check("secret", costly); !ok || rehash == "" {
		t.Error("other costs than those configured, and no new hash")
	}
	if ok, rehash := check("wrong", costly); ok || rehash != "" {
		t.Error("a wrong password, and a new hash")
	}
	// The second hash would tell that the password of a disabled user is right.
	costly.Disabled = true
	if ok, rehash := check("secret", costly); !ok || rehash != "" {
		t.Error("a disabled user, and a new hash")
	}
	for _, other := range []string{
		"$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$", // a salt of 8 bytes
		"$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$",
	} {
		salt, _ := base64.RawStdEncoding.DecodeString(strings.Split(other, "$")[4])
		n := uint32(32)
		if len(salt) == 16 {
			n = 16
		}
		key := argon2.IDKey([]byte("secret"), salt, 1, 8192, 1, n)
		u := &User{PasswordHash: PasswordHash(other + base64.RawStdEncoding.EncodeToString(key))}
		if ok, rehash := check("secret", u); !ok || rehash == "" {
			t.Errorf("a salt of %d bytes and a key of %d: matches %v, new hash %v", len(salt), n, ok, rehash != "")
		}
	}
}

// The cost of a login that is refused, by cause: to be compared by hand.
func BenchmarkCheckPassword(b *testing.B) {
	i := &Issuer{Admin: &Admin{password: cheapParams, gate: newGate(1, 1, time.Second)}, dummy: nobodysHash(cheapParams)}
	known := &User{PasswordHash: hasher(nil).hash("secret", cheapParams)}
	for _, c := range []struct {
		name, password string
		user           *User
	}{{"unknown user", "secret", nil}, {"wrong password", "wrong", known}, {"right password", "secret", known}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := i.checkPassword(context.Background(), c.password, c.user, admit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// admit is a guard that lets every login in.
func admit(context.Context) error { return nil }
