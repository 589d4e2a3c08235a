//go:build !pkcs11 || !cgo

package pkcs11_test

import (
	"errors"
	"testing"

	"github.com/jeton-go/jeton/issuer/pkcs11"
)

func TestAProgramThatWasBuiltWithoutSaysSo(t *testing.T) {
	if token, err := pkcs11.Open(t.Context(), pkcs11.Options{}); !errors.Is(err, pkcs11.ErrNotBuilt) || token != nil {
		t.Errorf("%v, %v; want ErrNotBuilt", token, err)
	}
}
