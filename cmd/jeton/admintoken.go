package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// adminTokenFile holds the token of those who may introspect.
const adminTokenFile = "admin.token"

// adminTokenPrefix begins every admin token, so that secret scanners know one
// when they see it.
const adminTokenPrefix = "jta_"

// adminToken reads the admin token from file, or from the data directory if file
// is "". There it is made on first start. Nothing is sealed with it, so a lost
// one is simply made anew.
func (d dataFlags) adminToken(file string) (string, error) {
	name := file
	if name == "" {
		name = filepath.Join(d.Data, adminTokenFile)
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		secret := make([]byte, 32)
		rand.Read(secret)
		token := adminTokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
		return token, writeSecretFile(name, []byte(token+"\n"))
	}
	if err != nil {
		return "", err
	}
	return readSecretFile(name, info, "an admin token")
}

// readSecretFile reads a secret that stands for somebody.
func readSecretFile(name string, info fs.FileInfo, what string) (string, error) {
	if err := checkPrivate(name, info); err != nil {
		return "", err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if len(token) < 32 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s: %s is one line of at least 32 visible ASCII characters", name, what)
	}
	return token, nil
}
