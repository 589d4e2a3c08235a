package issuer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jeton-go/jeton/internal/base64url"
)

// SessionID names a session: 16 random bytes, in text 22 characters of
// unpadded base64url. It is the "sid" claim of access tokens. It is an
// identifier, not a secret.
type SessionID [16]byte

// NewSessionID draws a fresh random id. Nothing that a client sends ever
// becomes an id, so a session can't be fixated. The text form does not begin
// with a dash, which a command line would take for a flag.
func NewSessionID() SessionID {
	for {
		var id SessionID
		rand.Read(id[:]) // never fails: crypto/rand ends the program first
		if id[0]>>2 != dash {
			return id
		}
	}
}

const dash = 62 // the value of '-' in base64url

// ParseSessionID reads the text form that String writes. It returns an error
// for anything else, other spellings of the same bytes included.
func ParseSessionID(s string) (SessionID, error) {
	b, err := base64url.Decode(s)
	if err != nil || len(b) != len(SessionID{}) {
		return SessionID{}, errors.New("issuer: a session id is 22 characters of unpadded base64url")
	}
	return SessionID(b), nil
}

// String returns the text form: 22 characters of unpadded base64url.
func (id SessionID) String() string { return base64url.Encode(id[:]) }

// Seed is a session's own share of the secret behind its refresh tokens: 16
// random bytes that live in the session's row. Whoever holds a refresh key but
// not the row can't mint a refresh token, and the reverse. It hides itself from
// fmt, slog and encoding/json.
type Seed [16]byte

// NewSeed draws a fresh random seed.
func NewSeed() Seed {
	var s Seed
	rand.Read(s[:])
	return s
}

// String returns "[redacted]".
func (Seed) String() string { return redacted }

// Format writes "[redacted]", whatever the verb.
func (Seed) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Seed) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", for JSON among others.
func (Seed) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "[redacted]"

// Reason says why a session was revoked. It is stored with the session and
// shown to operators and to the session's owner.
type Reason string

// The reasons that this package gives. A store keeps any other as it is.
const (
	ReasonLogout   Reason = "logout"   // the session's owner logged out
	ReasonRevoked  Reason = "revoked"  // the owner or an operator revoked it
	ReasonReuse    Reason = "reuse"    // a superseded refresh token was presented
	ReasonExpired  Reason = "expired"  // seen past its absolute or idle limit
	ReasonPassword Reason = "password" // the user's password was changed
	ReasonDisabled Reason = "disabled" // the user was disabled
	ReasonLimit    Reason = "limit"    // the subject had too many sessions, and this one was unused for longest
)

// Session is one row of the store: a login on one device, from the first token
// pair to its end. There is no row per token.
//
// All instants are UTC with microsecond precision, in the store's time (see
// [Store]).
type Session struct {
	ID         SessionID
	Subject    string // the "sub" claim: a User.ID, or whatever an embedding program uses
	ClientID   string // the "client_id" claim: the client that the refresh tokens are bound to
	Seed       Seed
	Generation uint32 // of the refresh token that is current; 0 is the first

	CreatedAt   time.Time
	RotatedAt   time.Time     // of the last rotation; zero if it never rotated
	ExpiresAt   time.Time     // absolute: set at creation, never extended
	IdleTimeout time.Duration // 0: none

	RevokedAt    time.Time // zero while it is not revoked
	RevokeReason Reason

	Audience []string // the "aud" claim of its access tokens
	Scope    string   // space-delimited (RFC 6749 3.3), what the login granted
	Claims   []byte   // a JSON object of further claims for its access tokens, or nil; none of those that the issuer makes
	Device   string   // a label for humans, from the login request
}

// LastUsedAt returns the instant that the idle timeout counts from: the last
// rotation, or the creation of a session that never rotated.
func (s *Session) LastUsedAt() time.Time {
	if s.RotatedAt.IsZero() {
		return s.CreatedAt
	}
	return s.RotatedAt
}

// Revoked tells whether the session was revoked.
func (s *Session) Revoked() bool { return !s.RevokedAt.IsZero() }

// EndsAt returns the instant from which the session is expired if nothing
// rotates it before: the earlier of the absolute and the idle limit.
func (s *Session) EndsAt() time.Time {
	if s.IdleTimeout > 0 {
		if idle := s.LastUsedAt().Add(s.IdleTimeout); idle.Before(s.ExpiresAt) {
			return idle
		}
	}
	return s.ExpiresAt
}

// Expired tells whether the session is past its absolute or its idle limit at
// now, which must be the store's time.
func (s *Session) Expired(now time.Time) bool { return !now.Before(s.EndsAt()) }

// Live tells whether the session is neither revoked nor expired at now.
func (s *Session) Live(now time.Time) bool { return !s.Revoked() && !s.Expired(now) }
