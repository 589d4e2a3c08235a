package postgres

import (
	"context"
	"errors"
	"math"

	"github.com/jeton-go/jeton/issuer"
)

// countSample counts the live among the sessions with the lowest ids, in the
// order of their index, and tells whether there are more. PostgreSQL has no
// max(uuid).
const countSample = `WITH n (now) AS (SELECT ` + nowSQL + `),
	sample AS (SELECT s.id, s.revoked_at IS NULL AND s.expires_at > n.now
			AND (s.idle_timeout = 0 OR ` + lastUsedSQL + ` + s.idle_timeout > n.now) AS live
		FROM sessions s, n ORDER BY s.id LIMIT $2)
	SELECT count(*) FILTER (WHERE live),
		(SELECT id FROM sample ORDER BY id DESC LIMIT 1),
		(SELECT count(*) > $2 FROM (SELECT FROM sessions LIMIT $2 + 1) AS more)
	FROM sample`

// CountSessions implements [issuer.SessionCounter].
func (s *Store) CountSessions(ctx context.Context, sample int) (live int64, exact bool, err error) {
	if sample <= 0 {
		return 0, false, errors.New("postgres: count sessions: the sample is not positive")
	}
	var last *[16]byte
	var more bool
	err = s.read(ctx, "count sessions", func() []query {
		return []query{{sql: countSample, args: []any{s.tick(), int64(min(sample, math.MaxInt32))}, dest: []any{&live, &last, &more}}}
	})
	if err != nil {
		return 0, false, err
	}
	if more {
		live = issuer.EstimateSessions(int(live), *last)
	}
	return live, !more, nil
}
