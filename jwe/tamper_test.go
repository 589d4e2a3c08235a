package jwe_test

import (
	"crypto/ecdh"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/jwe"
)

// Every bit of a token counts, and every character.
func TestEveryBitCounts(t *testing.T) {
	for _, c := range []struct {
		kind
		step int // RSA takes a millisecond for each
	}{
		{kind{jwe.Dir, jwe.A128GCM, nil}, 1},
		{kind{jwe.Dir, jwe.A256CBCHS512, nil}, 1},
		{kind{jwe.A128KW, jwe.A128CBCHS256, nil}, 1},
		{kind{jwe.A256GCMKW, jwe.A256GCM, nil}, 1},
		{kind{jwe.ECDHES, jwe.A128GCM, ecdh.X25519()}, 1},
		{kind{jwe.ECDHESA256KW, jwe.A128GCM, ecdh.P256()}, 1},
		{kind{jwe.RSAOAEP256, jwe.A128GCM, nil}, 7},
	} {
		t.Run(c.String(), func(t *testing.T) {
			key := c.key(t)
			d := decrypter(t, key)
			token := must(encrypter(t, key).EncryptUnsigned([]byte("ten bytes.")))(t)
			must(d.DecryptUnsigned(token))(t)
			try := func(what string, i int, changed string) {
				t.Helper()
				if changed == token {
					return
				}
				if got, err := d.DecryptUnsigned(changed); err == nil || got != nil {
					t.Errorf("%s at %d: %q, %v", what, i, got, err)
				} else {
					plain(t, err)
				}
			}
			for i := 0; i < len(token); i += c.step {
				for bit := range 8 {
					b := []byte(token)
					b[i] ^= 1 << bit
					try("a bit", i, string(b))
				}
				try("a character gone", i, token[:i]+token[i+1:])
				try("a character twice", i, token[:i+1]+token[i:])
				try("cut", i, token[:i])
			}
		})
	}
}

// Segments of two good tokens for one key, in any mixture, are no token.
func TestSegmentsDoNotMix(t *testing.T) {
	for _, k := range kinds() {
		if k.curve == ecdh.P384() || k.curve == ecdh.P521() {
			continue // slow, and the same code
		}
		key := k.key(t)
		e, d := encrypter(t, key), decrypter(t, key)
		a := strings.Split(must(e.EncryptUnsigned([]byte("one")))(t), ".")
		b := strings.Split(must(e.EncryptUnsigned([]byte("two")))(t), ".")
		for mix := 1; mix < 31; mix++ {
			c := append([]string(nil), a...)
			for i := range c {
				if mix>>i&1 == 1 {
					c[i] = b[i]
				}
			}
			token := strings.Join(c, ".")
			if token == strings.Join(a, ".") || token == strings.Join(b, ".") {
				continue // equal headers, or no encrypted keys
			}
			if got, err := d.DecryptUnsigned(token); err == nil {
				t.Errorf("%s, %05b: %q", k, mix, got)
			}
		}
	}
}
