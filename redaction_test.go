package jeton_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
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

	"github.com/jeton-go/jeton"
)

// spellings are the ways in which bytes can appear in text: as they are, in hex,
// in decimal as one number or byte by byte, in base64. Eight bytes of a secret
// are enough to call it shown.
func spellings(secret []byte) []string {
	var all []string
	for _, part := range [][]byte{secret[:8], secret[len(secret)-8:]} {
		list := strings.Trim(fmt.Sprint(part), "[]") // "49 50 51"
		all = append(all, string(part), list, strings.ReplaceAll(list, " ", ", "), strings.ReplaceAll(list, " ", ","),
			hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), fmt.Sprintf("% x", part),
			strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}")) // "0x31, 0x32"
	}
	n := new(big.Int).SetBytes(secret).String()
	// Six bytes at a time, so that base64 of the whole is found at any of its
	// three alignments.
	for i := range 3 {
		all = append(all, base64.StdEncoding.EncodeToString(secret[3:9]), base64.URLEncoding.EncodeToString(secret[i:i+6]))
	}
	return append(all, n[:20], n[len(n)-20:])
}

func TestKeysDoNotPrintTheirSecrets(t *testing.T) {
	private := rsaPrivate(t)
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		key     *jeton.SigningKey
		secrets [][]byte
	}{
		{"HMAC", hmacKey(t), [][]byte{[]byte(testSecret)}},
		{"RSA", rsaKey(t), [][]byte{private.D.Bytes(), private.Primes[0].Bytes(), private.Primes[1].Bytes(), private.Precomputed.Dp.Bytes(), private.Precomputed.Qinv.Bytes()}},
		{"ECDSA", must(jeton.NewSigningKey(jeton.ES256, ec))(t), [][]byte{must(ec.Bytes())(t)}},
		{"Ed25519", must(jeton.NewSigningKey(jeton.Ed25519, ed))(t), [][]byte{ed.Seed()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, text := range printed(c.key) {
				for _, secret := range c.secrets {
					for _, s := range spellings(secret) {
						if strings.Contains(text, s) {
							t.Errorf("%s shows the secret: %.300q", how, text)
							break
						}
					}
				}
			}
		})
	}
}

// printed is a key and its verifying half in every form in which they might come
// into a log.
func printed(key *jeton.SigningKey) map[string]string {
	type exported struct {
		Signing   *jeton.SigningKey
		Verifying *jeton.VerifyingKey
	}
	type exportedValues struct {
		Signing   jeton.SigningKey
		Verifying jeton.VerifyingKey
	}
	type unexported struct {
		signing   *jeton.SigningKey
		verifying *jeton.VerifyingKey
	}
	type unexportedValues struct {
		signing   jeton.SigningKey
		verifying jeton.VerifyingKey
	}
	type embedded struct{ *jeton.SigningKey }
	type embeddedValue struct{ jeton.SigningKey }
	type embeddedPublic struct{ jeton.VerifyingKey }
	signer, _ := jeton.NewSigner(key)
	verifier, _ := jeton.NewVerifier(key.Public(), testPolicy())
	forms := map[string]any{
		"signing key":            key,
		"verifying key":          key.Public(),
		"signing key by value":   *key,
		"verifying key by value": *key.Public(),
		"pointer to pointer":     &key,
		"signer":                 signer,
		"signer by value":        *signer,
		"verifier":               verifier,
		"verifier by value":      *verifier,
		"struct":                 exported{key, key.Public()},
		"pointer to struct":      &exported{key, key.Public()},
		"struct of values":       exportedValues{*key, *key.Public()},
		"hidden fields":          unexported{key, key.Public()},
		"hidden values":          unexportedValues{*key, *key.Public()},
		"pointer to hidden":      &unexportedValues{*key, *key.Public()},
		"embedded":               embedded{key},
		"embedded value":         embeddedValue{*key},
		"embedded public":        embeddedPublic{*key.Public()},
		"slice":                  []*jeton.SigningKey{key},
		"slice of values":        []jeton.SigningKey{*key},
		"map":                    map[string]jeton.VerifyingKey{"k": *key.Public()},
		"any":                    []any{key, *key, key.Public(), *key.Public()},
		"error":                  fmt.Errorf("key %v: %+v", key, *key.Public()),
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
		slog.New(slog.NewJSONHandler(&b, nil)).Info("key", "key", form)
		out[name+" slog json"] = b.String()
		b.Reset()
		slog.New(slog.NewJSONHandler(&b, nil)).With("key", form).WithGroup("g").Info("key", slog.Any("key", form))
		out[name+" slog group"] = b.String()
		b.Reset()
		log.New(&b, "", 0).Println(form)
		out[name+" log"] = b.String()
	}
	return out
}

// What is printed instead names the algorithm, so that a log line is of use.
func TestKeysPrintTheirAlgorithm(t *testing.T) {
	for _, k := range []any{hmacKey(t), *hmacKey(t)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			if got := fmt.Sprintf(verb, k); got != "jeton.SigningKey(HS256, private half redacted)" {
				t.Errorf("%s of %T: %s", verb, k, got)
			}
		}
	}
	if got := fmt.Sprint(rsaKey(t).Public()); got != "jeton.VerifyingKey(RS256)" {
		t.Error(got)
	}
	if got := string(must(json.Marshal(map[string]any{"k": rsaKey(t), "v": rsaKey(t).Public()}))(t)); got != `{"k":"jeton.SigningKey(RS256, private half redacted)","v":"jeton.VerifyingKey(RS256)"}` {
		t.Error(got)
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "k", hmacKey(t), "v", hmacKey(t).Public())
	if !strings.Contains(b.String(), `k="jeton.SigningKey(HS256, private half redacted)" v=jeton.VerifyingKey(HS256)`) {
		t.Error(b.String())
	}
}

// A key that nobody made can be printed and is refused: it is a mistake to be
// told about, not a crash.
func TestKeysThatNobodyMade(t *testing.T) {
	for _, k := range []any{jeton.SigningKey{}, &jeton.SigningKey{}, jeton.VerifyingKey{}, &jeton.VerifyingKey{}, (*jeton.SigningKey)(nil), (*jeton.VerifyingKey)(nil)} {
		if got := fmt.Sprintf("%v", k); strings.Contains(got, "PANIC") {
			t.Errorf("%T: %s", k, got)
		}
		if _, err := json.Marshal(k); err != nil {
			t.Errorf("%T: %v", k, err)
		}
	}
	_, err := jeton.NewSigner(nil)
	refused(t, err, jeton.ErrInvalidKey)
	_, err = jeton.NewSigner(&jeton.SigningKey{})
	refused(t, err, jeton.ErrInvalidKey)
	_, err = jeton.NewVerifier(nil, testPolicy())
	refused(t, err, jeton.ErrInvalidPolicy)
	_, err = jeton.NewVerifier((*jeton.VerifyingKey)(nil), testPolicy())
	refused(t, err, jeton.ErrInvalidPolicy)
	_, err = jeton.NewVerifier(&jeton.VerifyingKey{}, testPolicy())
	refused(t, err, jeton.ErrInvalidPolicy)
}
