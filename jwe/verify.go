package jwe

import (
	"context"

	"github.com/jeton-go/jeton"
)

// Verifier decrypts tokens and verifies the signed tokens inside, in one call. It
// is immutable and safe for concurrent use.
type Verifier struct {
	decrypter *Decrypter
	verifier  *jeton.Verifier
}

// NewVerifier makes a verifier of a decrypter and of the verifier, with its keys
// and its policy, that judges what is inside. jeton.ErrInvalidPolicy if one of
// them is missing.
func NewVerifier(d *Decrypter, v *jeton.Verifier) (*Verifier, error) {
	if d == nil || v == nil {
		return nil, fail(jeton.ErrInvalidPolicy, "a decrypter and a verifier are both needed")
	}
	return &Verifier{d, v}, nil
}

// Verify decrypts a token, verifies the signed token inside and returns what that
// one says, or an error; never both. A token that is signed and not encrypted is
// refused (jeton.ErrSegments), and so is one that is encrypted and holds something
// else: its "cty" must be "JWT" (RFC 7519 section 5.2), else jeton.ErrHeader.
//
// Errors: those of [Decrypter.DecryptUnsigned], and then those of
// [jeton.Verifier.Verify].
func (v *Verifier) Verify(ctx context.Context, token string) (*jeton.Verified, error) {
	h, plaintext, err := v.decrypter.decrypt(token)
	if err != nil {
		return nil, err
	}
	if !h.isNested() {
		return nil, fail(jeton.ErrHeader, `"cty" does not say that a token is inside`)
	}
	return v.verifier.Verify(ctx, string(plaintext))
}
