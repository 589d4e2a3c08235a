package issuer

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/jeton-go/jeton/internal/base64url"
)

// A device token tells the service that somebody who knew the account's password
// has it: failed logins that come with it are counted apart from everybody
// else's, so that those can't slow its owner down. It opens nothing. It is
//
//	jtd_ base64url(version 1 | issued, seconds since 1970, 8 | device 16 | mac 32)
//
// and the mac binds it to the account. Nothing about it is stored.
const (
	devicePrefix  = "jtd_"
	deviceVersion = 1
	deviceBytes   = 1 + 8 + 16 + sha256.Size
	deviceLife    = 180 * 24 * time.Hour
)

type device [16]byte

// loginKeys are the secrets of the limits on logins. All nodes have the same, and
// a rekey leaves them.
type loginKeys struct {
	names   []byte // names in the store are hashed with it
	devices []byte
}

func newLoginKeys(root []byte) loginKeys {
	derive := func(what string) []byte {
		key, err := hkdf.Key(sha256.New, root, nil, what, sha256.Size)
		if err != nil {
			panic("issuer: " + err.Error()) // the length is always good
		}
		return key
	}
	return loginKeys{derive("jeton login names v1"), derive("jeton devices v1")}
}

// account is what the store knows a user name by, whether or not there is such a
// user: people type their password there.
func (k loginKeys) account(name string) FailureKey {
	return k.hash("account", []byte(name))
}

// device is what the store knows the device of an account by.
func (k loginKeys) device(account FailureKey, d device) FailureKey {
	return k.hash("device", append(account[:], d[:]...))
}

func (k loginKeys) hash(what string, b []byte) FailureKey {
	h := hmac.New(sha256.New, k.names)
	h.Write([]byte(what))
	h.Write([]byte{0})
	h.Write(b)
	return FailureKey(h.Sum(nil)[:len(FailureKey{})])
}

func (k loginKeys) mac(token []byte, account FailureKey) []byte {
	h := hmac.New(sha256.New, k.devices)
	h.Write(token)
	h.Write(account[:])
	return h.Sum(nil)
}

// issue makes the token of a device; a zero one gets an identity.
func (k loginKeys) issue(account FailureKey, d device, now time.Time) string {
	if d == (device{}) {
		rand.Read(d[:])
	}
	b := make([]byte, 0, deviceBytes)
	b = append(b, deviceVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(max(0, now.Unix())))
	b = append(b, d[:]...)
	return devicePrefix + base64url.Encode(append(b, k.mac(b, account)...))
}

// known returns the device whose token it is, if it is this account's. Any other
// is as good as none: the client learns nothing from sending one.
func (k loginKeys) known(token string, account FailureKey, now time.Time) (device, bool) {
	text, ok := strings.CutPrefix(token, devicePrefix)
	if !ok || len(text) > base64url.EncodedLen(deviceBytes) {
		return device{}, false
	}
	b, err := base64url.Decode(text)
	if err != nil || len(b) != deviceBytes || b[0] != deviceVersion {
		return device{}, false
	}
	body, mac := b[:deviceBytes-sha256.Size], b[deviceBytes-sha256.Size:]
	if !hmac.Equal(mac, k.mac(body, account)) {
		return device{}, false
	}
	issued := binary.BigEndian.Uint64(body[1:9])
	age := now.Unix() - int64(issued)
	return device(body[9:]), age < int64(deviceLife/time.Second)
}
