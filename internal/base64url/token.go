package base64url

import (
	"encoding/binary"
	"slices"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// pairs are the two characters for each twelve bits, the first in the low byte.
var pairs = func() (t [1 << 12]uint16) {
	for i := range t {
		t[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return t
}()

// places are the bits of each character in each of the four places of a group,
// or notInAlphabet.
var places = func() (t [4][256]uint32) {
	for place := range t {
		for c := range t[place] {
			t[place][c] = notInAlphabet
		}
		for i, c := range []byte(alphabet) {
			t[place][c] = uint32(i) << (18 - 6*place)
		}
	}
	return t
}()

// notInAlphabet is above the 24 bits of a group.
const notInAlphabet = 1 << 31

// AppendEncode appends the text for b to dst.
func AppendEncode(dst, b []byte) []byte {
	length := EncodedLen(len(b))
	dst = slices.Grow(dst, length)
	text := dst[len(dst) : len(dst)+length]
	rest := text
	for len(b) >= 8 && len(rest) >= 8 { // it reads eight bytes and takes six
		n := binary.BigEndian.Uint64(b)
		binary.LittleEndian.PutUint64(rest, uint64(pairs[n>>52])|
			uint64(pairs[n>>40&0xfff])<<16|
			uint64(pairs[n>>28&0xfff])<<32|
			uint64(pairs[n>>16&0xfff])<<48)
		b, rest = b[6:], rest[8:]
	}
	strict.Encode(rest, b)
	return dst[:len(dst)+length]
}

// AppendDecode appends the bytes that text stands for to dst. On an error
// (ErrNotCanonical) it returns dst as it was.
func AppendDecode[T ~string | ~[]byte](dst []byte, text T) ([]byte, error) {
	length := len(text) / 4 * 3
	if tail := len(text) % 4; tail != 0 {
		length += tail - 1
	}
	dst = slices.Grow(dst, length)
	out := dst[len(dst) : len(dst)+length]
	var bad uint32
	for len(text) >= 16 && len(out) >= 14 { // it writes two bytes more than it keeps
		c := text[:16]
		a := places[0][c[0]] | places[1][c[1]] | places[2][c[2]] | places[3][c[3]]
		b := places[0][c[4]] | places[1][c[5]] | places[2][c[6]] | places[3][c[7]]
		d := places[0][c[8]] | places[1][c[9]] | places[2][c[10]] | places[3][c[11]]
		e := places[0][c[12]] | places[1][c[13]] | places[2][c[14]] | places[3][c[15]]
		bad |= a | b | d | e
		binary.BigEndian.PutUint64(out, uint64(a)<<40|uint64(b)<<16)
		binary.BigEndian.PutUint64(out[6:], uint64(d)<<40|uint64(e)<<16)
		text, out = text[16:], out[12:]
	}
	n, i := 0, 0
	for ; i+4 <= len(text); i, n = i+4, n+3 {
		c := text[i : i+4]
		group := places[0][c[0]] | places[1][c[1]] | places[2][c[2]] | places[3][c[3]]
		bad |= group
		out[n], out[n+1], out[n+2] = byte(group>>16), byte(group>>8), byte(group)
	}
	const stray2, stray3 = 1<<16 - 1, 1<<8 - 1 // bits that are of no byte
	switch tail := text[i:]; len(tail) {
	case 1:
		return dst, ErrNotCanonical
	case 2:
		group := places[0][tail[0]] | places[1][tail[1]]
		bad |= group
		if group&stray2 != 0 {
			return dst, ErrNotCanonical
		}
		out[n] = byte(group >> 16)
	case 3:
		group := places[0][tail[0]] | places[1][tail[1]] | places[2][tail[2]]
		bad |= group
		if group&stray3 != 0 {
			return dst, ErrNotCanonical
		}
		out[n], out[n+1] = byte(group>>16), byte(group>>8)
	}
	if bad >= notInAlphabet {
		return dst, ErrNotCanonical
	}
	return dst[:len(dst)+length], nil
}
