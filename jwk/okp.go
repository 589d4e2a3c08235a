package jwk

import (
	"crypto"
	"crypto/ed25519"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// readEd25519Public reads the key of RFC 8037 section 2. Other curves of that
// type are for other things, or are not in Go.
func readEd25519Public(m object) (crypto.PublicKey, error) {
	return readEd25519Point(m)
}

func readEd25519Point(m object) (ed25519.PublicKey, error) {
	crv, present, err := m.text("crv")
	switch {
	case err != nil:
		return nil, err
	case !present:
		return nil, fail(jeton.ErrInvalidKey, `"crv" is missing`)
	case crv != "Ed25519":
		return nil, errCurve
	}
	return m.octetsOf("x", ed25519.PublicKeySize)
}

func readEd25519Private(m object) (any, error) {
	public, err := readEd25519Point(m)
	if err != nil {
		return nil, err
	}
	seed, err := m.octetsOf("d", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	if !public.Equal(key.Public()) {
		return nil, fail(jeton.ErrInvalidKey, `"d" does not belong to "x"`)
	}
	return key, nil
}

func writeEd25519(key any) []param {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return nil
		}
		return []param{{"crv", "Ed25519"}, {"x", base64url.Encode(key)}}
	case ed25519.PrivateKey:
		if len(key) != ed25519.PrivateKeySize {
			return nil
		}
		return append(writeEd25519(key.Public()), param{"d", base64url.Encode(key.Seed())})
	}
	return nil
}
