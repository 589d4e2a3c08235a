package jwe_test

import (
	"crypto/rand"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
	"github.com/jeton-go/jeton/jwk"
)

// What is written is read as the same key, and says what it is for.
func TestJWKRoundTrip(t *testing.T) {
	for _, k := range kinds() {
		for _, opts := range [][]jwe.KeyOption{nil, {jwe.KeyID(`a "quoted" id \`)}} {
			key := k.key(t, opts...)
			text := must(jwe.MarshalPrivate(key))(t)
			again := must(jwe.ParsePrivate(text, k.alg, k.enc))(t)
			if again.ID() != key.ID() || string(must(jwe.MarshalPrivate(again))(t)) != string(text) {
				t.Errorf("%s: another key", k)
			}
			var m map[string]any
			if err := json.Unmarshal(text, &m); err != nil {
				t.Fatal(err)
			}
			if m["alg"] != string(k.alg) || m["use"] != "enc" || m["kid"] != key.ID() {
				t.Errorf("%s: %v %v %v", k, m["alg"], m["use"], m["kid"])
			}
			token := must(encrypter(t, key).EncryptUnsigned([]byte("x")))(t)
			must(decrypter(t, again).DecryptUnsigned(token))(t)

			// Not a signature key, whoever reads it.
			if _, err := jwk.ParsePrivate(text); err == nil {
				t.Errorf("%s: package jwk takes it for a key that signs", k)
			}

			public, err := jwe.MarshalPublic(key.Public())
			if k.alg.Symmetric() {
				refused(t, err, jeton.ErrInvalidKey)
				_, err = jwe.ParsePublic(text, k.alg, k.enc)
				refused(t, err, jeton.ErrInvalidKey)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				if strings.Contains(string(public), `"`+name+`":`) {
					t.Errorf("%s: the public key has %s", k, name)
				}
			}
			e := must(jwe.NewEncrypter(must(jwe.ParsePublic(public, k.alg, k.enc))(t)))(t)
			must(decrypter(t, key).DecryptUnsigned(must(e.EncryptUnsigned([]byte("x")))(t)))(t)
			_, err = jwe.ParsePublic(text, k.alg, k.enc)
			refused(t, err, jeton.ErrInvalidKey)
			_, err = jwe.ParsePrivate(public, k.alg, k.enc)
			refused(t, err, jeton.ErrInvalidKey)
		}
	}
	for _, k := range []*jwe.DecryptingKey{nil, {}} {
		_, err := jwe.MarshalPrivate(k)
		refused(t, err, jeton.ErrInvalidKey)
	}
	for _, k := range []*jwe.EncryptingKey{nil, {}} {
		_, err := jwe.MarshalPublic(k)
		refused(t, err, jeton.ErrInvalidKey)
	}
}

func TestKeyIDOptionReplacesKid(t *testing.T) {
	const text = `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","kid":"theirs"}`
	if got := must(jwe.ParsePrivate([]byte(text), jwe.Dir, jwe.A128GCM))(t).ID(); got != "theirs" {
		t.Error(got)
	}
	if got := must(jwe.ParsePrivate([]byte(text), jwe.Dir, jwe.A128GCM, jwe.KeyID("ours")))(t).ID(); got != "ours" {
		t.Error(got)
	}
}

func TestJWKSaysWhatItIsFor(t *testing.T) {
	const (
		oct = `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw"`
		ec  = `{"kty":"EC","crv":"P-256","x":"` + ephemeralX + `","y":"` + ephemeralY + `"`
	)
	for _, c := range []struct {
		jwk string
		alg jwe.Algorithm
		ok  bool
	}{
		{oct + `}`, jwe.Dir, true},
		{oct + `,"use":"enc"}`, jwe.Dir, true},
		{oct + `,"use":"sig"}`, jwe.Dir, false},
		{oct + `,"use":""}`, jwe.Dir, false},
		{oct + `,"use":null}`, jwe.Dir, false},
		{oct + `,"use":"ENC"}`, jwe.Dir, false},
		{oct + `,"alg":"dir"}`, jwe.Dir, true},
		{oct + `,"alg":"A128GCM"}`, jwe.Dir, true},
		{oct + `,"alg":"A256GCM"}`, jwe.Dir, false},
		{oct + `,"alg":"A128KW"}`, jwe.Dir, false},
		{oct + `,"alg":"A128KW"}`, jwe.A128KW, true},
		{oct + `,"alg":"A128GCM"}`, jwe.A128KW, false},
		{oct + `,"alg":"A128GCMKW"}`, jwe.A128KW, false},
		{oct + `,"alg":"HS256"}`, jwe.A128KW, false},
		{oct + `,"alg":"none"}`, jwe.A128KW, false},
		{oct + `,"alg":""}`, jwe.A128KW, false},
		{oct + `,"alg":1}`, jwe.A128KW, false},
		{oct + `,"key_ops":["encrypt","decrypt"]}`, jwe.Dir, true},
		{oct + `,"key_ops":["decrypt"]}`, jwe.Dir, true},
		{oct + `,"key_ops":["encrypt"]}`, jwe.Dir, false},
		{oct + `,"key_ops":["wrapKey","unwrapKey"]}`, jwe.Dir, false},
		{oct + `,"key_ops":["wrapKey","unwrapKey"]}`, jwe.A128KW, true},
		{oct + `,"key_ops":["deriveKey"]}`, jwe.A128KW, false},
		{oct + `,"key_ops":["sign","verify"]}`, jwe.A128KW, false},
		{oct + `,"key_ops":["unwrapKey","sign"]}`, jwe.A128KW, false},
		{oct + `,"key_ops":["unwrapKey","unwrapKey"]}`, jwe.A128KW, false},
		{oct + `,"key_ops":[]}`, jwe.A128KW, false},
		{oct + `,"key_ops":[""]}`, jwe.A128KW, false},
		{oct + `,"key_ops":"unwrapKey"}`, jwe.A128KW, false},
		{oct + `,"key_ops":[1]}`, jwe.A128KW, false},
		{ec + `,"d":"` + ephemeralD + `","key_ops":["deriveBits"]}`, jwe.ECDHES, true},
		{ec + `,"d":"` + ephemeralD + `","key_ops":["deriveKey"]}`, jwe.ECDHES, true},
		{ec + `,"d":"` + ephemeralD + `","key_ops":["decrypt"]}`, jwe.ECDHES, false},
		{ec + `,"d":"` + ephemeralD + `","key_ops":[]}`, jwe.ECDHES, false},
		{ec + `,"d":"` + ephemeralD + `","key_ops":[""]}`, jwe.ECDHES, false},
		{ec + `,"d":"` + ephemeralD + `","alg":"ECDH-ES+A128KW"}`, jwe.ECDHES, false},
		{ec + `,"d":"` + ephemeralD + `","alg":"A128GCM"}`, jwe.ECDHES, false},
		{ec + `,"d":"` + ephemeralD + `","alg":"ES256"}`, jwe.ECDHES, false},
		{ec + `,"key_ops":[]}`, jwe.ECDHES, true}, // as the Web Cryptography API writes it
		{ec + `,"key_ops":[""]}`, jwe.ECDHES, false},
		{ec + `,"key_ops":["deriveKey"]}`, jwe.ECDHES, true},
		{ec + `,"key_ops":["verify"]}`, jwe.ECDHES, false},
		{ec + `,"use":"sig"}`, jwe.ECDHES, false},
	} {
		t.Run(c.jwk+" "+string(c.alg), func(t *testing.T) {
			var err error
			if private := strings.Contains(c.jwk, `"d":`) || strings.Contains(c.jwk, `"k":`); private {
				_, err = jwe.ParsePrivate([]byte(c.jwk), c.alg, jwe.A128GCM)
			} else {
				_, err = jwe.ParsePublic([]byte(c.jwk), c.alg, jwe.A128GCM)
			}
			if c.ok && err != nil {
				t.Error(err)
			} else if !c.ok {
				refused(t, err, jeton.ErrInvalidKey)
			}
		})
	}
}

func TestRefusesJWKs(t *testing.T) {
	rsaJWK := string(must(jwe.MarshalPrivate(kind{jwe.RSAOAEP256, jwe.A128GCM, nil}.key(t)))(t))
	var members map[string]string
	if err := json.Unmarshal([]byte(rsaJWK), &members); err != nil {
		t.Fatal(err)
	}
	rsaWith := func(name, value string) string {
		changed := map[string]string{}
		for n, v := range members {
			changed[n] = v
		}
		if changed[name] = value; value == "" {
			delete(changed, name)
		}
		return string(must(json.Marshal(changed))(t))
	}
	ec := func(x, y, d string) string {
		return `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","d":"` + d + `"}`
	}
	oct := func(k string) string { return `{"kty":"oct","k":` + k + `}` }
	for _, c := range []struct {
		name, jwk string
		alg       jwe.Algorithm
	}{
		{"nothing", "", jwe.Dir},
		{"null", "null", jwe.Dir},
		{"a list", "[" + oct(`"AAECAwQFBgcICQoLDA0ODw"`) + "]", jwe.Dir},
		{"a set", `{"keys":[` + oct(`"AAECAwQFBgcICQoLDA0ODw"`) + "]}", jwe.Dir},
		{"PEM", "-----BEGIN PRIVATE KEY-----", jwe.RSAOAEP256},
		{"data behind", oct(`"AAECAwQFBgcICQoLDA0ODw"`) + "{}", jwe.Dir},
		{"a member twice", `{"kty":"oct","kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw"}`, jwe.Dir},
		{"too long", oct(`"AAECAwQFBgcICQoLDA0ODw"`) + strings.Repeat(" ", 64<<10), jwe.Dir},
		{"no kty", `{"k":"AAECAwQFBgcICQoLDA0ODw"}`, jwe.Dir},
		{"kty, a number", `{"kty":1,"k":"AAECAwQFBgcICQoLDA0ODw"}`, jwe.Dir},
		{"kty in capitals", `{"kty":"OCT","k":"AAECAwQFBgcICQoLDA0ODw"}`, jwe.Dir},
		{"no k", `{"kty":"oct"}`, jwe.Dir},
		{"an empty k", oct(`""`), jwe.Dir},
		{"k too short", oct(`"AAECAwQFBgcICQoLDA0O"`), jwe.Dir},
		{"k too long", oct(`"AAECAwQFBgcICQoLDA0ODxA"`), jwe.Dir},
		{"k with padding", oct(`"AAECAwQFBgcICQoLDA0ODw=="`), jwe.Dir},
		{"k with stray bits", oct(`"AAECAwQFBgcICQoLDA0ODx"`), jwe.Dir},
		{"k, a number", oct(`1`), jwe.Dir},
		{"a secret for RSA", oct(`"AAECAwQFBgcICQoLDA0ODw"`), jwe.RSAOAEP256},
		{"a secret for ECDH", oct(`"AAECAwQFBgcICQoLDA0ODw"`), jwe.ECDHES},
		{"RSA for a secret", rsaWith("alg", ""), jwe.Dir},
		{"RSA for ECDH", rsaWith("alg", ""), jwe.ECDHES},
		{"kid, empty", `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","kid":""}`, jwe.Dir},
		{"kid, a number", `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","kid":1}`, jwe.Dir},
		{"kid that is not ASCII", `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","kid":"é"}`, jwe.Dir},
		{"RSA without n", rsaWith("n", ""), jwe.RSAOAEP256},
		{"RSA without e", rsaWith("e", ""), jwe.RSAOAEP256},
		{"RSA without p", rsaWith("p", ""), jwe.RSAOAEP256},
		{"RSA without qi", rsaWith("qi", ""), jwe.RSAOAEP256},
		{"RSA with another d", rsaWith("d", members["p"]), jwe.RSAOAEP256},
		{"RSA with another dp", rsaWith("dp", members["dq"]), jwe.RSAOAEP256},
		{"RSA with another qi", rsaWith("qi", members["dq"]), jwe.RSAOAEP256},
		{"RSA with the same primes", rsaWith("q", members["p"]), jwe.RSAOAEP256},
		{"RSA with a third prime", rsaWith("oth", "x"), jwe.RSAOAEP256},
		{"RSA with zeros in front", rsaWith("n", "AAAA"+members["n"]), jwe.RSAOAEP256},
		{"RSA with zeros in front of dq", rsaWith("dq", "AAAA"+members["dq"]), jwe.RSAOAEP256},
		{"RSA with a huge e", rsaWith("e", "AQAAAAAB"), jwe.RSAOAEP256},
		{"RSA with e of 1", rsaWith("e", "AQ"), jwe.RSAOAEP256},
		{"A21 RSA with e of 3", rsaWith("e", "Aw"), jwe.RSAOAEP256},
		{"RSA with a huge n", rsaWith("n", strings.Repeat("_", 2800)), jwe.RSAOAEP256},
		{"RSA of primes that are none", compositeRSA(t), jwe.RSAOAEP256},
		{"EC without d", strings.Replace(ec(ephemeralX, ephemeralY, ""), `,"d":""`, "", 1), jwe.ECDHES},
		{"EC with an empty d", ec(ephemeralX, ephemeralY, ""), jwe.ECDHES},
		{"EC with another d", ec(ephemeralX, ephemeralY, ephemeralX), jwe.ECDHES},
		{"EC with d of zero", ec(ephemeralX, ephemeralY, strings.Repeat("A", 43)), jwe.ECDHES},
		{"EC with d beyond the order", ec(ephemeralX, ephemeralY, strings.Repeat("_", 42)+"8"), jwe.ECDHES},
		{"EC off the curve", ec(ephemeralY, ephemeralX, ephemeralD), jwe.ECDHES},
		{"EC with a short x", ec(ephemeralX[:40], ephemeralY, ephemeralD), jwe.ECDHES},
		{"EC on secp256k1", strings.Replace(ephemeralP256, "P-256", "secp256k1", 1), jwe.ECDHES},
		{"OKP on P-256", strings.Replace(ephemeralP256, "EC", "OKP", 1), jwe.ECDHES},
		{"Ed25519", `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, jwe.ECDHES},
		{"X25519 of other halves", `{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","d":"RVqkt2ZmEiUY-OGyag9rXe7vsDm2BQ_XykdxhLv9pd4"}`, jwe.ECDHES},
		{"X25519 of small order", `{"kty":"OKP","crv":"X25519","x":"` + strings.Repeat("A", 43) + `"}`, jwe.ECDHES},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := jwe.ParsePrivate([]byte(c.jwk), c.alg, jwe.A128GCM)
			if key != nil {
				t.Error("a key beside an error")
			}
			refused(t, err, maybeWeak(err), members["d"], members["p"], ephemeralD)
			if c.name == "EC without d" {
				return // it is a good public key
			}
			public, err := jwe.ParsePublic([]byte(c.jwk), c.alg, jwe.A128GCM)
			if public != nil {
				t.Error("a key beside an error")
			}
			refused(t, err, jeton.ErrInvalidKey, members["d"], ephemeralD)
		})
	}
}

// compositeRSA is a private key whose numbers all fit together, though what should
// be a prime is a product of two.
func compositeRSA(t *testing.T) string {
	t.Helper()
	e, one := big.NewInt(65537), big.NewInt(1)
	prime := func(bits int) *big.Int { return must(rand.Prime(rand.Reader, bits))(t) }
	less := func(n *big.Int) *big.Int { return new(big.Int).Sub(n, one) }
	for {
		p, q := new(big.Int).Mul(prime(512), prime(512)), prime(1100)
		d := new(big.Int).ModInverse(e, new(big.Int).Mul(less(p), less(q)))
		if d == nil {
			continue
		}
		members := map[string]string{"kty": "RSA", "e": "AQAB"}
		for name, n := range map[string]*big.Int{
			"n": new(big.Int).Mul(p, q), "d": d, "p": p, "q": q,
			"dp": new(big.Int).Mod(d, less(p)), "dq": new(big.Int).Mod(d, less(q)), "qi": new(big.Int).ModInverse(q, p),
		} {
			members[name] = b64(string(n.Bytes()))
		}
		return string(must(json.Marshal(members))(t))
	}
}

func TestRefusesPublicRSAJWKs(t *testing.T) {
	n := b64(string(rsaPrivate().N.Bytes()))
	if _, err := jwe.ParsePublic([]byte(`{"kty":"RSA","n":"`+n+`","e":"AQAB"}`), jwe.RSAOAEP256, jwe.A128GCM); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"e of 2^64 and 65537": `{"kty":"RSA","n":"` + n + `","e":"AQAAAAAAAQAB"}`,
		"e of 2^40 and 1":     `{"kty":"RSA","n":"` + n + `","e":"AQAAAAAB"}`,
		"e with a zero":       `{"kty":"RSA","n":"` + n + `","e":"AAEAAQ"}`,
		"e, a number":         `{"kty":"RSA","n":"` + n + `","e":65537}`,
		"n with zeros":        `{"kty":"RSA","n":"AAAA` + n + `","e":"AQAB"}`,
		"no n":                `{"kty":"RSA","e":"AQAB"}`,
		"no e":                `{"kty":"RSA","n":"` + n + `"}`,
		"kty of another":      `{"kty":"EC","n":"` + n + `","e":"AQAB"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwe.ParsePublic([]byte(text), jwe.RSAOAEP256, jwe.A128GCM)
			refused(t, err, jeton.ErrInvalidKey)
		})
	}
	// A huge number is refused before anything is computed with it.
	_, err := jwe.ParsePublic([]byte(`{"kty":"RSA","n":"`+strings.Repeat("_", 4*342)+`","e":"AQAB"}`), jwe.RSAOAEP256, jwe.A128GCM)
	if refused(t, err, jeton.ErrInvalidKey); !strings.Contains(err.Error(), "1026 bytes, at most 1024") {
		t.Error(err)
	}
}

// maybeWeak is the finer of the two reasons, if it is that one.
func maybeWeak(err error) error {
	if jeton.ReasonCode(err) == jeton.ReasonCode(jeton.ErrWeakKey) {
		return jeton.ErrWeakKey
	}
	return jeton.ErrInvalidKey
}
