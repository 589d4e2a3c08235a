package bench

import (
	"errors"
	"testing"
	"time"
)

// each runs f for every algorithm and library as ALGORITHM/LIBRARY. What make
// makes for them is what f measures.
func each[F any](b *testing.B, make func(library, setting) (F, error), f func(*testing.B, setting, F)) {
	for _, s := range settings(b) {
		b.Run(string(s.alg), func(b *testing.B) {
			for _, l := range libraries() {
				made, err := make(l, s)
				if errors.Is(err, errNotOffered) {
					continue
				}
				b.Run(l.name, func(b *testing.B) {
					if err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					f(b, s, made)
				})
			}
		})
	}
}

func newSigner(l library, s setting) (signFunc, error)     { return l.signer(s) }
func newVerifier(l library, s setting) (verifyFunc, error) { return l.verifier(s) }

func BenchmarkSign(b *testing.B) {
	each(b, newSigner, func(b *testing.B, _ setting, sign signFunc) {
		c := goodClaims(time.Now())
		for b.Loop() {
			if _, err := sign(c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// bufferSigners are the two that sign into a buffer of the caller's. What others
// offer returns a string or bytes of their own.
var bufferSigners = map[string]func(setting) (bufferSignFunc, error){"floor": floorBufferSigner, "jeton": jetonBufferSigner}

func newBufferSigner(l library, s setting) (bufferSignFunc, error) {
	if make, ok := bufferSigners[l.name]; ok {
		return make(s)
	}
	return nil, errNotOffered
}

// BenchmarkAppendSign signs into one buffer, over and over.
func BenchmarkAppendSign(b *testing.B) {
	each(b, newBufferSigner, func(b *testing.B, _ setting, sign bufferSignFunc) {
		c := goodClaims(time.Now())
		var buffer []byte
		for b.Loop() {
			var err error
			if buffer, err = sign(buffer[:0], c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	each(b, newVerifier, func(b *testing.B, s setting, verify verifyFunc) {
		token := signed(b, s, goodClaims(time.Now()))
		for b.Loop() {
			if _, err := verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkVerifyParallel verifies on all processors at once.
func BenchmarkVerifyParallel(b *testing.B) {
	each(b, newVerifier, func(b *testing.B, s setting, verify verifyFunc) {
		token := signed(b, s, goodClaims(time.Now()))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := verify(token); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
