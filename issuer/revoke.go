package issuer

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/jeton-go/jeton"
)

// maxListed bounds a list of sessions.
const maxListed = 1000

// Sessions lists the live sessions of a subject, newest first, at most 1,000.
// ErrInvalidRequest for an empty subject.
func (a *Admin) Sessions(ctx context.Context, subject string) ([]Session, error) {
	if subject == "" {
		return nil, badRequest("no subject") // to the store it would mean "of all"
	}
	s, _, err := a.store.Sessions(ctx, subject, maxListed)
	return s, err
}

// AllSessions lists the live sessions of everybody, newest first, at most 1,000.
func (a *Admin) AllSessions(ctx context.Context) ([]Session, error) {
	s, _, err := a.store.Sessions(ctx, "", maxListed)
	return s, err
}

// RevokeSession revokes one session, whoever's it is; its refresh token is dead
// once it returns. ErrNotFound if there is no such session.
func (a *Admin) RevokeSession(ctx context.Context, id SessionID, why Reason) error {
	return a.revokeSession(ctx, Revocation{SessionID: id, Reason: why})
}

// RevokeSessionOf is RevokeSession for a session of one subject: ErrNotFound if
// it is another's. ErrInvalidRequest for an empty subject.
func (a *Admin) RevokeSessionOf(ctx context.Context, subject string, id SessionID, why Reason) error {
	if subject == "" {
		return badRequest("no subject") // to the store it would mean "whoever's"
	}
	return a.revokeSession(ctx, Revocation{SessionID: id, OwnedBy: subject, Reason: why})
}

func (a *Admin) revokeSession(ctx context.Context, r Revocation) error {
	if r.SessionID == (SessionID{}) {
		return ErrNotFound // to the store it would mean "not by session"
	}
	r.Audit = []AuditRecord{audited(ctx, AuditRecord{
		Action: AuditRevoke, Actor: actorUser(r.OwnedBy), Subject: r.OwnedBy, Session: r.SessionID.String(), Reason: r.Reason,
	})}
	done, err := a.store.Revoke(ctx, r)
	if err != nil {
		return err
	}
	a.revoked(ctx, done, r.OwnedBy, r.Reason)
	return nil
}

// RevokeSubject revokes all sessions of a subject and returns how many had not been
// revoked before, expired ones included.
func (a *Admin) RevokeSubject(ctx context.Context, subject string, why Reason) (int, error) {
	if subject == "" {
		return 0, badRequest("no subject")
	}
	if err := checkValue(subject); err != nil {
		return 0, err
	}
	done, err := a.store.Revoke(ctx, Revocation{Subject: subject, Reason: why, Audit: []AuditRecord{audited(ctx, AuditRecord{
		Action: AuditRevoke, Subject: subject, Reason: why, Detail: "every session of the subject",
	})}})
	if err != nil {
		return 0, err
	}
	a.revoked(ctx, done, subject, why)
	return len(done.Sessions), nil
}

// RevokeIssued calls back, for every verifier that follows the feed, the access
// tokens of a subject (EntrySubject), of a client (EntryClient) or of everybody
// (EntryAll, with an empty value) that were issued before this second. No
// session ends: who has a refresh token gets a new access token with it. The
// issuer's own verifier refuses them from now on, that of another node on the
// store within a second. ErrInvalidRequest for another kind or a value that does not fit it.
func (a *Admin) RevokeIssued(ctx context.Context, kind EntryKind, value string) (Entry, error) {
	if kind != EntrySubject && kind != EntryClient && kind != EntryAll || (value == "") != (kind == EntryAll) {
		return Entry{}, badRequest("a subject or a client with its id, or all without")
	}
	if err := checkValue(value); err != nil {
		return Entry{}, err
	}
	r := AuditRecord{Action: AuditRecall, Reason: ReasonRevoked, Detail: "access tokens issued before now: " + string(kind)}
	switch kind {
	case EntrySubject:
		r.Subject = value
	case EntryClient:
		r.ClientID = value
	}
	e, err := a.store.RevokeBefore(ctx, kind, value, audited(ctx, r))
	if err != nil {
		return Entry{}, err
	}
	if a.wake != nil {
		a.note(e)
		a.wake()
	}
	a.emit(ctx, Event{Kind: EventRevoked, At: e.At, Subject: r.Subject, ClientID: r.ClientID, Reason: r.Reason, Detail: r.Detail})
	return e, nil
}

// checkValue keeps out of the log what no token can say and no batch could
// carry.
func checkValue(value string) error {
	if len(value) > maxValueBytes || !utf8.ValidString(value) {
		return badRequest("an id has at most %d bytes of UTF-8", maxValueBytes)
	}
	return nil
}

// maxValueBytes is more than fits into a token.
const maxValueBytes = 8192

// RevokeToken revokes the session of a token (RFC 7009): a refresh token, a
// superseded one too, or an access token of this issuer. A token that is none,
// or is another client's, is no error: what the caller wants, that it be
// useless, is so.
func (i *Issuer) RevokeToken(ctx context.Context, token, clientID string) error {
	var s Session
	if strings.HasPrefix(token, RefreshTokenPrefix) {
		t, ok := parseRefreshToken(token)
		if !ok {
			return nil
		}
		var err error
		if s, _, err = i.authenticate(ctx, t); errors.Is(err, ErrInvalidGrant) {
			return nil
		} else if err != nil {
			return err
		}
	} else {
		v, err := i.verifier.Verify(ctx, token)
		if err != nil {
			if jeton.ReasonCode(err) != "" && !errors.Is(err, jeton.ErrRevocationsUnavailable) {
				return nil
			}
			return err
		}
		id, err := ParseSessionID(v.StringClaim("sid"))
		if err != nil {
			return nil
		}
		s = Session{ID: id, Subject: v.Subject(), ClientID: v.StringClaim("client_id")}
	}
	if clientID != "" && clientID != s.ClientID {
		return nil
	}
	err := i.RevokeSessionOf(ctx, s.Subject, s.ID, ReasonRevoked)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// revoked tells of sessions that were revoked just now.
func (a *Admin) revoked(ctx context.Context, done Revoked, subject string, why Reason) {
	if a.wake != nil {
		a.wake()
	}
	a.counts.revoke(why, len(done.Sessions))
	if len(done.Sessions) > 0 {
		a.emit(ctx, Event{Kind: EventRevoked, At: done.At, Subject: subject, Sessions: done.Sessions, Reason: why})
	}
}
