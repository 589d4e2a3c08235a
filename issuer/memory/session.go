package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// CreateSession implements [issuer.SessionStore].
func (s *Store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	switch {
	case n.ID == issuer.SessionID{}:
		return issuer.Created{}, errors.New("memory: create session: the id is zero")
	case n.Subject == "":
		return issuer.Created{}, errors.New("memory: create session: the subject is empty")
	case n.Lifetime < time.Microsecond:
		return issuer.Created{}, errors.New("memory: create session: the lifetime is under a microsecond")
	case n.MaxLive < 0:
		return issuer.Created{}, errors.New("memory: create session: a negative number of sessions")
	case n.IdleTimeout != 0 && n.IdleTimeout < time.Microsecond:
		return issuer.Created{}, errors.New("memory: create session: the idle timeout is neither zero nor a microsecond or more")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Created{}, err
	}
	defer end()
	if n.User != nil && !s.holds(*n.User) {
		return issuer.Created{}, issuer.ErrConflict
	}
	if _, taken := s.sessions[n.ID]; taken {
		return issuer.Created{}, issuer.ErrConflict
	}
	session := &issuer.Session{
		ID:          n.ID,
		Subject:     n.Subject,
		ClientID:    n.ClientID,
		Seed:        n.Seed,
		CreatedAt:   now,
		ExpiresAt:   now.Add(n.Lifetime.Truncate(time.Microsecond)),
		IdleTimeout: n.IdleTimeout.Truncate(time.Microsecond),
		Audience:    slices.Clone(n.Audience),
		Scope:       n.Scope,
		Claims:      bytes.Clone(n.Claims),
		Device:      n.Device,
	}
	s.sessions[n.ID] = session
	created := issuer.Created{Session: clone(session), Ended: s.revoke(now, issuer.ReasonLimit, s.surplus(now, n)).Sessions}
	s.subjects[n.Subject] = append(s.subjects[n.Subject], n.ID)
	s.record(now, created.Audit(n.Audit))
	return created, nil
}

// surplus returns those of a subject's sessions that must go for a new one. s.mu
// is held.
func (s *Store) surplus(now time.Time, n issuer.NewSession) []issuer.SessionID {
	if n.MaxLive <= 0 {
		return nil
	}
	live := slices.DeleteFunc(slices.Clone(s.subjects[n.Subject]), func(id issuer.SessionID) bool { return !s.sessions[id].Live(now) })
	slices.SortStableFunc(live, func(a, b issuer.SessionID) int {
		return s.sessions[a].LastUsedAt().Compare(s.sessions[b].LastUsedAt())
	})
	return live[:max(0, len(live)-(n.MaxLive-1))]
}

// Session implements [issuer.SessionStore].
func (s *Store) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Session{}, time.Time{}, err
	}
	defer end()
	session, ok := s.sessions[id]
	if !ok {
		return issuer.Session{}, time.Time{}, issuer.ErrNotFound
	}
	return clone(session), now, nil
}

// Sessions implements [issuer.SessionStore].
func (s *Store) Sessions(ctx context.Context, subject string, limit int) ([]issuer.Session, time.Time, error) {
	if limit <= 0 {
		return nil, time.Time{}, errors.New("memory: sessions: the limit is not positive")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer end()
	var live []*issuer.Session
	if subject != "" {
		for _, id := range s.subjects[subject] {
			if session := s.sessions[id]; session.Live(now) {
				live = append(live, session)
			}
		}
	} else {
		for _, session := range s.sessions {
			if session.Live(now) {
				live = append(live, session)
			}
		}
	}
	slices.SortFunc(live, func(a, b *issuer.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	live = live[:min(limit, len(live))]
	out := make([]issuer.Session, len(live))
	for i, session := range live {
		out[i] = clone(session)
	}
	return out, now, nil
}

// Rotate implements [issuer.SessionStore].
func (s *Store) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Session{}, err
	}
	defer end()
	session, ok := s.sessions[id]
	if !ok {
		return issuer.Session{}, issuer.ErrNotFound
	}
	if session.Generation != from || !session.Live(now) {
		return issuer.Session{}, issuer.ErrConflict
	}
	session.Generation, session.RotatedAt = to, now
	return clone(session), nil
}

// Revoke implements [issuer.SessionStore].
func (s *Store) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	byID := r.SessionID != issuer.SessionID{}
	switch {
	case byID == (r.Subject != ""):
		return issuer.Revoked{}, errors.New("memory: revoke: exactly one of session and subject must be set")
	case !byID && r.OwnedBy != "":
		return issuer.Revoked{}, errors.New("memory: revoke: an owner goes with a session, not with a subject")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Revoked{}, err
	}
	defer end()
	if !byID {
		done := s.revokeSubject(now, r.Reason, r.Subject)
		s.record(now, done.Audit(r.Subject, r.Audit))
		return done, nil
	}
	session, ok := s.sessions[r.SessionID]
	if !ok || r.OwnedBy != "" && session.Subject != r.OwnedBy {
		return issuer.Revoked{}, issuer.ErrNotFound
	}
	done := s.revoke(now, r.Reason, []issuer.SessionID{r.SessionID})
	if len(done.Sessions) > 0 {
		s.record(now, done.Audit(session.Subject, r.Audit))
	}
	return done, nil
}

// revokeSubject revokes what a subject has: its sessions, and tokens that were
// issued before. s.mu is held.
func (s *Store) revokeSubject(now time.Time, reason issuer.Reason, subject string) issuer.Revoked {
	done := s.revoke(now, reason, s.subjects[subject])
	if reason != issuer.ReasonExpired {
		s.appendBefore(now, issuer.EntrySubject, subject)
	}
	return done
}

// revoke revokes those of the sessions that are not revoked. s.mu is held.
func (s *Store) revoke(now time.Time, reason issuer.Reason, ids []issuer.SessionID) issuer.Revoked {
	done := issuer.Revoked{At: now}
	for _, id := range ids {
		if session := s.sessions[id]; !session.Revoked() {
			session.RevokedAt, session.RevokeReason = now, reason
			done.Sessions = append(done.Sessions, id)
			if reason != issuer.ReasonExpired {
				s.append(issuer.Entry{Kind: issuer.EntrySession, Value: id.String(), At: now})
				s.leave(session)
			}
		}
	}
	return done
}

func clone(s *issuer.Session) issuer.Session {
	c := *s
	c.Audience, c.Claims = slices.Clone(s.Audience), bytes.Clone(s.Claims)
	return c
}
