package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// RefreshRequest asks for the next pair of tokens. It hides itself from fmt and
// slog.
type RefreshRequest struct {
	RefreshToken string
	ClientID     string // "" if the client did not name itself
	// Scope narrows the new access token (RFC 6749 section 6); "" for all that
	// the session was granted. The session keeps its scope.
	Scope string
}

// Format writes "issuer.RefreshRequest(redacted)", whatever the verb.
func (RefreshRequest) Format(f fmt.State, _ rune) {
	io.WriteString(f, "issuer.RefreshRequest(redacted)")
}

// LogValue returns what Format writes.
func (r RefreshRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// refreshAttempts bounds how often a decision is taken anew because another
// request was faster. Each loss means that somebody else changed the session,
// and after one such change the table answers without a write.
const refreshAttempts = 5

// Refresh answers a refresh token with the next pair, by the table in
// rotation.go. Errors: ErrInvalidGrant, ErrInvalidScope, ErrInvalidRequest,
// ErrDevice, those of the store. After an error of the store the client may simply try
// again: a rotation that happened all the same is inside its grace window.
func (i *Issuer) Refresh(ctx context.Context, req RefreshRequest) (*TokenPair, error) {
	pair, outcome, err := i.refresh(ctx, req)
	i.counts.refresh(outcome)
	return pair, err
}

func (i *Issuer) refresh(ctx context.Context, req RefreshRequest) (*TokenPair, RefreshOutcome, error) {
	token, ok := parseRefreshToken(req.RefreshToken)
	if !ok {
		return nil, RefreshMalformed, because(ErrInvalidGrant, "not the form of a refresh token")
	}
	asked, err := ParseScope(req.Scope)
	if err != nil {
		return nil, RefreshBadScope, err
	}
	for range refreshAttempts {
		s, now, err := i.authenticate(ctx, token)
		if errors.Is(err, ErrInvalidGrant) {
			return nil, RefreshNotAuthentic, err
		}
		if err != nil {
			return nil, refreshError(err), err
		}
		if req.ClientID != "" && req.ClientID != s.ClientID {
			return nil, RefreshOtherClient, because(ErrInvalidGrant, "another client's")
		}
		v := judge(&s, token.generation, now, i.cfg.RefreshGrace)
		switch v {
		case refuse:
			return nil, RefreshRevoked, because(ErrInvalidGrant, "the session was revoked")
		case expire:
			return nil, RefreshExpired, i.expire(ctx, &s)
		case reuse:
			return nil, RefreshReuse, i.reuse(ctx, &s)
		}
		scope, err := narrow(asked, s.Scope)
		if err != nil {
			return nil, RefreshBadScope, err // before any write: the token stays good
		}
		access, signed, err := i.signEarly(&s, v, token.generation, now, scope)
		if err != nil {
			return nil, RefreshFailed, err
		}
		outcome := RefreshRetried
		switch v {
		case rotate:
			outcome = RefreshRotated
			s, err = i.store.Rotate(ctx, s.ID, s.Generation, s.Generation+1)
		case forward:
			outcome = RefreshStoreBehind
			s, err = i.store.Rotate(ctx, s.ID, s.Generation, token.generation+1)
		}
		if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
			continue // somebody was faster: look again
		}
		if err != nil {
			return nil, refreshError(err), err
		}
		if v == forward {
			i.trail.add(i.now(), audited(ctx, AuditRecord{
				Action: AuditStoreBehind, Actor: ActorUnknown, Subject: s.Subject, ClientID: s.ClientID, Session: s.ID.String(),
				Detail: "the store has lost acknowledged writes",
			}))
		}
		switch v {
		case rotate:
			i.emit(ctx, Event{Kind: EventRefresh, At: s.RotatedAt, Subject: s.Subject, ClientID: s.ClientID, Sessions: []SessionID{s.ID}})
		case forward:
			i.emit(ctx, Event{Kind: EventStoreBehind, At: s.RotatedAt, Subject: s.Subject, ClientID: s.ClientID, Sessions: []SessionID{s.ID}})
		}
		if signed {
			return i.pairWith(access, &s), outcome, nil
		}
		pair, err := i.pair(&s, scope)
		if err != nil {
			return nil, RefreshFailed, err
		}
		return pair, outcome, nil
	}
	return nil, RefreshFailed, errors.New("issuer: the session kept changing")
}

// signEarly makes the access token before the rotation, if it is signed in a
// device: that may fail, and a client that tries again after the grace window,
// with a token that was rotated meanwhile, would be taken for a thief. A key in
// this process does not fail, and of many requests at once only one rotates: they
// don't all have to sign twice.
func (i *Issuer) signEarly(s *Session, v verdict, generation uint32, now time.Time, scope string) (access TokenPair, signed bool, err error) {
	if !i.ring.Load().inDevice {
		return TokenPair{}, false, nil
	}
	after := *s
	if v == rotate || v == forward {
		after.Generation, after.RotatedAt = generation+1, now
	}
	access, err = i.access(&after, scope)
	return access, err == nil, err
}

// authenticate returns the session of an authentic refresh token. A session
// that does not exist costs the same as a forged token.
func (i *Issuer) authenticate(ctx context.Context, token refreshToken) (Session, time.Time, error) {
	s, now, err := i.store.Session(ctx, token.session)
	unknown := errors.Is(err, ErrNotFound)
	if err != nil && !unknown {
		return Session{}, now, err
	}
	if unknown {
		s.Seed = i.noSeed
	}
	r := i.ring.Load()
	key, known := r.refresh[token.key]
	if !known {
		key = r.refresh[r.refreshNow]
	}
	if !token.authentic(key, s.Seed) || unknown || !known {
		return Session{}, now, because(ErrInvalidGrant, "not authentic")
	}
	return s, now, nil
}

// expire writes down that a session is over, so that it stays over whatever the
// clock does.
func (i *Issuer) expire(ctx context.Context, s *Session) error {
	ctx = context.WithoutCancel(ctx) // see reuse
	done, err := i.store.Revoke(ctx, Revocation{SessionID: s.ID, Reason: ReasonExpired})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	i.counts.revoke(ReasonExpired, len(done.Sessions))
	return because(ErrInvalidGrant, "the session is over")
}

// reuse ends a session of which a superseded token came back. That is no matter
// of the client alone, so it happens even if that one hangs up.
func (i *Issuer) reuse(ctx context.Context, s *Session) error {
	ctx = context.WithoutCancel(ctx)
	done, err := i.store.Revoke(ctx, Revocation{SessionID: s.ID, Reason: ReasonReuse, Audit: []AuditRecord{audited(ctx, AuditRecord{
		Action: AuditReuse, Actor: ActorUnknown, Subject: s.Subject, ClientID: s.ClientID, Session: s.ID.String(), Reason: ReasonReuse,
	})}})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	// Of many requests with the stolen token, one did it and tells.
	if len(done.Sessions) > 0 {
		i.emit(ctx, Event{Kind: EventReuse, At: done.At, Subject: s.Subject, ClientID: s.ClientID, Sessions: done.Sessions, Reason: ReasonReuse})
		i.revoked(ctx, done, s.Subject, ReasonReuse)
	}
	return because(ErrInvalidGrant, "a superseded token was used again; the session was revoked")
}

// narrow returns the scope of a refreshed access token: what was granted, or
// the part of it that is asked for.
func narrow(asked []string, granted string) (string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	have := strings.Split(granted, " ") // RFC 6749 section 3.3: the space and nothing else
	for _, name := range asked {
		if !slices.Contains(have, name) {
			return "", because(ErrInvalidScope, "a scope that the session was not granted")
		}
	}
	return strings.Join(asked, " "), nil
}
