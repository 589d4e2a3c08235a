package issuer

// CheckKeys tells whether a master key opens all keys of a store, and whether
// there is everything that an issuer needs, without changing anything. Errors:
// ErrMasterKey; others say what is damaged or missing.
func CheckKeys(stored []StoredKey, master MasterKey) error {
	_, err := openRing(master, stored)
	return err
}
