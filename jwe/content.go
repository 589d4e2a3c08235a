package jwe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"slices"
)

// sealed is what encryption makes of a content.
type sealed struct{ iv, ciphertext, tag []byte }

// content encrypts and authenticates (RFC 7518 section 5). The key has the length
// that the table says.
type content interface {
	// seal encrypts under a fresh random IV and authenticates aad too.
	seal(key, plaintext, aad []byte) sealed
	// open returns the plaintext, or false for whatever was not sealed so.
	open(key []byte, s sealed, aad []byte) ([]byte, bool)
}

const (
	gcmNonceBytes = 12
	gcmTagBytes   = 16
)

// gcmContent is AES-GCM with a 96-bit nonce and a 128-bit tag (RFC 7518 section
// 5.3).
type gcmContent struct{}

func (gcmContent) seal(key, plaintext, aad []byte) sealed {
	out := newGCM(key).Seal(nil, nil, plaintext, aad)
	tag := len(out) - gcmTagBytes
	return sealed{out[:gcmNonceBytes:gcmNonceBytes], out[gcmNonceBytes:tag:tag], out[tag:]}
}

func (gcmContent) open(key []byte, s sealed, aad []byte) ([]byte, bool) {
	// Lengths first: the three are put together again, and must not be cut at
	// another place than the token cut them.
	if len(s.iv) != gcmNonceBytes || len(s.tag) != gcmTagBytes {
		return nil, false
	}
	plaintext, err := newGCM(key).Open(nil, nil, slices.Concat(s.iv, s.ciphertext, s.tag), aad)
	return plaintext, err == nil
}

// newGCM returns an AEAD that draws its own nonces, so that no caller can give one
// twice.
func newGCM(key []byte) cipher.AEAD {
	aead, err := cipher.NewGCMWithRandomNonce(newAES(key))
	if err != nil {
		panic("jwe: " + err.Error())
	}
	return aead
}

// newAES panics for a length that no key of this package has.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("jwe: " + err.Error())
	}
	return block
}

// cbcContent is AES-CBC and then HMAC (RFC 7518 section 5.2). The first half of
// the key is the MAC's, the second the cipher's; the tag is half of the MAC.
type cbcContent struct{ hash func() hash.Hash }

func (c cbcContent) seal(key, plaintext, aad []byte) sealed {
	macKey, encKey := key[:len(key)/2], key[len(key)/2:]
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	// PKCS #7: n bytes of value n, at least one.
	n := aes.BlockSize - len(plaintext)%aes.BlockSize
	ciphertext := make([]byte, len(plaintext)+n)
	for i := copy(ciphertext, plaintext); i < len(ciphertext); i++ {
		ciphertext[i] = byte(n)
	}
	cipher.NewCBCEncrypter(newAES(encKey), iv).CryptBlocks(ciphertext, ciphertext)
	return sealed{iv, ciphertext, c.tag(macKey, aad, iv, ciphertext)}
}

// open checks the tag before it looks at anything that it decrypts: who could
// tell a wrong padding from a wrong tag could read every token, byte by byte.
func (c cbcContent) open(key []byte, s sealed, aad []byte) ([]byte, bool) {
	macKey, encKey := key[:len(key)/2], key[len(key)/2:]
	if len(s.iv) != aes.BlockSize ||
		subtle.ConstantTimeCompare(c.tag(macKey, aad, s.iv, s.ciphertext), s.tag) != 1 {
		return nil, false
	}
	// From here on it is what a holder of the key wrote.
	if len(s.ciphertext) == 0 || len(s.ciphertext)%aes.BlockSize != 0 {
		return nil, false
	}
	plaintext := make([]byte, len(s.ciphertext))
	cipher.NewCBCDecrypter(newAES(encKey), s.iv).CryptBlocks(plaintext, s.ciphertext)
	n := int(plaintext[len(plaintext)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, false
	}
	end := len(plaintext) - n
	for _, b := range plaintext[end:] {
		if int(b) != n {
			return nil, false
		}
	}
	return plaintext[:end], true
}

// tag is RFC 7518 section 5.2.2.1, steps 4 to 6.
func (c cbcContent) tag(macKey, aad, iv, ciphertext []byte) []byte {
	m := hmac.New(c.hash, macKey)
	m.Write(aad)
	m.Write(iv)
	m.Write(ciphertext)
	var bits [8]byte
	binary.BigEndian.PutUint64(bits[:], uint64(len(aad))*8)
	m.Write(bits[:])
	return m.Sum(nil)[:m.Size()/2]
}
