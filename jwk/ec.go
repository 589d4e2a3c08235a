package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// curves are those of RFC 7518 section 6.2.1.1. The names that "crv" has there
// are the ones that crypto/elliptic has.
var curves = []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}

// readECPublic reads the key of RFC 7518 section 6.2.1. Coordinates have the full
// length of the field, and the point is on the curve.
func readECPublic(m object) (crypto.PublicKey, error) {
	return readECPoint(m)
}

func readECPoint(m object) (*ecdsa.PublicKey, error) {
	curve, err := m.curve()
	if err != nil {
		return nil, err
	}
	size := fieldBytes(curve)
	x, err := m.octetsOf("x", size)
	if err != nil {
		return nil, err
	}
	y, err := m.octetsOf("y", size)
	if err != nil {
		return nil, err
	}
	point := append(append([]byte{4}, x...), y...) // SEC 1 section 2.3.3, uncompressed
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, `"x" and "y" are not a point on the curve`)
	}
	return key, nil
}

// readECPrivate reads the key of RFC 7518 section 6.2.2.
func readECPrivate(m object) (any, error) {
	public, err := readECPoint(m)
	if err != nil {
		return nil, err
	}
	d, err := m.octetsOf("d", fieldBytes(public.Curve))
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.ParseRawPrivateKey(public.Curve, d)
	if err != nil || !key.PublicKey.Equal(public) {
		return nil, fail(jeton.ErrInvalidKey, `"d" does not belong to "x" and "y"`)
	}
	return key, nil
}

func (m object) curve() (elliptic.Curve, error) {
	name, present, err := m.text("crv")
	if err != nil {
		return nil, err
	}
	if !present {
		return nil, fail(jeton.ErrInvalidKey, `"crv" is missing`)
	}
	for _, c := range curves {
		if c.Params().Name == name {
			return c, nil
		}
	}
	return nil, errCurve
}

// fieldBytes is the length of a coordinate. The orders of these curves are as
// long as their fields, so it is that of "d" too.
func fieldBytes(c elliptic.Curve) int { return (c.Params().BitSize + 7) / 8 }

func writeEC(key any) []param {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil || key.Curve == elliptic.P224() {
			return nil
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		return []param{{"crv", key.Curve.Params().Name}, {"x", base64url.Encode(x)}, {"y", base64url.Encode(y)}}
	case *ecdsa.PrivateKey:
		public := writeEC(&key.PublicKey)
		d, err := key.Bytes()
		if err != nil || public == nil {
			return nil
		}
		return append(public, param{"d", base64url.Encode(d)})
	}
	return nil
}
