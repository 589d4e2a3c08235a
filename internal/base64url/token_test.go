package base64url

import (
	"bytes"
	"strings"
	"testing"
)

// same holds the two decoders against each other, with a text and with room that
// is too short, just enough and more.
func same(t *testing.T, text string) {
	t.Helper()
	want, wantErr := Decode(text)
	for _, room := range []int{0, 4 + len(want), 64 + len(text)} {
		dst := append(make([]byte, 0, room), "kept"...)
		ofBytes, err := AppendDecode(dst, []byte(text))
		ofString, stringErr := AppendDecode(dst[:4:4], text)
		if err != wantErr || stringErr != wantErr {
			t.Fatalf("%q: Decode says %v, AppendDecode %v of bytes and %v of a string", text, wantErr, err, stringErr)
		}
		if got := "kept" + string(want); string(ofBytes) != got || string(ofString) != got {
			t.Fatalf("%q: Decode has %x, AppendDecode %q of bytes and %q of a string", text, want, ofBytes, ofString)
		}
	}
}

// Every byte value in every place of texts of every length up to a few steps of
// the decoder.
func TestDecodersAgree(t *testing.T) {
	for length := range 28 {
		text := []byte(strings.Repeat("A", length))
		same(t, string(text))
		for i := range text {
			for c := range 256 {
				text[i] = byte(c)
				same(t, string(text))
			}
			text[i] = "AZaz09-_"[i%8]
		}
	}
}

func TestEncodersAgree(t *testing.T) {
	b := make([]byte, 0, 300)
	for i := range 300 {
		dst := AppendEncode([]byte("kept"), b)
		if want := "kept" + Encode(b); string(dst) != want {
			t.Fatalf("%x becomes %q, want %q", b, dst, want)
		}
		if dst := AppendEncode(make([]byte, 0, 500), b); string(dst) != Encode(b) {
			t.Fatalf("with room, %x becomes %q", b, dst)
		}
		b = append(b, byte(i*i+i>>3))
	}
	// Every twelve bits.
	b = b[:0]
	for i := range 1 << 12 {
		b = append(b, byte(i>>4), byte(i<<4)|byte(i>>8), byte(i))
	}
	if got := AppendEncode(nil, b); string(got) != Encode(b) {
		t.Error("some pair of characters is wrong")
	}
}

// What follows dst in its array belongs to somebody else.
func TestAppendStaysInItsRoom(t *testing.T) {
	for n := range 40 {
		b := bytes.Repeat([]byte{0xa5}, n)
		text := Encode(b)
		array := bytes.Repeat([]byte{'#'}, 200)
		if AppendEncode(array[:0:len(text)], b); array[len(text)] != '#' {
			t.Errorf("AppendEncode of %d bytes writes beyond the capacity", n)
		}
		array = bytes.Repeat([]byte{'#'}, 200)
		if _, err := AppendDecode(array[:0:n], text); err != nil || array[n] != '#' {
			t.Errorf("AppendDecode of %d bytes writes beyond the capacity (%v)", n, err)
		}
	}
}

// FuzzAppend holds the two ways against each other.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "Zg", "Zm8", "Zm9v", "Zg==", "Zh", "_-_-", "Zm9v\n", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1Ni\r9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		same(t, text)
		if got := AppendEncode(nil, []byte(text)); string(got) != Encode([]byte(text)) {
			t.Errorf("%x becomes %q, want %q", text, got, Encode([]byte(text)))
		}
	})
}
