//go:build linux && (amd64 || arm64)

package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

// The system is told of the file that a store has open, and of no other.
func TestTheSystemIsToldWhichFileToWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	mustOpen(t, path)
	if !sqlite.BeginToWrite(path) {
		t.Error("no descriptor of the store's file is found")
	}
	if sqlite.BeginToWrite(path + "-other") {
		t.Error("one of a file that is not there is found")
	}
}
