package jwe_test

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/jwe"
)

// spellings are the ways in which bytes can appear in text: as they are, in hex, in
// decimal as one number or byte by byte, in base64. Eight bytes of a secret are
// enough to call it shown.
func spellings(secret []byte) []string {
	var all []string
	for _, part := range [][]byte{secret[:8], secret[len(secret)-8:]} {
		list := strings.Trim(fmt.Sprint(part), "[]") // "49 50 51"
		all = append(all, string(part), list, strings.ReplaceAll(list, " ", ", "), strings.ReplaceAll(list, " ", ","),
			hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), fmt.Sprintf("% x", part),
			strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}")) // "0x31, 0x32"
	}
	n := new(big.Int).SetBytes(secret).String()
	// Six bytes at a time, so that base64 of the whole is found at any of its three
	// alignments.
	for i := range 3 {
		all = append(all, base64.StdEncoding.EncodeToString(secret[i:i+6]), base64.URLEncoding.EncodeToString(secret[i:i+6]))
	}
	return append(all, n[:16], n[len(n)-16:])
}

func TestKeysDoNotPrintTheirSecrets(t *testing.T) {
	for _, k := range []kind{
		{jwe.Dir, jwe.A128GCM, nil}, {jwe.A256KW, jwe.A256GCM, nil}, {jwe.Dir, jwe.A256CBCHS512, nil}, {jwe.RSAOAEP256, jwe.A128GCM, nil},
		{jwe.ECDHES, jwe.A128GCM, ecdh.P256()}, {jwe.ECDHESA128KW, jwe.A128GCM, ecdh.X25519()},
	} {
		t.Run(k.String(), func(t *testing.T) {
			key := k.key(t, jwe.KeyID("an id"))
			var m map[string]string
			if err := json.Unmarshal(must(jwe.MarshalPrivate(key))(t), &m); err != nil {
				t.Fatal(err)
			}
			secrets := 0
			for _, name := range []string{"k", "d", "p", "q", "dp", "dq", "qi"} {
				if m[name] == "" {
					continue
				}
				secrets++
				for how, text := range printed(t, key) {
					for _, s := range spellings(unb64(t, m[name])) {
						if strings.Contains(text, s) {
							t.Errorf("%s shows %s: %.300q", how, name, text)
							break
						}
					}
				}
			}
			if secrets == 0 {
				t.Error("no secret was looked for")
			}
		})
	}
}

// printed is a key, and all that is made of it, in every form in which it might come
// into a log.
func printed(t *testing.T, key *jwe.DecryptingKey) map[string]string {
	type exported struct {
		Decrypting *jwe.DecryptingKey
		Encrypting *jwe.EncryptingKey
	}
	type exportedValues struct {
		Decrypting jwe.DecryptingKey
		Encrypting jwe.EncryptingKey
	}
	type unexported struct {
		decrypting *jwe.DecryptingKey
		encrypting *jwe.EncryptingKey
	}
	type unexportedValues struct {
		decrypting jwe.DecryptingKey
		encrypting jwe.EncryptingKey
	}
	type embedded struct{ *jwe.DecryptingKey }
	type embeddedValue struct{ jwe.DecryptingKey }
	type embeddedPublic struct{ jwe.EncryptingKey }
	e, d := encrypter(t, key), decrypter(t, key)
	v := must(jwe.NewVerifier(d, innerVerifier(t)))(t)
	forms := map[string]any{
		"decrypting key":          key,
		"encrypting key":          key.Public(),
		"decrypting key by value": *key,
		"encrypting key by value": *key.Public(),
		"pointer to pointer":      &key,
		"encrypter":               e,
		"encrypter by value":      *e,
		"decrypter":               d,
		"decrypter by value":      *d,
		"verifier":                v,
		"verifier by value":       *v,
		"struct":                  exported{key, key.Public()},
		"pointer to struct":       &exported{key, key.Public()},
		"struct of values":        exportedValues{*key, *key.Public()},
		"hidden fields":           unexported{key, key.Public()},
		"hidden values":           unexportedValues{*key, *key.Public()},
		"pointer to hidden":       &unexportedValues{*key, *key.Public()},
		"embedded":                embedded{key},
		"embedded value":          embeddedValue{*key},
		"embedded public":         embeddedPublic{*key.Public()},
		"slice":                   []*jwe.DecryptingKey{key},
		"slice of values":         []jwe.DecryptingKey{*key},
		"map":                     map[string]jwe.EncryptingKey{"k": *key.Public()},
		"any":                     []any{key, *key, key.Public(), *key.Public()},
		"error":                   fmt.Errorf("key %v: %+v", key, *key.Public()),
	}
	out := map[string]string{}
	for name, form := range forms {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%b", "%o", "%c", "%U", "%T", "%p", "%t"} {
			out[name+" "+verb] = fmt.Sprintf(verb, form)
		}
		text, _ := json.Marshal(form)
		out[name+" json"] = string(text)
		text, _ = xml.Marshal(form)
		out[name+" xml"] = string(text)
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("key", "key", form)
		out[name+" slog text"] = b.String()
		b.Reset()
		slog.New(slog.NewJSONHandler(&b, nil)).With("key", form).WithGroup("g").Info("key", slog.Any("key", form))
		out[name+" slog json"] = b.String()
		b.Reset()
		log.New(&b, "", 0).Println(form)
		out[name+" log"] = b.String()
	}
	return out
}

// What is printed instead tells what the key is for, so that a log line is of use.
func TestKeysPrintWhatTheyAreFor(t *testing.T) {
	key := forgeKey(t)
	for _, k := range []any{key, *key} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			if got := fmt.Sprintf(verb, k); got != "jwe.DecryptingKey(dir, A128GCM, private half redacted)" {
				t.Errorf("%s of %T: %s", verb, k, got)
			}
		}
	}
	if got := string(must(json.Marshal(map[string]any{"d": key, "e": key.Public()}))(t)); got != `{"d":"jwe.DecryptingKey(dir, A128GCM, private half redacted)","e":"jwe.EncryptingKey(dir, A128GCM)"}` {
		t.Error(got)
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "d", key, "e", key.Public())
	if !strings.Contains(b.String(), `d="jwe.DecryptingKey(dir, A128GCM, private half redacted)" e="jwe.EncryptingKey(dir, A128GCM)"`) {
		t.Error(b.String())
	}
	for _, k := range []any{jwe.DecryptingKey{}, &jwe.DecryptingKey{}, jwe.EncryptingKey{}, &jwe.EncryptingKey{}, (*jwe.DecryptingKey)(nil), (*jwe.EncryptingKey)(nil)} {
		if got := fmt.Sprintf("%v", k); strings.Contains(got, "PANIC") {
			t.Errorf("%T: %s", k, got)
		}
		if _, err := json.Marshal(k); err != nil {
			t.Errorf("%T: %v", k, err)
		}
	}
}
