package lint

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"hash"
	"slices"
	"strings"
)

// lengths of signatures, in bytes.
var lengths = map[string]int{
	"HS256": 32, "HS384": 48, "HS512": 64,
	"ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64, "Ed25519": 64,
}

func (l *linter) checkSignature() {
	signature, alg := l.seen.Signature, l.seen.Algorithm
	if l.parts[2] == "" {
		l.add("no-signature", "")
		return
	}
	if l.has("base64url") {
		return // nobody knows what was meant
	}
	rsa := strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	if want, ok := lengths[alg]; ok && len(signature) != want {
		l.add("signature-length", "%d bytes, and %s has %d", len(signature), alg, want)
	} else if rsa && len(signature) < 256 {
		l.add("rsa-short", "%d bits", 8*len(signature))
	}
	hashes := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}
	if newHash := hashes[alg]; newHash != nil {
		l.add("alg-hmac", "")
		l.guess(newHash, signature)
	}
}

// guess tries secrets that need no list: what everybody writes first, and what
// the token says itself.
func (l *linter) guess(newHash func() hash.Hash, signature []byte) {
	signed := []byte(l.parts[0] + "." + l.parts[1])
	fits := func(secret string) bool {
		mac := hmac.New(newHash, []byte(secret))
		mac.Write(signed)
		return hmac.Equal(mac.Sum(nil), signature)
	}
	if slices.ContainsFunc(usualSecrets(), fits) {
		l.add("weak-secret", "a word that everybody tries")
		return
	}
	for _, name := range []string{"iss", "sub", "aud", "client_id", "azp", "kid"} {
		raw := l.claims[name]
		if name == "kid" {
			raw = l.header[name]
		}
		var text string
		if json.Unmarshal(raw, &text) == nil && text != "" && (fits(text) || fits(text+"-secret") || fits(text+"secret")) {
			l.add("weak-secret", "it can be told from %s", name)
			return
		}
	}
}

// usualSecrets are the words, and how people make them longer. The list that the
// library refuses keys by holds digests alone, which can't be tried.
func usualSecrets() []string {
	words := []string{
		"", "secret", "Secret", "SECRET", "secretkey", "secret_key", "secret-key", "secretKey", "SecretKey", "SECRET_KEY", "mysecret", "my_secret", "my-secret", "mySecret", "mysecretkey", "my_secret_key",
		"my-secret-key", "mySecretKey", "supersecret", "super_secret", "super-secret", "superSecret", "supersecretkey", "super-secret-key", "super_secret_key", "topsecret", "top-secret", "verysecret",
		"shhhh", "shhhhh", "shhhhhh", "shhhhhared-secret", "shared-secret", "sharedsecret", "jwt", "JWT", "jwtsecret", "jwt_secret", "jwt-secret", "jwtSecret", "JWT_SECRET", "jwt_secret_key", "jwt-secret-key",
		"token", "tokensecret", "token_secret", "TOKEN_SECRET", "key", "private", "privatekey", "private_key", "signingkey", "signing-key", "hmac", "hmacsecret", "HS256",
		"your-secret", "your_secret", "your-secret-key", "your_secret_key", "yoursecret", "your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", "your_jwt_secret", "your-jwt-secret",
		"a-string-secret-at-least-256-bits-long", "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
		"password", "Password", "password1", "password123", "passw0rd", "P@ssw0rd", "changeme", "change-me", "change_me", "changeit", "change-this", "changethis", "change-me-in-production", "replace-me",
		"admin", "root", "user", "test", "testing", "test123", "testsecret", "test-secret", "test_secret", "testkey", "test-key", "default", "example", "sample", "demo", "dev", "development", "production", "staging", "local",
		"hello", "helloworld", "hello world", "foo", "bar", "foobar", "abc", "abc123", "abcd", "qwerty", "letmein", "iloveyou", "none", "null", "undefined", "node", "express", "django", "laravel", "spring", "flask", "app", "api", "auth", "session", "cookie",
		"keyboard cat", "1", "12", "123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890", "0", "00000000", "11111111", "a", "x",
		"0123456789abcdef", "0123456789abcdef0123456789abcdef", "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz123456", "00000000000000000000000000000000",
	}
	all := slices.Clone(words)
	for _, word := range words {
		if word == "" {
			continue
		}
		// As long as the hash is, because a library asked for it.
		for _, size := range []int{32, 48, 64} {
			all = append(all, strings.Repeat(word, size/len(word)+1)[:size])
		}
		all = append(all, word+"1", word+"123", word+"!", word+"\n", word+"2024", word+"2025", word+"2026")
	}
	return all
}
