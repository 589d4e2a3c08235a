//go:build !go1.27

package jwk

// akpTypes is empty before Go 1.27, which brings crypto/mldsa.
var akpTypes []keyType
