package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// userColumns are what scanUser reads.
const userColumns = `id, name, password_hash, disabled, version, scopes, roles, created_at`

func scanUser(row pgx.Row) (issuer.User, error) {
	var u issuer.User
	var hash, scopes, roles string
	var created int64
	err := row.Scan(&u.ID, &u.Name, &hash, &u.Disabled, &u.Version, &scopes, &roles, &created)
	if err != nil {
		return issuer.User{}, err
	}
	u.PasswordHash, u.CreatedAt = issuer.PasswordHash(hash), instant(created)
	if u.Scopes, err = parseList(scopes); err != nil {
		return issuer.User{}, err
	}
	if u.Roles, err = parseList(roles); err != nil {
		return issuer.User{}, err
	}
	return u, nil
}

// CreateUser implements [issuer.UserStore]. Beside the errors that are
// documented there it refuses an empty id or name, and texts that are not UTF-8
// or, but for Scopes and Roles, hold a NUL.
func (s *Store) CreateUser(ctx context.Context, u issuer.User, audit ...issuer.AuditRecord) (issuer.User, error) {
	if u.ID == "" || u.Name == "" {
		return issuer.User{}, errors.New("postgres: create user: the id or the name is empty")
	}
	scopes, err1 := formatList(u.Scopes)
	roles, err2 := formatList(u.Roles)
	if err := errors.Join(checkTexts(u.ID, u.Name, string(u.PasswordHash)), err1, err2); err != nil {
		return issuer.User{}, errors.New("postgres: create user: " + err.Error())
	}
	var created issuer.User
	err := s.write(ctx, "create user", false, func(t *tx) error {
		created = issuer.User{}
		slot, tick := s.slot(), s.tick()
		err := t.send(lockSlot(slot), query{
			sql: `INSERT INTO users (id, name, password_hash, disabled, version, scopes, roles, created_at)
				SELECT $2::text, $3::text, $4::text, $5::boolean, 1, $6::text, $7::text, ` + nowSQL + ` ON CONFLICT DO NOTHING RETURNING ` + userColumns,
			args: []any{tick, u.ID, u.Name, string(u.PasswordHash), u.Disabled, scopes, roles},
			each: func(rows pgx.Rows) (err error) {
				created, err = scanUser(rows)
				return err
			},
		})
		if err != nil {
			return err
		}
		if created.ID == "" {
			return issuer.ErrExists
		}
		now := s.seen(created.CreatedAt.UnixMicro())
		told, err := t.record(now, audit)
		if err != nil {
			return err
		}
		return t.commit(append(told, raiseSlot(slot, now))...)
	})
	if err != nil {
		return issuer.User{}, err
	}
	return created, nil
}

// User implements [issuer.UserStore].
func (s *Store) User(ctx context.Context, name string) (issuer.User, error) {
	if checkTexts(name) != nil {
		return issuer.User{}, issuer.ErrNotFound
	}
	users, err := s.users(ctx, "user", ` WHERE name = $1`, name)
	if err != nil {
		return issuer.User{}, err
	}
	if len(users) == 0 {
		return issuer.User{}, issuer.ErrNotFound
	}
	return users[0], nil
}

// Users implements [issuer.UserStore].
func (s *Store) Users(ctx context.Context) ([]issuer.User, error) {
	return s.users(ctx, "users", ` ORDER BY name`)
}

func (s *Store) users(ctx context.Context, op, which string, args ...any) ([]issuer.User, error) {
	s.tick()
	var out []issuer.User
	err := s.read(ctx, op, func() []query {
		out = nil
		return []query{{
			sql:  `SELECT ` + userColumns + ` FROM users` + which,
			args: args,
			each: func(rows pgx.Rows) error {
				u, err := scanUser(rows)
				out = append(out, u)
				return err
			},
		}}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SetPassword implements [issuer.UserStore].
func (s *Store) SetPassword(ctx context.Context, name string, hash issuer.PasswordHash, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	if err := checkTexts(string(hash)); err != nil {
		return issuer.Revoked{}, errors.New("postgres: set password: " + err.Error())
	}
	return s.changeUser(ctx, "set password", name, issuer.ReasonPassword, true, `password_hash = $2`, string(hash), audit)
}

// SetDisabled implements [issuer.UserStore].
func (s *Store) SetDisabled(ctx context.Context, name string, disabled bool, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	return s.changeUser(ctx, "set disabled", name, issuer.ReasonDisabled, disabled, `disabled = $2`, disabled, audit)
}

// changeUser changes a user, adds one to its version and, if end is set, revokes
// its sessions.
func (s *Store) changeUser(ctx context.Context, op, name string, reason issuer.Reason, end bool, change string, to any, audit []issuer.AuditRecord) (issuer.Revoked, error) {
	if checkTexts(name) != nil {
		return issuer.Revoked{}, issuer.ErrNotFound
	}
	var done issuer.Revoked
	// Not repeatable: the version would grow twice.
	err := s.alone(ctx, op, false, func(t *tx, a *appender) (err error) {
		id := ""
		err = t.send(query{
			sql:  `UPDATE users SET ` + change + `, version = version + 1 WHERE name = $1 RETURNING id`,
			args: []any{name, to},
			each: func(rows pgx.Rows) error { return rows.Scan(&id) },
		})
		if err != nil {
			return err
		}
		if id == "" {
			return issuer.ErrNotFound
		}
		done = issuer.Revoked{At: instant(a.now)}
		if end {
			done, err = t.endSubject(a, id, reason)
		}
		a.records = done.Audit(id, audit)
		return err
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	return done, nil
}

// Rehash implements [issuer.UserStore].
func (s *Store) Rehash(ctx context.Context, name string, old, new issuer.PasswordHash) error {
	if checkTexts(name) != nil {
		return issuer.ErrNotFound
	}
	if checkTexts(string(old)) != nil {
		return issuer.ErrConflict
	}
	if err := checkTexts(string(new)); err != nil {
		return errors.New("postgres: rehash: " + err.Error())
	}
	return s.write(ctx, "rehash", false, func(t *tx) error {
		slot, tick := s.slot(), s.tick()
		there, same := false, false
		err := t.send(lockSlot(slot), query{
			sql:  `SELECT password_hash = $2 FROM users WHERE name = $1 FOR UPDATE`,
			args: []any{name, string(old)},
			each: func(rows pgx.Rows) error {
				there = true
				return rows.Scan(&same)
			},
		})
		switch {
		case err != nil:
			return err
		case !there:
			return issuer.ErrNotFound
		case !same:
			return issuer.ErrConflict
		}
		return t.commit(
			query{sql: `UPDATE users SET password_hash = $2 WHERE name = $1`, args: []any{name, string(new)}},
			raiseSlot(slot, tick))
	})
}
