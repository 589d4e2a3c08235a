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

// scanSession reads sessionColumns and, after them, into more.
func scanSession(row pgx.Row, more ...any) (s issuer.Session, err error) {
	var id, seed [16]byte
	var created, rotated, expires, idle int64
	var revoked *int64
	var generation int32
	var audience string
	err = row.Scan(append([]any{&id, &seed, &created, &rotated, &expires, &idle, &revoked, &generation,
		&s.Subject, &s.ClientID, &audience, &s.Scope, &s.Device, &s.RevokeReason, &s.Claims}, more...)...)
	if err != nil {
		return issuer.Session{}, err
	}
	s.ID, s.Seed, s.Generation = id, seed, uint32(generation)
	s.CreatedAt, s.ExpiresAt, s.RevokedAt = instant(created), instant(expires), optionalInstant(revoked)
	if rotated != 0 {
		s.RotatedAt = instant(rotated)
	}
	s.IdleTimeout = time.Duration(idle) * time.Microsecond
	if s.Audience, err = parseList(audience); err != nil {
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

// creation is a session to be stored.
type creation struct {
	issuer.NewSession
	audience string
}

// CreateSession implements [issuer.SessionStore]. Beside the errors that are
// documented there it refuses a zero id, an empty subject, a lifetime under a
// microsecond, and texts that are not UTF-8 or, but for Audience, hold a NUL.
func (s *Store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Session, error) {
	refuse := func(why string) (issuer.Session, error) {
		return issuer.Session{}, errors.New("postgres: create session: " + why)
	}
	switch {
	case n.ID == issuer.SessionID{}:
		return refuse("the id is zero")
	case n.Subject == "":
		return refuse("the subject is empty")
	case n.Lifetime < time.Microsecond:
		return refuse("the lifetime is under a microsecond")
	case n.IdleTimeout != 0 && n.IdleTimeout < time.Microsecond:
		return refuse("the idle timeout is neither zero nor a microsecond or more")
	}
	if err := checkTexts(n.Subject, n.ClientID, n.Scope, n.Device); err != nil {
		return refuse(err.Error())
	}
	if n.User != nil && checkTexts(n.User.ID) != nil {
		return issuer.Session{}, issuer.ErrConflict // nobody has that id
	}
	audience, err := formatList(n.Audience)
	if err != nil {
		return refuse("the audience: " + err.Error())
	}
	if n.User != nil {
		user := *n.User
		n.User = &user
	}
	n.Claims = cloneBytes(n.Claims) // the caller may leave before the batch does
	return s.creations.Do(ctx, creation{n, audience})
}

// createAll stores the sessions of a batch.
func (s *Store) createAll(ctx context.Context, reqs []creation) ([]batch.Result[issuer.Session], error) {
	var results []batch.Result[issuer.Session]
	err := s.write(ctx, "create session", true, func(t *tx) error {
		results = make([]batch.Result[issuer.Session], len(reqs))
		slot, tick := s.slot(), s.tick()
		queries := []query{lockSlot(slot)}
		for i, r := range reqs {
			results[i].Err = issuer.ErrConflict // unless a row comes
			done := func(rows pgx.Rows) error {
				session, err := scanSession(rows)
				results[i] = batch.Result[issuer.Session]{Value: session}
				s.seen(session.CreatedAt.UnixMicro())
				return err
			}
			var user *string
			var version int64
			if r.User != nil {
				user, version = &r.User.ID, r.User.Version
			}
			due := r.Lifetime
			if r.IdleTimeout > 0 {
				due = min(due, r.IdleTimeout)
			}
			queries = append(queries, query{
				sql: `WITH n (now) AS (SELECT ` + nowSQL + `)
					INSERT INTO sessions AS s (id, seed, created_at, rotated_at, expires_at, idle_timeout, generation, due,
						subject, client_id, audience, scope, device, revoke_reason, claims)
					SELECT $2::uuid, $3::uuid, n.now, 0, n.now + $4::bigint, $5::bigint, 0, least((n.now + $6::bigint) / 60000000, 2147483647),
						$7::text, $8::text, $9::text, $10::text, $11::text, '', $12::bytea
					FROM n WHERE $13::text IS NULL
						OR EXISTS (SELECT FROM users u WHERE u.id = $13 AND u.version = $14::bigint AND NOT u.disabled)
					ON CONFLICT DO NOTHING
					RETURNING ` + sessionColumns,
				args: []any{tick, [16]byte(r.ID), [16]byte(r.Seed), r.Lifetime.Microseconds(), r.IdleTimeout.Microseconds(),
					due.Microseconds(), r.Subject, r.ClientID, r.audience, r.Scope, r.Device, r.Claims, user, version},
				each: done,
			})
			if t.repeated {
				// If the attempt before happened, what it stored is ours: nobody
				// else has that id with that seed.
				queries = append(queries, query{
					sql:  `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.id = $1 AND s.seed = $2`,
					args: []any{[16]byte(r.ID), [16]byte(r.Seed)},
					each: done,
				})
			}
		}
		return t.commit(append(queries, s.raiseLater(slot, tick)...)...)
	})
	return results, err
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
