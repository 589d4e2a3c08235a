package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// selectSession is what scanSession reads. The mark of time comes with each
// row, so that a session and its instant take one statement.
const selectSession = `SELECT number, sessions.id, generation, created_at, rotated_at, expires_at, revoked_at, revoke_reason, seed, subject,
	claims, device, client_id, audience, scope, idle_timeout, (SELECT latest FROM clock)
	FROM sessions JOIN grants ON grants.id = grant_id`

// The statements of the hot path.
const (
	sessionByID   = selectSession + ` WHERE sessions.id = ?`
	rotateSession = `UPDATE sessions SET counter = ?, rotated_at = ? WHERE number = ?`
	// Of a row that was read before: it must still be all that it was. What is
	// not mentioned never changes.
	rotateRecent  = rotateSession + ` AND id = ? AND counter = ? AND rotated_at = ? AND revoked_at IS NULL`
	insertSession = `INSERT INTO sessions (id, counter, rotated_at, created_at, expires_at, grant_id, seed, subject, due_at,
		revoke_reason, claims, device) VALUES (?, -2147483648, ?, ?, ?, ?, ?, ?, ?, '', ?, ?) ON CONFLICT DO NOTHING`
	useGrant = `INSERT INTO grants (sessions, client_id, audience, scope, idle_timeout) VALUES (1, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET sessions = sessions + 1 RETURNING id`
	userHolds = `SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND version = ? AND disabled = 0)`
)

// row is a session with what only the file has of it.
type row struct {
	issuer.Session
	number  int64
	rotated int64 // rotated_at
	latest  int64 // the mark of time
}

// clone returns a copy that shares nothing a caller might change.
func (r row) clone() row {
	r.Audience, r.Claims = slices.Clone(r.Audience), bytes.Clone(r.Claims)
	return r
}

func scanSession(scan func(...any) error) (r row, err error) {
	var audience []byte
	var created, expires, idle int64
	var revoked sql.NullInt64
	err = scan(&r.number, into(r.ID[:]), &r.Generation, &created, &r.rotated, &expires, &revoked, &r.RevokeReason, into(r.Seed[:]), &r.Subject,
		&r.Claims, &r.Device, &r.ClientID, &audience, &r.Scope, &idle, &r.latest)
	if err != nil {
		return row{}, err
	}
	r.CreatedAt, r.ExpiresAt, r.RevokedAt = instant(created), instant(expires), optionalInstant(revoked)
	if r.rotated >= created {
		r.RotatedAt = instant(r.rotated)
	}
	r.IdleTimeout = time.Duration(idle) * time.Microsecond
	if r.Audience, err = parseList(audience); err != nil {
		return row{}, fmt.Errorf("a session's audience: %w", err)
	}
	return r, nil
}

// CreateSession implements [issuer.SessionStore]. Beside the errors that are
// documented there it refuses a zero id, an empty subject, a lifetime under a
// microsecond, and strings in Audience that are not UTF-8.
func (s *Store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	const op = "create session"
	switch {
	case n.ID == issuer.SessionID{}:
		return issuer.Created{}, errors.New("sqlite: create session: the id is zero")
	case n.Subject == "":
		return issuer.Created{}, errors.New("sqlite: create session: the subject is empty")
	case n.Lifetime < time.Microsecond:
		return issuer.Created{}, errors.New("sqlite: create session: the lifetime is under a microsecond")
	case n.MaxLive < 0:
		return issuer.Created{}, errors.New("sqlite: create session: a negative number of sessions")
	case n.IdleTimeout != 0 && n.IdleTimeout < time.Microsecond:
		return issuer.Created{}, errors.New("sqlite: create session: the idle timeout is neither zero nor a microsecond or more")
	}
	audience, err := formatList(n.Audience)
	if err != nil {
		return issuer.Created{}, fmt.Errorf("sqlite: create session: the audience: %w", err)
	}
	var created issuer.Created
	err = s.write(ctx, op, func(t *tx) error {
		if n.User != nil {
			var holds bool
			if err := t.row(userHolds, n.User.ID, n.User.Version).Scan(&holds); err != nil {
				return err
			}
			if !holds {
				return issuer.ErrConflict
			}
		}
		idle := n.IdleTimeout.Microseconds()
		var grant int64
		if err := t.row(useGrant, n.ClientID, audience, n.Scope, idle).Scan(&grant); err != nil {
			return err
		}
		expires := t.now + n.Lifetime.Microseconds()
		due := expires
		if idle > 0 {
			due = min(due, t.now+idle)
		}
		res, err := t.exec(insertSession, n.ID[:], t.now-1, t.now, expires, grant, n.Seed[:], n.Subject, due, n.Claims, n.Device)
		if err := changedOne(res, err, issuer.ErrConflict); err != nil {
			return err
		}
		r, err := scanSession(t.row(sessionByID, n.ID[:]).Scan)
		if err != nil {
			return err
		}
		ended, err := t.revokeSurplus(n)
		if err != nil {
			return err
		}
		created = issuer.Created{Session: r.Session, Ended: ended}
		return t.record(created.Audit(n.Audit))
	})
	if err != nil {
		return issuer.Created{}, err
	}
	return created, nil
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
		query += ` AND expires_at > ? AND (idle_timeout = 0 OR max(rotated_at, created_at) + idle_timeout > ?)
			ORDER BY number DESC LIMIT ?`
		rows, err := t.QueryContext(ctx, query, append(args, now, now, limit)...)
		return each(rows, err, func(rows *sql.Rows) error {
			r, err := scanSession(rows.Scan)
			out = append(out, r.Session)
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
	var rotated issuer.Session
	recent := s.recent.take(id)
	err := s.writePlain(ctx, "rotate", func(t *tx) error {
		// may tells whether the session may rotate, and makes it what it is then.
		may := func(r *row) bool {
			if r.Generation != from || !r.Live(instant(t.now)) {
				return false
			}
			rotated = r.Session
			rotated.Generation, rotated.RotatedAt = to, instant(t.now)
			return true
		}
		if recent != nil && may(recent) {
			res, err := t.exec(rotateRecent, counter(to), t.now, recent.number, id[:], counter(from), recent.rotated)
			if err := changedOne(res, err, errAnotherRow); !errors.Is(err, errAnotherRow) {
				return err
			}
		}
		r, err := scanSession(t.row(sessionByID, id[:]).Scan)
		if err != nil {
			return notFound(err)
		}
		if !may(&r) {
			return issuer.ErrConflict
		}
		_, err = t.exec(rotateSession, counter(to), t.now, r.number)
		return err
	})
	if err != nil {
		return issuer.Session{}, err
	}
	return rotated, nil
}

var errAnotherRow = errors.New("the row is not what it was")

// counter is how the file has a generation.
func counter(generation uint32) int64 { return int64(generation) - 1<<31 }
