package jwe

import (
	"crypto/sha256"
	"encoding/binary"
)

// concatKDF derives a key of size bytes from a shared secret: the Concat KDF of
// NIST SP 800-56A section 5.8.1 with SHA-256, as RFC 7518 section 4.6.2 fills it.
// Name is the algorithm that the key is for; apu and apv are the header's.
func concatKDF(secret []byte, name string, apu, apv []byte, size int) []byte {
	key := make([]byte, 0, size+sha256.Size)
	for round := uint32(1); len(key) < size; round++ {
		h := sha256.New()
		write := func(n int) {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], uint32(n))
			h.Write(b[:])
		}
		write(int(round))
		h.Write(secret)
		for _, info := range [][]byte{[]byte(name), apu, apv} {
			write(len(info))
			h.Write(info)
		}
		write(size * 8)
		key = h.Sum(key)
	}
	return key[:size]
}
