package jeton

import (
	"crypto/ed25519"
	"errors"
	"math/big"
	"slices"
	"testing"
)

// edwards25519 is just enough of the curve of RFC 8032 section 5.1 to tell the
// order of a point.
type edwards25519 struct{ p, d *big.Int }

func newEdwards25519() edwards25519 {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p))
	return edwards25519{p, d.Mod(d, p)}
}

// recover returns an x for y, or nil if there is none.
func (c edwards25519) recover(y *big.Int) *big.Int {
	yy := new(big.Int).Mul(y, y)
	num := new(big.Int).Sub(yy, big.NewInt(1))
	den := new(big.Int).Add(new(big.Int).Mul(c.d, yy), big.NewInt(1))
	xx := num.Mul(num, den.ModInverse(den, c.p))
	return new(big.Int).ModSqrt(xx.Mod(xx, c.p), c.p)
}

func (c edwards25519) double(x, y *big.Int) (*big.Int, *big.Int) {
	xy := new(big.Int).Mul(x, y)
	t := new(big.Int).Mul(xy, xy)
	t.Mul(t, c.d).Mod(t, c.p)
	one := big.NewInt(1)
	nx := new(big.Int).Mul(big.NewInt(2), xy)
	nx.Mul(nx, new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Add(one, t), c.p), c.p))
	ny := new(big.Int).Add(new(big.Int).Mul(y, y), new(big.Int).Mul(x, x))
	ny.Mul(ny, new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Sub(one, t), c.p), c.p))
	return nx.Mod(nx, c.p), ny.Mod(ny, c.p)
}

func TestEd25519KeysOfSmallOrderAreRefused(t *testing.T) {
	c := newEdwards25519()
	distinct := map[string]bool{}
	for _, low := range smallOrderYs {
		b := slices.Clone(low)
		slices.Reverse(b)
		y := new(big.Int).SetBytes(b)
		y.Mod(y, c.p)
		x := c.recover(y)
		if x == nil {
			t.Fatalf("%x: no point has this y", low)
		}
		for range 3 { // times 8
			x, y = c.double(x, y)
		}
		if x.Sign() != 0 || y.Cmp(big.NewInt(1)) != 0 {
			t.Errorf("%x: the order of the point does not divide 8", low)
		}
		distinct[new(big.Int).Mod(new(big.Int).SetBytes(b), c.p).String()] = true
		for _, sign := range []byte{0, 0x80} {
			key := slices.Clone(low)
			key[31] |= sign
			if _, err := NewVerifyingKey(Ed25519, ed25519.PublicKey(key)); !errors.Is(err, ErrWeakKey) {
				t.Errorf("%x: %v, want ErrWeakKey", key, err)
			}
		}
	}
	// Eight points: y = 1, y = -1, two with y = 0, and two for each of the others.
	if len(distinct) != 5 {
		t.Errorf("%d values of y, want 5", len(distinct))
	}
}
