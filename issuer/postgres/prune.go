package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// pruneStep bounds how many rows one transaction of Prune looks at, so that no
// rotation waits long for one of them.
const pruneStep = 500

// Prune implements [issuer.Pruner]. Where limit is large it is several
// transactions: each row goes by itself, so that nobody can tell.
func (s *Store) Prune(ctx context.Context, keep issuer.Retention, limit int) (int, error) {
	switch {
	case limit <= 0:
		return 0, errors.New("postgres: prune: the limit is not positive")
	case keep.Sessions < 0 || keep.Log < 0 || keep.Keys < 0 || keep.Notices < 0 || keep.Failures < 0 || keep.MostFailures < 0 || keep.Audit < 0:
		return 0, errors.New("postgres: prune: a retention is negative")
	}
	deleted := 0
	for _, step := range []func(context.Context, issuer.Retention, int) (looked, gone int, err error){s.pruneLog, s.pruneAudit, s.pruneSessions, s.pruneFailures, s.pruneNotices} {
		for more := true; more && deleted < limit; {
			size := min(limit-deleted, pruneStep)
			looked, gone, err := step(ctx, keep, size)
			if err != nil {
				return deleted, err
			}
			deleted += gone
			more = looked == size
		}
	}
	return deleted, nil
}

// pruneLog deletes entries of the revocation log from its beginning: they are in
// the order of their instants. A revoked key that has to stay keeps what follows.
func (s *Store) pruneLog(ctx context.Context, keep issuer.Retention, limit int) (looked, deleted int, err error) {
	err = s.write(ctx, "prune", true, func(t *tx) error {
		return t.commit(query{
			sql: `DELETE FROM log WHERE seq IN (SELECT seq FROM
				(SELECT seq, at FROM log ORDER BY seq LIMIT $2) AS oldest WHERE at + $3 <= ` + nowSQL + `
				AND seq < coalesce((SELECT min(seq) FROM log WHERE kind = 'key' AND at + $4 > ` + nowSQL + `), seq + 1))`,
			args:     []any{s.tick(), int64(limit), keep.Log.Microseconds(), keep.Keys.Microseconds()},
			affected: func(n int64) { deleted = int(n) },
		})
	})
	return deleted, deleted, err
}

// endsSQL is the instant at which a session ends, by revocation, absolute or
// idle limit.
const endsSQL = `least(coalesce(s.revoked_at, s.expires_at), s.expires_at,
	CASE WHEN s.idle_timeout = 0 THEN s.expires_at ELSE ` + lastUsedSQL + ` + s.idle_timeout END)`

// pruneSessions looks at sessions that were due. One whose end has moved since,
// because it was rotated, is due then; so each is looked at once in an idle
// timeout, and a rotation need not change an index.
func (s *Store) pruneSessions(ctx context.Context, keep issuer.Retention, limit int) (looked, deleted int, err error) {
	err = s.write(ctx, "prune", true, func(t *tx) error {
		looked, deleted = 0, 0
		var gone, later [][16]byte
		var dues []int32
		slot, tick := s.slot(), s.tick()
		// A session that ends within the minute is left for the next one: those
		// that are looked at become fewer each time.
		err := t.send(lockSlot(slot), query{
			sql: `SELECT s.id, ` + endsSQL + ` AS ends, n.past FROM sessions s, (SELECT ` + nowSQL + ` - $2) AS n (past)
				WHERE s.due <= n.past / 60000000 AND (` + endsSQL + ` <= n.past OR ` + endsSQL + ` / 60000000 > s.due)
				ORDER BY s.due LIMIT $3 FOR UPDATE OF s`,
			args: []any{tick, keep.Sessions.Microseconds(), int64(limit)},
			each: func(rows pgx.Rows) error {
				var id [16]byte
				var ends, past int64
				if err := rows.Scan(&id, &ends, &past); err != nil {
					return err
				}
				looked++
				if ends <= past {
					gone = append(gone, id)
				} else {
					later, dues = append(later, id), append(dues, minute(ends))
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
		deleted = len(gone)
		return t.commit(
			query{sql: `DELETE FROM sessions WHERE id = ANY($1)`, args: []any{gone}},
			query{
				sql:  `UPDATE sessions SET due = r.due FROM unnest($1::uuid[], $2::integer[]) AS r (id, due) WHERE sessions.id = r.id`,
				args: []any{later, dues},
			})
	})
	return looked, deleted, err
}
