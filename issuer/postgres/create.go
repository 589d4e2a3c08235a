package postgres

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// creation is a session to be stored.
type creation struct {
	issuer.NewSession
	audience string
}

// CreateSession implements [issuer.SessionStore]. Beside the errors that are
// documented there it refuses a zero id, an empty subject, a lifetime under a
// microsecond, and texts that are not UTF-8 or, but for Audience, hold a NUL.
func (s *Store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	refuse := func(why string) (issuer.Created, error) {
		return issuer.Created{}, errors.New("postgres: create session: " + why)
	}
	switch {
	case n.ID == issuer.SessionID{}:
		return refuse("the id is zero")
	case n.Subject == "":
		return refuse("the subject is empty")
	case n.Lifetime < time.Microsecond:
		return refuse("the lifetime is under a microsecond")
	case n.MaxLive < 0:
		return refuse("a negative number of sessions")
	case n.IdleTimeout != 0 && n.IdleTimeout < time.Microsecond:
		return refuse("the idle timeout is neither zero nor a microsecond or more")
	}
	if err := checkTexts(n.Subject, n.ClientID, n.Scope, n.Device); err != nil {
		return refuse(err.Error())
	}
	if n.User != nil && checkTexts(n.User.ID) != nil {
		return issuer.Created{}, issuer.ErrConflict // nobody has that id
	}
	audience, err := formatList(n.Audience)
	if err != nil {
		return refuse("the audience: " + err.Error())
	}
	if n.User != nil {
		user := *n.User
		n.User = &user
	}
	n.Claims, n.Audit = cloneBytes(n.Claims), slices.Clone(n.Audit) // the caller may leave before the batch does
	return s.creations.Do(ctx, creation{n, audience})
}

// createAll stores the sessions of a batch.
func (s *Store) createAll(ctx context.Context, reqs []creation) ([]batch.Result[issuer.Created], error) {
	var results []batch.Result[issuer.Created]
	var before []int64 // the instants of attempts of which nobody knows whether they happened
	audited := slices.ContainsFunc(reqs, func(r creation) bool { return len(r.Audit) > 0 })
	err := s.write(ctx, "create session", true, func(t *tx) error {
		results = make([]batch.Result[issuer.Created], len(reqs))
		var fresh []int // those that are stored in this attempt
		slots, tick := s.slotsFor(reqs), s.tick()
		queries := []query{lockSlots(slots)}
		for i, r := range reqs {
			results[i].Err = issuer.ErrConflict // unless a row comes
			done := func(rows pgx.Rows) error {
				session, err := scanSession(rows)
				results[i] = batch.Result[issuer.Created]{Value: issuer.Created{Session: session}}
				s.seen(session.CreatedAt.UnixMicro())
				return err
			}
			stored := func(rows pgx.Rows) error {
				fresh = append(fresh, i)
				return done(rows)
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
				each: stored,
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
		if !bounded(reqs) && !audited {
			return t.commit(append(queries, s.raiseLater(slots[0], tick)...)...)
		}
		if err := t.send(queries...); err != nil {
			return err
		}
		var a appender
		end, err := t.surplus(&a, tick, reqs, results, before)
		if err != nil {
			return err
		}
		if len(end) > 0 {
			before = append(before, a.now)
			s.seen(a.now)
			tick = a.now
		}
		var records []issuer.AuditRecord
		for _, i := range fresh {
			records = append(records, results[i].Value.Audit(reqs[i].Audit)...)
		}
		told, err := t.record(max(tick, s.tick()), records)
		if err != nil {
			return err
		}
		return t.commit(slices.Concat(end, told, s.raiseLater(slots[0], tick))...)
	})
	return results, err
}

func bounded(reqs []creation) bool {
	return slices.ContainsFunc(reqs, func(r creation) bool { return r.MaxLive > 0 })
}

// slotsFor returns the slots of the clock that creations lock. Those of one
// subject whose sessions are bounded meet at one slot, on whatever node, so that
// each counts what the others have created.
func (s *Store) slotsFor(reqs []creation) []int16 {
	if !bounded(reqs) {
		return []int16{s.slot()}
	}
	var of []int16
	for _, r := range reqs {
		if r.MaxLive > 0 {
			h := fnv.New32a()
			h.Write([]byte(r.Subject))
			of = append(of, int16(1+h.Sum32()%(slots-1)))
		}
	}
	slices.Sort(of)
	return slices.Compact(of)
}

// crowd is a subject in a batch whose sessions are bounded.
type crowd struct {
	subject string
	limit   int
	fresh   []int // the requests that created a session; the last one is answerable for the others
	ended   [][16]byte
}

// crowds groups what was created by subject. Requests that come together may be
// thought of in any order: in that in which the smallest limit comes last, it
// holds for all.
func crowds(reqs []creation, results []batch.Result[issuer.Created]) []*crowd {
	var all []*crowd
	of := make(map[string]*crowd)
	for i, r := range reqs {
		if r.MaxLive > 0 && results[i].Err == nil {
			c := of[r.Subject]
			if c == nil {
				c = &crowd{subject: r.Subject, limit: r.MaxLive}
				of[r.Subject], all = c, append(all, c)
			}
			c.limit = min(c.limit, r.MaxLive)
		}
	}
	for _, last := range []bool{false, true} {
		for i, r := range reqs {
			if c := of[r.Subject]; c != nil && results[i].Err == nil && last == (r.MaxLive == c.limit) {
				c.fresh = append(c.fresh, i)
			}
		}
	}
	return all
}

const (
	// surplusSQL finds the live sessions of a subject, without those that were
	// created now, from the one whose use is longest ago but for $4.
	surplusSQL = `SELECT s.id FROM sessions s, (SELECT ` + nowSQL + `) AS n (now)
		WHERE s.subject = $2 AND s.revoked_at IS NULL AND s.expires_at > n.now
			AND (s.idle_timeout = 0 OR ` + lastUsedSQL + ` + s.idle_timeout > n.now) AND s.id <> ALL ($3)
		ORDER BY ` + lastUsedSQL + ` DESC, s.created_at DESC, s.id OFFSET $4`
	// endedBeforeSQL finds what an attempt before this one ended, if it
	// happened.
	endedBeforeSQL = `SELECT s.id FROM sessions s WHERE s.subject = $1 AND s.revoke_reason = $2 AND s.revoked_at = ANY ($3)`
)

// surplus returns what ends the sessions that are too many, and says so in the
// results. The locks of their subjects' slots are had. A session that is used in
// this very moment, by a transaction beside this one, may count as unused.
func (t *tx) surplus(a *appender, tick int64, reqs []creation, results []batch.Result[issuer.Created], before []int64) ([]query, error) {
	var queries []query
	all := crowds(reqs, results)
	for _, c := range all {
		collect := func(rows pgx.Rows) error {
			var id [16]byte
			err := rows.Scan(&id)
			c.ended = append(c.ended, id)
			return err
		}
		fresh := make([][16]byte, len(c.fresh))
		for i, request := range c.fresh {
			fresh[i] = reqs[request].ID
		}
		if surplus := len(fresh) - c.limit; surplus > 0 {
			c.ended = append(c.ended, fresh[:surplus]...)
		}
		queries = append(queries, query{
			sql:  surplusSQL,
			args: []any{tick, c.subject, fresh, max(0, c.limit-len(fresh))},
			each: collect,
		})
		if t.repeated && len(before) > 0 {
			queries = append(queries, query{
				sql:  endedBeforeSQL,
				args: []any{c.subject, string(issuer.ReasonLimit), before},
				each: collect,
			})
		}
	}
	if len(queries) == 0 {
		return nil, nil
	}
	if err := t.send(queries...); err != nil {
		return nil, err
	}
	var ids [][16]byte
	for _, c := range all {
		ids = append(ids, c.ended...)
		ended := &results[c.fresh[len(c.fresh)-1]].Value.Ended
		for _, id := range c.ended {
			*ended = append(*ended, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return t.endThese(a, tick, ids)
}

// endThese locks sessions and returns what revokes those that are not.
func (t *tx) endThese(a *appender, tick int64, ids [][16]byte) ([]query, error) {
	var ended [][16]byte
	var subjects, reasons []string
	var last int64
	err := t.send(a.lock(tick), query{
		sql:  `SELECT ` + endingColumns + ` FROM sessions s WHERE s.id = ANY($1) AND s.revoked_at IS NULL ORDER BY s.id FOR UPDATE`,
		args: []any{ids},
		each: func(rows pgx.Rows) error {
			e, err := scanEnding(rows)
			last = max(last, e.last)
			ended, subjects, reasons = append(ended, e.id), append(subjects, e.subject), append(reasons, string(issuer.ReasonLimit))
			return err
		},
	})
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	a.now = max(a.now, last)
	for _, id := range ended {
		a.add(issuer.EntrySession, issuer.SessionID(id).String())
	}
	return append(a.write(), query{sql: endSQL, args: []any{a.now, minute(a.now), ended, reasons}}, leave(a.now, ended, subjects, reasons)), nil
}
