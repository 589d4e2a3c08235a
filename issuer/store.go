package issuer

import (
	"context"
	"errors"
	"time"
)

// Errors that stores return. Any other error of a store means that it could
// not do its work, and the caller must not assume that a write happened or
// that it did not.
var (
	// ErrNotFound: there is no such session or user.
	ErrNotFound = errors.New("issuer: not found")
	// ErrExists: a user of that name exists.
	ErrExists = errors.New("issuer: exists already")
	// ErrConflict: a condition of the write does not hold (any longer);
	// nothing was written.
	ErrConflict = errors.New("issuer: conflict")
)

// Store is what an [Issuer] keeps its state in. Every implementation passes
// the suite in package storetest.
//
// Obligations of an implementation:
//
//   - Each method is one transaction, serializable with respect to the others,
//     and safe for concurrent use.
//   - A method that writes returns nil only once the write is durable: a crash
//     of the process or of the machine right after must not lose it.
//   - When the context ends first, the write has happened whole or not at all.
//   - Time is the store's. The store is given a clock when it is opened, and
//     "now" in a method is the clock's reading or the latest instant that the
//     store has ever seen, whichever is later. The high-water mark is kept in
//     memory for reads and is durable with each write, so that a clock that
//     steps back neither reopens a window nor revives an expired session.
//   - Instants are kept with microsecond precision and returned in UTC. What a
//     method returns shares no memory with the store.
type Store interface {
	SessionStore
	UserStore
	KeyStore
	RevocationLog
	FailureStore
	AuditLog
	NoticeStore
	Pruner
	SessionCounter

	// Ping returns nil if the store can serve reads now.
	Ping(ctx context.Context) error
}

// NewSession is what a session is made from. The store adds the instants:
// CreatedAt is now, ExpiresAt is now plus Lifetime.
type NewSession struct {
	ID          SessionID
	Subject     string
	ClientID    string
	Seed        Seed
	Lifetime    time.Duration // positive
	IdleTimeout time.Duration // 0: none
	Audience    []string
	Scope       string
	Claims      []byte
	Device      string

	// User, if set, makes the creation conditional: the user with this id must
	// exist, not be disabled, and have this version, in the same transaction.
	// So a login that was under way when the password changed opens nothing.
	User *UserCondition

	// Audit is what the audit log is to say of it. In records of this session
	// Count becomes the number of those that had to go for it.
	Audit []AuditRecord

	// MaxLive, if positive, bounds how many sessions of the subject are live
	// after the creation, this one included: those whose last use is longest
	// ago are revoked (ReasonLimit), in the same transaction.
	MaxLive int
}

// Created is what the creation of a session did.
type Created struct {
	Session
	// Ended are the sessions that had to go for it (NewSession.MaxLive), in no
	// order. They were revoked at Session.CreatedAt.
	Ended []SessionID
}

// UserCondition is a condition on a user's row.
type UserCondition struct {
	ID      string
	Version int64
}

// Revocation says which sessions to revoke and why. Exactly one of SessionID
// and Subject is set.
type Revocation struct {
	SessionID SessionID // zero: not by session
	Subject   string    // every session of this subject
	// OwnedBy, if set with SessionID, makes the revocation conditional: the
	// session's subject must be this one, or the answer is ErrNotFound.
	OwnedBy string
	Reason  Reason
	// Audit is what the audit log is to say, with Count set to the number of
	// sessions that were revoked and Subject, if it is empty, to whose they
	// were. If SessionID names one that was revoked before, nothing was done and
	// nothing is said.
	Audit []AuditRecord
}

// Revoked tells what a revocation did.
type Revoked struct {
	At       time.Time   // the store's now
	Sessions []SessionID // those that were not revoked before, in no order
}

// SessionStore keeps sessions.
type SessionStore interface {
	// CreateSession stores a new session of generation 0 that never rotated,
	// and returns it, with those that NewSession.MaxLive revoked for it.
	// Creations that run at once never leave more than MaxLive behind.
	// ErrConflict: the user condition does not hold, or the id is taken; then
	// no other session was revoked.
	CreateSession(ctx context.Context, s NewSession) (Created, error)

	// Session returns a session, revoked and expired ones included, and the
	// store's now. ErrNotFound.
	Session(ctx context.Context, id SessionID) (Session, time.Time, error)

	// Sessions returns the sessions that are live at the store's now, of one
	// subject or, if it is empty, of all, newest first, and now. At most limit
	// sessions; limit must be positive.
	Sessions(ctx context.Context, subject string, limit int) ([]Session, time.Time, error)

	// Rotate sets a session's generation from one value to another and
	// RotatedAt to now, provided that the generation is still from and that
	// the session is live at now, and returns the session as it is after.
	// ErrConflict: the condition does not hold. ErrNotFound.
	Rotate(ctx context.Context, id SessionID, from, to uint32) (Session, error)

	// Revoke revokes one session or all of a subject's; those that are revoked
	// already keep their instant and reason. No rotation succeeds after it
	// returned. ErrNotFound if SessionID names no session; a subject without
	// sessions is no error.
	Revoke(ctx context.Context, r Revocation) (Revoked, error)
}

// UserStore keeps the embedded users.
type UserStore interface {
	// CreateUser stores a user and returns it with CreatedAt set to now and
	// Version 1. ErrExists if the name or the id is taken.
	CreateUser(ctx context.Context, u User, audit ...AuditRecord) (User, error)

	// User returns a user by name. ErrNotFound.
	User(ctx context.Context, name string) (User, error)

	// Users returns all users, by name.
	Users(ctx context.Context) ([]User, error)

	// SetPassword replaces a user's hash, adds one to Version and revokes all
	// sessions of the user (ReasonPassword), in one transaction. In the audit
	// records Count becomes the number of sessions that were revoked. ErrNotFound.
	SetPassword(ctx context.Context, name string, hash PasswordHash, audit ...AuditRecord) (Revoked, error)

	// SetDisabled disables or enables a user and adds one to Version;
	// disabling revokes all sessions of the user (ReasonDisabled), in one
	// transaction. In the audit records Count becomes the number of sessions that
	// were revoked. ErrNotFound.
	SetDisabled(ctx context.Context, name string, disabled bool, audit ...AuditRecord) (Revoked, error)

	// Rehash replaces a user's hash by another of the same password: Version
	// stays, sessions go on. ErrConflict if the hash is not old any longer.
	// ErrNotFound.
	Rehash(ctx context.Context, name string, old, new PasswordHash) error
}

// FailureKey is what failed logins are counted under: a keyed hash of a user
// name, whether or not there is such a user, or of a device.
type FailureKey [16]byte

// Failures are the failed logins since the last one that succeeded.
type Failures struct {
	Count int       // 0: none
	Last  time.Time // when the last one failed; zero if none did
}

// FailureStore counts failed logins.
type FailureStore interface {
	// LoginFailures returns what is counted under a key, and the store's now.
	LoginFailures(ctx context.Context, key FailureKey) (Failures, time.Time, error)

	// CountLoginFailure adds one to what is counted under a key, at now. It may
	// add one too many when it is not known whether a write happened.
	CountLoginFailure(ctx context.Context, key FailureKey) error

	// ForgetLoginFailures sets what is counted under a key to none.
	ForgetLoginFailures(ctx context.Context, key FailureKey) error
}

// KeyState is a key's place in its schedule.
type KeyState string

// The states of a key. A key that is gone is not stored.
const (
	KeyNext     KeyState = "next"     // published, does not sign yet
	KeyActive   KeyState = "active"   // signs
	KeyRetiring KeyState = "retiring" // published, its private half is destroyed
)

// KeyUse says what a stored key is for.
type KeyUse string

// The uses of stored keys.
const (
	UseAccess  KeyUse = "access"  // signs access tokens
	UseRefresh KeyUse = "refresh" // makes refresh tokens
)

// StoredKey is a key as the store sees it. The store knows nothing of keys: the
// private half comes sealed under a master key that the store does not have.
type StoredKey struct {
	// ID is the "kid" of an access key and the number, in decimal, of a
	// refresh key. Unique within a use.
	ID        string
	Use       KeyUse
	Algorithm string // of RFC 7518 3.1 for an access key; empty for a refresh key
	State     KeyState
	Public    []byte // a JWK; nil for a symmetric key
	// Sealed is the private half, encrypted under the master key; the public
	// half, once the private one is destroyed.
	Sealed    []byte
	CreatedAt time.Time
	// The instants at which the key became or is to become active, retiring and
	// gone; zero: not known yet.
	ActiveAt  time.Time
	RetiredAt time.Time
	GoneAt    time.Time
}

// KeyStore keeps the service's own keys.
type KeyStore interface {
	// Keys returns all keys, in no particular order, and the store's now.
	Keys(ctx context.Context) ([]StoredKey, time.Time, error)

	// UpdateKeys replaces all keys by what decide returns when it is given
	// those that are stored, in one transaction: of two nodes that decide at
	// once, the second sees what the first did. If decide returns an error,
	// nothing is written and the error is returned. decide may be called more
	// than once and must not call the store. audit, if any, is called after
	// decide, as often, and returns what the audit log is to say of the change.
	UpdateKeys(ctx context.Context, decide func(now time.Time, keys []StoredKey) ([]StoredKey, error), audit ...func() []AuditRecord) error
}
