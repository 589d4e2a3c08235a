package issuer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
)

// MasterKey seals the service's keys in the store, with AES-256-GCM. It is not
// in the store: it comes from a file or a secret manager. It hides itself from
// fmt and slog.
type MasterKey struct{ key [32]byte }

// GenerateMasterKey draws a fresh master key.
func GenerateMasterKey() MasterKey {
	var k MasterKey
	rand.Read(k.key[:])
	return k
}

// ParseMasterKey reads the text form that Text writes: 32 bytes in base64.
func ParseMasterKey(text string) (MasterKey, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != 32 {
		return MasterKey{}, because(ErrConfig, "a master key is 32 bytes in base64")
	}
	k := MasterKey{[32]byte(b)}
	if k.isZero() {
		return MasterKey{}, because(ErrConfig, "a master key of zeros")
	}
	return k, nil
}

// Text returns the key itself, in base64, for writing it to a safe place.
func (k MasterKey) Text() string { return base64.StdEncoding.EncodeToString(k.key[:]) }

func (k MasterKey) isZero() bool { return k == MasterKey{} }

// Format writes "[redacted]", whatever the verb.
func (k MasterKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns "[redacted]".
func (k MasterKey) LogValue() slog.Value { return slog.StringValue(redacted) }

func (k MasterKey) aead() cipher.AEAD {
	block, err := aes.NewCipher(k.key[:])
	if err != nil {
		panic("issuer: " + err.Error()) // 32 bytes are always a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("issuer: " + err.Error())
	}
	return aead
}

// context binds a sealed key to its row: it opens in no other.
func sealContext(use KeyUse, id, algorithm string) []byte {
	return fmt.Appendf(nil, "jeton key v1|%s|%s|%s", use, algorithm, id)
}

func (k MasterKey) seal(plain []byte, use KeyUse, id, algorithm string) []byte {
	return k.aead().Seal(nil, nil, plain, sealContext(use, id, algorithm))
}

func (k MasterKey) open(s StoredKey) ([]byte, error) {
	plain, err := k.aead().Open(nil, nil, s.Sealed, sealContext(s.Use, s.ID, s.Algorithm))
	if err != nil {
		return nil, because(ErrMasterKey, "%s key %q", s.Use, s.ID)
	}
	return plain, nil
}
