package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jeton-go/jeton/issuer"
)

// leaveNotices leaves one notice for each receiver, of which there are mostly
// none.
const leaveNotices = `INSERT INTO notices (receiver, at, session, subject, reason) SELECT name, ?, ?, ?, ? FROM receivers`

// NameReceivers implements [issuer.NoticeStore].
func (s *Store) NameReceivers(ctx context.Context, names []string) error {
	if slices.Contains(names, "") {
		return errors.New("sqlite: name receivers: one without a name")
	}
	return s.write(ctx, "name receivers", func(t *tx) error {
		for _, name := range names {
			if _, err := t.exec(`INSERT INTO receivers (name, named_at) VALUES (?, ?)
				ON CONFLICT (name) DO UPDATE SET named_at = excluded.named_at`, name, t.now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Notices implements [issuer.NoticeStore].
func (s *Store) Notices(ctx context.Context, receiver string, limit int) ([]issuer.Notice, error) {
	if limit <= 0 {
		return nil, errors.New("sqlite: notices: the limit is not positive")
	}
	s.tick()
	var out []issuer.Notice
	rows, err := s.reader.QueryContext(ctx, `SELECT at, session, subject, reason FROM notices WHERE receiver = ? ORDER BY at, session LIMIT ?`, receiver, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var n issuer.Notice
		var at int64
		if err := rows.Scan(&at, into(n.Session[:]), &n.Subject, &n.Reason); err != nil {
			return err
		}
		n.At = instant(at)
		out = append(out, n)
		return nil
	})
	if err != nil {
		return nil, s.explain("notices", err)
	}
	return out, nil
}

// DropNotices implements [issuer.NoticeStore].
func (s *Store) DropNotices(ctx context.Context, receiver string, ids []issuer.NoticeID) error {
	return s.write(ctx, "drop notices", func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec(`DELETE FROM notices WHERE receiver = ? AND at = ? AND session = ?`, receiver, id.At.UnixMicro(), id.Session[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// pruneNotices deletes what nobody fetched in time, and receivers that nobody
// names any more, these once nothing waits for them.
func (t *tx) pruneNotices(keep issuer.Retention, limit int) (looked, deleted int, err error) {
	over := t.now - keep.Notices.Microseconds()
	res, err := t.exec(`DELETE FROM notices WHERE (receiver, at, session) IN (
		SELECT n.receiver, n.at, n.session FROM receivers r JOIN notices n ON n.receiver = r.name
			AND n.at <= iif(r.named_at <= ?, 9223372036854775807, ?) LIMIT ?)`, over, over, limit)
	if err != nil {
		return 0, 0, err
	}
	n, err := res.RowsAffected()
	if err != nil || int(n) == limit {
		return int(n), int(n), err
	}
	res, err = t.exec(`DELETE FROM receivers WHERE name IN (SELECT name FROM receivers WHERE named_at <= ? LIMIT ?)`, over, limit-int(n))
	if err != nil {
		return 0, 0, err
	}
	gone, err := res.RowsAffected()
	return int(n + gone), int(n + gone), err
}
