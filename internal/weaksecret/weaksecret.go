// Package weaksecret knows HMAC secrets that are long enough and no secrets:
// they stand in tutorials, sample configurations and source code, and in the
// lists that attackers try first.
//
// It holds the first eight bytes of the SHA-256 of each, sorted. They are made
// from testdata/weak-hmac-secrets, at the root of the module, by
// "go test ./internal/weaksecret -update".
package weaksecret

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"sort"
)

//go:embed digests.bin
var digests string

// size is how much of a digest is kept. A random secret has the digest of a
// listed one with a probability of about 2^-53.
const size = 8

// Listed tells whether a secret is in the list, white space around it or not.
func Listed(secret []byte) bool {
	digest := sha256.Sum256(bytes.TrimSpace(secret))
	want := string(digest[:size])
	n := len(digests) / size
	i := sort.Search(n, func(i int) bool { return digests[i*size:(i+1)*size] >= want })
	return i < n && digests[i*size:(i+1)*size] == want
}
