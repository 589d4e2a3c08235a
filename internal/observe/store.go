// Package observe stands before a store and tells when each call begins and how
// it ended, for metrics and traces. What is made of that is none of its business.
package observe

import (
	"context"
	"errors"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Op names a method of a store.
type Op int

// The methods of [issuer.Store].
const (
	CreateSession Op = iota
	Session
	Sessions
	CountSessions
	Rotate
	Revoke
	CreateUser
	User
	Users
	SetPassword
	SetDisabled
	Rehash
	Keys
	UpdateKeys
	Revocations
	RevokeBefore
	LoginFailures
	CountLoginFailure
	ForgetLoginFailures
	AppendAudit
	Audit
	SealAudit
	NameReceivers
	Notices
	DropNotices
	Prune
	Ping
)

var names = [...]string{
	CreateSession:       "create_session",
	Session:             "session",
	Sessions:            "sessions",
	CountSessions:       "count_sessions",
	Rotate:              "rotate",
	Revoke:              "revoke",
	CreateUser:          "create_user",
	User:                "user",
	Users:               "users",
	SetPassword:         "set_password",
	SetDisabled:         "set_disabled",
	Rehash:              "rehash",
	Keys:                "keys",
	UpdateKeys:          "update_keys",
	Revocations:         "revocations",
	RevokeBefore:        "revoke_before",
	LoginFailures:       "login_failures",
	CountLoginFailure:   "count_login_failure",
	ForgetLoginFailures: "forget_login_failures",
	AppendAudit:         "append_audit",
	Audit:               "audit",
	SealAudit:           "seal_audit",
	NameReceivers:       "name_receivers",
	Notices:             "notices",
	DropNotices:         "drop_notices",
	Prune:               "prune",
	Ping:                "ping",
}

// Ops are all methods.
func Ops() []Op {
	all := make([]Op, len(names))
	for i := range all {
		all[i] = Op(i)
	}
	return all
}

// String is the method's name in lower case, with underscores.
func (o Op) String() string { return names[o] }

// Begin is called when a call begins. It returns the context that the call goes on
// with and a function that is called with its error. It must not block.
type Begin func(ctx context.Context, op Op) (context.Context, func(error))

// Both is two Begins in one; the second sees the first one's context.
func Both(first, second Begin) Begin {
	return func(ctx context.Context, op Op) (context.Context, func(error)) {
		ctx, done := first(ctx, op)
		ctx, doneToo := second(ctx, op)
		return ctx, func(err error) {
			doneToo(err)
			done(err)
		}
	}
}

// Outcome says in a word how a call of a store ended.
func Outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, issuer.ErrNotFound), errors.Is(err, issuer.ErrConflict), errors.Is(err, issuer.ErrExists):
		return "refused" // an answer, as the contract has it
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "failed"
}

// Store returns a store that tells begin of each call.
func Store(s issuer.Store, begin Begin) issuer.Store { return &store{s, begin} }

// store embeds the one that it stands before, so that methods that it does not
// know yet work, untold.
type store struct {
	issuer.Store
	begin Begin
}

func (s *store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	ctx, done := s.begin(ctx, CreateSession)
	created, err := s.Store.CreateSession(ctx, n)
	done(err)
	return created, err
}

func (s *store) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	ctx, done := s.begin(ctx, Session)
	found, now, err := s.Store.Session(ctx, id)
	done(err)
	return found, now, err
}

func (s *store) Sessions(ctx context.Context, subject string, limit int) ([]issuer.Session, time.Time, error) {
	ctx, done := s.begin(ctx, Sessions)
	found, now, err := s.Store.Sessions(ctx, subject, limit)
	done(err)
	return found, now, err
}

func (s *store) CountSessions(ctx context.Context, sample int) (int64, bool, error) {
	ctx, done := s.begin(ctx, CountSessions)
	live, exact, err := s.Store.CountSessions(ctx, sample)
	done(err)
	return live, exact, err
}

func (s *store) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	ctx, done := s.begin(ctx, Rotate)
	rotated, err := s.Store.Rotate(ctx, id, from, to)
	done(err)
	return rotated, err
}

func (s *store) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	ctx, done := s.begin(ctx, Revoke)
	revoked, err := s.Store.Revoke(ctx, r)
	done(err)
	return revoked, err
}

func (s *store) CreateUser(ctx context.Context, u issuer.User, audit ...issuer.AuditRecord) (issuer.User, error) {
	ctx, done := s.begin(ctx, CreateUser)
	created, err := s.Store.CreateUser(ctx, u, audit...)
	done(err)
	return created, err
}

func (s *store) User(ctx context.Context, name string) (issuer.User, error) {
	ctx, done := s.begin(ctx, User)
	found, err := s.Store.User(ctx, name)
	done(err)
	return found, err
}

func (s *store) Users(ctx context.Context) ([]issuer.User, error) {
	ctx, done := s.begin(ctx, Users)
	found, err := s.Store.Users(ctx)
	done(err)
	return found, err
}

func (s *store) SetPassword(ctx context.Context, name string, hash issuer.PasswordHash, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	ctx, done := s.begin(ctx, SetPassword)
	revoked, err := s.Store.SetPassword(ctx, name, hash, audit...)
	done(err)
	return revoked, err
}

func (s *store) SetDisabled(ctx context.Context, name string, disabled bool, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	ctx, done := s.begin(ctx, SetDisabled)
	revoked, err := s.Store.SetDisabled(ctx, name, disabled, audit...)
	done(err)
	return revoked, err
}

func (s *store) Rehash(ctx context.Context, name string, old, new issuer.PasswordHash) error {
	ctx, done := s.begin(ctx, Rehash)
	err := s.Store.Rehash(ctx, name, old, new)
	done(err)
	return err
}

func (s *store) Keys(ctx context.Context) ([]issuer.StoredKey, time.Time, error) {
	ctx, done := s.begin(ctx, Keys)
	keys, now, err := s.Store.Keys(ctx)
	done(err)
	return keys, now, err
}

func (s *store) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	ctx, done := s.begin(ctx, UpdateKeys)
	// That there is nothing to do is an answer of decide, and no failure.
	var declined error
	err := s.Store.UpdateKeys(ctx, func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		keys, declined = decide(now, keys)
		return keys, declined
	}, audit...)
	if declined != nil && errors.Is(err, declined) {
		done(nil)
	} else {
		done(err)
	}
	return err
}

func (s *store) Revocations(ctx context.Context, after uint64, limit int) ([]issuer.Entry, issuer.LogHead, time.Time, error) {
	ctx, done := s.begin(ctx, Revocations)
	entries, head, now, err := s.Store.Revocations(ctx, after, limit)
	done(err)
	return entries, head, now, err
}

func (s *store) RevokeBefore(ctx context.Context, kind issuer.EntryKind, value string, audit ...issuer.AuditRecord) (issuer.Entry, error) {
	ctx, done := s.begin(ctx, RevokeBefore)
	e, err := s.Store.RevokeBefore(ctx, kind, value, audit...)
	done(err)
	return e, err
}

func (s *store) LoginFailures(ctx context.Context, key issuer.FailureKey) (issuer.Failures, time.Time, error) {
	ctx, done := s.begin(ctx, LoginFailures)
	found, now, err := s.Store.LoginFailures(ctx, key)
	done(err)
	return found, now, err
}

func (s *store) CountLoginFailure(ctx context.Context, key issuer.FailureKey) error {
	ctx, done := s.begin(ctx, CountLoginFailure)
	err := s.Store.CountLoginFailure(ctx, key)
	done(err)
	return err
}

func (s *store) ForgetLoginFailures(ctx context.Context, key issuer.FailureKey) error {
	ctx, done := s.begin(ctx, ForgetLoginFailures)
	err := s.Store.ForgetLoginFailures(ctx, key)
	done(err)
	return err
}

func (s *store) AppendAudit(ctx context.Context, records ...issuer.AuditRecord) error {
	ctx, done := s.begin(ctx, AppendAudit)
	err := s.Store.AppendAudit(ctx, records...)
	done(err)
	return err
}

func (s *store) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	ctx, done := s.begin(ctx, Audit)
	entries, head, err := s.Store.Audit(ctx, after, limit)
	done(err)
	return entries, head, err
}

func (s *store) SealAudit(ctx context.Context, seal issuer.AuditSeal) error {
	ctx, done := s.begin(ctx, SealAudit)
	err := s.Store.SealAudit(ctx, seal)
	done(err)
	return err
}

func (s *store) NameReceivers(ctx context.Context, names []string) error {
	ctx, done := s.begin(ctx, NameReceivers)
	err := s.Store.NameReceivers(ctx, names)
	done(err)
	return err
}

func (s *store) Notices(ctx context.Context, receiver string, limit int) ([]issuer.Notice, error) {
	ctx, done := s.begin(ctx, Notices)
	notices, err := s.Store.Notices(ctx, receiver, limit)
	done(err)
	return notices, err
}

func (s *store) DropNotices(ctx context.Context, receiver string, ids []issuer.NoticeID) error {
	ctx, done := s.begin(ctx, DropNotices)
	err := s.Store.DropNotices(ctx, receiver, ids)
	done(err)
	return err
}

func (s *store) Prune(ctx context.Context, keep issuer.Retention, limit int) (int, error) {
	ctx, done := s.begin(ctx, Prune)
	n, err := s.Store.Prune(ctx, keep, limit)
	done(err)
	return n, err
}

func (s *store) Ping(ctx context.Context) error {
	ctx, done := s.begin(ctx, Ping)
	err := s.Store.Ping(ctx)
	done(err)
	return err
}
