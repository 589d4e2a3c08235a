package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// selectSession is what scanSession reads. The mark of time comes with each
// row, so that a session and its instant take one statement.
const selectSession = `SELECT id, generation, created_at, rotated_at, expires_at, idle_timeout, revoked_at, revoke_reason,
	seed, subject, client_id, audience, scope, claims, device, (SELECT latest FROM clock)
	FROM sessions`

func scanSession(scan func(...any) error) (s issuer.Session, latest int64, err error) {
	var id, seed, audience []byte
	var created, expires, idle int64
	var rotated, revoked sql.NullInt64
	err = scan(&id, &s.Generation, &created, &rotated, &expires, &idle, &revoked, &s.RevokeReason,
		&seed, &s.Subject, &s.ClientID, &audience, &s.Scope, &s.Claims, &s.Device, &latest)
	if err != nil {
		return issuer.Session{}, 0, err
	}
	if copy(s.ID[:], id) != len(id) || copy(s.Seed[:], seed) != len(seed) {
		return issuer.Session{}, 0, errors.New("a session's id or seed is too long")
	}
	s.CreatedAt, s.ExpiresAt = instant(created), instant(expires)
	s.RotatedAt, s.RevokedAt = optionalInstant(rotated), optionalInstant(revoked)
	s.IdleTimeout = time.Duration(idle) * time.Microsecond
	if s.Audience, err = parseList(audience); err != nil {
		return issuer.Session{}, 0, fmt.Errorf("a session's audience: %w", err)
	}
	return s, latest, nil
}

// CreateSession implements [issuer.SessionStore]. Beside the errors that are
// documented there it refuses a zero id, an empty subject, a lifetime under a
// microsecond, and strings in Audience that are not UTF-8.
func (s *Store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Session, error) {
	const op = "create session"
	switch {
	case n.ID == issuer.SessionID{}:
		return issuer.Session{}, errors.New("sqlite: create session: the id is zero")
	case n.Subject == "":
		return issuer.Session{}, errors.New("sqlite: create session: the subject is empty")
	case n.Lifetime < time.Microsecond:
		return issuer.Session{}, errors.New("sqlite: create session: the lifetime is under a microsecond")
	case n.IdleTimeout != 0 && n.IdleTimeout < time.Microsecond:
		return issuer.Session{}, errors.New("sqlite: create session: the idle timeout is neither zero nor a microsecond or more")
	}
	audience, err := formatList(n.Audience)
	if err != nil {
		return issuer.Session{}, fmt.Errorf("sqlite: create session: the audience: %w", err)
	}
	var created issuer.Session
	err = s.write(ctx, op, func(t *tx) error {
		if n.User != nil {
			var holds bool
			err := t.row(`SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND version = ? AND disabled = 0)`,
				n.User.ID, n.User.Version).Scan(&holds)
			if err != nil {
				return err
			}
			if !holds {
				return issuer.ErrConflict
			}
		}
		res, err := t.exec(`INSERT INTO sessions (id, generation, created_at, expires_at, idle_timeout, revoke_reason,
			seed, subject, client_id, audience, scope, claims, device)
			VALUES (?, 0, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			n.ID[:], t.now, t.now+n.Lifetime.Microseconds(), n.IdleTimeout.Microseconds(),
			n.Seed[:], n.Subject, n.ClientID, audience, n.Scope, n.Claims, n.Device)
		if err := changedOne(res, err, issuer.ErrConflict); err != nil {
			return err
		}
		created, _, err = scanSession(t.row(selectSession+` WHERE id = ?`, n.ID[:]).Scan)
		return err
	})
	if err != nil {
		return issuer.Session{}, err
	}
	return created, nil
}

// Session implements [issuer.SessionStore].
func (s *Store) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	before := s.tick()
	session, latest, err := scanSession(s.readSession.QueryRowContext(ctx, id[:]).Scan)
	if err != nil {
		return issuer.Session{}, time.Time{}, s.explain("session", notFound(err))
	}
	return session, instant(max(before, latest)), nil
}

// Sessions implements [issuer.SessionStore].
func (s *Store) Sessions(ctx context.Context, subject string, limit int) ([]issuer.Session, time.Time, error) {
	if limit <= 0 {
		return nil, time.Time{}, errors.New("sqlite: sessions: the limit is not positive")
	}
	var out []issuer.Session
	now, err := s.read(ctx, "sessions", func(t *sql.Tx, now int64) error {
		// A condition that is spelled like the index's lets it serve.
		query, args := selectSession+` WHERE revoked_at IS NULL`, []any{}
		if subject != "" {
			query, args = query+` AND subject = ?`, append(args, subject)
		}
		query += ` AND expires_at > ? AND (idle_timeout = 0 OR coalesce(rotated_at, created_at) + idle_timeout > ?)
			ORDER BY created_at DESC, id LIMIT ?`
		rows, err := t.QueryContext(ctx, query, append(args, now, now, limit)...)
		return each(rows, err, func(rows *sql.Rows) error {
			session, _, err := scanSession(rows.Scan)
			out = append(out, session)
			return err
		})
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return out, now, nil
}

// Rotate implements [issuer.SessionStore].
func (s *Store) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	var session issuer.Session
	err := s.write(ctx, "rotate", func(t *tx) error {
		var err error
		session, _, err = scanSession(t.StmtContext(t.ctx, s.lockSession).QueryRowContext(t.ctx, id[:]).Scan)
		if err != nil {
			return notFound(err)
		}
		if session.Generation != from || !session.Live(instant(t.now)) {
			return issuer.ErrConflict
		}
		session.Generation, session.RotatedAt = to, instant(t.now)
		_, err = t.StmtContext(t.ctx, s.rotate).ExecContext(t.ctx, to, t.now, id[:])
		return err
	})
	if err != nil {
		return issuer.Session{}, err
	}
	return session, nil
}

// Revoke implements [issuer.SessionStore].
func (s *Store) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	byID := r.SessionID != issuer.SessionID{}
	switch {
	case byID == (r.Subject != ""):
		return issuer.Revoked{}, errors.New("sqlite: revoke: exactly one of session and subject must be set")
	case !byID && r.OwnedBy != "":
		return issuer.Revoked{}, errors.New("sqlite: revoke: an owner goes with a session, not with a subject")
	}
	var done issuer.Revoked
	err := s.write(ctx, "revoke", func(t *tx) error {
		var err error
		if !byID {
			done, err = t.revoke(r.Reason, `subject = ?`, r.Subject)
			return err
		}
		var subject string
		if err := t.row(`SELECT subject FROM sessions WHERE id = ?`, r.SessionID[:]).Scan(&subject); err != nil {
			return notFound(err)
		}
		if r.OwnedBy != "" && r.OwnedBy != subject {
			return issuer.ErrNotFound
		}
		done, err = t.revoke(r.Reason, `id = ?`, r.SessionID[:])
		return err
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	return done, nil
}

// revoke revokes the sessions that where names and that are not revoked.
func (t *tx) revoke(reason issuer.Reason, where string, arg any) (issuer.Revoked, error) {
	done := issuer.Revoked{At: instant(t.now)}
	rows, err := t.QueryContext(t.ctx, `UPDATE sessions SET revoked_at = ?, revoke_reason = ?
		WHERE revoked_at IS NULL AND `+where+` RETURNING id`, t.now, string(reason), arg)
	err = each(rows, err, func(rows *sql.Rows) error {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		var id issuer.SessionID
		copy(id[:], b)
		done.Sessions = append(done.Sessions, id)
		return nil
	})
	return done, err
}
