//go:build go1.27

package jeton_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/mldsa"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

var mldsaParameters = map[jeton.Algorithm]mldsa.Parameters{
	jeton.MLDSA44: mldsa.MLDSA44(),
	jeton.MLDSA65: mldsa.MLDSA65(),
	jeton.MLDSA87: mldsa.MLDSA87(),
}

func TestMLDSAIsThereSinceGo127(t *testing.T) {
	for alg, params := range mldsaParameters {
		if !alg.Valid() || alg.KeyType() != "AKP" || alg.Symmetric() || string(alg) != params.String() || !slices.Contains(jeton.Algorithms(), alg) {
			t.Errorf("%s", alg)
		}
	}
}

// The examples of RFC 9964 appendix A.1: their "kid" is the thumbprint.
func TestRFC9964Examples(t *testing.T) {
	for alg, params := range mldsaParameters {
		t.Run(string(alg), func(t *testing.T) {
			var file struct {
				Seed      string `json:"priv"`
				JWK       json.RawMessage
				JWS       string
				Signed    string `json:"raw_to_be_signed"`
				Signature string `json:"raw_signature"`
				Public    string `json:"raw_public_key"`
			}
			readVectors(t, "mldsa-jose/"+strings.ReplaceAll(string(alg), "-", "_")+".jose.json", &file)
			key := must(jwk.ParsePrivate(file.JWK))(t)
			var named struct{ Kid string }
			if err := json.Unmarshal(file.JWK, &named); err != nil {
				t.Fatal(err)
			}
			public := key.Public().PublicKey().(*mldsa.PublicKey)
			if key.Algorithm() != alg || key.ID() != named.Kid || key.Public().Thumbprint() != named.Kid || hex.EncodeToString(public.Bytes()) != file.Public {
				t.Errorf("%s, id %s, thumbprint %s", key.Algorithm(), key.ID(), key.Public().Thumbprint())
			}
			v := vectorVerifier(t, key.Public())
			payload := must(v.Authenticate(context.Background(), file.JWS))(t)
			parts := strings.Split(file.JWS, ".")
			if !bytes.Equal(payload, unb64(parts[1])) || !strings.Contains(string(payload), "a dangerous business") {
				t.Errorf("payload %q", payload)
			}
			if hex.EncodeToString([]byte(parts[0]+"."+parts[1])) != file.Signed || hex.EncodeToString(unb64(parts[2])) != file.Signature {
				t.Error("the file's own values differ")
			}

			made := must(jeton.NewSigningKey(alg, must(mldsa.NewPrivateKey(params, must(hex.DecodeString(file.Seed))(t)))(t)))(t)
			if made.ID() != named.Kid {
				t.Errorf("id %s", made.ID())
			}
			signer := must(jeton.NewSigner(made, jeton.Type("")))(t)
			tokens := map[string]bool{}
			for range 2 {
				token := must(signer.SignRaw(payload))(t)
				if !strings.HasPrefix(token, parts[0]+"."+parts[1]+".") {
					t.Errorf("signed %.120s", token)
				}
				if again := must(v.Authenticate(context.Background(), token))(t); !bytes.Equal(again, payload) {
					t.Errorf("payload %q", again)
				}
				tokens[token] = true
			}
			if len(tokens) != 2 {
				t.Error("two signatures are the same: they are not randomized")
			}
		})
	}
}

// weakMLDSA tells the groups whose key has a t1 of zeros, and in those about a
// missing reduction of ones.
func weakMLDSA(flags []string) bool {
	return slices.Contains(flags, "ZeroPublicKey") || slices.Contains(flags, "MissingReduction")
}

// mldsaOverride returns the label that holds here, and the reason if it is not
// the one that the vector has.
func mldsaOverride(label string, flags []string, context string) (string, string) {
	switch {
	case label == "valid" && weakMLDSA(flags):
		return "invalid", "anybody can sign for such a key, which is refused when it is made"
	case label == "valid" && context != "":
		return "invalid", "the context of a token's signature is empty (RFC 9964 section 5)"
	}
	return label, ""
}

func TestWycheproofMLDSA(t *testing.T) {
	for alg, params := range mldsaParameters {
		t.Run(string(alg), func(t *testing.T) {
			var file struct {
				Algorithm     jeton.Algorithm
				NumberOfTests int
				TestGroups    []struct {
					PublicKey string
					Tests     []struct {
						TcID                           int
						Comment, Msg, Ctx, Sig, Result string
						Flags                          []string
					}
				}
			}
			readVectors(t, "wycheproof/mldsa_"+string(alg[len("ML-DSA-"):])+"_verify_test.json", &file)
			if file.Algorithm != alg {
				t.Fatal(file.Algorithm)
			}
			seen, ran, overrides := 0, map[string]int{}, 0
			for _, g := range file.TestGroups {
				text := fmt.Sprintf(`{"kty":"AKP","alg":%q,"pub":%q}`, alg, b64(string(must(hex.DecodeString(g.PublicKey))(t))))
				key, keyErr := jwk.ParsePublic([]byte(text))
				if weak := weakMLDSA(g.Tests[0].Flags); weak != is(keyErr, jeton.ErrWeakKey) {
					t.Errorf("tcId %d: %v", g.Tests[0].TcID, keyErr)
				}
				if wrong := len(g.PublicKey) != 2*params.PublicKeySize(); wrong != (keyErr != nil && !is(keyErr, jeton.ErrWeakKey)) {
					t.Errorf("tcId %d: %v", g.Tests[0].TcID, keyErr)
				}
				for _, c := range g.Tests {
					seen++
					want, reason := mldsaOverride(c.Result, c.Flags, c.Ctx)
					if reason != "" {
						overrides++
					}
					ran[want]++
					holds := keyErr == nil && key.Holds(must(hex.DecodeString(c.Msg))(t), must(hex.DecodeString(c.Sig))(t))
					if holds != (want == "valid") {
						t.Errorf("tcId %d (%s): %t, labelled %s %s", c.TcID, c.Comment, holds, c.Result, reason)
					}
				}
			}
			// Two have a context, two a key of zeros, one a key of ones.
			want := 4
			if alg == jeton.MLDSA87 {
				want = 5
			}
			if seen != file.NumberOfTests || overrides != want || ran["valid"] < 60 || ran["invalid"] < 100 {
				t.Errorf("%d of %d, %v, %d overrides", seen, file.NumberOfTests, ran, overrides)
			}
		})
	}
}

func TestRefusesMLDSASignatures(t *testing.T) {
	for alg, params := range mldsaParameters {
		private := must(mldsa.GenerateKey(params))(t)
		v := testVerifier(t, must(jeton.NewSigningKey(alg, private))(t).Public(), func(p *jeton.Policy) { p.Limits.TokenBytes = 16 << 10 })
		signed := b64(`{"alg":"`+string(alg)+`","typ":"JWT"}`) + "." + b64(goodPayload)
		with := func(b ...[]byte) string { return signed + "." + b64(string(bytes.Join(b, nil))) }
		sign := func(message []byte, opts crypto.SignerOpts) []byte {
			return must(private.Sign(nil, message, opts))(t)
		}
		sig := sign([]byte(signed), nil)
		must(v.Verify(context.Background(), with(sig)))(t)
		must(v.Verify(context.Background(), with(must(private.SignDeterministic([]byte(signed), nil))(t))))(t)
		digest := sha512.Sum512([]byte(signed))
		flipped := func(i int) []byte {
			b := bytes.Clone(sig)
			b[i] ^= 1
			return b
		}
		for name, token := range map[string]string{
			"A20 with a context":               with(sign([]byte(signed), &mldsa.Options{Context: "jwt"})),
			"A20 of the digest":                with(sign(digest[:], nil)),
			"A20 of the digest for the text":   with(sign(digest[:], crypto.MLDSAMu)),
			"A20 of a text with a byte more":   with(sign([]byte(signed+"."), nil)),
			"A20 cut by a byte":                with(sig[:len(sig)-1]),
			"A20 a zero behind it":             with(sig, []byte{0}),
			"A20 a zero before it":             with([]byte{0}, sig),
			"A20 twice":                        with(sig, sig),
			"A20 zeros":                        with(make([]byte, len(sig))),
			"A20 ones":                         with(bytes.Repeat([]byte{0xff}, len(sig))),
			"A20 another challenge":            with(flipped(0)),
			"A20 another response":             with(flipped(len(sig) / 2)),
			"A20 another hint":                 with(flipped(len(sig) - 1)),
			"A20 as long as a smaller set's":   with(sig[:2420-1]),
			"A20 with the public key after it": with(sig, private.PublicKey().Bytes()),
		} {
			t.Run(name+" "+string(alg), func(t *testing.T) { refusedBy(t, v, token, jeton.ErrSignature) })
		}
	}
}

func TestMLDSAKeysThatMustNotBeUsed(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, 32)
	for alg, params := range mldsaParameters {
		good := must(mldsa.NewPrivateKey(params, seed))(t)
		public := func(after ...byte) *mldsa.PublicKey {
			encoded := append(bytes.Clone(seed), bytes.Repeat(after, params.PublicKeySize()-len(seed))...)
			return must(mldsa.NewPublicKey(params, encoded[:params.PublicKeySize()]))(t)
		}
		for name, c := range map[string]struct {
			public crypto.PublicKey
			reason error
		}{
			"A22 an empty ML-DSA key":           {&mldsa.PublicKey{}, jeton.ErrInvalidKey},
			"A22 a nil ML-DSA key":              {(*mldsa.PublicKey)(nil), jeton.ErrInvalidKey},
			"A22 an ML-DSA key by value":        {*good.PublicKey(), jeton.ErrInvalidKey},
			"A22 an ML-DSA key as bytes":        {good.PublicKey().Bytes(), jeton.ErrInvalidKey},
			"A22 a private ML-DSA key":          {good, jeton.ErrInvalidKey},
			"A22 an ML-DSA key of zeros":        {public(0), jeton.ErrWeakKey},
			"A22 an ML-DSA key of ones":         {public(0xff), jeton.ErrWeakKey},
			"A22 an ML-DSA key of one byte":     {public(0x2a), jeton.ErrWeakKey},
			"a good ML-DSA key":                 {good.PublicKey(), nil},
			"a good ML-DSA key with some zeros": {holed(t, good), nil},
		} {
			t.Run(name+" "+string(alg), func(t *testing.T) {
				_, err := jeton.NewVerifyingKey(alg, c.public)
				if c.reason == nil && err == nil {
					return
				}
				refused(t, err, c.reason)
			})
		}
		for name, signer := range map[string]crypto.Signer{
			"A22 an empty private ML-DSA key": &mldsa.PrivateKey{},
			"A22 a nil private ML-DSA key":    (*mldsa.PrivateKey)(nil),
			"A22 a signer without a key":      foreign{},
			"A22 a signer with an empty key":  foreign{public: &mldsa.PublicKey{}},
		} {
			t.Run(name+" "+string(alg), func(t *testing.T) {
				_, err := jeton.NewSigningKey(alg, signer)
				refused(t, err, jeton.ErrInvalidKey)
			})
		}
	}
}

// holed returns a key with a few zeros in it, which may well be.
func holed(t *testing.T, key *mldsa.PrivateKey) *mldsa.PublicKey {
	t.Helper()
	encoded := key.PublicKey().Bytes()
	clear(encoded[64:128])
	return must(mldsa.NewPublicKey(key.PublicKey().Parameters(), encoded))(t)
}

// What was checked does not change with the memory that a key was made of.
func TestMLDSAKeyKeepsItsOwnCopy(t *testing.T) {
	private, other := must(mldsa.GenerateKey(mldsa.MLDSA44()))(t), must(mldsa.GenerateKey(mldsa.MLDSA44()))(t)
	token := must(must(jeton.NewSigner(must(jeton.NewSigningKey(jeton.MLDSA44, private))(t)))(t).Sign(goodClaims()))(t)
	public := private.PublicKey()
	v := testVerifier(t, must(jeton.NewVerifyingKey(jeton.MLDSA44, public))(t))
	*public = *other.PublicKey()
	must(v.Verify(context.Background(), token))(t)
}

func TestMLDSAKeysDoNotPrintTheirSeed(t *testing.T) {
	seed := make([]byte, mldsa.PrivateKeySize)
	if _, err := rand.Read(seed); err != nil {
		t.Fatal(err)
	}
	key := must(jeton.NewSigningKey(jeton.MLDSA44, must(mldsa.NewPrivateKey(mldsa.MLDSA44(), seed))(t)))(t)
	for how, text := range printed(key) {
		for _, s := range spellings(seed) {
			if strings.Contains(text, s) {
				t.Errorf("%s shows the seed: %.300q", how, text)
			}
		}
	}
}

// The default limits leave the claims of an access token their room.
func TestTokensOfMLDSAFitTheDefaultLimits(t *testing.T) {
	key := must(jeton.GenerateKey(jeton.MLDSA87))(t)
	signer := must(jeton.NewSigner(key))(t)
	claims := map[string]any{"iss": testIssuer, "aud": testAudience, "exp": now.Unix() + 300, "roles": strings.Repeat("r", 1200)}
	must(testVerifier(t, key.Public()).Verify(context.Background(), must(signer.Sign(claims))(t)))(t)
	claims["roles"] = strings.Repeat("r", 1500)
	_, err := signer.Sign(claims)
	refused(t, err, jeton.ErrClaims)
}
