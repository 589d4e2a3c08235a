package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// sessionColumns are what scanSession reads, of the table or alias s.
const sessionColumns = `s.id, s.seed, s.created_at, s.rotated_at, s.expires_at, s.idle_timeout, s.revoked_at, s.generation,
	s.subject, s.client_id, s.audience, s.scope, s.device, s.revoke_reason, s.claims`

// lastUsedSQL is issuer.Session.LastUsedAt.
const lastUsedSQL = `greatest(s.created_at, s.rotated_at)`

// scanSession reads sessionColumns from the row that rows is at and, after them,
// whole numbers into more.
func scanSession(rows pgx.Rows, more ...*int64) (s issuer.Session, err error) {
	c := columns{values: rows.RawValues()}
	s.ID, s.Seed = c.uuid(), c.uuid()
	s.CreatedAt = instant(c.number())
	if rotated := c.number(); rotated != 0 {
		s.RotatedAt = instant(rotated)
	}
	s.ExpiresAt = instant(c.number())
	s.IdleTimeout = time.Duration(c.number()) * time.Microsecond
	s.RevokedAt = optionalInstant(c.optionalNumber())
	s.Generation = uint32(c.number())
	var texts [6]string
	c.texts(texts[:])
	s.Subject, s.ClientID, s.Scope, s.Device, s.RevokeReason = texts[0], texts[1], texts[3], texts[4], issuer.Reason(texts[5])
	s.Claims = cloneBytes(c.take())
	for _, to := range more {
		*to = c.number()
	}
	if c.damaged || len(c.values) > 0 {
		return issuer.Session{}, fmt.Errorf("%w: a session's columns", errDamaged)
	}
	if s.Audience, err = parseList(texts[2]); err != nil {
		return issuer.Session{}, fmt.Errorf("a session's audience: %w", err)
	}
	return s, nil
}

// latestOf is the latest instant in a session, which a now beside it is not
// earlier than: the mark may be.
func latestOf(s *issuer.Session) int64 {
	latest := s.LastUsedAt()
	if s.RevokedAt.After(latest) {
		latest = s.RevokedAt
	}
	return latest.UnixMicro()
}

// sessionAt is a session and the now of the read.
type sessionAt struct {
	session issuer.Session
	now     time.Time
}

// Session implements [issuer.SessionStore].
func (s *Store) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	got, err := s.reads.Do(ctx, id)
	return got.session, got.now, err
}

// readSessions reads the sessions of a batch.
func (s *Store) readSessions(ctx context.Context, ids []issuer.SessionID) ([]batch.Result[sessionAt], error) {
	wanted := make([][16]byte, len(ids))
	for i, id := range ids {
		wanted[i] = id
	}
	var found map[issuer.SessionID]sessionAt
	err := s.read(ctx, "session", func() []query {
		found = make(map[issuer.SessionID]sessionAt, len(ids))
		return []query{{
			sql:  `SELECT ` + sessionColumns + `, ` + nowSQL + ` FROM sessions s WHERE s.id = ANY($2)`,
			args: []any{s.tick(), wanted},
			hot:  true,
			each: func(rows pgx.Rows) error {
				var now int64
				session, err := scanSession(rows, &now)
				found[session.ID] = sessionAt{session, instant(s.seen(max(now, latestOf(&session))))}
				return err
			},
		}}
	})
	if err != nil {
		return nil, err
	}
	results := make([]batch.Result[sessionAt], len(ids))
	taken := make(map[issuer.SessionID]bool, len(ids))
	for i, id := range ids {
		at, ok := found[id]
		switch {
		case !ok:
			results[i].Err = issuer.ErrNotFound
		case taken[id]: // what is answered is the caller's own
			at.session = clone(at.session)
			fallthrough
		default:
			results[i].Value, taken[id] = at, true
		}
	}
	return results, nil
}

// Sessions implements [issuer.SessionStore]. Without a subject it looks at every
// session there is.
func (s *Store) Sessions(ctx context.Context, subject string, limit int) ([]issuer.Session, time.Time, error) {
	if limit <= 0 {
		return nil, time.Time{}, errors.New("postgres: sessions: the limit is not positive")
	}
	if err := checkTexts(subject); err != nil {
		return nil, instant(s.tick()), nil // nobody has it
	}
	which, args := ``, []any{s.tick(), int64(min(limit, math.MaxInt32))}
	if subject != "" {
		which, args = ` AND s.subject = $3`, append(args, subject)
	}
	var out []issuer.Session
	var now int64
	err := s.read(ctx, "sessions", func() []query {
		out = nil
		return []query{
			{sql: `SELECT ` + nowSQL, args: args[:1], dest: []any{&now}},
			{
				sql: `SELECT ` + sessionColumns + ` FROM sessions s, (SELECT ` + nowSQL + `) AS n (now)
					WHERE s.revoked_at IS NULL AND s.expires_at > n.now
						AND (s.idle_timeout = 0 OR ` + lastUsedSQL + ` + s.idle_timeout > n.now)` + which + `
					ORDER BY s.created_at DESC, s.id LIMIT $2`,
				args: args,
				each: func(rows pgx.Rows) error {
					session, err := scanSession(rows)
					out = append(out, session)
					now = max(now, latestOf(&session))
					return err
				},
			},
		}
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return out, instant(s.seen(now)), nil
}

func clone(s issuer.Session) issuer.Session {
	s.Audience, s.Claims = append([]string(nil), s.Audience...), cloneBytes(s.Claims)
	return s
}

func cloneBytes(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
