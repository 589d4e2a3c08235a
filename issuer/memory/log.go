package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Revocations implements [issuer.RevocationLog].
func (s *Store) Revocations(ctx context.Context, after uint64, limit int) ([]issuer.Entry, issuer.LogHead, time.Time, error) {
	if limit <= 0 {
		return nil, issuer.LogHead{}, time.Time{}, errors.New("memory: revocations: the limit is not positive")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return nil, issuer.LogHead{}, time.Time{}, err
	}
	defer end()
	i := sort.Search(len(s.log), func(i int) bool { return s.log[i].Seq > after })
	return slices.Clone(s.log[i:min(len(s.log), i+min(limit, len(s.log)))]), s.head, now, nil
}

// RevokeBefore implements [issuer.RevocationLog].
func (s *Store) RevokeBefore(ctx context.Context, kind issuer.EntryKind, value string, audit ...issuer.AuditRecord) (issuer.Entry, error) {
	switch kind {
	case issuer.EntrySubject, issuer.EntryClient, issuer.EntryKey:
		if value == "" {
			return issuer.Entry{}, errors.New("memory: revoke before: the value is empty")
		}
	case issuer.EntryAll:
		if value != "" {
			return issuer.Entry{}, errors.New("memory: revoke before: everybody's tokens have no value")
		}
	default:
		return issuer.Entry{}, fmt.Errorf("memory: revoke before: no entries of the kind %q", kind)
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Entry{}, err
	}
	defer end()
	s.record(now, audit)
	return s.appendBefore(now, kind, value), nil
}

func (s *Store) appendBefore(now time.Time, kind issuer.EntryKind, value string) issuer.Entry {
	e := issuer.Entry{Kind: kind, Value: value, At: now}
	if kind != issuer.EntryKey {
		e.Before = now.Truncate(time.Second)
	}
	return s.append(e)
}

// append numbers and links an entry. s.mu is held.
func (s *Store) append(e issuer.Entry) issuer.Entry {
	e.Seq = s.head.Seq + 1
	e.Chain = e.Link(s.head.Chain)
	s.head.Seq, s.head.Chain = e.Seq, e.Chain
	s.log = append(s.log, e)
	return e
}

// Prune implements [issuer.Pruner]. It looks at every session, so a call takes
// time in proportion to their number.
func (s *Store) Prune(ctx context.Context, keep issuer.Retention, limit int) (int, error) {
	switch {
	case limit <= 0:
		return 0, errors.New("memory: prune: the limit is not positive")
	case keep.Sessions < 0 || keep.Log < 0 || keep.Keys < 0 || keep.Notices < 0 || keep.Failures < 0 || keep.MostFailures < 0 || keep.Audit < 0:
		return 0, errors.New("memory: prune: a negative retention")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	over := 0
	for over < min(limit, len(s.log)) {
		stays := keep.Log
		if s.log[over].Kind == issuer.EntryKey {
			stays = max(stays, keep.Keys)
		}
		if s.log[over].At.Add(stays).After(now) {
			break
		}
		over++
	}
	s.log = slices.Clone(s.log[over:])
	n := over
	n += s.pruneFailures(now, keep, limit-n)
	n += s.pruneAudit(now, keep.Audit, limit-n)
	for id, session := range s.sessions {
		if n == limit {
			break
		}
		if ended(session).Add(keep.Sessions).After(now) {
			continue
		}
		delete(s.sessions, id)
		s.subjects[session.Subject] = slices.DeleteFunc(s.subjects[session.Subject], func(other issuer.SessionID) bool { return other == id })
		if len(s.subjects[session.Subject]) == 0 {
			delete(s.subjects, session.Subject)
		}
		n++
	}
	return n + s.pruneNotices(now, keep.Notices, limit-n), nil
}

// ended is the instant at which a session ended or will end.
func ended(s *issuer.Session) time.Time {
	if s.Revoked() && s.RevokedAt.Before(s.EndsAt()) {
		return s.RevokedAt
	}
	return s.EndsAt()
}
