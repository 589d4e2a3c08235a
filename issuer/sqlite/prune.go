package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jeton-go/jeton/issuer"
)

// pruneStep bounds how many rows one transaction of Prune looks at, so that the
// writes behind it do not wait for long.
const pruneStep = 200

// Prune implements [issuer.Pruner]. Where limit is large it is several
// transactions: each row goes by itself, so that nobody can tell.
func (s *Store) Prune(ctx context.Context, keep issuer.Retention, limit int) (int, error) {
	switch {
	case limit <= 0:
		return 0, errors.New("sqlite: prune: the limit is not positive")
	case keep.Sessions < 0 || keep.Log < 0 || keep.Keys < 0 || keep.Notices < 0 || keep.Failures < 0 || keep.MostFailures < 0 || keep.Audit < 0:
		return 0, errors.New("sqlite: prune: a retention is negative")
	}
	deleted := 0
	for _, step := range []func(*tx, int) (looked, deleted int, err error){
		func(t *tx, limit int) (int, int, error) { return t.pruneLog(keep, limit) },
		func(t *tx, limit int) (int, int, error) { return t.pruneAudit(keep.Audit, limit) },
		func(t *tx, limit int) (int, int, error) { return t.pruneSessions(keep, limit) },
		func(t *tx, limit int) (int, int, error) { return t.pruneFailures(keep, limit) },
		func(t *tx, limit int) (int, int, error) { return t.pruneNotices(keep, limit) },
	} {
		for more := true; more && deleted < limit; {
			size := min(limit-deleted, pruneStep)
			var looked, gone int
			err := s.write(ctx, "prune", func(t *tx) (err error) {
				looked, gone, err = step(t, size)
				return err
			})
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
func (t *tx) pruneLog(keep issuer.Retention, limit int) (looked, deleted int, err error) {
	res, err := t.exec(`DELETE FROM log WHERE seq IN (SELECT seq FROM
		(SELECT seq, at FROM log ORDER BY seq LIMIT ?) WHERE at <= ?
		AND seq < coalesce((SELECT min(seq) FROM log WHERE kind = 'key' AND at > ?), seq + 1))`,
		limit, t.now-keep.Log.Microseconds(), t.now-keep.Keys.Microseconds())
	if err != nil {
		return 0, 0, err
	}
	n, err := res.RowsAffected()
	return int(n), int(n), err
}

// pruneSessions looks at sessions that were due. One whose end has moved since,
// because it was rotated, is due then; so each is looked at once in an idle
// timeout, and a rotation need not change an index.
func (t *tx) pruneSessions(keep issuer.Retention, limit int) (looked, deleted int, err error) {
	type due struct{ number, grant, end int64 }
	var found []due
	over := t.now - keep.Sessions.Microseconds()
	rows, err := t.QueryContext(t.ctx, `SELECT number, grant_id,
			min(coalesce(revoked_at, expires_at), expires_at, iif(idle_timeout = 0, expires_at, max(rotated_at, created_at) + idle_timeout))
		FROM sessions JOIN grants ON grants.id = grant_id WHERE due_at <= ? ORDER BY due_at LIMIT ?`, over, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var d due
		found = append(found, d)
		return rows.Scan(&found[len(found)-1].number, &found[len(found)-1].grant, &found[len(found)-1].end)
	})
	if err != nil {
		return 0, 0, err
	}
	grants := make(map[int64]int64)
	for _, d := range found {
		if d.end > over {
			if _, err := t.exec(`UPDATE sessions SET due_at = ? WHERE number = ?`, d.end, d.number); err != nil {
				return 0, 0, err
			}
			continue
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE number = ?`, d.number); err != nil {
			return 0, 0, err
		}
		grants[d.grant]++
		deleted++
	}
	for id, n := range grants {
		if _, err := t.exec(`UPDATE grants SET sessions = sessions - ? WHERE id = ?`, n, id); err != nil {
			return 0, 0, err
		}
		if _, err := t.exec(`DELETE FROM grants WHERE id = ? AND sessions = 0`, id); err != nil {
			return 0, 0, err
		}
	}
	return len(found), deleted, nil
}
