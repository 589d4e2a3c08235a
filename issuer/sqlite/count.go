package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jeton-go/jeton/issuer"
)

// countSample counts the live among the sessions with the lowest ids, in the
// order of their index.
const countSample = `SELECT count(*), coalesce(sum(live), 0), max(id) FROM (
	SELECT sessions.id AS id, revoked_at IS NULL AND expires_at > ?1
		AND (idle_timeout = 0 OR max(rotated_at, created_at) + idle_timeout > ?1) AS live
	FROM sessions JOIN grants ON grants.id = grant_id ORDER BY sessions.id LIMIT ?2)`

// CountSessions implements [issuer.SessionCounter].
func (s *Store) CountSessions(ctx context.Context, sample int) (live int64, exact bool, err error) {
	if sample <= 0 {
		return 0, false, errors.New("sqlite: count sessions: the sample is not positive")
	}
	_, err = s.read(ctx, "count sessions", func(t *sql.Tx, now int64) error {
		// One row more than is looked at tells whether there are more.
		var rows, all int64
		if err := t.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM sessions LIMIT ?)`, sample+1).Scan(&all); err != nil {
			return err
		}
		var last []byte
		if err := t.QueryRowContext(ctx, countSample, now, sample).Scan(&rows, &live, &last); err != nil {
			return err
		}
		exact = all <= int64(sample)
		if !exact {
			live = issuer.EstimateSessions(int(live), issuer.SessionID(last))
		}
		return nil
	})
	return live, exact, err
}
