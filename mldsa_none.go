//go:build !go1.27

package jeton

// mldsaRows is empty before Go 1.27, which brings crypto/mldsa.
var mldsaRows []*algorithm
