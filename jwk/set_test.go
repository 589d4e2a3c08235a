package jwk_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/jwk"
)

func ids(keys []*jeton.VerifyingKey) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.ID())
	}
	return strings.Join(all, " ")
}

func TestParseSetReturnsTheKeysInTheirOrder(t *testing.T) {
	keys, err := jwk.ParseSet(set(otherPublicJWK(), rsaPublicJWK()))
	if err != nil {
		t.Fatal(err)
	}
	if ids(keys) != "other rsa" || keys[0].Algorithm() != jeton.RS512 || keys[1].Algorithm() != jeton.RS256 {
		t.Error(ids(keys))
	}
}

// An issuer's set may hold more than we know; RFC 7517 section 5 has it passed
// over.
func TestParseSetSkips(t *testing.T) {
	for name, entry := range map[string]members{
		"another kty":                   {"kty": "XYZ", "kid": 7},
		"another kty without members":   {"kty": "XYZ"},
		"an RSA key for encryption":     otherPublicJWK().with(members{"use": "enc"}),
		"an RSA key to wrap keys":       otherPublicJWK().with(members{"use": nil, "key_ops": []string{"wrapKey"}}),
		"an alg for encryption":         otherPublicJWK().with(members{"alg": "RSA-OAEP-256"}),
		"an alg of tomorrow":            otherPublicJWK().with(members{"alg": "RS1024"}),
		"an alg of none":                otherPublicJWK().with(members{"alg": "none"}),
		"an RSA key that names no alg":  otherPublicJWK().with(members{"alg": nil}),
		"an X25519 key":                 {"kty": "OKP", "crv": "X25519", "x": base64url.Encode(make([]byte, 32)), "use": "enc"},
		"an X25519 key without use":     {"kty": "OKP", "crv": "X25519", "x": base64url.Encode(make([]byte, 32))},
		"an Ed448 key":                  {"kty": "OKP", "crv": "Ed448", "x": base64url.Encode(make([]byte, 57)), "alg": "EdDSA"},
		"a secp256k1 key":               {"kty": "EC", "crv": "secp256k1", "x": base64url.Encode(make([]byte, 32)), "y": base64url.Encode(make([]byte, 32)), "alg": "ES256K"},
		"a secp256k1 key without alg":   {"kty": "EC", "crv": "secp256k1", "x": base64url.Encode(make([]byte, 32)), "y": base64url.Encode(make([]byte, 32))},
		"a certificate chain, not read": {"kty": "XYZ", "x5c": []string{"not even base64"}, "x5u": "http://169.254.169.254/"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range [][]byte{set(entry, rsaPublicJWK()), set(rsaPublicJWK(), entry)} {
				keys, err := jwk.ParseSet(text)
				if err != nil {
					t.Fatal(err)
				}
				if ids(keys) != "rsa" {
					t.Error(ids(keys))
				}
			}
			_, err := jwk.ParseSet(set(entry))
			refused(t, err, jeton.ErrInvalidKey, "no key in the set can be used: 1 ")
		})
	}
}

func TestParseSetRefusesTheWholeSetFor(t *testing.T) {
	for name, c := range map[string]struct {
		entry  any
		reason error
		want   string
	}{
		"A25 a private RSA key":               {rsaPrivateJWK().with(members{"kid": "x"}), jeton.ErrInvalidKey, "keys[1] is a private key"},
		"A25 a private key for encryption":    {rsaPrivateJWK().with(members{"kid": "x", "use": "enc"}), jeton.ErrInvalidKey, "keys[1] is a private key"},
		"A25 a private EC key":                {members{"kty": "EC", "crv": "P-256", "d": "AA"}, jeton.ErrInvalidKey, "keys[1] is a private key"},
		"A25 a private key of another kty":    {members{"kty": "XYZ", "d": "AA"}, jeton.ErrInvalidKey, "keys[1] is a private key"},
		"A25 a private ML-DSA key":            {members{"kty": "AKP", "priv": "AA"}, jeton.ErrInvalidKey, "keys[1] is a private key"},
		"A25 a secret":                        {secretJWK(), jeton.ErrInvalidKey, "secrets and public keys"},
		"A25 a secret for encryption":         {secretJWK().with(members{"use": "enc"}), jeton.ErrInvalidKey, "secrets and public keys"},
		"A25 a secret for AES":                {secretJWK().with(members{"alg": "A256KW"}), jeton.ErrInvalidKey, "secrets and public keys"},
		"A5 the same kid":                     {otherPublicJWK().with(members{"kid": "rsa"}), jeton.ErrInvalidKey, `keys[1] has the "kid"`},
		"A5 the same kid on a skipped key":    {members{"kty": "XYZ", "kid": "rsa"}, jeton.ErrInvalidKey, `keys[1] has the "kid"`},
		"A5 the kid that is a thumbprint":     {otherPublicJWK().with(members{"kid": thumbprint(rsaPublicJWK())}), jeton.ErrInvalidKey, "two keys of one id"},
		"B4 a weak key":                       {otherPublicJWK().with(members{"n": long(128)}), jeton.ErrWeakKey, "keys[1]: "},
		"B4 a weak key without alg":           {otherPublicJWK().with(members{"n": long(128), "alg": nil}), jeton.ErrWeakKey, "keys[1]: "},
		"B4 a key without modulus":            {otherPublicJWK().with(members{"n": nil}), jeton.ErrInvalidKey, `keys[1]: jeton: refused key: "n" is missing`},
		"B4 a key in another spelling":        {otherPublicJWK().with(members{"e": "AQAB="}), jeton.ErrInvalidKey, "canonical"},
		"B4 an alg of another kty":            {otherPublicJWK().with(members{"alg": "HS256"}), jeton.ErrInvalidKey, "keys[1]: "},
		"B4 an alg that is no string":         {otherPublicJWK().with(members{"alg": 1}), jeton.ErrInvalidKey, `"alg" is not a string`},
		"B4 a kid that is no string":          {otherPublicJWK().with(members{"kid": 1}), jeton.ErrInvalidKey, `"kid" is not a string`},
		"B4 a kid that no token may have":     {otherPublicJWK().with(members{"kid": "é"}), jeton.ErrInvalidKey, "key id"},
		"A24 key_ops that contradict use":     {otherPublicJWK().with(members{"key_ops": []string{"encrypt"}}), jeton.ErrInvalidKey, "key_ops"},
		"B4 no kty":                           {members{"n": "AA"}, jeton.ErrInvalidKey, `keys[1]: jeton: refused key: "kty" is missing`},
		"B4 null for a key":                   {nil, jeton.ErrInvalidKey, "keys[1]: jeton: refused key: the JSON is refused: not a JSON object"},
		"B4 a string for a key":               {"key", jeton.ErrInvalidKey, "keys[1]: jeton: refused key: the JSON is refused: not a JSON object"},
		"B4 an array for a key":               {[]members{}, jeton.ErrInvalidKey, "not a JSON object"},
		"A10 nesting in a key of another kty": {members{"kty": "XYZ", "x": [][][][][][]int{{{{{{}}}}}}}, jeton.ErrInvalidKey, "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			good := rsaPublicJWK()
			if strings.Contains(name, "thumbprint") {
				good = good.with(members{"kid": nil})
			}
			_, err := jwk.ParseSet(members{"keys": []any{good, c.entry}}.text())
			quotes := material(good)
			if m, ok := c.entry.(members); ok {
				quotes = append(quotes, material(m)...)
			}
			refused(t, err, c.reason, c.want, quotes...)
			if _, err := jwk.ParseSet(members{"keys": []any{c.entry, good}}.text()); err == nil {
				t.Error("accepted in the other order")
			}
		})
	}
}

func thumbprint(m members) string {
	key, err := jwk.ParsePublic(m.text())
	if err != nil {
		panic(err)
	}
	return key.Thumbprint()
}

func TestTheSameKeyTwiceWithoutKidIsTwoKeysOfOneID(t *testing.T) {
	key := rsaPublicJWK().with(members{"kid": nil})
	_, err := jwk.ParseSet(set(key, key))
	refused(t, err, jeton.ErrInvalidKey, "two keys of one id")
}

func TestWhatIsNoSet(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "JSON"},
		"a key":              {string(rsaPublicJWK().text()), "not a set of keys"},
		"an array":           {"[]", "not a JSON object"},
		"PEM":                {"-----BEGIN PUBLIC KEY-----", "JSON"},
		"no keys":            {`{"keys":[]}`, "it is empty"},
		"keys in upper case": {`{"Keys":[]}`, "not a set of keys"},
		"keys that is null":  {`{"keys":null}`, "not an array"},
		"keys by name":       {`{"keys":{"a":{}}}`, "not an array"},
		"A7 keys twice":      {`{"keys":[],"keys":[]}`, "duplicate"},
		"A7 deep duplicates": {`{"keys":[{"kty":"XYZ","a":1,"a":2}]}`, "duplicate"},
		"A13 trailing data":  {`{"keys":[]}{}`, "after the value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.ParseSet([]byte(c.text))
			refused(t, err, jeton.ErrInvalidKey, c.want)
		})
	}
}

func TestParseSetPassesOverOtherMembersOfTheSet(t *testing.T) {
	text := members{"keys": []members{rsaPublicJWK()}, "issuer": "https://auth.example", "d": "x"}.text()
	if _, err := jwk.ParseSet(text); err != nil {
		t.Error(err)
	}
}

func TestASetHasAtMost100Keys(t *testing.T) {
	keys := []members{rsaPublicJWK()}
	for i := range 99 {
		keys = append(keys, members{"kty": "XYZ", "kid": fmt.Sprint(i)})
	}
	if _, err := jwk.ParseSet(set(keys...)); err != nil {
		t.Errorf("100: %v", err)
	}
	_, err := jwk.ParseSet(set(append(keys, members{"kty": "XYZ"})...))
	refused(t, err, jeton.ErrInvalidKey, "101 keys")
}

func TestASetHasAtMost512KiB(t *testing.T) {
	text := set(rsaPublicJWK())
	pad := func(size int) []byte { return append(bytes.Repeat([]byte(" "), size-len(text)), text...) }
	if _, err := jwk.ParseSet(pad(512 << 10)); err != nil {
		t.Errorf("512 KiB: %v", err)
	}
	_, err := jwk.ParseSet(pad(512<<10 + 1))
	refused(t, err, jeton.ErrInvalidKey, "at most 524288")
}

// Members of one object are compared pairwise, so there is a bound on them.
func TestASetHasABoundedNumberOfMembers(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"keys":[{"kty":"XYZ"`)
	for i := range 20_000 {
		fmt.Fprintf(&text, `,"%d":0`, i)
	}
	text.WriteString("}]}")
	_, err := jwk.ParseSet([]byte(text.String()))
	refused(t, err, jeton.ErrInvalidKey, "too many members")
}

// Azure AD publishes RSA keys without "alg".
func TestDefaultAlgorithmBindsTheKeysOfASetThatNameNone(t *testing.T) {
	unnamed := rsaPublicJWK().with(members{"alg": nil})
	keys, err := jwk.ParseSet(set(unnamed, otherPublicJWK()), jwk.DefaultAlgorithm(jeton.RS256))
	if err != nil {
		t.Fatal(err)
	}
	if ids(keys) != "rsa other" || keys[0].Algorithm() != jeton.RS256 || keys[1].Algorithm() != jeton.RS512 {
		t.Errorf("%s, %s and %s", ids(keys), keys[0].Algorithm(), keys[1].Algorithm())
	}
	_, err = jwk.ParseSet(set(unnamed))
	refused(t, err, jeton.ErrInvalidKey, "1 without an algorithm (DefaultAlgorithm names it)")
}

func TestADefaultAlgorithmOfAnotherTypeBindsNothing(t *testing.T) {
	_, err := jwk.ParseSet(set(rsaPublicJWK().with(members{"alg": nil})), jwk.DefaultAlgorithm(jeton.HS256))
	refused(t, err, jeton.ErrInvalidKey, "without an algorithm")
	_, err = jwk.ParseSet(set(rsaPublicJWK()), jwk.DefaultAlgorithm("RS1"))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "unsupported")
}

func TestAnUnusableSetSaysWhy(t *testing.T) {
	_, err := jwk.ParseSet(set(
		rsaPublicJWK().with(members{"alg": nil}),
		otherPublicJWK().with(members{"use": "enc"}),
		members{"kty": "XYZ"}, members{"kty": "XYZ"},
	))
	refused(t, err, jeton.ErrInvalidKey, "1 without an algorithm (DefaultAlgorithm names it), 1 not for verifying, 2 of a type, curve or algorithm that is not supported")
}

func TestSecretsNeedAllowSymmetric(t *testing.T) {
	second := secretJWK().with(members{"kid": "hmac2", "alg": "HS512"})
	_, err := jwk.ParseSet(set(secretJWK(), second))
	refused(t, err, jeton.ErrInvalidKey, "AllowSymmetric", material(second)...)

	keys, err := jwk.ParseSet(set(secretJWK(), second), jwk.AllowSymmetric())
	if err != nil {
		t.Fatal(err)
	}
	if ids(keys) != "hmac hmac2" || keys[1].Algorithm() != jeton.HS512 {
		t.Error(ids(keys))
	}
}

func TestSecretsAndPublicKeysNeverMix(t *testing.T) {
	for name, other := range map[string]members{
		"RSA":                       rsaPublicJWK(),
		"a key for encryption":      rsaPublicJWK().with(members{"use": "enc"}),
		"a type that nobody knows":  {"kty": "XYZ"},
		"a private key":             rsaPrivateJWK(),
		"an EC key of a known kind": {"kty": "EC", "crv": "P-256"},
	} {
		for _, text := range [][]byte{set(secretJWK(), other), set(other, secretJWK())} {
			if _, err := jwk.ParseSet(text, jwk.AllowSymmetric()); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
}

func TestWeakSecretsInASet(t *testing.T) {
	short := secretJWK().with(members{"k": base64url.Encode([]byte("secret"))})
	_, err := jwk.ParseSet(set(short), jwk.AllowSymmetric())
	refused(t, err, jeton.ErrWeakKey, "keys[0]: ", material(short)...)
	if _, err := jwk.ParseSet(set(short), jwk.AllowSymmetric(), jwk.InsecureAllowWeakSecret()); err != nil {
		t.Error(err)
	}
}
