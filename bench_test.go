package jeton_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

// benchKeys has a key of every algorithm.
func benchKeys(b *testing.B) []*jeton.SigningKey {
	b.Helper()
	var keys []*jeton.SigningKey
	for _, alg := range jeton.Algorithms() {
		keys = append(keys, must(jeton.GenerateKey(alg))(b))
	}
	return keys
}

func benchClaims() jeton.AccessClaims {
	c := jeton.AccessClaims{Claims: goodClaims(), ClientID: "web", SessionID: "7f3a", Scope: "orders:read orders:write"}
	c.IssuedAt, c.ID = jeton.At(now), "0b5f6c1e"
	return c
}

func BenchmarkVerify(b *testing.B) {
	for _, key := range benchKeys(b) {
		b.Run(string(key.Algorithm()), func(b *testing.B) {
			v := testVerifier(b, key.Public())
			token := must(must(jeton.NewSigner(key))(b).Sign(benchClaims()))(b)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(ctx, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyParallel(b *testing.B) {
	key := must(jeton.GenerateKey(jeton.HS256))(b)
	v := testVerifier(b, key.Public())
	token := must(must(jeton.NewSigner(key))(b).Sign(benchClaims()))(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Verify(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerifyAs(b *testing.B) {
	key := must(jeton.GenerateKey(jeton.HS256))(b)
	v := testVerifier(b, key.Public())
	token := must(must(jeton.NewSigner(key))(b).Sign(benchClaims()))(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jeton.VerifyAs[jeton.AccessClaims](context.Background(), v, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, key := range benchKeys(b) {
		b.Run(string(key.Algorithm()), func(b *testing.B) {
			signer := must(jeton.NewSigner(key))(b)
			claims := benchClaims()
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buf, err = signer.AppendSign(buf[:0], &claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuse is the work that a stranger can cause: the worst that fits the
// default limits.
func BenchmarkRefuse(b *testing.B) {
	v := testVerifier(b, hmacKey(b).Public())
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf(`"%04d":1`, i))
	}
	many := strings.Join(names, ",")
	for _, c := range []struct{ name, token string }{
		{"garbage", strings.Repeat("A", 8000)},
		{"too long", strings.Repeat("A", 1<<20)},
		{"signature", forge(goodHeader, goodPayload)[:len(goodHeader)*4/3+2] + b64("{}") + "." + b64("signature")},
		{"members in the header", b64(head(many)) + "." + b64("{}") + "." + b64("signature")},
		{"escaped members in the header", b64(head(strings.ReplaceAll(many, `"0`, `"\n`))) + "." + b64("{}") + "." + b64("signature")},
		{"long string in the header", b64(head(`"x":"`+strings.Repeat(`\u00e9`, 900)+`"`)) + "." + b64("{}") + "." + b64("signature")},
		{"members in the claims", forge(goodHeader, `{`+many+`}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(context.Background(), c.token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkNewVerifyingKey(b *testing.B) {
	public := &rsaPrivate(b).PublicKey
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jeton.NewVerifyingKey(jeton.RS256, public); err != nil {
			b.Fatal(err)
		}
	}
}
