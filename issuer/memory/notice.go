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

// receiver is somebody who is told of revoked sessions.
type receiver struct {
	named   time.Time
	waiting []issuer.Notice // in order
}

// NameReceivers implements [issuer.NoticeStore].
func (s *Store) NameReceivers(ctx context.Context, names []string) error {
	if slices.Contains(names, "") {
		return errors.New("memory: name receivers: one without a name")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	for _, name := range names {
		if s.receivers[name] == nil {
			s.receivers[name] = &receiver{}
		}
		s.receivers[name].named = now
	}
	return nil
}

// Notices implements [issuer.NoticeStore].
func (s *Store) Notices(ctx context.Context, name string, limit int) ([]issuer.Notice, error) {
	if limit <= 0 {
		return nil, errors.New("memory: notices: the limit is not positive")
	}
	_, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	r := s.receivers[name]
	if r == nil {
		return nil, nil
	}
	return slices.Clone(r.waiting[:min(limit, len(r.waiting))]), nil
}

// DropNotices implements [issuer.NoticeStore].
func (s *Store) DropNotices(ctx context.Context, name string, ids []issuer.NoticeID) error {
	_, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if r := s.receivers[name]; r != nil {
		r.waiting = slices.DeleteFunc(r.waiting, func(n issuer.Notice) bool {
			return slices.ContainsFunc(ids, func(id issuer.NoticeID) bool { return id.Session == n.Session && id.At.Equal(n.At) })
		})
	}
	return nil
}

// leave leaves a notice of a session for every receiver. s.mu is held.
func (s *Store) leave(session *issuer.Session) {
	n := issuer.Notice{
		NoticeID: issuer.NoticeID{At: session.RevokedAt, Session: session.ID},
		Subject:  session.Subject,
		Reason:   session.RevokeReason,
	}
	for _, r := range s.receivers {
		i, _ := slices.BinarySearchFunc(r.waiting, n, func(a, b issuer.Notice) int {
			return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Session[:], b.Session[:]))
		})
		r.waiting = slices.Insert(r.waiting, i, n)
	}
}

// pruneNotices deletes at most limit notices and receivers that are past their
// retention. s.mu is held.
func (s *Store) pruneNotices(now time.Time, keep time.Duration, limit int) (deleted int) {
	for name, r := range s.receivers {
		forgotten := !r.named.Add(keep).After(now)
		over := 0
		for over < len(r.waiting) && deleted < limit && (forgotten || !r.waiting[over].At.Add(keep).After(now)) {
			over++
			deleted++
		}
		r.waiting = slices.Delete(r.waiting, 0, over)
		if forgotten && len(r.waiting) == 0 && deleted < limit {
			delete(s.receivers, name)
			deleted++
		}
	}
	return deleted
}
