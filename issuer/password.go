package issuer

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

// PasswordParams are the costs of argon2id (RFC 9106). The zero value of a
// field means the default.
type PasswordParams struct {
	MemoryKiB uint32 // default 19456 (19 MiB), 8192 to 1048576
	Passes    uint32 // default 2, 1 to 64
	Threads   uint8  // default 1, 1 to 16
}

const (
	saltBytes        = 16
	hashBytes        = 32
	maxPasswordBytes = 1024
	maxUsernameBytes = 128
)

func (p PasswordParams) withDefaults() PasswordParams {
	if p.MemoryKiB == 0 {
		p.MemoryKiB = 19 * 1024
	}
	if p.Passes == 0 {
		p.Passes = 2
	}
	if p.Threads == 0 {
		p.Threads = 1
	}
	return p
}

// check bounds the costs: those of the configuration, and those of a stored
// hash, which a damaged or hostile store must not turn into an hour of work.
func (p PasswordParams) check() error {
	switch {
	case p.MemoryKiB < 8*1024 || p.MemoryKiB > 1024*1024:
		return errors.New("argon2id memory is not between 8 MiB and 1 GiB")
	case p.Passes < 1 || p.Passes > 64:
		return errors.New("argon2id passes are not between 1 and 64")
	case p.Threads < 1 || p.Threads > 16:
		return errors.New("argon2id threads are not between 1 and 16")
	}
	return nil
}

var phc = base64.RawStdEncoding.Strict()

// hash makes the PHC string of a prepared password. The caller holds a slot of
// the gate.
func (h hasher) hash(password string, p PasswordParams) PasswordHash {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key := h.derive(HashWork{Password: []byte(password), Salt: salt, Params: p, KeyBytes: hashBytes})
	return PasswordHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.MemoryKiB, p.Passes, p.Threads, phc.EncodeToString(salt), phc.EncodeToString(key)))
}

type parsedHash struct {
	params    PasswordParams
	salt, key []byte
}

func parseHash(h PasswordHash) (parsedHash, error) {
	bad := errors.New("a stored password hash is no argon2id PHC string")
	parts := strings.Split(string(h), "$")
	// The decoder passes over line ends.
	if strings.ContainsAny(string(h), "\r\n") || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return parsedHash{}, bad
	}
	var out parsedHash
	p := &out.params
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.MemoryKiB, &p.Passes, &p.Threads)
	if err != nil || n != 3 || parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", p.MemoryKiB, p.Passes, p.Threads) {
		return parsedHash{}, bad
	}
	if err := p.check(); err != nil {
		return parsedHash{}, fmt.Errorf("a stored password hash: %w", err)
	}
	if out.salt, err = phc.DecodeString(parts[4]); err != nil || len(out.salt) < 8 || len(out.salt) > 64 {
		return parsedHash{}, bad
	}
	if out.key, err = phc.DecodeString(parts[5]); err != nil || len(out.key) < 16 || len(out.key) > 128 {
		return parsedHash{}, bad
	}
	return out, nil
}

// nobodysHash is what a guess is compared with where there is no user, at the same
// cost as any other. Its key is drawn, which is quicker than to make one and as
// hard to guess.
func nobodysHash(p PasswordParams) parsedHash {
	h := parsedHash{params: p, salt: make([]byte, saltBytes), key: make([]byte, hashBytes)}
	rand.Read(h.salt)
	rand.Read(h.key)
	return h
}

// matches tells whether a prepared password is the one of the hash, in time
// that depends on the parameters alone. The caller holds a slot of the gate.
func (h hasher) matches(password string, stored parsedHash) bool {
	key := h.derive(HashWork{Password: []byte(password), Salt: stored.salt, Params: stored.params, KeyBytes: len(stored.key)})
	return subtle.ConstantTimeCompare(key, stored.key) == 1
}

// prepareUsername returns the normal form of a user name (RFC 8265 section
// 3.3): case folded, so that Alice and alice are one. It is within the limit,
// too, so that it is itself a name that commands take.
func prepareUsername(name string) (string, error) {
	if name == "" || len(name) > maxUsernameBytes || !utf8.ValidString(name) {
		return "", badRequest("a user name has 1 to %d bytes of UTF-8", maxUsernameBytes)
	}
	out, err := precis.UsernameCaseMapped.String(name)
	if err != nil {
		return "", badRequest("a user name has letters, digits and ASCII punctuation, and no spaces or control characters")
	}
	if len(out) > maxUsernameBytes {
		return "", badRequest("a user name has 1 to %d bytes of UTF-8, in lower case too", maxUsernameBytes)
	}
	return out, nil
}

// preparePassword returns the normal form of a password (RFC 8265 section 4.2).
func preparePassword(password string) (string, error) {
	if password == "" || len(password) > maxPasswordBytes || !utf8.ValidString(password) {
		return "", badRequest("a password has 1 to %d bytes of UTF-8", maxPasswordBytes)
	}
	out, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", badRequest("a password has letters, digits, punctuation, symbols and spaces, and no control or invisible characters")
	}
	return out, nil
}

// checkPassword compares a password with a user's hash, or with one that nobody
// has if the user does not exist, at the same cost. It returns a new hash if the
// stored one has other costs than those configured; not for a disabled user,
// whose right password must cost what a wrong one does. It calls begin when it
// has a slot for the hash, and goes no further if that fails.
func (i *Issuer) checkPassword(ctx context.Context, password string, user *User, begin func(context.Context) error) (ok bool, rehash PasswordHash, err error) {
	hash := i.dummy
	if user != nil {
		if hash, err = parseHash(user.PasswordHash); err != nil {
			return false, "", err
		}
	}
	leave, err := i.hashing(ctx)
	if err != nil {
		return false, "", err
	}
	defer leave()
	if err := begin(ctx); err != nil {
		return false, "", err
	}
	if !i.hasher.matches(password, hash) || user == nil {
		return false, "", nil
	}
	asConfigured := hash.params == i.password && len(hash.salt) == saltBytes && len(hash.key) == hashBytes
	if !asConfigured && !user.Disabled {
		rehash = i.hasher.hash(password, i.password)
	}
	return true, rehash, nil
}

// hashing waits for a slot for one hash; leave gives it back. It tells of both,
// the wait and the work.
func (a *Admin) hashing(ctx context.Context) (leave func(), err error) {
	waited := a.begin(ctx, WorkHashWait)
	err = a.gate.enter(ctx)
	waited(err)
	if err != nil {
		if errors.Is(err, ErrBusy) {
			a.counts.turnedAway.Add(1)
		}
		return nil, err
	}
	hashed := a.begin(ctx, WorkHash)
	return func() {
		a.gate.leave()
		hashed(nil)
	}, nil
}

// newHash hashes a new password, in its turn.
func (a *Admin) newHash(ctx context.Context, password string) (PasswordHash, error) {
	prepared, err := preparePassword(password)
	if err != nil {
		return "", err
	}
	leave, err := a.hashing(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return a.hasher.hash(prepared, a.password), nil
}
