//go:build !pkcs11 || !cgo

package main

import "testing"

// A program that was built without PKCS#11 says how to get one that was not.
func TestATokenWithoutTheBuildTag(t *testing.T) {
	data := t.TempDir()
	refused(t, 1, "CGO_ENABLED=1 go build -tags pkcs11", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--pkcs11-module", "m", "--pkcs11-token", "t", "--pkcs11-pin-file", "p")
	refused(t, 2, "takes all of --pkcs11-module, --pkcs11-token and --pkcs11-pin-file", "config", "check", "--pkcs11-module", "m", "--data", data)
}
