package jwe_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
)

// The published vectors of whole tokens: testdata/README.md says where they are
// from. What is refused is listed by name, with its reason.

func TestRFC7516AppendixA(t *testing.T) {
	var file struct {
		Cases []struct {
			Section, Compact string
			Key              json.RawMessage
			Plaintext        string `json:"plaintext_b64u"`
		}
	}
	readJSON(t, "rfc7516/appendix_a.json", &file)
	if len(file.Cases) != 3 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Section, func(t *testing.T) {
			switch c.Section {
			case "A.1", "A.2": // RSA-OAEP with SHA-1, and RSA1_5
				key := must(jwe.ParsePrivate(c.Key, jwe.RSAOAEP256, jwe.A256GCM))(t)
				refusedBy(t, decrypter(t, key), c.Compact, jeton.ErrUnsupportedAlgorithm)
			case "A.3":
				key := must(jwe.ParsePrivate(c.Key, jwe.A128KW, jwe.A128CBCHS256))(t)
				got := must(decrypter(t, key).DecryptUnsigned(c.Compact))(t)
				if string(got) != string(unb64(t, c.Plaintext)) {
					t.Errorf("%q", got)
				}
			default:
				t.Error("what is this?")
			}
		})
	}
}

func TestRFC7520Encryption(t *testing.T) {
	for name, want := range map[string]error{
		"5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2":                             jeton.ErrUnsupportedAlgorithm, // RSA1_5: an oracle by design
		"5_2.key_encryption_using_rsa-oaep_with_aes-gcm":                                 jeton.ErrUnsupportedAlgorithm, // RSA-OAEP with SHA-1
		"5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2":                    jeton.ErrUnsupportedAlgorithm, // PBES2: the token says how much work it is
		"5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm": nil,
		"5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2":                         nil,
		"5_6.direct_encryption_using_aes-gcm":                                            nil,
		"5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2":                      nil,
		"5_8.key_wrap_using_aes-keywrap_with_aes-gcm":                                    nil,
		"5_9.compressed_content":                                                         jwe.ErrCompressed,
		"5_10.including_additional_authentication_data":                                  jeton.ErrSegments, // JSON serialization alone, like the three below
		"5_11.protecting_specific_header_fields":                                         jeton.ErrSegments,
		"5_12.protecting_content_only":                                                   jeton.ErrSegments,
		"5_13.encrypting_to_multiple_recipients":                                         jeton.ErrEncoding, // its text has four dots
	} {
		t.Run(name, func(t *testing.T) {
			var file struct {
				Input struct {
					Plaintext json.RawMessage // one of them is an object
					Key       json.RawMessage
					Alg       any
					Enc       string
				}
				Output struct {
					Compact  string
					JSON     json.RawMessage
					JSONFlat json.RawMessage `json:"json_flat"`
				}
			}
			readJSON(t, "rfc7520-cookbook/jwe/"+name+".json", &file)
			alg, _ := file.Input.Alg.(string)
			if want != nil {
				key := decrypter(t, forgeKey(t))
				if errors.Is(want, jwe.ErrCompressed) {
					key = decrypter(t, must(jwe.ParsePrivate(file.Input.Key, jwe.Algorithm(alg), jwe.Encryption(file.Input.Enc)))(t))
				}
				token := file.Output.Compact
				if errors.Is(want, jeton.ErrSegments) || errors.Is(want, jeton.ErrEncoding) {
					if token != "" {
						t.Error("it has a compact form")
					}
					token = string(file.Output.JSON)
				}
				refusedBy(t, key, token, want)
				return
			}
			key := must(jwe.ParsePrivate(file.Input.Key, jwe.Algorithm(alg), jwe.Encryption(file.Input.Enc)))(t)
			got := must(decrypter(t, key).DecryptUnsigned(file.Output.Compact))(t)
			if plaintext := string(must(json.Marshal(string(got)))(t)); !sameJSON(t, plaintext, string(file.Input.Plaintext)) {
				t.Errorf("%q", got)
			}
			refusedBy(t, decrypter(t, key), string(file.Output.JSON), jeton.ErrSegments)
			refusedBy(t, decrypter(t, key), string(file.Output.JSONFlat), jeton.ErrSegments)
			again := must(encrypter(t, key).EncryptUnsigned(got))(t)
			if plaintext := must(decrypter(t, key).DecryptUnsigned(again))(t); string(plaintext) != string(got) || again == file.Output.Compact {
				t.Errorf("%q", plaintext)
			}
		})
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y string
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatal("no JSON string")
	}
	return x == y
}

// wycheproofRefused are algorithms and parameters that Wycheproof labels valid and
// that do not exist here.
var wycheproofRefused = map[string]string{
	"RSA1_5":         "an oracle by design (Bleichenbacher)",
	"RSA-OAEP":       "SHA-1",
	"A192KW":         "nobody's choice; 128 and 256 bits are enough",
	"A192GCMKW":      "the same",
	"ECDH-ES+A192KW": "the same",
	"A192GCM":        "the same",
	"A192CBC-HS384":  "the same",
	"zip":            "compression tells about the content, and a token could be a bomb",
}

func TestWycheproofEncryption(t *testing.T) {
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Comment string
			Private json.RawMessage
			Tests   []struct {
				TcID                          int
				Comment, JWE, PT, Enc, Result string
				Flags                         []string
			}
		}
	}
	readJSON(t, "wycheproof/json_web_encryption_test.json", &file)
	seen, ran, overridden := 0, map[string]int{}, map[string]int{}
	for _, g := range file.TestGroups {
		var jwk struct {
			Kty string
			Alg jwe.Algorithm
		}
		if err := json.Unmarshal(g.Private, &jwk); err != nil {
			t.Fatal(err)
		}
		if jwk.Alg == "A128GCM" { // Figure 136: the key names its content encryption
			jwk.Alg = jwe.Dir
		}
		for _, c := range g.Tests {
			seen++
			key, err := jwe.ParsePrivate(g.Private, jwk.Alg, jwe.Encryption(c.Enc))
			var got []byte
			if err == nil {
				got, err = decrypter(t, key).DecryptUnsigned(c.JWE)
			}
			// The name that is not there, of the key or of the token.
			missing := ""
			for _, name := range []string{string(jwk.Alg), c.Enc} {
				if missing == "" && wycheproofRefused[name] != "" {
					missing = name
				}
			}
			if strings.Contains(strings.Join(c.Flags, " "), "CompressedPlaintext") {
				missing = "zip"
			}
			switch {
			case missing == "zip":
				refused(t, err, jwe.ErrCompressed)
			case missing != "":
				refused(t, err, jeton.ErrUnsupportedAlgorithm)
			case c.Result == "valid" && (err != nil || string(got) != string(unhex(t, c.PT))):
				t.Errorf("tcId %d (%s, %s): %q, %v", c.TcID, g.Comment, c.Comment, got, err)
			case c.Result == "invalid" && err == nil:
				t.Errorf("tcId %d (%s, %s): accepted", c.TcID, g.Comment, c.Comment)
			case c.Result == "invalid":
				plain(t, err)
			case c.Result != "valid":
				t.Errorf("tcId %d: what is %q?", c.TcID, c.Result)
			}
			if missing != "" && c.Result == "valid" {
				overridden[missing]++
			} else {
				ran[c.Result]++
			}
		}
	}
	if seen != file.NumberOfTests || len(overridden) != len(wycheproofRefused) {
		t.Errorf("%d tests of %d; overridden %v", seen, file.NumberOfTests, overridden)
	}
	if ran["valid"] != 37 || ran["invalid"] != 74 {
		t.Errorf("ran %v", ran)
	}
	t.Logf("%d tests: ran %v; labelled valid and refused: %v", seen, ran, overridden)
}

// Wycheproof's file about whole libraries: those of its groups that encrypt. The
// root package runs the others.
func TestWycheproofWebCryptoEncryption(t *testing.T) {
	var file struct {
		TestGroups []struct {
			Comment string
			Private json.RawMessage
			Tests   []struct {
				TcID            int
				Comment, Result string
				JWE             json.RawMessage
			}
		}
	}
	readJSON(t, "wycheproof/json_web_crypto_test.json", &file)
	ran := map[string]int{}
	for _, g := range file.TestGroups {
		how, ok := map[string]kind{
			"jwe_aes": {jwe.A256KW, jwe.A256CBCHS512, nil},
			"jwe_ec":  {jwe.ECDHESA128KW, jwe.A128CBCHS256, nil},
		}[g.Comment]
		if !ok {
			continue
		}
		d := decrypter(t, must(jwe.ParsePrivate(g.Private, how.alg, how.enc))(t))
		for _, c := range g.Tests {
			ran[c.Result]++
			token := string(c.JWE) // an object, where it is no compact one
			_ = json.Unmarshal(c.JWE, &token)
			got, err := d.DecryptUnsigned(token)
			if holds := err == nil && string(got) == "foo"; holds != (c.Result == "valid") {
				t.Errorf("tcId %d (%s, %s): %q, %v, labelled %s", c.TcID, g.Comment, c.Comment, got, err, c.Result)
			} else if !holds {
				plain(t, err)
			}
		}
	}
	if ran["valid"] != 2 || ran["invalid"] != 32 {
		t.Errorf("ran %v", ran)
	}
}

// RFC 7520 section 6 and RFC 8037 appendix A.6, as the cookbook has them.
func TestCookbookOfX25519AndOfANestedToken(t *testing.T) {
	var x struct {
		Input struct {
			Plaintext string
			Key       json.RawMessage
		}
		Output struct{ Compact string }
	}
	readJSON(t, "rfc7520-cookbook/curve25519/ecdh-es.json", &x)
	d := decrypter(t, must(jwe.ParsePrivate(x.Input.Key, jwe.ECDHES, jwe.A128GCM))(t))
	if got := must(d.DecryptUnsigned(x.Output.Compact))(t); string(got) != x.Input.Plaintext {
		t.Errorf("%q", got)
	}
	// The nested one is encrypted with RSA-OAEP and SHA-1.
	var nested struct {
		Encrypt struct{ Output struct{ Compact string } }
	}
	readJSON(t, "rfc7520-cookbook/6.nesting_signatures_and_encryption.json", &nested)
	refusedBy(t, decrypter(t, forgeKey(t)), nested.Encrypt.Output.Compact, jeton.ErrUnsupportedAlgorithm)
}
