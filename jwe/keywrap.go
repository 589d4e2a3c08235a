package jwe

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
)

// AES key wrap (RFC 3394). It is deterministic and needs no nonce, so that a key
// wraps any number of others.

const wrapBlock = 8 // bytes of a semiblock

// wrapIV is the initial value of RFC 3394 section 2.2.3.1. That it comes out
// again is what authenticates a wrapped key.
var wrapIV = [wrapBlock]byte{0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6}

// wrapKey is RFC 3394 section 2.2.1. The key is a multiple of 8 bytes, 16 at
// least.
func wrapKey(kek, key []byte) []byte {
	block := newAES(kek)
	n := len(key) / wrapBlock
	out := make([]byte, wrapBlock+len(key))
	copy(out[wrapBlock:], key)
	var b [aes.BlockSize]byte
	copy(b[:], wrapIV[:])
	for j := range 6 {
		for i := 1; i <= n; i++ {
			r := out[wrapBlock*i : wrapBlock*(i+1)]
			copy(b[wrapBlock:], r)
			block.Encrypt(b[:], b[:])
			copy(r, b[wrapBlock:])
			count(&b, n*j+i)
		}
	}
	copy(out, b[:wrapBlock])
	return out
}

// unwrapKey is RFC 3394 section 2.2.2. It returns a key of size bytes, or nil for
// what wrapKey did not make of one.
func unwrapKey(kek, wrapped []byte, size int) []byte {
	if len(wrapped) != wrapBlock+size {
		return nil
	}
	block := newAES(kek)
	n := size / wrapBlock
	key := make([]byte, size)
	copy(key, wrapped[wrapBlock:])
	var b [aes.BlockSize]byte
	copy(b[:], wrapped[:wrapBlock])
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			r := key[wrapBlock*(i-1) : wrapBlock*i]
			count(&b, n*j+i)
			copy(b[wrapBlock:], r)
			block.Decrypt(b[:], b[:])
			copy(r, b[wrapBlock:])
		}
	}
	if subtle.ConstantTimeCompare(b[:wrapBlock], wrapIV[:]) != 1 {
		return nil
	}
	return key
}

// count mixes the number of the step into the first half.
func count(b *[aes.BlockSize]byte, t int) {
	a := b[:wrapBlock]
	binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(a)^uint64(t))
}
