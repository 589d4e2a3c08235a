package jeton

import "math/big"

// weakRSA looks for two ways in which a modulus of a good length can be
// factored all the same, and returns what it found, or "". It takes a fraction of
// a millisecond. That a modulus passes says nothing else about how its primes
// were drawn.
func weakRSA(n *big.Int) string {
	switch {
	case n == nil || n.Sign() <= 0 || n.Bit(0) == 0:
		return "the modulus is not odd and positive"
	case fingerprintROCA(n):
		return "the modulus was made by a generator whose keys can be factored (ROCA, CVE-2017-15361)"
	case closePrimes(n):
		return "the primes of the modulus are so close together that it can be factored"
	}
	return ""
}

// rocaPrimes is how many primes after 2 are looked at.
//
// The generator of CVE-2017-15361 makes primes k*M + (65537^a mod M), where M is
// the product of the first 39, 71, 126 or 225 primes, more of them the longer
// the key (Nemec and others, "The Return of Coppersmith's Attack", CCS 2017,
// section 2). So modulo each of those small primes its moduli are powers of
// 65537. For keys of 992 bits and more the first 71 primes belong to M, and a
// modulus drawn at random passes for one of these with a probability of 2^-83.
// The 39 that are common to all sizes would refuse a good key in 2^28.
const rocaPrimes = 70

func fingerprintROCA(n *big.Int) bool {
	var small, rest big.Int
	seen := 0
	for p := int64(3); seen < rocaPrimes; p += 2 {
		if !small.SetInt64(p).ProbablyPrime(0) { // exact below 2^64
			continue
		}
		seen++
		if !powerOf65537(rest.Mod(n, &small).Int64(), p) {
			return false
		}
	}
	return true
}

// powerOf65537 tells whether r is a power of 65537 modulo the prime p.
func powerOf65537(r, p int64) bool {
	g := 65537 % p
	for x := g; ; x = x * g % p {
		if x == r {
			return true
		}
		if x <= 1 { // the group is exhausted
			return false
		}
	}
}

// fermatRounds is how far Fermat's method is followed. Primes of 1024 bits that
// it finds in so few steps share their upper 500 bits or so, which does not
// happen to primes that are drawn independently.
const fermatRounds = 100

// closePrimes tells whether Fermat's method factors the odd n = p*q at once: if
// p and q are close, then n = a^2 - b^2 for an a just above the root of n.
func closePrimes(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	if new(big.Int).Mul(a, a).Cmp(n) < 0 {
		a.Add(a, big.NewInt(1))
	}
	square := new(big.Int).Mul(a, a)
	square.Sub(square, n) // a^2 - n, which must be a square b^2
	step := new(big.Int).Lsh(a, 1)
	step.Add(step, big.NewInt(1)) // (a+1)^2 - a^2
	two := big.NewInt(2)
	for range fermatRounds {
		if isSquare(square) {
			return true
		}
		square.Add(square, step)
		step.Add(step, two)
	}
	return false
}

// isSquare tells whether n, which is not negative, is a square. Most numbers
// fail by their last six bits, without a root being drawn.
func isSquare(n *big.Int) bool {
	const squaresMod64 = 1<<0 | 1<<1 | 1<<4 | 1<<9 | 1<<16 | 1<<17 | 1<<25 | 1<<33 | 1<<36 | 1<<41 | 1<<49 | 1<<57
	var low uint
	for i := range 6 {
		low |= n.Bit(i) << i
	}
	if squaresMod64>>low&1 == 0 {
		return false
	}
	root := new(big.Int).Sqrt(n)
	return root.Mul(root, root).Cmp(n) == 0
}
