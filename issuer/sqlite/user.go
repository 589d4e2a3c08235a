package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jeton-go/jeton/issuer"
)

// selectUser is what scanUser reads.
const (
	selectUser = `SELECT id, name, password_hash, disabled, version, scopes, roles, created_at FROM users`
	userByName = selectUser + ` WHERE name = ?`
)

func scanUser(scan func(...any) error) (issuer.User, error) {
	var u issuer.User
	var scopes, roles []byte
	var created int64
	if err := scan(&u.ID, &u.Name, &u.PasswordHash, &u.Disabled, &u.Version, &scopes, &roles, &created); err != nil {
		return issuer.User{}, err
	}
	u.CreatedAt = instant(created)
	var err error
	if u.Scopes, err = parseList(scopes); err != nil {
		return issuer.User{}, fmt.Errorf("a user's scopes: %w", err)
	}
	if u.Roles, err = parseList(roles); err != nil {
		return issuer.User{}, fmt.Errorf("a user's roles: %w", err)
	}
	return u, nil
}

// CreateUser implements [issuer.UserStore]. Beside the errors that are
// documented there it refuses an empty id or name, and strings in Scopes and
// Roles that are not UTF-8.
func (s *Store) CreateUser(ctx context.Context, u issuer.User, audit ...issuer.AuditRecord) (issuer.User, error) {
	if u.ID == "" || u.Name == "" {
		return issuer.User{}, errors.New("sqlite: create user: the id or the name is empty")
	}
	scopes, err := formatList(u.Scopes)
	if err != nil {
		return issuer.User{}, fmt.Errorf("sqlite: create user: the scopes: %w", err)
	}
	roles, err := formatList(u.Roles)
	if err != nil {
		return issuer.User{}, fmt.Errorf("sqlite: create user: the roles: %w", err)
	}
	var created issuer.User
	err = s.write(ctx, "create user", func(t *tx) error {
		res, err := t.exec(`INSERT INTO users (id, name, password_hash, disabled, version, scopes, roles, created_at)
			VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO NOTHING`,
			u.ID, u.Name, string(u.PasswordHash), u.Disabled, scopes, roles, t.now)
		if err := changedOne(res, err, issuer.ErrExists); err != nil {
			return err
		}
		if created, err = scanUser(t.row(selectUser+` WHERE id = ?`, u.ID).Scan); err != nil {
			return err
		}
		return t.record(audit)
	})
	if err != nil {
		return issuer.User{}, err
	}
	return created, nil
}

// User implements [issuer.UserStore].
func (s *Store) User(ctx context.Context, name string) (issuer.User, error) {
	s.tick()
	u, err := scanUser(s.ready[userByName].QueryRowContext(ctx, name).Scan)
	if err != nil {
		return issuer.User{}, s.explain("user", notFound(err))
	}
	return u, nil
}

// Users implements [issuer.UserStore].
func (s *Store) Users(ctx context.Context) ([]issuer.User, error) {
	s.tick()
	var out []issuer.User
	rows, err := s.reader.QueryContext(ctx, selectUser+` ORDER BY name`)
	err = each(rows, err, func(rows *sql.Rows) error {
		u, err := scanUser(rows.Scan)
		out = append(out, u)
		return err
	})
	if err != nil {
		return nil, s.explain("users", err)
	}
	return out, nil
}

// SetPassword implements [issuer.UserStore].
func (s *Store) SetPassword(ctx context.Context, name string, hash issuer.PasswordHash, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	var done issuer.Revoked
	err := s.write(ctx, "set password", func(t *tx) error {
		var id string
		err := t.row(`UPDATE users SET password_hash = ?, version = version + 1 WHERE name = ? RETURNING id`,
			string(hash), name).Scan(&id)
		if err != nil {
			return notFound(err)
		}
		if done, err = t.revokeSubject(issuer.ReasonPassword, id); err != nil {
			return err
		}
		return t.record(done.Audit(id, audit))
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	return done, nil
}

// SetDisabled implements [issuer.UserStore].
func (s *Store) SetDisabled(ctx context.Context, name string, disabled bool, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	var done issuer.Revoked
	err := s.write(ctx, "set disabled", func(t *tx) error {
		var id string
		err := t.row(`UPDATE users SET disabled = ?, version = version + 1 WHERE name = ? RETURNING id`,
			disabled, name).Scan(&id)
		if err != nil {
			return notFound(err)
		}
		done = issuer.Revoked{At: instant(t.now)}
		if disabled {
			if done, err = t.revokeSubject(issuer.ReasonDisabled, id); err != nil {
				return err
			}
		}
		return t.record(done.Audit(id, audit))
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	return done, nil
}

// Rehash implements [issuer.UserStore].
func (s *Store) Rehash(ctx context.Context, name string, old, new issuer.PasswordHash) error {
	return s.write(ctx, "rehash", func(t *tx) error {
		var present string
		if err := t.row(`SELECT password_hash FROM users WHERE name = ?`, name).Scan(&present); err != nil {
			return notFound(err)
		}
		if present != string(old) {
			return issuer.ErrConflict
		}
		_, err := t.exec(`UPDATE users SET password_hash = ? WHERE name = ?`, string(new), name)
		return err
	})
}
