package issuer

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// PasswordHash is a PHC string ("$argon2id$v=19$m=...,t=...,p=...$salt$hash").
// It hides itself from fmt, slog and encoding/json.
type PasswordHash string

// String returns "[redacted]".
func (PasswordHash) String() string { return redacted }

// Format writes "[redacted]", whatever the verb.
func (PasswordHash) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (PasswordHash) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", for JSON among others.
func (PasswordHash) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// User is one row of the embedded user store.
type User struct {
	// ID is the "sub" claim: drawn at random when the user is made, never
	// reused, never equal to a client id.
	ID string
	// Name is what the user types, unique, in the normal form of RFC 8265
	// UsernameCaseMapped.
	Name         string
	PasswordHash PasswordHash
	Disabled     bool
	// Version grows by one with each change that must end a login under way:
	// a new password, disabling, enabling. A rehash does not count.
	Version   int64
	Scopes    []string // what the user may ask for at login
	Roles     []string // the "roles" claim (RFC 9068 2.2.3.1)
	CreatedAt time.Time
}
