package issuer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// MasterKey seals the service's keys in the store, with AES-256-GCM. It is not
// in the store: it comes from a file or a secret manager. It hides itself from
// fmt, slog and encoding/json.
type MasterKey struct {
	// Behind a function, where reflection can't follow: fmt walks through a
	// struct's unexported fields without calling their Format methods.
	key func() [32]byte // nil: there is none
}

func masterKey(b [32]byte) MasterKey { return MasterKey{func() [32]byte { return b }} }

// GenerateMasterKey draws a fresh master key.
func GenerateMasterKey() MasterKey {
	var b [32]byte
	rand.Read(b[:])
	return masterKey(b)
}

// ParseMasterKey reads the text form that Text writes: 32 bytes in base64.
func ParseMasterKey(text string) (MasterKey, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != 32 {
		return MasterKey{}, because(ErrConfig, "a master key is 32 bytes in base64")
	}
	if [32]byte(b) == ([32]byte{}) {
		return MasterKey{}, because(ErrConfig, "a master key of zeros")
	}
	return masterKey([32]byte(b)), nil
}

// Text returns the key itself, in base64, for writing it to a safe place.
// It is empty for the zero MasterKey.
func (k MasterKey) Text() string {
	if k.isZero() {
		return ""
	}
	b := k.key()
	return base64.StdEncoding.EncodeToString(b[:])
}

func (k MasterKey) isZero() bool { return k.key == nil }

// Format writes "[redacted]", whatever the verb.
func (k MasterKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (k MasterKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", for JSON among others.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (k MasterKey) aead() cipher.AEAD {
	b := k.key()
	block, err := aes.NewCipher(b[:])
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
	if k.isZero() {
		return nil, because(ErrMasterKey, "there is none")
	}
	plain, err := k.aead().Open(nil, nil, s.Sealed, sealContext(s.Use, s.ID, s.Algorithm))
	if err != nil {
		return nil, because(ErrMasterKey, "%s key %q", s.Use, s.ID)
	}
	return plain, nil
}
