package jwe_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// A table proves nothing if its good token is refused too.
func TestTheGoodTokenOfTheTablesIsAccepted(t *testing.T) {
	d := decrypter(t, forgeKey(t))
	if got := must(d.DecryptUnsigned(forge(goodHeader, "hello")))(t); string(got) != "hello" {
		t.Errorf("%q", got)
	}
	v := must(jwe.NewVerifier(d, innerVerifier(t)))(t)
	must(v.Verify(context.Background(), forge(goodHeader, goodInner(t))))(t)
}

// head is the good header with more members.
func head(more string) string { return goodHeader[:len(goodHeader)-1] + "," + more + "}" }

// manyMembers are so many members; the good header has three.
func manyMembers(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"x%d":0`, i)
	}
	return strings.Join(members, ",")
}

// The tag of every token here is good: what is refused is the header.
func TestRefusesHeaders(t *testing.T) {
	withAlg := func(alg string) string { return `{"alg":` + alg + `,"enc":"A128GCM","cty":"JWT"}` }
	withEnc := func(enc string) string { return `{"alg":"dir","enc":` + enc + `,"cty":"JWT"}` }
	for _, c := range []struct {
		name, header string
		want         error
	}{
		{"A18 RSA1_5", withAlg(`"RSA1_5"`), jeton.ErrUnsupportedAlgorithm},
		{"A18 RSA-OAEP with SHA-1", withAlg(`"RSA-OAEP"`), jeton.ErrUnsupportedAlgorithm},
		{"RSA-OAEP-384", withAlg(`"RSA-OAEP-384"`), jeton.ErrUnsupportedAlgorithm},
		{"A18 PBES2", `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"8Q1SzinasR3xchYz6ZZcHA","p2c":1000}`, jeton.ErrUnsupportedAlgorithm},
		{"A18 PBES2 with a billion rounds", `{"alg":"PBES2-HS512+A256KW","enc":"A128GCM","p2s":"8Q1SzinasR3xchYz6ZZcHA","p2c":2147483647}`, jeton.ErrUnsupportedAlgorithm},
		{"A192KW", withAlg(`"A192KW"`), jeton.ErrUnsupportedAlgorithm},
		{"A192GCMKW", withAlg(`"A192GCMKW"`), jeton.ErrUnsupportedAlgorithm},
		{"ECDH-ES+A192KW", withAlg(`"ECDH-ES+A192KW"`), jeton.ErrUnsupportedAlgorithm},
		{"A1 none", withAlg(`"none"`), jeton.ErrUnsupportedAlgorithm},
		{"A18 the alg of a signature", withAlg(`"HS256"`), jeton.ErrUnsupportedAlgorithm},
		{"A1 an empty alg", withAlg(`""`), jeton.ErrUnsupportedAlgorithm},
		{"A1 alg in capitals", withAlg(`"DIR"`), jeton.ErrUnsupportedAlgorithm},
		{"A1 alg with a space", withAlg(`"dir "`), jeton.ErrUnsupportedAlgorithm},
		{"alg of another key", withAlg(`"A128KW"`), jeton.ErrAlgorithmMismatch},
		{"alg of a public key", withAlg(`"RSA-OAEP-256"`), jeton.ErrAlgorithmMismatch},
		{"A1 alg, a number", withAlg(`1`), jeton.ErrHeader},
		{"A1 alg, null", withAlg(`null`), jeton.ErrHeader},
		{"alg, a list", withAlg(`["dir"]`), jeton.ErrHeader},
		{"A1 no alg", `{"enc":"A128GCM"}`, jeton.ErrHeader},
		{"Alg", `{"Alg":"dir","enc":"A128GCM"}`, jeton.ErrHeader},
		{"A192GCM", withEnc(`"A192GCM"`), jeton.ErrUnsupportedAlgorithm},
		{"A192CBC-HS384", withEnc(`"A192CBC-HS384"`), jeton.ErrUnsupportedAlgorithm},
		{"enc none", withEnc(`"none"`), jeton.ErrUnsupportedAlgorithm},
		{"enc in small letters", withEnc(`"a128gcm"`), jeton.ErrUnsupportedAlgorithm},
		{"enc, a cipher without a tag", withEnc(`"A128CBC"`), jeton.ErrUnsupportedAlgorithm},
		{"enc of another key", withEnc(`"A256GCM"`), jeton.ErrAlgorithmMismatch},
		{"enc of a key as long", withEnc(`"A128CBC-HS256"`), jeton.ErrAlgorithmMismatch},
		{"enc, null", withEnc(`null`), jeton.ErrHeader},
		{"no enc", `{"alg":"dir"}`, jeton.ErrHeader},
		{"A18 zip", head(`"zip":"DEF"`), jwe.ErrCompressed},
		{"A18 zip of another kind", head(`"zip":"br"`), jwe.ErrCompressed},
		{"A18 zip, null", head(`"zip":null`), jwe.ErrCompressed},
		{"A18 zip, escaped", head(`"\u007aip":"DEF"`), jwe.ErrCompressed},
		{"A6 crit", head(`"crit":["exp"],"exp":1`), jeton.ErrCritical},
		{"A6 crit, empty", head(`"crit":[]`), jeton.ErrCritical},
		{"A6 crit, null", head(`"crit":null`), jeton.ErrCritical},
		{"A6 crit with a registered name", head(`"crit":["alg"]`), jeton.ErrCritical},
		{"A7 alg twice", head(`"alg":"dir"`), jeton.ErrDuplicateMember},
		{"A7 enc twice, once escaped", head(`"\u0065nc":"A128GCM"`), jeton.ErrDuplicateMember},
		{"A7 a name twice, further in", head(`"epk":{"kty":"EC","kty":"EC"}`), jeton.ErrDuplicateMember},
		{"A4 kid of 129 bytes", head(`"kid":"` + strings.Repeat("k", 129) + `"`), jeton.ErrHeader},
		{"A4 kid, empty", head(`"kid":""`), jeton.ErrHeader},
		{"A4 kid, a number", head(`"kid":1`), jeton.ErrHeader},
		{"A4 kid with a control character", head(`"kid":"a\u000ab"`), jeton.ErrHeader},
		{"A4 kid that is not ASCII", head(`"kid":"\u00e9"`), jeton.ErrHeader},
		{"cty, a number", strings.Replace(goodHeader, `"JWT"`, "1", 1), jeton.ErrHeader},
		{"cty that is not ASCII", strings.Replace(goodHeader, `JWT`, "J\u0174T", 1), jeton.ErrHeader},
		{"A13 null", `null`, jeton.ErrNotObject},
		{"A13 a list", `[` + goodHeader + `]`, jeton.ErrNotObject},
		{"A13 two objects", goodHeader + goodHeader, jeton.ErrTrailingData},
		{"A13 a byte order mark", "\ufeff" + goodHeader, jeton.ErrJSON},
		{"A13 a NUL behind", goodHeader + "\x00", jeton.ErrTrailingData},
		{"A13 not UTF-8", head("\"x\":\"\xff\""), jeton.ErrInvalidUTF8},
		{"A13 a lone surrogate", head(`"x":"\ud800"`), jeton.ErrJSON},
		{"A10 nested too deep", head(`"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), jeton.ErrTooDeep},
		{"A10 brackets", strings.Repeat("[", 10_000), jeton.ErrTooDeep},
		{"A10 too many members", head(manyMembers(510)), jeton.ErrTooManyMembers},
		{"no JSON", "dir", jeton.ErrJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			refusedBy(t, decrypter(t, forgeKey(t)), forge(c.header, goodInner(t)), c.want)
		})
	}
}

// What is legal and means nothing here changes nothing; above all no key comes out
// of a header.
func TestPassesOver(t *testing.T) {
	jwk := string(must(jwe.MarshalPrivate(must(jwe.GenerateKey(jwe.Dir, jwe.A128GCM))(t)))(t))
	for name, header := range map[string]string{
		"a key":              head(`"jwk":` + jwk),
		"addresses of keys":  head(`"jku":"https://evil.example/jwks","x5u":"https://evil.example/cert"`),
		"a certificate":      head(`"x5c":["MIIB"]`),
		"an ephemeral key":   head(`"epk":{"kty":"EC"},"apu":1,"iv":2,"tag":3`),
		"rounds":             head(`"p2c":2147483647`),
		"kid of 128 bytes":   head(`"kid":"` + strings.Repeat("k", 128) + `"`),
		"a claim":            head(`"iss":"https://evil.example"`),
		"as deep as it may":  head(`"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15)),
		"as many as may be":  head(manyMembers(509)),
		"space":              " {\t\"alg\" : \"dir\",\n\"enc\":\"A128GCM\" , \"cty\":\"JWT\"} ",
		"another order":      `{"cty":"JWT","enc":"A128GCM","alg":"dir"}`,
		"escapes":            `{"\u0061lg":"\u0064ir","enc":"A128GCM","cty":"JWT"}`,
		"upper case besides": head(`"ALG":"none","Zip":"DEF","CRIT":[]`),
	} {
		t.Run(name, func(t *testing.T) {
			v := must(jwe.NewVerifier(decrypter(t, forgeKey(t)), innerVerifier(t)))(t)
			if got, err := v.Verify(context.Background(), forge(header, goodInner(t))); err != nil || got.Subject() != "alice" {
				t.Error(err)
			}
		})
	}
}

func TestRefusesStructures(t *testing.T) {
	good := forge(goodHeader, goodInner(t))
	p := strings.Split(good, ".")
	h, iv, ct, tag := p[0], p[2], p[3], p[4]
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	for _, c := range []struct {
		name, token string
		want        error
	}{
		{"A9 nothing", "", jeton.ErrSegments},
		{"A9 one segment", h, jeton.ErrSegments},
		{"A17 a signed token", goodInner(t), jeton.ErrSegments},
		{"A9 four segments", join(h, iv, ct, tag), jeton.ErrSegments},
		{"A9 six segments", good + "." + tag, jeton.ErrSegments},
		{"a sixth segment, empty", good + ".", jeton.ErrSegments},
		{"A9 four dots", "....", jeton.ErrSegments},
		{"A9 only dots", strings.Repeat(".", 16<<10), jeton.ErrSegments},
		{"no header", join("", "", iv, ct, tag), jeton.ErrSegments},
		{"no IV", join(h, "", "", ct, tag), jwe.ErrDecrypt},
		{"no ciphertext", join(h, "", iv, "", tag), jwe.ErrDecrypt},
		{"no tag", join(h, "", iv, ct, ""), jwe.ErrDecrypt},
		{"an encrypted key", join(h, iv, iv, ct, tag), jeton.ErrMalformed},
		{"A9 16 KiB and a byte", good + strings.Repeat("A", 16<<10+1-len(good)), jeton.ErrTokenTooLarge},
		{"A9 a megabyte", strings.Repeat("A", 1<<20), jeton.ErrTokenTooLarge},
		{"A9 a million dots", strings.Repeat(".", 1<<20), jeton.ErrTokenTooLarge},
		{"A17 general JSON serialization", `{"protected":"` + h + `","recipients":[{}],"iv":"` + iv + `","ciphertext":"` + ct + `","tag":"` + tag + `"}`, jeton.ErrSegments},
		{"A17 flattened JSON serialization", `{"protected":"` + h + `","iv":"` + iv + `","ciphertext":"` + ct + `","tag":"` + tag + `"}`, jeton.ErrSegments},
		{"the scheme of the header field", "Bearer " + good, jeton.ErrEncoding},
		{"A8 space in front", " " + good, jeton.ErrEncoding},
		{"A8 a newline behind", good + "\n", jeton.ErrEncoding},
		{"A8 padding of the header", join(h+"=", "", iv, ct, tag), jeton.ErrEncoding},
		{"padding of the encrypted key", join(h, "=", iv, ct, tag), jeton.ErrEncoding},
		{"padding of the IV", join(h, "", iv+"=", ct, tag), jeton.ErrEncoding},
		{"A8 a newline in the ciphertext", join(h, "", iv, ct[:4]+"\n"+ct[4:], tag), jeton.ErrEncoding},
		{"A8 a plus in the tag", join(h, "", iv, ct, "+"+tag[1:]), jeton.ErrEncoding},
		{"A8 stray bits in the tag", join(h, "", iv, ct, tag[:len(tag)-1]+"B"), jeton.ErrEncoding},
	} {
		t.Run(c.name, func(t *testing.T) { refusedBy(t, decrypter(t, forgeKey(t)), c.token, c.want) })
	}
}

// sealECDH is ECDH-ES by the letter of RFC 7518 section 4.6, with any header and any
// ephemeral key; it takes no wrong turn if they are good.
func sealECDH(t *testing.T, key *jwe.DecryptingKey, header string, apu, apv []byte) string {
	t.Helper()
	public := string(must(jwe.MarshalPublic(key.Public()))(t))
	ephemeral := must(jwe.ParsePrivate([]byte(ephemeralP256), jwe.ECDHES, jwe.A128GCM))(t)
	z := must(jwe.Agree(ephemeral, []byte(public)))(t)
	cek := jwe.ConcatKDF(z, "A128GCM", apu, apv, 16)
	iv, ct, tag := jwe.Seal(t, jwe.A128GCM, cek, []byte(goodInner(t)), []byte(b64(header)))
	return b64(header) + ".." + b64(string(iv)) + "." + b64(string(ct)) + "." + b64(string(tag))
}

// Alice's key of RFC 7518 appendix C.
const (
	ephemeralX    = "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"
	ephemeralY    = "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"
	ephemeralD    = "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"
	ephemeralEPK  = `{"kty":"EC","crv":"P-256","x":"` + ephemeralX + `","y":"` + ephemeralY + `"}`
	ephemeralP256 = `{"kty":"EC","crv":"P-256","x":"` + ephemeralX + `","y":"` + ephemeralY + `","d":"` + ephemeralD + `"}`
)

func TestRefusesEphemeralKeys(t *testing.T) {
	p256 := must(jwe.GenerateKey(jwe.ECDHES, jwe.A128GCM))(t)
	p384 := must(jwe.GenerateKey(jwe.ECDHES, jwe.A128GCM, jwe.Curve(ecdh.P384())))(t)
	x25519 := must(jwe.GenerateKey(jwe.ECDHES, jwe.A128GCM, jwe.Curve(ecdh.X25519())))(t)
	with := func(more string) string { return `{"alg":"ECDH-ES","enc":"A128GCM","cty":"JWT"` + more + `}` }
	epk := func(key string) string { return with(`,"epk":` + key) }
	okp := func(x string) string { return epk(`{"kty":"OKP","crv":"X25519","x":"` + x + `"}`) }
	zeros := strings.Repeat("A", 43)
	p384Public := func() string {
		text := string(must(jwe.MarshalPublic(p384.Public()))(t))
		return text[:strings.Index(text, `,"alg"`)] + "}"
	}()

	d := decrypter(t, p256)
	for name, info := range map[string][2]string{"no names": {}, "names": {"Alice", "Bob"}, "the longest": {strings.Repeat("u", 256), strings.Repeat("v", 256)}, "empty ones": {}} {
		more := ""
		if info[0] != "" || name == "empty ones" {
			more = `,"apu":"` + b64(info[0]) + `","apv":"` + b64(info[1]) + `"`
		}
		token := sealECDH(t, p256, with(`,"epk":`+ephemeralEPK+more), []byte(info[0]), []byte(info[1]))
		if _, err := d.DecryptUnsigned(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info[0] != "" { // they count
			refusedBy(t, d, sealECDH(t, p256, with(`,"epk":`+ephemeralEPK+more), nil, nil), jwe.ErrDecrypt)
		}
	}
	token := sealECDH(t, p256, epk(ephemeralEPK), nil, nil)
	refusedBy(t, d, strings.Replace(token, "..", ".AAAA.", 1), jeton.ErrMalformed)
	refusedBy(t, d, sealECDH(t, p256, with(`,"epk":`+ephemeralEPK+`,"apu":"`+b64(strings.Repeat("u", 257))+`"`), []byte(strings.Repeat("u", 257)), nil), jeton.ErrHeader)

	for _, c := range []struct {
		name   string
		key    *jwe.DecryptingKey
		header string
		want   error
	}{
		{"none", p256, with(""), jeton.ErrHeader},
		{"null", p256, epk("null"), jeton.ErrHeader},
		{"a string", p256, epk(`"EC"`), jeton.ErrHeader},
		{"a list", p256, epk("[" + ephemeralEPK + "]"), jeton.ErrHeader},
		{"empty", p256, epk("{}"), jeton.ErrHeader},
		{"a private key", p256, epk(ephemeralP256), jeton.ErrHeader},
		{"a secret", p256, epk(`{"kty":"oct","k":"` + zeros + `"}`), jeton.ErrHeader},
		{"an RSA key", p256, epk(`{"kty":"RSA","n":"` + zeros + `","e":"AQAB"}`), jeton.ErrHeader},
		{"A18 a point off the curve", p256, epk(strings.Replace(ephemeralEPK, "SLW_", "SLW-", 1)), jeton.ErrHeader},
		{"A18 the point of zeros", p256, epk(`{"kty":"EC","crv":"P-256","x":"` + zeros + `","y":"` + zeros + `"}`), jeton.ErrHeader},
		{"A18 a point of the curve y^2=x^3-3x, of small order", p256, epk(`{"kty":"EC","crv":"P-256","x":"gTli65eTQ7z-Bh147ff8K3m7k2UiDiG2LpYkWAaFJCc","y":"cLAnjKa4bzjD7DJVPwa9EPrRzMG7rONgsiUD-kf30Fs"}`), jeton.ErrHeader},
		{"x as long as it takes and no longer", p256, epk(`{"kty":"EC","crv":"P-256","x":"AA` + ephemeralX + `","y":"` + ephemeralY + `"}`), jeton.ErrHeader},
		{"no y", p256, epk(`{"kty":"EC","crv":"P-256","x":"` + ephemeralX + `"}`), jeton.ErrHeader},
		{"no x", p256, epk(`{"kty":"EC","crv":"P-256","y":"` + ephemeralY + `"}`), jeton.ErrHeader},
		{"x, a number", p256, epk(`{"kty":"EC","crv":"P-256","x":1,"y":"` + ephemeralY + `"}`), jeton.ErrHeader},
		{"x with padding", p256, epk(`{"kty":"EC","crv":"P-256","x":"` + ephemeralX + `=","y":"` + ephemeralY + `"}`), jeton.ErrHeader},
		{"x twice", p256, epk(`{"kty":"EC","crv":"P-256","x":"` + ephemeralX + `","x":"` + ephemeralX + `","y":"` + ephemeralY + `"}`), jeton.ErrDuplicateMember},
		{"no kty", p256, epk(`{"crv":"P-256","x":"` + ephemeralX + `","y":"` + ephemeralY + `"}`), jeton.ErrHeader},
		{"kty of the other kind", p256, epk(strings.Replace(ephemeralEPK, "EC", "OKP", 1)), jeton.ErrHeader},
		{"no crv", p256, epk(strings.Replace(ephemeralEPK, `"crv":"P-256",`, "", 1)), jeton.ErrHeader},
		{"A18 secp256k1", p256, epk(strings.Replace(ephemeralEPK, "P-256", "secp256k1", 1)), jeton.ErrHeader},
		{"A18 P-384 for P-256", p256, epk(p384Public), jeton.ErrHeader},
		{"A18 P-256 for P-384", p384, epk(ephemeralEPK), jeton.ErrHeader},
		{"A18 P-256 for X25519", x25519, epk(ephemeralEPK), jeton.ErrHeader},
		{"A18 X25519 for P-256", p256, okp("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"), jeton.ErrHeader},
		{"A18 X25519, zero", x25519, okp(zeros), jeton.ErrHeader},
		{"A18 X25519, one", x25519, okp("AQ" + zeros[2:]), jeton.ErrHeader},
		{"A18 X25519, of order 8", x25519, okp("4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA"), jeton.ErrHeader},
		{"X25519, p", x25519, okp("7f_______________________________________38"), jeton.ErrHeader},
		{"X25519, 31 bytes", x25519, okp("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTg"), jeton.ErrHeader},
		{"X25519, 33 bytes", x25519, okp("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmoA"), jeton.ErrHeader},
		{"Ed25519", x25519, epk(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), jeton.ErrHeader},
		{"apu, a number", p256, with(`,"epk":` + ephemeralEPK + `,"apu":1`), jeton.ErrHeader},
		{"apu with padding", p256, with(`,"epk":` + ephemeralEPK + `,"apu":"QQ=="`), jeton.ErrHeader},
		{"apv, null", p256, with(`,"epk":` + ephemeralEPK + `,"apv":null`), jeton.ErrHeader},
		{"apv of 257 bytes", p256, with(`,"epk":` + ephemeralEPK + `,"apv":"` + b64(strings.Repeat("v", 257)) + `"`), jeton.ErrHeader},
	} {
		t.Run(c.name, func(t *testing.T) {
			refusedBy(t, decrypter(t, c.key), b64(c.header)+"..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", c.want)
		})
	}
}

func TestRefusesGCMKeyWrapHeaders(t *testing.T) {
	key := must(jwe.GenerateKey(jwe.A128GCMKW, jwe.A128GCM))(t)
	token := must(encrypter(t, key).EncryptToken(goodInner(t)))(t)
	const iv, tag = `"iv":"AAAAAAAAAAAAAAAA"`, `"tag":"AAAAAAAAAAAAAAAAAAAAAA"`
	for more, want := range map[string]error{
		iv + "," + tag:                         jwe.ErrDecrypt,
		tag:                                    jeton.ErrHeader,
		iv:                                     jeton.ErrHeader,
		`"iv":"","tag":""`:                     jeton.ErrHeader,
		`"iv":"AAAAAAAAAAAAAAA",` + tag:        jeton.ErrHeader,
		`"iv":"AAAAAAAAAAAAAAAAAAAAAA",` + tag: jeton.ErrHeader,
		iv + `,"tag":"AAAAAAAAAAAAAAAAAAAA"`:   jeton.ErrHeader,
		iv + `,"tag":"AAAAAAAAAAA"`:            jeton.ErrHeader,
		`"iv":null,` + tag:                     jeton.ErrHeader,
		`"iv":0,` + tag:                        jeton.ErrHeader,
		iv + `,"tag":["AAAA"]`:                 jeton.ErrHeader,
	} {
		header := `{"alg":"A128GCMKW","enc":"A128GCM","cty":"JWT",` + more + `}`
		t.Run(more, func(t *testing.T) {
			refusedBy(t, decrypter(t, key), b64(header)+token[strings.Index(token, "."):], want)
		})
	}
}

// sealCBC is RFC 7518 section 5.2 by the letter, for any bytes in place of a padded
// plaintext, and for a ciphertext and an IV of any length: the tag is good.
func sealCBC(key []byte, header string, blocks []byte, cut, ivBytes int) string {
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		panic(err)
	}
	ct := make([]byte, len(blocks))
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(ct, blocks)
	iv := make([]byte, ivBytes)
	ct = ct[:len(ct)-cut]
	m := hmac.New(sha256.New, key[:16])
	m.Write([]byte(b64(header)))
	m.Write(iv)
	m.Write(ct)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b64(header))*8)))
	return b64(header) + ".." + b64(string(iv)) + "." + b64(string(ct)) + "." + b64(string(m.Sum(nil)[:16]))
}

// A18: there is one error for all that can go wrong once the header is read, the very
// same value: wrong keys, wrong keys inside, wrong tags and wrong paddings under
// good tags.
func TestOneErrorForEveryFailureOfCryptography(t *testing.T) {
	one := func(t *testing.T, key *jwe.DecryptingKey, token string) {
		t.Helper()
		if got, err := decrypter(t, key).DecryptUnsigned(token); err != jwe.ErrDecrypt || got != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	t.Run("padding", func(t *testing.T) {
		secret := []byte("0123456789abcdefFEDCBA9876543210")
		key := must(jwe.NewSecretKey(jwe.Dir, jwe.A128CBCHS256, secret))(t)
		const header = `{"alg":"dir","enc":"A128CBC-HS256"}`
		seal := func(blocks string, cut int) string { return sealCBC(secret, header, []byte(blocks), cut, 16) }
		for text, want := range map[string]string{
			"fifteen bytes..\x01": "fifteen bytes..", "\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02": "\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02",
			strings.Repeat("\x10", 16): "", strings.Repeat("A", 16) + strings.Repeat("\x10", 16): strings.Repeat("A", 16),
		} {
			if got := must(decrypter(t, key).DecryptUnsigned(seal(text, 0)))(t); string(got) != want {
				t.Errorf("%q", got)
			}
		}
		for name, token := range map[string]string{
			"none":          seal("", 0),
			"zero":          seal("fifteen bytes..\x00", 0),
			"17":            seal(strings.Repeat("\x11", 32), 0),
			"255":           seal(strings.Repeat("\xff", 32), 0),
			"uneven":        seal("fourteen bytes\x03\x02", 0),
			"uneven, first": seal("\x00"+strings.Repeat("\x10", 15), 0),
			"half a block":  seal(strings.Repeat("\x10", 16), 8),
			"a byte":        seal(strings.Repeat("\x10", 16), 15),
			"a short IV":    sealCBC(secret, header, []byte(strings.Repeat("\x10", 16)), 0, 15),
			"a long IV":     sealCBC(secret, header, []byte(strings.Repeat("\x10", 16)), 0, 17),
			"no IV":         sealCBC(secret, header, []byte(strings.Repeat("\x10", 16)), 0, 0),
		} {
			t.Run(name, func(t *testing.T) { one(t, key, token) })
		}
	})
	// Anybody can put a key of any length into a token for a public key. It must not
	// become the key of a weaker cipher, nor a panic.
	t.Run("keys inside", func(t *testing.T) {
		for _, enc := range jwe.Encryptions() {
			rsaKey := must(jwe.NewDecryptingKey(jwe.RSAOAEP256, enc, rsaPrivate()))(t)
			secret := []byte("0123456789abcdef")
			kwKey := must(jwe.NewSecretKey(jwe.A128KW, enc, secret))(t)
			gcmKey := must(jwe.NewSecretKey(jwe.A128GCMKW, enc, secret))(t)
			for _, n := range []int{0, 1, 8, 16, 17, 24, 32, 48, 64, 96} {
				cek := make([]byte, n)
				rand.Read(cek)
				content := func(header string, encryptedKey []byte) string {
					iv, ct, tag := make([]byte, 12), []byte("x"), make([]byte, 16)
					for _, e := range jwe.Encryptions() {
						if jwe.SecretBytes(jwe.Dir, e) == n && strings.Contains(string(e), "GCM") == strings.Contains(string(enc), "GCM") {
							iv, ct, tag = jwe.Seal(t, e, cek, []byte("x"), []byte(b64(header)))
						}
					}
					return strings.Join([]string{b64(header), b64(string(encryptedKey)), b64(string(iv)), b64(string(ct)), b64(string(tag))}, ".")
				}
				tokens := map[*jwe.DecryptingKey]string{
					rsaKey: content(`{"alg":"RSA-OAEP-256","enc":"`+string(enc)+`"}`, must(rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaPrivate().PublicKey, cek, nil))(t)),
				}
				if n%8 == 0 && n >= 16 {
					tokens[kwKey] = content(`{"alg":"A128KW","enc":"`+string(enc)+`"}`, jwe.WrapKey(secret, cek))
				}
				iv, wrapped, tag := jwe.Seal(t, jwe.A128GCM, secret, cek, nil)
				tokens[gcmKey] = content(`{"alg":"A128GCMKW","enc":"`+string(enc)+`","iv":"`+b64(string(iv))+`","tag":"`+b64(string(tag))+`"}`, wrapped)
				for key, token := range tokens {
					if n == jwe.SecretBytes(jwe.Dir, enc) {
						if got, err := decrypter(t, key).DecryptUnsigned(token); err != nil || string(got) != "x" {
							t.Errorf("%v, %d bytes: %v", key, n, err)
						}
						continue
					}
					one(t, key, token)
				}
			}
		}
	})
	t.Run("wrong keys and changed parts", func(t *testing.T) {
		for _, k := range kinds() {
			key := k.key(t)
			p := strings.Split(must(encrypter(t, key).EncryptToken(goodInner(t)))(t), ".")
			for i := 1; i < 5; i++ {
				q := append([]string(nil), p...)
				if q[i] == "" {
					continue
				}
				flip := byte('A')
				if q[i][0] == flip {
					flip = 'B'
				}
				q[i] = string(flip) + p[i][1:]
				one(t, key, strings.Join(q, "."))
				q[i] = p[i][:len(p[i])/4*4-4]
				if i != 1 || k.alg != jwe.ECDHES {
					one(t, key, strings.Join(q, "."))
				}
				q[i] = p[i][:len(p[i])/4*4] + "AAAA"
				one(t, key, strings.Join(q, "."))
			}
			if k.alg != jwe.RSAOAEP256 {
				one(t, k.key(t), strings.Join(p, "."))
			}
		}
	})
}

// A token has one spelling: crypto/rsa takes a text that has lost its leading zeros
// for the same number.
func TestRSATextsHaveTheirFullLength(t *testing.T) {
	key := must(jwe.NewDecryptingKey(jwe.RSAOAEP256, jwe.A128GCM, rsaPrivate()))(t)
	e, d := encrypter(t, key), decrypter(t, key)
	for range 10_000 {
		token := must(e.EncryptUnsigned([]byte("x")))(t)
		p := strings.Split(token, ".")
		text := unb64(t, p[1])
		if text[0] != 0 {
			continue
		}
		must(d.DecryptUnsigned(token))(t)
		p[1] = b64(string(text[1:]))
		refusedBy(t, d, strings.Join(p, "."), jwe.ErrDecrypt)
		p[1] = b64("\x00" + string(text))
		refusedBy(t, d, strings.Join(p, "."), jwe.ErrDecrypt)
		return
	}
	t.Error("no text began with a zero")
}
