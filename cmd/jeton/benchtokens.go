package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// maxTokens bounds the memory for a file of refresh tokens.
const maxTokens = 10_000_000

// keepTokens replaces a file of refresh tokens, whole or not at all: the old
// tokens are worth nothing by now, and the new ones are nowhere else.
func keepTokens(name string, tokens []string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("the refresh tokens are not kept: %w", err)
	}
	out := bufio.NewWriter(f) // it remembers the first error
	for _, token := range tokens {
		out.WriteString(token)
		out.WriteByte('\n')
	}
	err = out.Flush()
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

// refreshTokensFrom reads a file of refresh tokens, one a line. There may be
// millions.
func refreshTokensFrom(s *streams, name string) ([]string, error) {
	in := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var tokens []string
	words := bufio.NewScanner(in)
	words.Split(bufio.ScanWords)
	for words.Scan() {
		if len(tokens) == maxTokens {
			return nil, fmt.Errorf("%s has more than %d refresh tokens", name, maxTokens)
		}
		tokens = append(tokens, words.Text())
	}
	if err := words.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s has no refresh token", name)
	}
	return tokens, nil
}
