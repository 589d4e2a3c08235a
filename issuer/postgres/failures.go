package postgres

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// LoginFailures implements [issuer.FailureStore].
func (s *Store) LoginFailures(ctx context.Context, key issuer.FailureKey) (issuer.Failures, time.Time, error) {
	var f issuer.Failures
	var now int64
	err := s.read(ctx, "login failures", func() []query {
		f = issuer.Failures{}
		return []query{
			{sql: `SELECT ` + nowSQL, args: []any{s.tick()}, dest: []any{&now}},
			{
				sql:  `SELECT count, last FROM login_failures WHERE key = $1`,
				args: []any{[16]byte(key)},
				each: func(rows pgx.Rows) error {
					var count int32
					var last int64
					err := rows.Scan(&count, &last)
					f, now = issuer.Failures{Count: int(count), Last: instant(last)}, max(now, last)
					return err
				},
			},
		}
	})
	if err != nil {
		return issuer.Failures{}, time.Time{}, err
	}
	return f, instant(s.seen(now)), nil
}

// CountLoginFailure implements [issuer.FailureStore].
func (s *Store) CountLoginFailure(ctx context.Context, key issuer.FailureKey) error {
	_, err := s.failures.Do(ctx, key)
	return err
}

// countAll counts the failures of a batch. Rows are locked in the order of their
// keys, so that two nodes that count the same ones don't wait for each other
// crosswise.
func (s *Store) countAll(ctx context.Context, keys []issuer.FailureKey) ([]batch.Result[struct{}], error) {
	counts := make(map[issuer.FailureKey]int32, len(keys))
	for _, key := range keys {
		counts[key]++
	}
	distinct := make([]issuer.FailureKey, 0, len(counts))
	for key := range counts {
		distinct = append(distinct, key)
	}
	slices.SortFunc(distinct, func(a, b issuer.FailureKey) int { return slices.Compare(a[:], b[:]) })
	err := s.write(ctx, "count a login failure", true, func(t *tx) error {
		slot, tick := s.slot(), s.tick()
		queries := []query{lockSlot(slot)}
		for _, key := range distinct {
			queries = append(queries, query{
				sql: `INSERT INTO login_failures AS f (key, last, count) VALUES ($2, ` + nowSQL + `, $3)
					ON CONFLICT (key) DO UPDATE SET count = least(f.count::bigint + $3, $4), last = greatest(f.last, excluded.last)`,
				args: []any{tick, [16]byte(key), counts[key], int64(math.MaxInt32)},
			})
		}
		return t.commit(append(queries, s.raiseLater(slot, tick)...)...)
	})
	return make([]batch.Result[struct{}], len(keys)), err
}

// ForgetLoginFailures implements [issuer.FailureStore].
func (s *Store) ForgetLoginFailures(ctx context.Context, key issuer.FailureKey) error {
	return s.write(ctx, "forget login failures", true, func(t *tx) error {
		slot, tick := s.slot(), s.tick()
		return t.commit(append([]query{lockSlot(slot),
			{sql: `DELETE FROM login_failures WHERE key = $1`, args: []any{[16]byte(key)}},
		}, s.raiseLater(slot, tick)...)...)
	})
}

// pruneFailures forgets failures that are over, and the oldest of too many.
func (s *Store) pruneFailures(ctx context.Context, keep issuer.Retention, limit int) (looked, deleted int, err error) {
	life, most := int64(math.MaxInt64), int64(math.MaxInt64)
	if keep.Failures > 0 {
		life = keep.Failures.Microseconds()
	}
	if keep.MostFailures > 0 {
		most = int64(keep.MostFailures)
	}
	err = s.write(ctx, "prune", true, func(t *tx) error {
		return t.commit(query{
			sql: `DELETE FROM login_failures WHERE key IN (SELECT key FROM (
					(SELECT key, last FROM login_failures WHERE last <= ` + nowSQL + ` - $2::bigint ORDER BY last LIMIT $4)
					UNION (SELECT key, last FROM login_failures ORDER BY last DESC, key DESC OFFSET $3)
				) AS over ORDER BY last, key LIMIT $4)`,
			args:     []any{s.tick(), life, most, int64(limit)},
			affected: func(n int64) { deleted = int(n) },
		})
	})
	return deleted, deleted, err
}
