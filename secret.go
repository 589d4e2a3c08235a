package jeton

import (
	"bytes"
	"encoding/base64"
)

// A key file that is taken for an HMAC secret is the classic confusion of
// algorithms: everybody knows the public key, so everybody can sign
// (CVE-2016-10555 and a dozen after it).

// keyMarks are found in a key file in text form, wherever it begins, and in a
// random secret never: each has at least five fixed bytes.
var keyMarks = [][]byte{
	[]byte("-----BEGIN "), // PEM
	[]byte(`"kty"`),       // JWK and JWK sets: RFC 7517 section 4.1 requires it
	// OpenSSH: the base64 of a length and "ssh-", "ssh-ed25519", "ecdsa-sha2-",
	// "sk-ssh-", "sk-ecdsa-".
	[]byte("AAAAB3NzaC1"), []byte("AAAAC3NzaC1"), []byte("AAAAE2VjZHNhLXNoYTIt"),
	[]byte("AAAAGnNrLXNzaC1"), []byte("AAAAInNrLWVjZHNhL"),
}

// looksLikeKey tells whether a secret is a key file: text or DER, or either of
// them in base64.
func looksLikeKey(secret []byte) bool {
	for _, b := range [][]byte{secret, unarmor(secret)} {
		if looksDER(b) {
			return true
		}
		for _, mark := range keyMarks {
			if bytes.Contains(b, mark) {
				return true
			}
		}
	}
	return false
}

// unarmor decodes base64 of any kind: either alphabet, padded or not, in lines
// or not. It returns nothing if text isn't that.
func unarmor(text []byte) []byte {
	clean := make([]byte, 0, len(text))
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', '=':
		case '-':
			clean = append(clean, '+')
		case '_':
			clean = append(clean, '/')
		default:
			clean = append(clean, c)
		}
	}
	b, err := base64.RawStdEncoding.AppendDecode(nil, clean)
	if err != nil {
		return nil
	}
	return b
}

// looksDER tells whether b is, to the last byte, a DER sequence that begins as
// keys and certificates do: with a sequence (PKIX, X.509) or an integer (PKCS#1,
// PKCS#8, SEC 1). The shortest public key has 44 bytes. A random secret passes
// for one with a probability of about 2^-27.
func looksDER(b []byte) bool {
	const sequence, integer = 0x30, 0x02
	if len(b) < 44 || b[0] != sequence {
		return false
	}
	content, rest, ok := derElement(b)
	if !ok || len(rest) != 0 || len(content) == 0 || content[0] != sequence && content[0] != integer {
		return false
	}
	for len(content) > 0 {
		if _, content, ok = derElement(content); !ok {
			return false
		}
	}
	return true
}

// derElement splits the first element off b.
func derElement(b []byte) (content, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	length, start := int(b[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 3 || len(b) < 2+n {
			return nil, nil, false
		}
		length, start = 0, 2+n
		for _, c := range b[2:start] {
			length = length<<8 | int(c)
		}
	}
	if len(b)-start < length {
		return nil, nil, false
	}
	return b[start : start+length], b[start+length:], true
}
