package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keepTokens replaces a file of refresh tokens, whole or not at all: the old
// tokens are worth nothing by now, and the new ones are nowhere else.
func keepTokens(name string, tokens []string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("the refresh tokens are not kept: %w", err)
	}
	for _, token := range tokens {
		if err == nil {
			_, err = f.WriteString(token + "\n")
		}
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("the refresh tokens are not kept: %w", err)
	}
	return nil
}

// refreshTokensFrom reads a file of refresh tokens, one a line.
func refreshTokensFrom(s *streams, name string) ([]string, error) {
	text, err := secretFrom(s, name)
	if err != nil {
		return nil, err
	}
	tokens := strings.Fields(text)
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s has no refresh token", name)
	}
	return tokens, nil
}
