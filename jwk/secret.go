package jwk

import "github.com/jeton-go/jeton/internal/base64url"

// readSecret reads the secret of RFC 7518 section 6.4. Whether it is long enough
// is for package jeton to say.
func readSecret(m object) (any, error) {
	secret, err := m.octets("k")
	if err != nil {
		return nil, err
	}
	return secret, nil
}

func writeSecret(key any) []param {
	secret, ok := key.([]byte)
	if !ok {
		return nil
	}
	return []param{{"k", base64url.Encode(secret)}}
}
