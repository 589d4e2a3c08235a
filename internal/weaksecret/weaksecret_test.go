package weaksecret

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"flag"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write digests.bin")

// TestEveryListedSecretIsFound fails as well when the list has changed and
// digests.bin has not.
func TestEveryListedSecretIsFound(t *testing.T) {
	list, err := os.ReadFile("../../testdata/weak-hmac-secrets/long.txt")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeDigests(t, list)
		return
	}
	distinct := map[string]bool{}
	for line := range bytes.Lines(list) {
		secret := bytes.TrimSuffix(line, []byte("\n"))
		distinct[string(bytes.TrimSpace(secret))] = true
		if !Listed(secret) || !Listed(bytes.TrimSpace(secret)) || !Listed(append(slices.Clone(secret), '\n')) {
			t.Errorf("%q is in the list and not found; run with -update", secret)
		}
		if changed := append(slices.Clone(bytes.TrimSpace(secret)), 'x'); Listed(changed) && !bytes.Contains(list, append(changed, '\n')) {
			t.Errorf("%q is not in the list and found", changed)
		}
	}
	if len(digests) != len(distinct)*size {
		t.Errorf("%d digests for %d secrets; run with -update", len(digests)/size, len(distinct))
	}
}

func writeDigests(t *testing.T, list []byte) {
	var all [][]byte
	for line := range bytes.Lines(list) {
		sum := sha256.Sum256(bytes.TrimSpace(line))
		all = append(all, sum[:size])
	}
	slices.SortFunc(all, bytes.Compare)
	all = slices.CompactFunc(all, bytes.Equal)
	if err := os.WriteFile("digests.bin", bytes.Join(all, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOtherSecretsAreNot(t *testing.T) {
	for range 1000 {
		secret := make([]byte, 32)
		rand.Read(secret)
		if Listed(secret) {
			t.Errorf("%x is not in the list and found", secret)
		}
	}
	if Listed(nil) {
		t.Error("no secret at all is found")
	}
}
