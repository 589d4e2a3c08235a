package revocation

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
)

// sessionID is a session id of an issuer of this module: 16 bytes, in text 22
// characters of base64url. Any other text is kept as text.
type sessionID [2]uint64

const sessionIDChars = 22

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// sextets maps a character to its value, or to noSextet.
var sextets = func() (t [256]uint8) {
	for i := range t {
		t[i] = noSextet
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	return t
}()

const noSextet = 0x80

// parseSessionID reads the one text that String writes, without an allocation.
func parseSessionID(s string) (id sessionID, ok bool) {
	if len(s) != sessionIDChars {
		return id, false
	}
	var part [2]uint64 // 60 bits each
	var seen uint8
	for p := range part {
		for i := range 10 {
			v := sextets[s[10*p+i]]
			seen |= v
			part[p] = part[p]<<6 | uint64(v&0x3f)
		}
	}
	v, w := sextets[s[20]], sextets[s[21]]
	if (seen|v|w)&noSextet != 0 || w&0xf != 0 { // four bits stand for nothing
		return id, false
	}
	tail := uint64(v)<<2 | uint64(w)>>4
	return sessionID{part[0]<<4 | part[1]>>56, part[1]<<8 | tail}, true
}

func (id sessionID) String() string {
	text := id.text()
	return string(text[:])
}

func (id sessionID) text() (text [sessionIDChars]byte) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], id[0])
	binary.BigEndian.PutUint64(b[8:], id[1])
	base64.RawURLEncoding.Encode(text[:], b[:])
	return text
}

// hashSID hashes a text of 22 characters. It is of the text and not of the bytes
// that it stands for, so that a look-up reads them only if there is something
// to compare them with.
func hashSID[T string | []byte](seed [2]uint64, t T) uint64 {
	_ = t[sessionIDChars-1]
	hi, lo := bits.Mul64(word(t, 0)^seed[0], word(t, 8)^seed[1])
	hi, lo = bits.Mul64(hi^lo^word(t, 14), seed[0]|1)
	return hi ^ lo
}

func word[T string | []byte](t T, at int) uint64 {
	b := t[at : at+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
