//go:build !pkcs11 || !cgo

package pkcs11

import (
	"context"
	"crypto"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
)

// Token is a token of PKCS#11. Without the build tag there is none.
type Token struct{}

var _ issuer.Device = (*Token)(nil)

// Open returns ErrNotBuilt.
func Open(context.Context, Options) (*Token, error) { return nil, ErrNotBuilt }

// Close does nothing.
func (*Token) Close() error { return nil }

// Generate returns ErrNotBuilt.
func (*Token) Generate(context.Context, jeton.Algorithm) (string, crypto.PublicKey, error) {
	return "", nil, ErrNotBuilt
}

// Signer returns nil.
func (*Token) Signer(string, crypto.PublicKey) crypto.Signer { return nil }

// Destroy returns ErrNotBuilt.
func (*Token) Destroy(context.Context, string) error { return ErrNotBuilt }

// Ping returns ErrNotBuilt.
func (*Token) Ping(context.Context) error { return ErrNotBuilt }
