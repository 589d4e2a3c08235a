package jeton_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// The published vectors: testdata/README.md says where they are from. Cases of
// algorithms that do not exist are counted and come into force by themselves.

func readVectors(t *testing.T, name string, dst any) {
	t.Helper()
	if err := json.Unmarshal(must(os.ReadFile("testdata/"+name))(t), dst); err != nil {
		t.Fatal(err)
	}
}

// until skips a test until there is the algorithm.
func until(t *testing.T, alg jeton.Algorithm) {
	t.Helper()
	if !alg.Valid() {
		t.Skipf("there is no %s yet", alg)
	}
}

// vectorPolicy has nothing to say: vectors are about signatures.
func vectorPolicy() jeton.Policy {
	return jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true,
		Now: func() time.Time { return time.Unix(1300819379, 0) }} // a second before RFC 7519's example expires
}

func vectorVerifier(t *testing.T, key *jeton.VerifyingKey) *jeton.Verifier {
	t.Helper()
	return must(jeton.NewVerifier(key, vectorPolicy()))(t)
}

func TestRFC7515AppendixA(t *testing.T) {
	var file struct {
		Cases []struct {
			Section, Protected, Compact string
			Alg                         jeton.Algorithm
			Key                         json.RawMessage
			Payload                     string `json:"payload_b64u"`
		}
		General   json.RawMessage          `json:"A.6_general_json"`
		Flattened json.RawMessage          `json:"A.7_flattened_json"`
		Critical  struct{ Compact string } `json:"E_negative_crit"`
	}
	readVectors(t, "rfc7515/appendix_a.json", &file)
	if len(file.Cases) != 5 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Section+" "+string(c.Alg), func(t *testing.T) {
			if c.Alg == "none" {
				refusedBy(t, vectorVerifier(t, hmacKey(t).Public()), c.Compact, jeton.ErrSegments)
				return
			}
			until(t, c.Alg)
			key := must(jwk.ParsePrivate(c.Key, jwk.DefaultAlgorithm(c.Alg)))(t)
			payload := must(vectorVerifier(t, key.Public()).Authenticate(context.Background(), c.Compact))(t)
			if string(payload) != string(unb64(c.Payload)) {
				t.Errorf("payload %q", payload)
			}
			if c.Protected != `{"alg":"RS256"}` {
				return // another header than a Signer writes, or a signature that is never the same twice
			}
			signer := must(jeton.NewSigner(key, jeton.Type(""), jeton.WithoutKeyID()))(t)
			if got := must(signer.SignRaw(unb64(c.Payload)))(t); got != c.Compact {
				t.Errorf("signed %s", got)
			}
		})
	}
	v := vectorVerifier(t, hmacKey(t).Public())
	t.Run("A.6", func(t *testing.T) { refusedBy(t, v, string(file.General), jeton.ErrSegments) })
	t.Run("A.7", func(t *testing.T) { refusedBy(t, v, string(file.Flattened), jeton.ErrSegments) })
	t.Run("E", func(t *testing.T) {
		refusedBy(t, v, file.Critical.Compact, jeton.ErrSegments) // it is unsecured too
		refusedBy(t, v, file.Critical.Compact+"AA", jeton.ErrUnsupportedAlgorithm)
		header := strings.Replace(string(unb64(strings.Split(file.Critical.Compact, ".")[0])), "none", "HS256", 1)
		refusedBy(t, v, forge(header, goodPayload), jeton.ErrCritical)
	})
}

func TestRFC7519Examples(t *testing.T) {
	var file struct {
		Signed    string `json:"3.1_example"`
		Unsecured string `json:"6.1_unsecured"`
	}
	readVectors(t, "rfc7519/examples.json", &file)
	var keys struct {
		Cases []struct{ Key json.RawMessage }
	}
	readVectors(t, "rfc7515/appendix_a.json", &keys)
	key := must(jwk.ParsePrivate(keys.Cases[0].Key, jwk.DefaultAlgorithm(jeton.HS256)))(t)

	v := must(jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer: "joe", AnyAudience: true, Type: "JWT", Leeway: jeton.NoLeeway,
		Now: func() time.Time { return time.Unix(1300819379, 0) },
	}))(t)
	verified := must(v.Verify(context.Background(), file.Signed))(t)
	if got := verified.Claims(); got.Issuer != "joe" || got.ExpiresAt != jeton.At(time.Unix(1300819380, 0)) || got.Subject != "" || got.Audience != nil {
		t.Errorf("%+v", got)
	}
	if root, ok := verified.Claim("http://example.com/is_root"); !ok || string(root) != "true" {
		t.Errorf("is_root %s, %t", root, ok)
	}
	refusedBy(t, v, file.Unsecured, jeton.ErrSegments)
	refusedBy(t, v, file.Unsecured+strings.Split(file.Signed, ".")[2], jeton.ErrUnsupportedAlgorithm)
	late := must(jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer: "joe", AnyAudience: true, Type: "JWT", Leeway: jeton.NoLeeway,
		Now: func() time.Time { return time.Unix(1300819380, 0) },
	}))(t)
	refusedBy(t, late, file.Signed, jeton.ErrExpired)
}

func TestRFC7638Thumbprint(t *testing.T) {
	var file struct {
		Key    map[string]string
		SHA256 string
	}
	readVectors(t, "rfc7638/thumbprint.json", &file)
	given := must(jwk.ParsePublic(must(json.Marshal(file.Key))(t)))(t)
	if given.ID() != file.Key["kid"] || given.Thumbprint() != file.SHA256 {
		t.Errorf("id %s, thumbprint %s", given.ID(), given.Thumbprint())
	}
	key := must(jeton.NewVerifyingKey(jeton.RS256, given.PublicKey()))(t)
	if key.ID() != file.SHA256 {
		t.Errorf("the default id is %s", key.ID())
	}
}

// The cookbook of RFC 7520: those signatures that are the same every time are
// made again, byte for byte.
func TestRFC7520Signatures(t *testing.T) {
	for _, name := range []string{"4_1.rsa_v15_signature", "4_2.rsa-pss_signature", "4_3.ecdsa_signature", "4_4.hmac-sha2_integrity_protection"} {
		t.Run(name, func(t *testing.T) {
			var file struct {
				Reproducible bool
				Input        struct {
					Payload string
					Alg     jeton.Algorithm
					Key     map[string]any
				}
				Output struct{ Compact string }
			}
			readVectors(t, "rfc7520-cookbook/jws/"+name+".json", &file)
			until(t, file.Input.Alg)
			// The algorithm is the key's; the book's keys name none, or one
			// that does not exist.
			file.Input.Key["alg"] = file.Input.Alg
			key := must(jwk.ParsePrivate(must(json.Marshal(file.Input.Key))(t)))(t)
			payload := must(vectorVerifier(t, key.Public()).Authenticate(context.Background(), file.Output.Compact))(t)
			if string(payload) != file.Input.Payload {
				t.Errorf("payload %q", payload)
			}
			if signer := must(jeton.NewSigner(key, jeton.Type("")))(t); file.Reproducible {
				if got := must(signer.SignRaw([]byte(file.Input.Payload)))(t); got != file.Output.Compact {
					t.Errorf("signed %s", got)
				}
			}
		})
	}
}

func TestRFC8037Signature(t *testing.T) {
	var file struct {
		Private json.RawMessage                   `json:"A.1_private"`
		JWS     struct{ Compact, Payload string } `json:"A.4_jws"`
	}
	readVectors(t, "rfc8037/examples.json", &file)
	until(t, "EdDSA")
	key := must(jwk.ParsePrivate(file.Private, jwk.DefaultAlgorithm("EdDSA")))(t)
	payload := must(vectorVerifier(t, key.Public()).Authenticate(context.Background(), file.JWS.Compact))(t)
	if string(payload) != file.JWS.Payload {
		t.Errorf("payload %q", payload)
	}
	signer := must(jeton.NewSigner(key, jeton.Type(""), jeton.WithoutKeyID(), jeton.OlderAlgorithmName()))(t)
	if got := must(signer.SignRaw([]byte(file.JWS.Payload)))(t); got != file.JWS.Compact {
		t.Errorf("signed %s", got)
	}
}

// wycheproofOverrides are the labels of json_web_signature_test.json that are
// wrong, or that a strict verifier contradicts, each with its reason.
var wycheproofOverrides = map[int]struct{ result, reason string }{
	346: {"invalid", "the token's alg is PS384, its key is for PS256"},
	347: {"invalid", `the key's alg is "ES521", which does not exist`},
	350: {"invalid", "the token's alg is PS384, its key is for PS256"},
	351: {"invalid", `the key's alg is "ES521", which does not exist`},
	367: {"valid", "byte for byte the token of 357, which is labelled valid (C2SP/wycheproof issue 236)"},
	370: {"valid", "byte for byte the token of 357, which is labelled valid (C2SP/wycheproof issue 236)"},
	372: {"invalid", "'?' is not in the alphabet of base64url"},
	373: {"invalid", "'?' is not in the alphabet of base64url"},
}

func TestWycheproofSignatures(t *testing.T) {
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Comment         string
			Public, Private json.RawMessage
			Tests           []struct {
				TcID                 int
				Comment, JWS, Result string
			}
		}
	}
	readVectors(t, "wycheproof/json_web_signature_test.json", &file)
	seen, ran, waiting := 0, map[string]int{}, map[jeton.Algorithm]int{}
	overridden := map[int]bool{}
	for _, g := range file.TestGroups {
		var key struct {
			Alg jeton.Algorithm
			Kty string
		}
		text := g.Public
		if text == nil {
			text = g.Private
		}
		if err := json.Unmarshal(text, &key); err != nil {
			t.Fatal(err)
		}
		alg := key.Alg
		switch {
		case alg == "ES521":
			alg = "ES512" // what is meant, for the question whether it exists
		case alg == "" && key.Kty == "RSA":
			alg = jeton.RS256
		case alg == "" && key.Kty == "EC":
			alg = "ES256"
		}
		for _, c := range g.Tests {
			seen++
			want := c.Result
			if o, ok := wycheproofOverrides[c.TcID]; ok {
				if o.result == c.Result {
					t.Errorf("tcId %d needs no override", c.TcID)
				}
				want = o.result
				overridden[c.TcID] = true
			}
			if !alg.Valid() {
				waiting[alg]++
				continue
			}
			ran[c.Result]++
			verifying, err := wycheproofKey(text, key.Kty, alg)
			var payload []byte
			if err == nil {
				payload, err = vectorVerifier(t, verifying).Authenticate(context.Background(), c.JWS)
			}
			switch {
			case want == "valid" && err != nil:
				t.Errorf("tcId %d (%s, %s): %v", c.TcID, g.Comment, c.Comment, err)
			case want == "valid" && string(payload) != string(unb64(strings.Split(c.JWS, ".")[1])):
				t.Errorf("tcId %d (%s, %s): payload %q", c.TcID, g.Comment, c.Comment, payload)
			case want == "invalid" && err == nil:
				t.Errorf("tcId %d (%s, %s): accepted", c.TcID, g.Comment, c.Comment)
			case want == "invalid" && jeton.ReasonCode(err) == "":
				t.Errorf("tcId %d (%s, %s): no reason in %v", c.TcID, g.Comment, c.Comment, err)
			case want != "valid" && want != "invalid":
				t.Errorf("tcId %d: what is %q?", c.TcID, want)
			}
		}
	}
	if seen != file.NumberOfTests {
		t.Errorf("%d tests of %d", seen, file.NumberOfTests)
	}
	if len(overridden) != len(wycheproofOverrides) {
		t.Errorf("%d overrides of %d", len(overridden), len(wycheproofOverrides))
	}
	if ran["valid"] < 20 || ran["invalid"] < 200 {
		t.Errorf("ran only %v", ran)
	}
	t.Logf("ran %d labelled valid and %d labelled invalid; waiting for their algorithm: %v", ran["valid"], ran["invalid"], waiting)
}

func wycheproofKey(text json.RawMessage, kty string, alg jeton.Algorithm) (*jeton.VerifyingKey, error) {
	if kty != "oct" {
		return jwk.ParsePublic(text, jwk.DefaultAlgorithm(alg))
	}
	// One of the secrets is 32 zeros.
	key, err := jwk.ParsePrivate(text, jwk.InsecureAllowWeakSecret())
	if err != nil {
		return nil, err
	}
	return key.Public(), nil
}
