package issuer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/jeton-go/jeton/internal/base64url"
)

// RefreshTokenPrefix begins every refresh token, so that secret scanners know a
// leaked one when they see it.
const RefreshTokenPrefix = "jtr_"

const (
	refreshVersion  = 1
	refreshMACBytes = sha256.Size
	refreshBytes    = 1 + 1 + 16 + 4 + refreshMACBytes
	refreshDomain   = "jeton refresh v1"
)

// refreshToken is the content of a refresh token:
//
//	version (1) | key number (1) | session id (16) | generation (4) | mac (32)
//
// It is a pure function of the session's row and a refresh key: it can be
// computed again for a client that lost the answer, and nothing about it is
// stored.
type refreshToken struct {
	key        byte // number of the refresh key
	session    SessionID
	generation uint32
	mac        [refreshMACBytes]byte
}

// parseRefreshToken reads the text form. What it returns is not authentic yet.
func parseRefreshToken(text string) (refreshToken, bool) {
	encoded, ok := strings.CutPrefix(text, RefreshTokenPrefix)
	if !ok || len(encoded) != base64url.EncodedLen(refreshBytes) {
		return refreshToken{}, false
	}
	b, err := base64url.Decode(encoded)
	if err != nil || b[0] != refreshVersion {
		return refreshToken{}, false
	}
	t := refreshToken{
		key:        b[1],
		session:    SessionID(b[2:18]),
		generation: binary.BigEndian.Uint32(b[18:22]),
	}
	copy(t.mac[:], b[22:])
	return t, true
}

// appendHead appends what stands before the mac.
func (t refreshToken) appendHead(b []byte) []byte {
	b = append(b, refreshVersion, t.key)
	b = append(b, t.session[:]...)
	return binary.BigEndian.AppendUint32(b, t.generation)
}

// refreshKey makes the macs of refresh tokens. What of a mac depends on the key
// alone is computed once. Make it with newRefreshKey.
type refreshKey struct{ macs sync.Pool } // of *macRoom

type macRoom struct {
	mac hash.Hash
	in  []byte
	out []byte
}

func newRefreshKey(secret []byte) *refreshKey {
	secret = slices.Clone(secret)
	k := &refreshKey{}
	k.macs.New = func() any { return &macRoom{mac: hmac.New(sha256.New, secret)} }
	return k
}

// sum computes the mac of a token.
func (t refreshToken) sum(key *refreshKey, seed Seed) [refreshMACBytes]byte {
	room := key.macs.Get().(*macRoom)
	defer key.macs.Put(room)
	room.in = append(t.appendHead(append(room.in[:0], refreshDomain...)), seed[:]...)
	room.mac.Reset()
	room.mac.Write(room.in)
	room.out = room.mac.Sum(room.out[:0])
	return [refreshMACBytes]byte(room.out)
}

// authentic tells, in constant time, whether this service made the token.
func (t refreshToken) authentic(key *refreshKey, seed Seed) bool {
	want := t.sum(key, seed)
	return hmac.Equal(want[:], t.mac[:])
}

// text returns the text form of a token whose mac is set.
func (t refreshToken) text() string {
	return RefreshTokenPrefix + base64url.Encode(append(t.appendHead(make([]byte, 0, refreshBytes)), t.mac[:]...))
}
