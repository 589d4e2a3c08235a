package issuer

import (
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/argon2"
)

// HashWork is one run of argon2id (RFC 9106), of a new password or of a guess. It
// hides the password from fmt and slog, and not from encoders: it is made to be
// handed to another process.
type HashWork struct {
	Password []byte
	Salt     []byte // at least 8 bytes
	Params   PasswordParams
	KeyBytes int // what is made of them: 16 to 128 bytes
}

// Format writes the costs and nothing of the password, whatever the verb.
func (w HashWork) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "issuer.HashWork(m=%d,t=%d,p=%d, redacted)", w.Params.MemoryKiB, w.Params.Passes, w.Params.Threads)
}

// LogValue returns what Format writes.
func (w HashWork) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(w)) }

// Run does the work, here and now, and returns the key. Errors: costs, salt or
// key that are out of their bounds.
func (w HashWork) Run() (key []byte, err error) {
	if err := w.Params.check(); err != nil {
		return nil, err
	}
	if len(w.Salt) < 8 || w.KeyBytes < 16 || w.KeyBytes > 128 {
		return nil, errors.New("the salt or the key of a hash is too short or too long")
	}
	return w.run(), nil
}

func (w HashWork) run() []byte {
	p := w.Params
	return argon2.IDKey(w.Password, w.Salt, p.Passes, p.MemoryKiB, p.Threads, uint32(w.KeyBytes))
}

// hasher does the work of hashes elsewhere, as [Config.HashElsewhere] says; nil
// does it here.
type hasher func(HashWork) ([]byte, error)

// derive does the work of a hash. The caller holds a slot of the gate.
func (h hasher) derive(w HashWork) []byte {
	if h != nil {
		if key, err := h(w); err == nil && len(key) == w.KeyBytes {
			return key
		}
	}
	makeRoom(uint64(w.Params.MemoryKiB) << 10)
	return w.run()
}
