package sqlite

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// getFailures is one statement, so that it sees one state without a transaction.
const getFailures = `SELECT latest, count, last FROM clock LEFT JOIN login_failures ON key = ?`

// LoginFailures implements [issuer.FailureStore].
func (s *Store) LoginFailures(ctx context.Context, key issuer.FailureKey) (issuer.Failures, time.Time, error) {
	now := s.tick()
	var latest int64
	var count, last sql.NullInt64
	err := s.ready[getFailures].QueryRowContext(ctx, key[:]).Scan(&latest, &count, &last)
	if err != nil {
		return issuer.Failures{}, time.Time{}, s.explain("login failures", err)
	}
	f := issuer.Failures{Count: int(count.Int64)}
	if last.Valid {
		f.Last = instant(last.Int64)
	}
	return f, instant(max(now, latest)), nil
}

// CountLoginFailure implements [issuer.FailureStore].
func (s *Store) CountLoginFailure(ctx context.Context, key issuer.FailureKey) error {
	return s.writePlain(ctx, "count a login failure", func(t *tx) error {
		_, err := t.exec(`INSERT INTO login_failures (key, count, last) VALUES (?, 1, ?)
			ON CONFLICT DO UPDATE SET count = min(count + 1, ?), last = excluded.last`, key[:], t.now, math.MaxInt32)
		return err
	})
}

// ForgetLoginFailures implements [issuer.FailureStore].
func (s *Store) ForgetLoginFailures(ctx context.Context, key issuer.FailureKey) error {
	return s.writePlain(ctx, "forget login failures", func(t *tx) error {
		_, err := t.exec(`DELETE FROM login_failures WHERE key = ?`, key[:])
		return err
	})
}

// pruneFailures forgets failures that are over, and the oldest of too many.
func (t *tx) pruneFailures(keep issuer.Retention, limit int) (looked, deleted int, err error) {
	over, most := int64(math.MinInt64), int64(math.MaxInt64)
	if keep.Failures > 0 {
		over = t.now - keep.Failures.Microseconds()
	}
	if keep.MostFailures > 0 {
		most = int64(keep.MostFailures)
	}
	res, err := t.exec(`DELETE FROM login_failures WHERE key IN (SELECT key FROM (
			SELECT key, last FROM login_failures WHERE last <= ?
			UNION SELECT * FROM (SELECT key, last FROM login_failures ORDER BY last DESC, key DESC LIMIT -1 OFFSET ?)
		) ORDER BY last, key LIMIT ?)`, over, most, limit)
	if err != nil {
		return 0, 0, err
	}
	n, err := res.RowsAffected()
	return int(n), int(n), err
}
