package jwe_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// fuzzKeys are fixed, so that what one run finds another can read: a key of each
// kind, under a "kid" that seeds can name.
func fuzzKeys(t testing.TB) []*jwe.DecryptingKey {
	text := func(s string) []byte { return []byte(s) }
	secret := text("0123456789abcdefFEDCBA9876543210fedcba9876543210ABCDEF0123456789")
	rsaKey := func() *jwe.DecryptingKey {
		var file struct {
			Cases []struct{ Key json.RawMessage }
		}
		readJSON(t, "rfc7516/appendix_a.json", &file)
		return must(jwe.ParsePrivate(file.Cases[0].Key, jwe.RSAOAEP256, jwe.A256GCM, jwe.KeyID("rsa")))(t)
	}
	const x25519 = `{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","d":"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os"}`
	return []*jwe.DecryptingKey{
		must(jwe.NewSecretKey(jwe.Dir, jwe.A128GCM, secret[:16], jwe.KeyID("gcm")))(t),
		must(jwe.NewSecretKey(jwe.Dir, jwe.A256CBCHS512, secret, jwe.KeyID("cbc")))(t),
		must(jwe.NewSecretKey(jwe.A128KW, jwe.A128CBCHS256, secret[:16], jwe.KeyID("kw")))(t),
		must(jwe.NewSecretKey(jwe.A256GCMKW, jwe.A128GCM, secret[:32], jwe.KeyID("gcmkw")))(t),
		must(jwe.ParsePrivate(text(ephemeralP256), jwe.ECDHES, jwe.A128GCM, jwe.KeyID("p256")))(t),
		must(jwe.ParsePrivate(text(x25519), jwe.ECDHESA128KW, jwe.A128GCM, jwe.KeyID("x25519")))(t),
		rsaKey(),
	}
}

// FuzzDecrypt: no input crashes it, every refusal has a reason and shows nothing,
// and what is accepted has one spelling.
func FuzzDecrypt(f *testing.F) {
	keys := fuzzKeys(f)
	d := decrypter(f, keys...)
	v := must(jwe.NewVerifier(d, innerVerifier(f)))(f)
	for _, k := range keys {
		e := encrypter(f, k)
		token := must(e.EncryptToken(goodInner(f)))(f)
		f.Add(token)
		f.Add(must(e.EncryptUnsigned(nil))(f))
		f.Add(token[:len(token)-1])
		f.Add(must(encrypter(f, k, jwe.WithoutKeyID()).EncryptUnsigned([]byte("x")))(f))
	}
	for _, token := range []string{
		"", "....", forge(goodHeader, "x"), forge(head(`"zip":"DEF"`), "x"), forge(head(`"crit":[]`), "x"), forge("null", ""), forge(`{"alg":"RSA1_5","enc":"A128GCM"}`, ""),
		forge(`{"alg":"ECDH-ES","enc":"A128GCM","kid":"p256","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`, ""),
		forge(`{"alg":"ECDH-ES+A128KW","enc":"A128GCM","kid":"x25519","epk":{"kty":"OKP","crv":"X25519","x":"`+strings.Repeat("A", 43)+`"},"apu":"QQ"}`, ""),
		forge(`{"alg":"A256GCMKW","enc":"A128GCM","kid":"gcmkw","iv":"AAAAAAAAAAAAAAAA","tag":""}`, ""),
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		plaintext, err := d.DecryptUnsigned(token)
		verified, verr := v.Verify(context.Background(), token)
		if verr != nil {
			plain(t, verr)
		}
		if (verr == nil) != (verified != nil) {
			t.Error("claims beside an error, or neither")
		}
		if err != nil {
			plain(t, err)
			if plaintext != nil || verified != nil {
				t.Error("contents beside an error")
			}
			return
		}
		parts := strings.Split(token, ".")
		if len(parts) != 5 {
			t.Fatalf("%d segments", len(parts))
		}
		for i, part := range parts {
			if again := b64(string(unb64(t, part))); again != part {
				t.Errorf("segment %d, %q, is spelled %q", i, part, again)
			}
		}
		if verr == nil && string(plaintext) == "" {
			t.Error("claims out of nothing")
		}
	})
}

// FuzzDecryptHeader goes behind the tag, which no fuzzer finds: any header, with a
// good tag. What is accepted must say what the key says.
func FuzzDecryptHeader(f *testing.F) {
	key := decrypter(f, forgeKey(f))
	for _, header := range []string{
		goodHeader, "{}", "null", head(`"zip":"DEF"`), head(`"crit":[]`), head(`"kid":"k"`), head(`"alg":"dir"`), `{"\u0061lg":"dir","enc":"A128GCM"}`, head(`"epk":{}`),
		`{"alg":"dir","enc":"A256GCM"}`, `{"alg":"A128KW","enc":"A128GCM"}`, head(`"x":[[[[[[[[]]]]]]]]`), "\ufeff" + goodHeader, goodHeader + "x",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if len(header) > 10_000 {
			return
		}
		got, err := key.DecryptUnsigned(forge(header, "x"))
		if err != nil {
			plain(t, err)
			if got != nil || errors.Is(err, jwe.ErrDecrypt) {
				t.Errorf("%q: %q, %v", header, got, err)
			}
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(header), &m); err != nil {
			if !json.Valid([]byte(header)) {
				t.Fatalf("%q is accepted and no JSON", header)
			}
			return // a number beyond floating point
		}
		_, zip := m["zip"]
		_, crit := m["crit"]
		if m["alg"] != "dir" || m["enc"] != "A128GCM" || zip || crit || string(got) != "x" {
			t.Errorf("%q is accepted", header)
		}
	})
}

// FuzzParse holds both readers of keys to what they promise for any text: no panic,
// no key beside an error, an error of a promised reason, and a key that is accepted
// is the same when it is written and read again.
func FuzzParse(f *testing.F) {
	use := []kind{{jwe.Dir, jwe.A128GCM, nil}, {jwe.A256KW, jwe.A128GCM, nil}, {jwe.RSAOAEP256, jwe.A128GCM, nil}, {jwe.ECDHES, jwe.A128GCM, nil}}
	for _, k := range fuzzKeys(f) {
		f.Add(string(must(jwe.MarshalPrivate(k))(f)))
		if text, err := jwe.MarshalPublic(k.Public()); err == nil {
			f.Add(string(text))
		}
	}
	f.Add(`{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","key_ops":["decrypt"],"use":"enc","kid":"k"}`)
	promised := func(t *testing.T, err error) {
		t.Helper()
		plain(t, err)
		if !errors.Is(err, jeton.ErrInvalidKey) {
			t.Errorf("of no promised reason: %v", err)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range use {
			private, err := jwe.ParsePrivate([]byte(text), k.alg, k.enc)
			if (err == nil) != (private != nil) {
				t.Fatal("a key and an error, or neither")
			}
			if err != nil {
				promised(t, err)
			} else {
				again := must(jwe.ParsePrivate(must(jwe.MarshalPrivate(private))(t), k.alg, k.enc))(t)
				if again.ID() != private.ID() {
					t.Errorf("%s, then %s", private.ID(), again.ID())
				}
				must(decrypter(t, again).DecryptUnsigned(must(encrypter(t, private).EncryptUnsigned([]byte("x")))(t)))(t)
			}
			public, err := jwe.ParsePublic([]byte(text), k.alg, k.enc)
			if (err == nil) != (public != nil) {
				t.Fatal("a key and an error, or neither")
			}
			if err != nil {
				promised(t, err)
				continue
			}
			if private != nil {
				t.Fatal("a private key and a public one")
			}
			if again := must(jwe.ParsePublic(must(jwe.MarshalPublic(public))(t), k.alg, k.enc))(t); again.ID() != public.ID() {
				t.Errorf("%s, then %s", public.ID(), again.ID())
			}
		}
	})
}
