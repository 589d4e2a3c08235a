package jwe_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
	"pgregory.net/rapid"
)

// RFC 3394 section 4, all six.
func TestKeyWrapVectors(t *testing.T) {
	const kek, data = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"
	for _, v := range []struct {
		section   string
		kek, data int // bytes
		wrapped   string
	}{
		{"4.1", 16, 16, "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5"},
		{"4.2", 24, 16, "96778B25AE6CA435 F92B5B97C050AED2 468AB8A17AD84E5D"},
		{"4.3", 32, 16, "64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7"},
		{"4.4", 24, 24, "031D33264E15D332 68F24EC260743EDC E1C6C7DDEE725A93 6BA814915C6762D2"},
		{"4.5", 32, 24, "A8F9BC1612C68B3F F6E6F4FBE30E71E4 769C8B80A32CB895 8CD5D17D6B254DA1"},
		{"4.6", 32, 32, "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21"},
	} {
		t.Run(v.section, func(t *testing.T) {
			kek, data, wrapped := unhex(t, kek)[:v.kek], unhex(t, data)[:v.data], unhex(t, v.wrapped)
			if got := jwe.WrapKey(kek, data); !bytes.Equal(got, wrapped) {
				t.Errorf("wrapped %X", got)
			}
			if got := jwe.UnwrapKey(kek, wrapped, v.data); !bytes.Equal(got, data) {
				t.Errorf("unwrapped %X", got)
			}
			for i := range wrapped {
				changed := slices.Clone(wrapped)
				changed[i] ^= 0x80
				if jwe.UnwrapKey(kek, changed, v.data) != nil {
					t.Errorf("byte %d may be changed", i)
				}
			}
			for _, other := range [][]byte{nil, wrapped[:8], wrapped[:len(wrapped)-8], wrapped[:len(wrapped)-1], append(slices.Clone(wrapped), make([]byte, 8)...)} {
				if jwe.UnwrapKey(kek, other, v.data) != nil {
					t.Errorf("%d bytes are unwrapped", len(other))
				}
			}
		})
	}
}

func TestKeyWrapRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kek := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "kek")[:rapid.SampledFrom([]int{16, 32}).Draw(t, "size")]
		key := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "key")[:rapid.SampledFrom([]int{16, 32, 64}).Draw(t, "key size")]
		if got := jwe.UnwrapKey(kek, jwe.WrapKey(kek, key), len(key)); !bytes.Equal(got, key) {
			t.Errorf("%x", got)
		}
	})
}

// RFC 7518 appendix C: Alice agrees with Bob on a key for A128GCM.
func TestKeyAgreementVector(t *testing.T) {
	const (
		alice = `{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps","d":"0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"}`
		epk   = `{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`
		bob   = `{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`
		key   = "VqqN6vgjbSBcIijNcacQGg"
	)
	must(jwe.ParsePrivate([]byte(alice), jwe.ECDHES, jwe.A128GCM))(t)
	z := must(jwe.Agree(must(jwe.ParsePrivate([]byte(bob), jwe.ECDHES, jwe.A128GCM))(t), []byte(epk)))(t)
	if got := b64(string(jwe.ConcatKDF(z, "A128GCM", []byte("Alice"), []byte("Bob"), 16))); got != key {
		t.Errorf("derived %s", got)
	}
	// Each of the inputs counts, and so does where one ends and the next begins.
	seen := map[string]bool{key: true}
	for _, other := range [][]byte{
		jwe.ConcatKDF(z, "A256GCM", []byte("Alice"), []byte("Bob"), 16), jwe.ConcatKDF(z, "A128GCM", nil, []byte("Bob"), 16),
		jwe.ConcatKDF(z, "A128GCM", []byte("Alice"), nil, 16), jwe.ConcatKDF(z, "A128GCM", []byte("AliceB"), []byte("ob"), 16),
		jwe.ConcatKDF(z, "A128GCM", []byte("Bob"), []byte("Alice"), 16), jwe.ConcatKDF(z, "A128GCM", []byte("Alice"), []byte("Bob"), 32)[:16],
		jwe.ConcatKDF(z[1:], "A128GCM", []byte("Alice"), []byte("Bob"), 16),
	} {
		if text := b64(string(other)); seen[text] {
			t.Errorf("%s comes out twice", text)
		} else {
			seen[text] = true
		}
	}
	// Two rounds, for the 64 bytes of A256CBC-HS512: the second is not the first.
	if long := jwe.ConcatKDF(z, "A256CBC-HS512", nil, nil, 64); len(long) != 64 || bytes.Equal(long[:32], long[32:]) {
		t.Errorf("%x", long)
	}
}

// aeadFile is Wycheproof's form for content encryption. The first test of each of
// the CBC files is from RFC 7518 appendix B.
type aeadFile struct {
	NumberOfTests int
	TestGroups    []struct {
		IVSize, KeySize, TagSize int
		Tests                    []struct {
			TcID                       int
			Comment, Result            string
			Key, IV, AAD, Msg, CT, Tag string
			Flags                      []string
		}
	}
}

func TestWycheproofContentEncryption(t *testing.T) {
	for _, f := range []struct {
		name string
		encs map[int]jwe.Encryption // by the bits of the key
		iv   int                    // bits of the only IV that there is in a token
		ran  [2]int                 // valid, invalid
	}{
		{"a128cbc_hs256_test.json", map[int]jwe.Encryption{256: jwe.A128CBCHS256}, 128, [2]int{67, 27}},
		{"a256cbc_hs512_test.json", map[int]jwe.Encryption{512: jwe.A256CBCHS512}, 128, [2]int{67, 27}},
		{"aes_gcm_test.json", map[int]jwe.Encryption{128: jwe.A128GCM, 256: jwe.A256GCM}, 96, [2]int{79, 54}},
	} {
		t.Run(f.name, func(t *testing.T) {
			var file aeadFile
			readJSON(t, "wycheproof/"+f.name, &file)
			seen, ran := 0, map[string]int{}
			for _, g := range file.TestGroups {
				enc, exists := f.encs[g.KeySize]
				for _, c := range g.Tests {
					seen++
					if !exists {
						ran["left out: A192GCM does not exist here"]++
						continue
					}
					key, iv, aad := unhex(t, c.Key), unhex(t, c.IV), unhex(t, c.AAD)
					msg, ok := jwe.Open(t, enc, key, iv, unhex(t, c.CT), unhex(t, c.Tag), aad)
					want := c.Result == "valid"
					if g.IVSize != f.iv {
						ran["refused: an IV of another length than RFC 7518 has"]++
						want = false
					} else {
						ran[c.Result]++
					}
					if ok != want {
						t.Errorf("tcId %d (%s): opened %t", c.TcID, c.Comment, ok)
					}
					if ok && !bytes.Equal(msg, unhex(t, c.Msg)) {
						t.Errorf("tcId %d (%s): %x", c.TcID, c.Comment, msg)
					}
					if iv, ct, tag := jwe.Seal(t, enc, key, unhex(t, c.Msg), aad); len(iv) != f.iv/8 || len(tag) != g.TagSize/8 {
						t.Errorf("tcId %d: an IV of %d bytes and a tag of %d", c.TcID, len(iv), len(tag))
					} else if msg, ok := jwe.Open(t, enc, key, iv, ct, tag, aad); !ok || !bytes.Equal(msg, unhex(t, c.Msg)) {
						t.Errorf("tcId %d: what is sealed does not open", c.TcID)
					}
				}
			}
			if seen != file.NumberOfTests || ran["valid"] != f.ran[0] || ran["invalid"] != f.ran[1] {
				t.Errorf("%d tests of %d", seen, file.NumberOfTests)
			}
			t.Logf("%d tests: %v", seen, ran)
		})
	}
}

// The content is authenticated as a whole: no byte can go from one part to the
// next.
func TestContentEncryptionKeepsItsPartsApart(t *testing.T) {
	for _, enc := range jwe.Encryptions() {
		t.Run(string(enc), func(t *testing.T) {
			key := make([]byte, jwe.SecretBytes(jwe.Dir, enc))
			for i := range key {
				key[i] = byte(i)
			}
			iv, ct, tag := jwe.Seal(t, enc, key, []byte("sixteen bytes so"), []byte("aad"))
			if _, ok := jwe.Open(t, enc, key, iv, ct, tag, []byte("aad")); !ok {
				t.Fatal("it does not open")
			}
			n := len(iv)
			for name, open := range map[string]func() ([]byte, bool){
				"a byte of the ciphertext in the IV": func() ([]byte, bool) {
					return jwe.Open(t, enc, key, slices.Concat(iv, ct[:1]), ct[1:], tag, []byte("aad"))
				},
				"a byte of the IV in the ciphertext": func() ([]byte, bool) {
					return jwe.Open(t, enc, key, iv[:n-1], slices.Concat(iv[n-1:], ct), tag, []byte("aad"))
				},
				"a byte of the tag in the ciphertext": func() ([]byte, bool) {
					return jwe.Open(t, enc, key, iv, slices.Concat(ct, tag[:1]), tag[1:], []byte("aad"))
				},
				"a byte of the aad in the IV": func() ([]byte, bool) {
					return jwe.Open(t, enc, key, slices.Concat([]byte("d"), iv), ct, tag, []byte("aa"))
				},
				"no tag":        func() ([]byte, bool) { return jwe.Open(t, enc, key, iv, ct, nil, []byte("aad")) },
				"half a tag":    func() ([]byte, bool) { return jwe.Open(t, enc, key, iv, ct, tag[:len(tag)/2], []byte("aad")) },
				"no IV":         func() ([]byte, bool) { return jwe.Open(t, enc, key, nil, ct, tag, []byte("aad")) },
				"no ciphertext": func() ([]byte, bool) { return jwe.Open(t, enc, key, iv, nil, tag, []byte("aad")) },
				"another aad":   func() ([]byte, bool) { return jwe.Open(t, enc, key, iv, ct, tag, []byte("aaD")) },
			} {
				if _, ok := open(); ok {
					t.Errorf("%s: opens", name)
				}
			}
		})
	}
}

// Wycheproof's Diffie-Hellman, through the same door as "epk" of a header.
func TestWycheproofKeyAgreement(t *testing.T) {
	for _, f := range []struct {
		name string
		// ran is how many are labelled valid, acceptable and invalid. "Acceptable" are
		// keys that RFC 7748 lets a receiver take: on the twist, or in a spelling that
		// is not the shortest. They are accepted as crypto/ecdh does, but for those that
		// make the secret zero.
		ran map[string]int
	}{
		{"x25519_jwk_test.json", map[string]int{"valid": 264, "acceptable": 223, "acceptable, zero": 31, "invalid": 13}},
		{"ecdh_secp256r1_webcrypto_test.json", map[string]int{"valid": 330, "invalid": 23}},
	} {
		t.Run(f.name, func(t *testing.T) {
			var file struct {
				NumberOfTests int
				TestGroups    []struct {
					Tests []struct {
						TcID                    int
						Comment, Shared, Result string
						Public, Private         json.RawMessage
						Flags                   []string
					}
				}
			}
			readJSON(t, "wycheproof/"+f.name, &file)
			ran := map[string]int{}
			for _, g := range file.TestGroups {
				for _, c := range g.Tests {
					label := c.Result
					if slices.Contains(c.Flags, "ZeroSharedSecret") {
						label += ", zero"
					}
					ran[label]++
					key, err := jwe.ParsePrivate(c.Private, jwe.ECDHES, jwe.A128GCM)
					if err != nil {
						t.Errorf("tcId %d (%s): the private key: %v", c.TcID, c.Comment, err)
						continue
					}
					shared, err := jwe.Agree(key, c.Public)
					_, keyErr := jwe.ParsePublic(c.Public, jwe.ECDHES, jwe.A128GCM)
					switch label {
					case "valid", "acceptable":
						if err != nil || keyErr != nil || !bytes.Equal(shared, unhex(t, c.Shared)) {
							t.Errorf("tcId %d (%s): %x, %v, as a key: %v", c.TcID, c.Comment, shared, err, keyErr)
						}
					default:
						refused(t, err, jeton.ErrHeader)
						// On another curve it may be a good key.
						if keyErr == nil && !slices.Contains(c.Flags, "WrongCurve") && !slices.Contains([]int{519, 520, 521}, c.TcID) {
							t.Errorf("tcId %d (%s): accepted as a key", c.TcID, c.Comment)
						}
					}
				}
			}
			total := 0
			for label, n := range ran {
				total += n
				if n != f.ran[label] {
					t.Errorf("%d labelled %s", n, label)
				}
			}
			if total != file.NumberOfTests {
				t.Errorf("%d tests of %d", total, file.NumberOfTests)
			}
			t.Logf("%d tests: %v", total, ran)
		})
	}
}
