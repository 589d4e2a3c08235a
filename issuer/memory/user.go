package memory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jeton-go/jeton/issuer"
)

// CreateUser implements [issuer.UserStore].
func (s *Store) CreateUser(ctx context.Context, u issuer.User, audit ...issuer.AuditRecord) (issuer.User, error) {
	if u.ID == "" || u.Name == "" {
		return issuer.User{}, errors.New("memory: create user: the id or the name is empty")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.User{}, err
	}
	defer end()
	_, nameTaken := s.users[u.Name]
	_, idTaken := s.userIDs[u.ID]
	if nameTaken || idTaken {
		return issuer.User{}, issuer.ErrExists
	}
	u.Version, u.CreatedAt = 1, now
	stored := cloneUser(&u)
	s.users[u.Name], s.userIDs[u.ID] = &stored, &stored
	s.record(now, audit)
	return cloneUser(&u), nil
}

// User implements [issuer.UserStore].
func (s *Store) User(ctx context.Context, name string) (issuer.User, error) {
	_, end, err := s.begin(ctx)
	if err != nil {
		return issuer.User{}, err
	}
	defer end()
	u, ok := s.users[name]
	if !ok {
		return issuer.User{}, issuer.ErrNotFound
	}
	return cloneUser(u), nil
}

// Users implements [issuer.UserStore].
func (s *Store) Users(ctx context.Context) ([]issuer.User, error) {
	_, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	out := make([]issuer.User, 0, len(s.users))
	for _, u := range s.users {
		out = append(out, cloneUser(u))
	}
	slices.SortFunc(out, func(a, b issuer.User) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// SetPassword implements [issuer.UserStore].
func (s *Store) SetPassword(ctx context.Context, name string, hash issuer.PasswordHash, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Revoked{}, err
	}
	defer end()
	u, ok := s.users[name]
	if !ok {
		return issuer.Revoked{}, issuer.ErrNotFound
	}
	u.PasswordHash = hash
	u.Version++
	done := s.revokeSubject(now, issuer.ReasonPassword, u.ID)
	s.record(now, done.Audit(u.ID, audit))
	return done, nil
}

// SetDisabled implements [issuer.UserStore].
func (s *Store) SetDisabled(ctx context.Context, name string, disabled bool, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Revoked{}, err
	}
	defer end()
	u, ok := s.users[name]
	if !ok {
		return issuer.Revoked{}, issuer.ErrNotFound
	}
	u.Disabled = disabled
	u.Version++
	done := issuer.Revoked{At: now}
	if disabled {
		done = s.revokeSubject(now, issuer.ReasonDisabled, u.ID)
	}
	s.record(now, done.Audit(u.ID, audit))
	return done, nil
}

// Rehash implements [issuer.UserStore].
func (s *Store) Rehash(ctx context.Context, name string, old, new issuer.PasswordHash) error {
	_, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	u, ok := s.users[name]
	if !ok {
		return issuer.ErrNotFound
	}
	if u.PasswordHash != old {
		return issuer.ErrConflict
	}
	u.PasswordHash = new
	return nil
}

// holds tells whether a condition on a user holds. s.mu is held.
func (s *Store) holds(c issuer.UserCondition) bool {
	u, ok := s.userIDs[c.ID]
	return ok && !u.Disabled && u.Version == c.Version
}

func cloneUser(u *issuer.User) issuer.User {
	c := *u
	c.Scopes, c.Roles = slices.Clone(u.Scopes), slices.Clone(u.Roles)
	return c
}
