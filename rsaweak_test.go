package jeton

import (
	"crypto/rand"
	"encoding/json"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/base64url"
)

// wycheproofModulus returns the modulus of the first RSA key in the group of
// json_web_key_test.json that has the comment.
func wycheproofModulus(t *testing.T, comment string) *big.Int {
	t.Helper()
	text, err := os.ReadFile("testdata/wycheproof/json_web_key_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			Comment string
			Public  struct{ Keys []struct{ N string } }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.TestGroups {
		if g.Comment == comment {
			n, err := base64url.Decode(g.Public.Keys[0].N)
			if err != nil {
				t.Fatal(err)
			}
			return new(big.Int).SetBytes(n)
		}
	}
	t.Fatalf("no group %q", comment)
	return nil
}

func prime(t *testing.T, bits int) *big.Int {
	t.Helper()
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func nextPrime(p *big.Int) *big.Int {
	q := new(big.Int).Set(p)
	for {
		q.Add(q, big.NewInt(2))
		if q.ProbablyPrime(20) {
			return q
		}
	}
}

func TestWeakRSAFindsROCA(t *testing.T) {
	if reason := weakRSA(wycheproofModulus(t, "jws_rsa_roca_key")); !strings.Contains(reason, "ROCA") {
		t.Errorf("Wycheproof JWK 7: %q", reason)
	}
}

// Moduli made by the rule of the paper, for the shortest keys whose M has 71
// primes, the usual 2048 and the longest.
func TestWeakRSAFindsROCAOfEverySize(t *testing.T) {
	for _, size := range []struct{ primes, primeBits int }{{71, 512}, {126, 1024}, {225, 2048}} {
		m := big.NewInt(2)
		for p, count := int64(3), 1; count < size.primes; p += 2 {
			if b := big.NewInt(p); b.ProbablyPrime(0) {
				m.Mul(m, b)
				count++
			}
		}
		rocaFactor := func() *big.Int {
			shift := new(big.Int).Lsh(big.NewInt(1), uint(size.primeBits-m.BitLen()))
			a, err := rand.Int(rand.Reader, m)
			if err != nil {
				t.Fatal(err)
			}
			k, err := rand.Int(rand.Reader, shift)
			if err != nil {
				t.Fatal(err)
			}
			p := new(big.Int).Exp(big.NewInt(65537), a, m)
			return p.Add(p, k.Mul(k, m)) // the residues are what counts: it need not be a prime
		}
		if n := new(big.Int).Mul(rocaFactor(), rocaFactor()); !fingerprintROCA(n) {
			t.Errorf("M of %d primes: not found", size.primes)
		}
	}
}

func TestWeakRSAFindsClosePrimes(t *testing.T) {
	p := prime(t, 1024)
	neighbour := nextPrime(p)
	// It takes about (q-p)^2 / 8p rounds, and rand.Prime sets the two upper bits.
	away := func(factor int64, bits uint) *big.Int {
		distance := big.NewInt(factor)
		return nextPrime(distance.Add(distance.Lsh(distance, bits), p))
	}
	for name, c := range map[string]struct {
		q    *big.Int
		weak bool
	}{
		"the same prime twice":                  {p, true},
		"the next prime":                        {neighbour, true},
		"72 to 96 rounds away":                  {away(3, 515), true},
		"at least 128 rounds away":              {away(1, 517), false},
		"further than Fermat ever gets":         {away(1, 560), false},
		"a prime drawn for itself":              {prime(t, 1024), false},
		"a prime drawn for itself, of 512 bits": {prime(t, 512), false},
	} {
		reason := weakRSA(new(big.Int).Mul(p, c.q))
		if weak := strings.Contains(reason, "close"); weak != c.weak {
			t.Errorf("%s: %q", name, reason)
		}
	}
}

// Moduli without a small factor, as keys are, pass: to refuse one in some
// hundreds would be worse than the attack.
func TestWeakRSAPassesModuliDrawnAtRandom(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	smallPrimes := big.NewInt(1)
	for p := int64(3); p < 353; p += 2 {
		if b := big.NewInt(p); b.ProbablyPrime(0) {
			smallPrimes.Mul(smallPrimes, b)
		}
	}
	for drawn := 0; drawn < 3000; {
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		b[0] |= 0x80
		b[255] |= 1
		n := new(big.Int).SetBytes(b)
		if new(big.Int).GCD(nil, nil, n, smallPrimes).BitLen() != 1 {
			continue
		}
		drawn++
		if fingerprintROCA(n) {
			t.Fatalf("refused: %x", n)
		}
	}
}

func TestWeakRSAPassesPublishedKeys(t *testing.T) {
	if reason := weakRSA(wycheproofModulus(t, "rs256")); reason != "" {
		t.Errorf("refused: %s", reason)
	}
}

func TestWeakRSARefusesWhatIsNoModulus(t *testing.T) {
	for _, n := range []*big.Int{nil, big.NewInt(0), big.NewInt(-15), big.NewInt(1 << 40)} {
		if weakRSA(n) == "" {
			t.Errorf("passed: %v", n)
		}
	}
	for _, n := range []int64{1, 3, 15} { // too small for Fermat to be right, and no panic
		weakRSA(big.NewInt(n))
	}
}

func TestIsSquare(t *testing.T) {
	squares := map[int64]bool{}
	for i := range int64(200) {
		squares[i*i] = true
	}
	for n := range int64(200 * 200) {
		if isSquare(big.NewInt(n)) != squares[n] {
			t.Fatalf("%d", n)
		}
	}
}

func BenchmarkWeakRSA(b *testing.B) {
	p, _ := rand.Prime(rand.Reader, 2048)
	q, _ := rand.Prime(rand.Reader, 2048)
	n := new(big.Int).Mul(p, q)
	b.ReportAllocs()
	for b.Loop() {
		weakRSA(n)
	}
}
