package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// leave returns the query that leaves notices of sessions which a transaction
// revokes, for whoever is a receiver then.
func leave(at int64, sessions [][16]byte, subjects, reasons []string) query {
	return query{
		sql: `INSERT INTO notices (receiver, at, session, subject, reason)
			SELECT r.name, $1, n.session, n.subject, n.reason
			FROM receivers r, unnest($2::uuid[], $3::text[], $4::text[]) AS n (session, subject, reason)
			WHERE n.reason <> $5`,
		args: []any{at, sessions, subjects, reasons, string(issuer.ReasonExpired)},
	}
}

// NameReceivers implements [issuer.NoticeStore].
func (s *Store) NameReceivers(ctx context.Context, names []string) error {
	if slices.Contains(names, "") {
		return errors.New("postgres: name receivers: one without a name")
	}
	if err := checkTexts(names...); err != nil {
		return errors.New("postgres: name receivers: " + err.Error())
	}
	names = slices.Compact(slices.Sorted(slices.Values(names))) // in one order, against deadlocks
	return s.write(ctx, "name receivers", true, func(t *tx) error {
		slot, tick := s.slot(), s.tick()
		return t.commit(lockSlot(slot), query{
			sql: `INSERT INTO receivers (name, named_at) SELECT n, ` + nowSQL + ` FROM unnest($2::text[]) AS n
				ON CONFLICT (name) DO UPDATE SET named_at = greatest(receivers.named_at, excluded.named_at)`,
			args: []any{tick, names},
		}, raiseSlot(slot, tick))
	})
}

// Notices implements [issuer.NoticeStore].
func (s *Store) Notices(ctx context.Context, receiver string, limit int) ([]issuer.Notice, error) {
	if limit <= 0 {
		return nil, errors.New("postgres: notices: the limit is not positive")
	}
	if err := checkTexts(receiver); err != nil {
		return nil, nil // it can't have been named
	}
	var out []issuer.Notice
	err := s.read(ctx, "notices", func() []query {
		out = nil
		return []query{{
			sql:  `SELECT at, session, subject, reason FROM notices WHERE receiver = $1 ORDER BY at, session LIMIT $2`,
			args: []any{receiver, int64(limit)},
			each: func(rows pgx.Rows) error {
				var n issuer.Notice
				var at int64
				var session [16]byte
				err := rows.Scan(&at, &session, &n.Subject, &n.Reason)
				n.At, n.Session = instant(at), session
				out = append(out, n)
				return err
			},
		}}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DropNotices implements [issuer.NoticeStore].
func (s *Store) DropNotices(ctx context.Context, receiver string, ids []issuer.NoticeID) error {
	if len(ids) == 0 || checkTexts(receiver) != nil {
		return nil
	}
	// In one order, so that two who drop the same don't deadlock.
	ids = slices.SortedFunc(slices.Values(ids), func(a, b issuer.NoticeID) int { return a.At.Compare(b.At) })
	ats, sessions := make([]int64, len(ids)), make([][16]byte, len(ids))
	for i, id := range ids {
		ats[i], sessions[i] = id.At.UnixMicro(), id.Session
	}
	return s.write(ctx, "drop notices", true, func(t *tx) error {
		return t.commit(query{
			sql: `DELETE FROM notices n USING unnest($2::bigint[], $3::uuid[]) AS d (at, session)
				WHERE n.receiver = $1 AND n.at = d.at AND n.session = d.session`,
			args: []any{receiver, ats, sessions},
		})
	})
}

// pruneNotices deletes what nobody fetched in time, and receivers that nobody
// names any more, these once nothing waits for them.
func (s *Store) pruneNotices(ctx context.Context, keep issuer.Retention, limit int) (looked, deleted int, err error) {
	err = s.write(ctx, "prune", true, func(t *tx) error {
		args := []any{s.tick(), keep.Notices.Microseconds(), int64(limit)}
		var gone int64
		if err := t.send(query{
			sql: `DELETE FROM notices WHERE (receiver, at, session) IN (
				SELECT n.receiver, n.at, n.session FROM (SELECT ` + nowSQL + ` - $2 AS past) AS o CROSS JOIN receivers r
				JOIN notices n ON n.receiver = r.name AND n.at <= CASE WHEN r.named_at <= o.past THEN 9223372036854775807 ELSE o.past END LIMIT $3)`,
			args: args, affected: func(n int64) { gone = n },
		}); err != nil {
			return err
		}
		deleted = int(gone)
		if deleted == limit {
			return t.commit()
		}
		args[2] = int64(limit - deleted)
		return t.commit(query{
			sql: `DELETE FROM receivers WHERE name IN (SELECT name FROM receivers
				WHERE named_at <= ` + nowSQL + ` - $2 LIMIT $3)`,
			args: args, affected: func(n int64) { deleted += int(n) },
		})
	})
	return deleted, deleted, err
}
