package base64url

import (
	"bytes"
	"testing"
)

func TestDecodeRefusesEveryOtherSpelling(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"padding", "Zg=="},
		{"stray bits in a last character of two", "Zh"},
		{"stray bits in a last character of three", "Zm9"},
		{"length of 1 modulo 4", "Zm9vY"},
		{"standard alphabet plus", "Zm+v"},
		{"standard alphabet slash", "Zm/v"},
		{"newline at the end", "Zm9v\n"},
		{"newline inside", "Zm\n9v"},
		{"carriage return", "Zm9v\r"},
		{"space", "Zm 9v"},
		{"leading space", " Zm9v"},
		{"question mark", "Zm?v"},
		{"NUL", "Zm9\x00"},
		{"non-ASCII", "Zm9é"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Decode(c.text); err == nil {
				t.Errorf("Decode(%q) = %x, want an error", c.text, got)
			}
			dst := []byte("kept")
			if got, err := AppendDecode(dst, []byte(c.text)); err == nil || string(got) != "kept" {
				t.Errorf("AppendDecode returned %q, %v: want dst as it was, and an error", got, err)
			}
		})
	}
}

// A line end is refused wherever it stands, in texts of every length.
func TestDecodeRefusesLineEnds(t *testing.T) {
	for n := range 40 {
		text := Encode(bytes.Repeat([]byte{0}, n))
		for i := range len(text) + 1 {
			for _, end := range []string{"\n", "\r", "\r\n", "\n\n", "\n\n\n", "\n\n\n\n"} {
				if _, err := Decode(text[:i] + end + text[i:]); err == nil {
					t.Errorf("%q at %d of %d characters is accepted", end, i, len(text))
				}
			}
		}
	}
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	b := make([]byte, 0, 256)
	for i := range 256 {
		text := Encode(b)
		if len(text) != EncodedLen(len(b)) {
			t.Errorf("EncodedLen(%d) = %d, the text has %d", len(b), EncodedLen(len(b)), len(text))
		}
		got, err := Decode(text)
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("Decode(Encode(%x)) = %x, %v", b, got, err)
		}
		b = append(b, byte(i*37))
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "Zg", "Zm8", "Zm9v", "Zg==", "Zh", "_-_-", "Zm9v\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := Decode(text); err == nil && Encode(b) != text {
			t.Errorf("%q decodes to %x, which encodes to %q", text, b, Encode(b))
		}
	})
}
