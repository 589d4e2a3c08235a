package issuer

import (
	"context"
	"errors"
	"strings"

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
	done, err := a.store.Revoke(ctx, Revocation{Subject: subject, Reason: why})
	if err != nil {
		return 0, err
	}
	a.revoked(ctx, done, subject, why)
	return len(done.Sessions), nil
}

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
			if jeton.ReasonCode(err) != "" {
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
	if len(done.Sessions) > 0 {
		a.emit(ctx, Event{Kind: EventRevoked, At: done.At, Subject: subject, Sessions: done.Sessions, Reason: why})
	}
}
