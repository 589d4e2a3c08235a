package issuer

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// MasterKey seals the service's keys in the store, with AES-256-GCM. It is not
// in the store: it comes from a file or a secret manager. It hides itself from
// fmt, slog and encoding/json.
//
// While one master key takes the place of another ([Keyring.Rekey]) a MasterKey
// is several: the newest, and older ones that still open what is sealed under
// them. Which of them seals is for the store to say: new keys are sealed under
// the one that the active keys are sealed under, so that nodes that have the
// same master keys in another order agree.
type MasterKey struct {
	// Behind a function, where reflection can't follow: fmt walks through a
	// struct's unexported fields without calling their Format methods.
	keys func() [][32]byte // newest first; nil: there is none
}

// maxMasterKeys bounds how many master keys a text may hold: a rekey needs two.
const maxMasterKeys = 4

func masterKeys(list [][32]byte) MasterKey {
	list = slices.Clone(list)
	return MasterKey{func() [][32]byte { return list }}
}

// GenerateMasterKey draws a fresh master key.
func GenerateMasterKey() MasterKey {
	var b [32]byte
	rand.Read(b[:])
	return masterKeys([][32]byte{b})
}

// ParseMasterKey reads the text form that Text writes: 32 bytes in base64. While
// a rekey is under way there may be up to four such keys, the newest first, with
// white space between them. ErrConfig for anything else.
func ParseMasterKey(text string) (MasterKey, error) {
	var list [][32]byte
	words := strings.Fields(text)
	if len(words) > maxMasterKeys {
		return MasterKey{}, because(ErrConfig, "more than %d master keys", maxMasterKeys)
	}
	for _, word := range words {
		b, err := base64.StdEncoding.Strict().DecodeString(word)
		switch {
		case err != nil || len(b) != 32:
			return MasterKey{}, because(ErrConfig, "a master key is 32 bytes in base64")
		case [32]byte(b) == [32]byte{}:
			return MasterKey{}, because(ErrConfig, "a master key of zeros")
		case slices.Contains(list, [32]byte(b)):
			return MasterKey{}, because(ErrConfig, "the same master key twice")
		}
		list = append(list, [32]byte(b))
	}
	if len(list) == 0 {
		return MasterKey{}, because(ErrConfig, "a master key is 32 bytes in base64")
	}
	return masterKeys(list), nil
}

// Text returns the key itself, in base64, for writing it to a safe place: a line
// each, if it is several. It is empty for the zero MasterKey.
func (k MasterKey) Text() string {
	var lines []string
	for _, b := range k.list() {
		lines = append(lines, base64.StdEncoding.EncodeToString(b[:]))
	}
	return strings.Join(lines, "\n")
}

// IDs returns the fingerprint of each key, newest first: 16 hexadecimal digits
// that name a master key in messages and tell nothing of it.
func (k MasterKey) IDs() []string {
	var ids []string
	for _, b := range k.list() {
		id := masterID(b)
		ids = append(ids, hex.EncodeToString(id[:]))
	}
	return ids
}

// Newest returns the first of the keys alone.
func (k MasterKey) Newest() MasterKey { return masterKeys(k.list()[:min(1, len(k.list()))]) }

// WithOlder returns the keys of k, and then those of older that k lacks.
func (k MasterKey) WithOlder(older MasterKey) MasterKey {
	list := slices.Clone(k.list())
	for _, b := range older.list() {
		if !slices.Contains(list, b) {
			list = append(list, b)
		}
	}
	return masterKeys(list)
}

// only returns the one of the keys that has an id.
func (k MasterKey) only(id string) MasterKey {
	if i := slices.Index(k.IDs(), id); i >= 0 {
		return masterKeys(k.list()[i : i+1])
	}
	return MasterKey{}
}

func (k MasterKey) list() [][32]byte {
	if k.keys == nil {
		return nil
	}
	return k.keys()
}

func (k MasterKey) isZero() bool { return len(k.list()) == 0 }

// Format writes "[redacted]", whatever the verb.
func (k MasterKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (k MasterKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", for JSON among others.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// masterID is the fingerprint of a master key. The key has 256 random bits, so
// nobody guesses it from this.
func masterID(key [32]byte) (id [8]byte) {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("jeton master key id v1"))
	copy(id[:], mac.Sum(nil))
	return id
}

func aead(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("issuer: " + err.Error()) // 32 bytes are always a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("issuer: " + err.Error())
	}
	return aead
}

// sealMark begins what is sealed; the id of the master key follows. What was
// sealed before there were ids begins with a nonce.
const sealMark = "jtk2"

const sealHeader = len(sealMark) + 8

// sealContext binds a sealed key to its row: it opens in no other.
func sealContext(use KeyUse, id, algorithm string) []byte {
	return fmt.Appendf(nil, "jeton key v2|%s|%s|%s", use, algorithm, id)
}

func sealContextV1(use KeyUse, id, algorithm string) []byte {
	return fmt.Appendf(nil, "jeton key v1|%s|%s|%s", use, algorithm, id)
}

// seal seals under the newest of the keys.
func (k MasterKey) seal(plain []byte, use KeyUse, id, algorithm string) []byte {
	key := k.list()[0]
	master := masterID(key)
	header := append([]byte(sealMark), master[:]...)
	return aead(key).Seal(header, nil, plain, sealContext(use, id, algorithm))
}

// masterKeyOf returns the id of the master key that a stored key says it is
// sealed under; "" if it says none.
func masterKeyOf(s StoredKey) string {
	if len(s.Sealed) < sealHeader || !bytes.HasPrefix(s.Sealed, []byte(sealMark)) {
		return ""
	}
	return hex.EncodeToString(s.Sealed[len(sealMark):sealHeader])
}

// open returns what is sealed, and the id of the master key that opened it.
func (k MasterKey) open(s StoredKey) (plain []byte, under string, err error) {
	if k.isZero() {
		return nil, "", because(ErrMasterKey, "there is none")
	}
	ids, named := k.IDs(), masterKeyOf(s)
	for i, key := range k.list() {
		if ids[i] == named {
			if plain, err := aead(key).Open(nil, nil, s.Sealed[sealHeader:], sealContext(s.Use, s.ID, s.Algorithm)); err == nil {
				return plain, named, nil
			}
		}
		// A nonce may look like a mark.
		if plain, err := aead(key).Open(nil, nil, s.Sealed, sealContextV1(s.Use, s.ID, s.Algorithm)); err == nil {
			return plain, ids[i], nil
		}
	}
	if named != "" && !slices.Contains(ids, named) {
		return nil, "", because(ErrMasterKey, "%s key %q is sealed under the master key with the id %s, and here is %s", s.Use, s.ID, named, strings.Join(ids, ", "))
	}
	return nil, "", because(ErrMasterKey, "%s key %q", s.Use, s.ID)
}

// current opens every key and returns the one master key that new keys are to be
// sealed under: that of the active refresh key, or else of an active access key,
// or else the newest. So all nodes take the same, whatever order they were given
// theirs in, and a rekey takes effect everywhere in the transaction that did it.
func (k MasterKey) current(stored []StoredKey) (MasterKey, error) {
	if k.isZero() {
		return k, because(ErrMasterKey, "there is none")
	}
	sealing := map[KeyUse]string{}
	for _, s := range stored {
		_, under, err := k.open(s)
		if err != nil {
			return k, err
		}
		if s.State == KeyActive {
			sealing[s.Use] = under
		}
	}
	for _, use := range []KeyUse{UseRefresh, UseAccess} {
		if id := sealing[use]; id != "" {
			return k.only(id), nil
		}
	}
	return k.Newest(), nil
}

// A refresh key is 32 bytes. Once the master key was replaced, the root stands
// behind them.
const refreshKeyBytes = 32

// splitRefresh splits what is sealed of a refresh key into the key and the root,
// which is nil if it is not there.
func splitRefresh(sealed []byte) (key, root []byte) {
	n := min(refreshKeyBytes, len(sealed))
	if len(sealed) > n {
		root = sealed[n:]
	}
	return sealed[:n:n], root
}

// root returns the secret that the service derives others from, such as that which
// session ids are encrypted with, and whether it is stored. At first it is derived
// from the master key, and nothing is stored; a rekey stores it with the refresh
// keys, which hand it on, so that what was derived stays the same.
func (k MasterKey) root(stored []StoredKey) (root []byte, kept bool, err error) {
	for _, s := range stored {
		if s.Use != UseRefresh {
			continue
		}
		plain, _, err := k.open(s)
		if err != nil {
			return nil, false, err
		}
		if _, root := splitRefresh(plain); root != nil {
			return root, true, nil
		}
	}
	current, err := k.current(stored)
	if err != nil {
		return nil, false, err
	}
	key := current.list()[0]
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("jeton root v1"))
	return mac.Sum(nil), false, nil
}
