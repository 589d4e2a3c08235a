// Package pkcs11 keeps the private halves of an issuer's keys in a token of
// PKCS#11 version 2.40: an HSM, a smart card, a cloud provider's key service, or
// SoftHSM. [Open] a token and give it to an issuer as its Device.
//
// PKCS#11 is an interface of C, so this package needs cgo and the build tag
// pkcs11:
//
//	CGO_ENABLED=1 go build -tags pkcs11 ./cmd/jeton
//
// Built without, Open returns ErrNotBuilt and nothing of C is in the program.
//
// Keys are made in the token, sensitive and not extractable, or not at all. They
// are RSA of 2048 bits, the curves P-256, P-384 and P-521, and Ed25519 where the
// token has it. A token whose connection breaks, or that is taken out and put back,
// is connected to again; meanwhile signing fails with issuer.ErrDevice.
package pkcs11

import (
	"errors"
	"time"
)

// ErrNotBuilt: the program was built without PKCS#11.
var ErrNotBuilt = errors.New("pkcs11: this program was built without PKCS#11; build it with: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/jeton")

// Options say which token to open. All but Sessions are required.
type Options struct {
	// Module is the path of the library that comes with the token, such as
	// /usr/lib/softhsm/libsofthsm2.so.
	Module string
	// Token is the label of the token.
	Token string
	// PIN returns the user PIN. It is called for each connection, but a PIN that
	// was wrong is not tried again: tokens lock themselves after a few.
	PIN func() (string, error)
	// Sessions is how many signatures are made at once; default 8. A token may
	// allow fewer.
	Sessions int
	// Now is a clock, for not trying a broken token all the time.
	Now func() time.Time
}
