package jeton_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// primitiveFile is a file of Wycheproof about signatures or MACs of any bytes.
type primitiveFile struct {
	NumberOfTests int
	TestGroups    []struct {
		PublicKeyPem string
		PublicKey    json.RawMessage
		Sha, MgfSha  string
		SLen         int
		KeySize      int // bits of a secret
		TagSize      int
		Tests        []struct {
			TcID                        int
			Comment, Key, Msg, Sig, Tag string
			Flags                       []string
			Result                      string
		}
	}
}

// The primitives of each algorithm, held against Wycheproof's files about them:
// what jeton signs with must refuse what they label invalid, and accept the rest.
// Where it decides otherwise there is a reason, and a count.
func TestWycheproofPrimitives(t *testing.T) {
	for _, f := range []struct {
		name string
		alg  jeton.Algorithm
		// otherwise counts what is labelled valid or acceptable and is refused,
		// by reason.
		otherwise map[string]int
	}{
		{"ecdsa_secp256r1_sha256_p1363", jeton.ES256, nil},
		{"ecdsa_secp384r1_sha384_p1363", jeton.ES384, nil},
		{"ecdsa_secp521r1_sha512_p1363", jeton.ES512, nil},
		{"ed25519", jeton.Ed25519, nil},
		{"rsa_signature_2048_sha256", jeton.RS256, map[string]int{noNull: 1}},
		{"rsa_signature_2048_sha384", jeton.RS384, map[string]int{noNull: 1}},
		{"rsa_signature_2048_sha512", jeton.RS512, map[string]int{noNull: 1}},
		{"rsa_signature_3072_sha256", jeton.RS256, map[string]int{noNull: 1}},
		{"rsa_signature_4096_sha512", jeton.RS512, map[string]int{noNull: 1}},
		{"rsa_pss_2048_sha256_mgf1_32", jeton.PS256, nil},
		{"rsa_pss_2048_sha384_mgf1_48", jeton.PS384, nil},
		{"rsa_pss_3072_sha256_mgf1_32", jeton.PS256, nil},
		{"rsa_pss_4096_sha512_mgf1_64", jeton.PS512, nil},
		{"rsa_pss_misc", "", map[string]int{otherSalt: 15, otherHash: 132}},
		{"hmac_sha256", jeton.HS256, map[string]int{cutOff: 33}},
		{"hmac_sha384", jeton.HS384, map[string]int{cutOff: 33}},
		{"hmac_sha512", jeton.HS512, map[string]int{cutOff: 33}},
	} {
		t.Run(f.name, func(t *testing.T) {
			var file primitiveFile
			readVectors(t, "wycheproof/"+f.name+"_test.json", &file)
			ran, otherwise := 0, map[string]int{}
			for _, g := range file.TestGroups {
				var key *jeton.VerifyingKey // of the whole group, but for secrets
				for _, c := range g.Tests {
					ran++
					alg, reason := f.alg, ""
					switch {
					case alg == "":
						alg, reason = pssOf(g.Sha, g.MgfSha, g.SLen)
					case alg.Symmetric() && g.TagSize != shaBits(alg):
						reason = cutOff
					case c.Result == "acceptable" && len(c.Flags) == 1 && c.Flags[0] == "MissingNull":
						reason = noNull
					}
					if key == nil || alg.Symmetric() {
						key = primitiveKey(t, alg, g.PublicKeyPem, c.Key)
					}
					holds := key.Holds(unhex(t, c.Msg), unhex(t, c.Sig+c.Tag))
					switch {
					case reason != "" && c.Result != "invalid":
						otherwise[reason]++
						if holds {
							t.Errorf("tcId %d (%s) holds; %s", c.TcID, c.Comment, reason)
						}
					case holds != (c.Result == "valid"):
						t.Errorf("tcId %d (%s): holds: %t, labelled %s", c.TcID, c.Comment, holds, c.Result)
					}
				}
			}
			if ran != file.NumberOfTests || ran == 0 {
				t.Errorf("%d tests of %d", ran, file.NumberOfTests)
			}
			if fmt.Sprint(otherwise) != fmt.Sprint(f.otherwise) {
				t.Errorf("decided otherwise: %v, want %v", otherwise, f.otherwise)
			}
		})
	}
}

// Why jeton refuses what is not labelled invalid.
const (
	noNull    = "RFC 8017 appendix A.2.4 wants the NULL; a second encoding would be a second signature"
	cutOff    = "RFC 7518 section 3.2 takes the whole MAC"
	otherSalt = "RFC 7518 section 3.5 takes a salt as long as the hash"
	otherHash = "no algorithm of JOSE has this hash, or MGF1 with another than the signature's"
)

// pssOf returns the algorithm that a file's parameters are closest to, and why they
// are not its parameters.
func pssOf(sha, mgf string, salt int) (alg jeton.Algorithm, reason string) {
	alg = map[string]jeton.Algorithm{"SHA-256": jeton.PS256, "SHA-384": jeton.PS384, "SHA-512": jeton.PS512}[sha]
	switch {
	case alg == "" || sha != mgf:
		if alg == "" {
			alg = jeton.PS256
		}
		return alg, otherHash
	case salt*8 != shaBits(alg):
		return alg, otherSalt
	}
	return alg, ""
}

func shaBits(alg jeton.Algorithm) int {
	return map[string]int{"256": 256, "384": 384, "512": 512}[string(alg[2:])]
}

// primitiveKey admits what these files have beside keys for tokens: short secrets,
// and the exponent 3.
func primitiveKey(t *testing.T, alg jeton.Algorithm, pem, secret string) *jeton.VerifyingKey {
	t.Helper()
	if alg.Symmetric() {
		return must(jeton.NewHMACKey(alg, unhex(t, secret), jeton.InsecureAllowWeakSecret()))(t).Public()
	}
	return must(jwk.ParsePublic([]byte(pem), jwk.DefaultAlgorithm(alg), jwk.InsecureAllowUnusualExponent()))(t)
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	return must(hex.DecodeString(text))(t)
}

// Wycheproof's file about whole libraries: those of its groups that sign. Package
// jwe runs the others.
func TestWycheproofWebCryptoSignatures(t *testing.T) {
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Comment         string
			Public, Private json.RawMessage
			Tests           []struct {
				TcID            int
				Comment, Result string
				JWS             json.RawMessage
			}
		}
	}
	readVectors(t, "wycheproof/json_web_crypto_test.json", &file)
	ran := map[string]int{}
	for _, g := range file.TestGroups {
		if !strings.HasPrefix(g.Comment, "jws_") {
			continue
		}
		keys, refusal := webCryptoKeys(g.Public, g.Private)
		for _, c := range g.Tests {
			ran[c.Result]++
			token := string(c.JWS) // an object, where it is no compact one
			_ = json.Unmarshal(c.JWS, &token)
			err := refusal
			if err == nil {
				var payload []byte
				payload, err = must(jeton.NewVerifier(keys, vectorPolicy()))(t).Authenticate(context.Background(), token)
				if err == nil && string(payload) != "foo" {
					t.Errorf("tcId %d: payload %q", c.TcID, payload)
				}
			}

			if holds := err == nil; holds != (c.Result == "valid") {
				t.Errorf("tcId %d (%s, %s): %v, labelled %s", c.TcID, g.Comment, c.Comment, err, c.Result)
			} else if !holds && jeton.ReasonCode(err) == "" {
				t.Errorf("tcId %d: no reason in %v", c.TcID, err)
			}
		}
	}
	if ran["valid"] != 4 || ran["invalid"] != 45 {
		t.Errorf("ran %v", ran)
	}
}

func webCryptoKeys(public, private json.RawMessage) (jeton.KeySet, error) {
	text := public
	if text == nil {
		text = private
	}
	if strings.Contains(string(text), `"keys"`) {
		keys, err := jwk.ParseSet(text, jwk.AllowSymmetric())
		if err != nil {
			return nil, err
		}
		return jwks.NewStatic(keys...)
	}
	if public == nil {
		key, err := jwk.ParsePrivate(text)
		if err != nil {
			return nil, err
		}
		return key.Public(), nil
	}
	return jwk.ParsePublic(text)
}

// What else the cookbook has: a nested token, Ed25519, and the forms of a JWS that
// are no JWT.
func TestRestOfTheCookbook(t *testing.T) {
	type example struct {
		Input struct {
			Payload string
			Key     map[string]any
			Alg     jeton.Algorithm
		}
		Output struct {
			Compact string
			JSON    json.RawMessage
			Flat    json.RawMessage `json:"json_flat"`
		}
	}
	key := func(e example) *jeton.SigningKey {
		e.Input.Key["alg"] = e.Input.Alg // the book's keys name none
		return must(jwk.ParsePrivate(must(json.Marshal(e.Input.Key))(t)))(t)
	}
	t.Run("6 the signed token inside", func(t *testing.T) {
		var nested struct{ Sign example }
		readVectors(t, "rfc7520-cookbook/6.nesting_signatures_and_encryption.json", &nested)
		verified := must(vectorVerifier(t, key(nested.Sign).Public()).Verify(context.Background(), nested.Sign.Output.Compact))(t)
		if string(verified.Payload()) != nested.Sign.Input.Payload || verified.Issuer() != "hobbiton.example" {
			t.Errorf("%s", verified.Payload())
		}
	})
	t.Run("Ed25519", func(t *testing.T) {
		var e example
		readVectors(t, "rfc7520-cookbook/curve25519/jws.json", &e)
		k := key(e)
		if payload := must(vectorVerifier(t, k.Public()).Authenticate(context.Background(), e.Output.Compact))(t); string(payload) != e.Input.Payload {
			t.Errorf("%q", payload)
		}
		signer := must(jeton.NewSigner(k, jeton.Type(""), jeton.WithoutKeyID(), jeton.OlderAlgorithmName()))(t)
		if got := must(signer.SignRaw([]byte(e.Input.Payload)))(t); got != e.Output.Compact {
			t.Errorf("signed %s", got)
		}
	})
	for name, want := range map[string]error{
		"jws/4_5.signature_with_detached_content":   jeton.ErrSegments, // the payload is not in it
		"jws/4_6.protecting_specific_header_fields": nil,               // JSON serialization alone, like the two below
		"jws/4_7.protecting_content_only":           nil,
		"rfc7797/4.2.hmac-sha2_b64_false":           nil,
		"rfc7797/hmac-sha2_b64_false":               jeton.ErrCritical,
	} {
		t.Run(name, func(t *testing.T) {
			var e example
			readVectors(t, "rfc7520-cookbook/"+name+".json", &e)
			v := vectorVerifier(t, key(e).Public())
			if (want == nil) != (e.Output.Compact == "") {
				t.Fatalf("its compact form is %q", e.Output.Compact)
			}
			if want != nil {
				refusedBy(t, v, e.Output.Compact, want)
			}
			for _, text := range []json.RawMessage{e.Output.JSON, e.Output.Flat} {
				if _, err := v.Verify(context.Background(), string(text)); !is(err, jeton.ErrMalformed) {
					t.Errorf("%v", err)
				}
			}
		})
	}
	t.Run("jws/4_8.multiple_signatures", func(t *testing.T) {
		var e struct {
			Output struct{ JSON json.RawMessage }
		}
		readVectors(t, "rfc7520-cookbook/jws/4_8.multiple_signatures.json", &e)
		refusedBy(t, testVerifier(t, hmacKey(t).Public()), string(e.Output.JSON), jeton.ErrSegments)
	})
}
