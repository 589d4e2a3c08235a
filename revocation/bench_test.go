package revocation_test

import (
	"crypto/rand"
	"encoding/base64"
	"runtime"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/revocation"
)

func randomSID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// verifiedTokens makes tokens as an issuer does, each of another session.
func verifiedTokens(tb testing.TB, n int) []*jeton.Verified {
	tb.Helper()
	key, err := jeton.GenerateKey(jeton.HS256)
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		tb.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true})
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]*jeton.Verified, n)
	for i := range out {
		token, err := signer.Sign(jeton.AccessClaims{
			Claims: jeton.Claims{
				Issuer: "https://auth.example", Subject: randomSID(), Audience: jeton.Audience{"orders"}, ID: randomSID(),
				IssuedAt: jeton.At(time.Now()), ExpiresAt: jeton.At(time.Now().Add(time.Hour)),
			},
			ClientID: "web", SessionID: randomSID(), Scope: "orders:read",
		})
		if err != nil {
			tb.Fatal(err)
		}
		if out[i], err = verifier.Verify(tb.Context(), token); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

const million = 1_000_000

func BenchmarkCheckAtAMillionSessions(b *testing.B) {
	set := revocation.NewSet(time.Now)
	until := time.Now().Add(time.Hour)
	for range million {
		set.RevokeSession(randomSID(), until)
	}
	benchmarkCheck(b, set)
}

func BenchmarkCheckAtAMillionSessionsAndSubjects(b *testing.B) {
	set := revocation.NewSet(time.Now)
	until := time.Now().Add(time.Hour)
	for range million / 2 {
		set.RevokeSession(randomSID(), until)
		set.Add(revocation.Entry{Kind: revocation.Subject, Value: randomSID(), Before: time.Now(), Until: until})
	}
	benchmarkCheck(b, set)
}

func benchmarkCheck(b *testing.B, list jeton.RevocationList) {
	tokens := verifiedTokens(b, 512)
	ctx := b.Context()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := list.CheckRevoked(ctx, tokens[i&511]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkMemory reports what an entry takes, all in, at the fullest and at the
// emptiest that tables get.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{800_000, 910_000, million, 1_200_000} {
		b.Run(time.Duration(n).String(), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				set := revocation.NewSet(time.Now)
				until := time.Now().Add(time.Hour)
				for range n {
					set.RevokeSession(randomSID(), until)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/entry")
				runtime.KeepAlive(set)
			}
		})
	}
}
