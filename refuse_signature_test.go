package jeton_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

func TestRefusesSignatures(t *testing.T) {
	for _, alg := range []jeton.Algorithm{jeton.HS256, jeton.HS512, jeton.RS256, jeton.PS256, jeton.ES256, jeton.ES384, jeton.ES512, jeton.Ed25519} {
		key := must(jeton.GenerateKey(alg, jeton.KeyID("k1")))(t)
		token := must(must(jeton.NewSigner(key))(t).Sign(goodClaims()))(t)
		parts := strings.Split(token, ".")
		sig := unb64(parts[2])
		with := func(s []byte) string { return parts[0] + "." + parts[1] + "." + b64(string(s)) }
		join := func(s ...[]byte) []byte { return bytes.Join(s, nil) }
		stranger := must(jeton.GenerateKey(alg, jeton.KeyID("k1")))(t)
		otherToken := func(k *jeton.SigningKey, c jeton.Claims) []string {
			return strings.Split(must(must(jeton.NewSigner(k))(t).Sign(c))(t), ".")
		}
		admin := goodClaims()
		admin.Subject = "somebody-else"
		v := testVerifier(t, key.Public())
		must(v.Verify(context.Background(), token))(t)
		for name, forged := range map[string]string{
			"A20 cut by a byte":                 with(sig[:len(sig)-1]),
			"A20 without its first byte":        with(sig[1:]),
			"A20 one byte":                      with(sig[:1]),
			"A20 half":                          with(sig[:len(sig)/2]),
			"A20 a zero before it":              with(join([]byte{0}, sig)),
			"A20 a zero behind it":              with(join(sig, []byte{0})),
			"A20 a byte behind it":              with(join(sig, []byte{0x5a})),
			"A20 twice":                         with(join(sig, sig)),
			"A20 zeros":                         with(make([]byte, len(sig))),
			"A20 ones":                          with(bytes.Repeat([]byte{0xff}, len(sig))),
			"A20 the number one":                with(append(make([]byte, len(sig)-1), 1)),
			"A20 backwards":                     with(reversed(sig)),
			"A20 its text in hex":               with([]byte(fmt.Sprintf("%x", sig))),
			"A20 its text in base64":            with([]byte(base64.StdEncoding.EncodeToString(sig))),
			"A20 three kilobytes":               with(bytes.Repeat([]byte{1}, 3000)),
			"A5 of another key of the same kid": parts[0] + "." + parts[1] + "." + otherToken(stranger, goodClaims())[2],
			"A5 a token of another key":         strings.Join(otherToken(stranger, goodClaims()), "."),
			"of other claims":                   parts[0] + "." + parts[1] + "." + otherToken(key, admin)[2],
			"on other claims":                   parts[0] + "." + otherToken(key, admin)[1] + "." + parts[2],
			"of the payload alone":              sealHS256(testSecret, "", parts[1])[1:],
			"on another spelling of the header": b64(string(unb64(parts[0]))+" ") + "." + parts[1] + "." + parts[2],
		} {
			if name == "of the payload alone" {
				forged = parts[0] + "." + forged
			}
			t.Run(name+" "+string(alg), func(t *testing.T) {
				refusedBy(t, v, forged, jeton.ErrSignature)
			})
		}
	}
}

func reversed(b []byte) []byte {
	r := make([]byte, len(b))
	for i := range b {
		r[len(b)-1-i] = b[i]
	}
	return r
}

// An RSA signature is a number, and numbers have many spellings; only the one of
// the modulus's length below the modulus counts (RFC 8017 section 8.2.2).
func TestRefusesOtherSpellingsOfAnRSASignature(t *testing.T) {
	key, private := rsaKey(t), rsaPrivate(t)
	signer := must(jeton.NewSigner(key))(t)
	v := testVerifier(t, key.Public())
	var short, sum bool
	for i := 0; !short || !sum; i++ {
		c := goodClaims()
		c.ID = fmt.Sprint(i)
		token := must(signer.Sign(c))(t)
		dot := strings.LastIndexByte(token, '.') + 1
		sig := unb64(token[dot:])
		if sig[0] == 0 && !short {
			short = true
			t.Run("A20 without its leading zero", func(t *testing.T) {
				refusedBy(t, v, token[:dot]+b64(string(sig[1:])), jeton.ErrSignature)
			})
		}
		if n := new(big.Int).SetBytes(sig); n.Add(n, private.N).BitLen() <= 2048 && !sum {
			sum = true
			t.Run("A20 plus the modulus", func(t *testing.T) {
				refusedBy(t, v, token[:dot]+b64(string(n.FillBytes(make([]byte, 256)))), jeton.ErrSignature)
			})
		}
	}
	pss := must(rsa.GenerateKey(rand.Reader, 2048))(t) // another key altogether
	t.Run("A20 under another key of the same length", func(t *testing.T) {
		k := must(jeton.NewSigningKey(jeton.RS256, pss, jeton.KeyID(key.ID())))(t)
		refusedBy(t, v, must(must(jeton.NewSigner(k))(t).Sign(goodClaims()))(t), jeton.ErrSignature)
	})
	t.Run("A20 with another hash", func(t *testing.T) {
		k := must(jeton.NewSigningKey(jeton.RS512, private))(t)
		token := strings.Split(must(must(jeton.NewSigner(k, jeton.WithoutKeyID()))(t).Sign(goodClaims()))(t), ".")
		token[0] = b64(`{"alg":"RS256","typ":"JWT"}`)
		refusedBy(t, v, strings.Join(token, "."), jeton.ErrSignature)
	})
}

type keySet func(jeton.Header) (*jeton.VerifyingKey, error)

func (f keySet) FindKey(_ context.Context, h jeton.Header) (*jeton.VerifyingKey, error) { return f(h) }

// A key set is another's code: whatever it answers, there is a refusal with a
// reason and no crash.
func TestKeySetsThatFindNothing(t *testing.T) {
	own := fmt.Errorf("the disk is full")
	for _, c := range []struct {
		name string
		key  *jeton.VerifyingKey
		err  error
		want error
	}{
		{"A4 nothing", nil, nil, jeton.ErrUnknownKey},
		{"A4 a key that nobody made", new(jeton.VerifyingKey), nil, jeton.ErrUnknownKey},
		{"A4 unknown", nil, jeton.ErrUnknownKey, jeton.ErrUnknownKey},
		{"A4 unknown, wrapped", nil, fmt.Errorf("set: %w", jeton.ErrUnknownKey), jeton.ErrUnknownKey},
		{"unavailable", nil, jeton.ErrKeysUnavailable, jeton.ErrKeysUnavailable},
		{"an error of its own", nil, own, jeton.ErrKeysUnavailable},
		{"cancelled", nil, context.Canceled, jeton.ErrKeysUnavailable},
		{"a key beside an error", hmacKey(t).Public(), own, jeton.ErrKeysUnavailable},
		{"A2 a key of another algorithm", rsaKey(t).Public(), nil, jeton.ErrAlgorithmMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			v := testVerifier(t, keySet(func(h jeton.Header) (*jeton.VerifyingKey, error) {
				asked++
				if h != (jeton.Header{Algorithm: jeton.HS256, Type: "JWT", KeyID: "k1", ContentType: "x/y"}) {
					t.Errorf("header %+v", h)
				}
				return c.key, c.err
			}))
			token := forge(head(`"kid":"k1","cty":"x/y"`), goodPayload)
			refusedBy(t, v, token, c.want)
			if _, err := v.Verify(context.Background(), token); c.err != nil && !is(err, c.err) {
				t.Errorf("the set's own error is lost: %v", err)
			}
			const tokens = 5 // four by refusedBy
			if asked != tokens {
				t.Errorf("asked %d times for %d tokens", asked, tokens)
			}
			// What can't be a token asks for no key.
			for _, malformed := range []string{"", "..", forge(head(`"kid":17`), goodPayload), forge(head(`"crit":[]`), goodPayload), token + "=", token + "."} {
				if _, err := v.Verify(context.Background(), malformed); !is(err, jeton.ErrMalformed) {
					t.Errorf("%v", err)
				}
			}
			if asked != tokens {
				t.Error("asked for the key of a malformed token")
			}
		})
	}
}

func TestContextReachesTheKeySet(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := testVerifier(t, contextSet{})
	_, err := v.Verify(ctx, forge(goodHeader, goodPayload))
	if !is(err, context.Canceled) || !is(err, jeton.ErrKeysUnavailable) {
		t.Error(err)
	}
}

type contextSet struct{}

func (contextSet) FindKey(ctx context.Context, _ jeton.Header) (*jeton.VerifyingKey, error) {
	return nil, ctx.Err()
}
