package issuer

import (
	"crypto"
	"io"
)

// CheckKeys tells whether a master key opens all keys of a store, and whether
// there is everything that an issuer needs, without changing anything and without
// a look into the device that keys may be in. Errors: ErrMasterKey; others say what
// is damaged or missing.
func CheckKeys(stored []StoredKey, master MasterKey) error {
	_, err := openRing(master, unusedDevice{}, stored)
	return err
}

// unusedDevice stands for a device where nothing is signed.
type unusedDevice struct{ Device }

func (unusedDevice) Signer(_ string, public crypto.PublicKey) crypto.Signer {
	return unusedSigner{public}
}

type unusedSigner struct{ public crypto.PublicKey }

func (s unusedSigner) Public() crypto.PublicKey { return s.public }

func (unusedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, ErrDevice
}
