package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// rotation is a compare-and-set of a session's generation.
type rotation struct {
	id       issuer.SessionID
	from, to uint32
}

// Rotate implements [issuer.SessionStore].
func (s *Store) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	return s.rotations.Do(ctx, rotation{id, from, to})
}

// rotateSQL rotates those sessions of a batch whose condition holds. Two
// requests for one session are two rows of r of which at most one matches or, if
// they are the same, the first that does: PostgreSQL changes a row once in a
// statement. After it has waited for a row it checks the conditions on the row's
// new version.
const rotateSQL = `UPDATE sessions AS s
	SET generation = r.next, rotated_at = greatest(n.now, ` + lastUsedSQL + `)
	FROM (SELECT ` + nowSQL + `) AS n (now),
		unnest($2::uuid[], $3::integer[], $4::integer[]) WITH ORDINALITY AS r (id, generation, next, number)
	WHERE s.id = r.id AND s.generation = r.generation AND s.revoked_at IS NULL
		AND greatest(n.now, ` + lastUsedSQL + `) < s.expires_at
		AND (s.idle_timeout = 0 OR greatest(n.now, ` + lastUsedSQL + `) < ` + lastUsedSQL + ` + s.idle_timeout)
	RETURNING ` + sessionColumns + `, r.number`

// rotateAll rotates the sessions of a batch.
func (s *Store) rotateAll(ctx context.Context, reqs []rotation) ([]batch.Result[issuer.Session], error) {
	// In the order of their ids, in which the rows are most likely locked:
	// batches of two nodes that share sessions then don't meet head on. If they
	// do, PostgreSQL finds out.
	order := make([]int, len(reqs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return slices.Compare(reqs[a].id[:], reqs[b].id[:])
	})
	ids := make([][16]byte, len(reqs))
	from, to := make([]int32, len(reqs)), make([]int32, len(reqs))
	for place, i := range order {
		ids[place], from[place], to[place] = reqs[i].id, int32(reqs[i].from), int32(reqs[i].to)
	}
	var results []batch.Result[issuer.Session]
	var won int
	var ticks []int64 // of attempts of which nobody knows whether they happened
	err := s.write(ctx, "rotate", true, func(t *tx) error {
		results, won = make([]batch.Result[issuer.Session], len(reqs)), 0
		for i := range results {
			results[i].Err = issuer.ErrConflict // unless a row comes
		}
		slot, tick := s.slot(), s.tick()
		ticks = append(ticks, tick)
		queries := []query{lockSlot(slot), {
			sql:  rotateSQL,
			hot:  true,
			args: []any{tick, ids, from, to},
			each: func(rows pgx.Rows) error {
				var number int64
				session, err := scanSession(rows, &number)
				if err != nil {
					return err
				}
				results[order[number-1]] = batch.Result[issuer.Session]{Value: session}
				s.seen(session.RotatedAt.UnixMicro())
				won++
				return nil
			},
		}}
		return t.commit(append(queries, s.raiseLater(slot, tick)...)...)
	})
	if err != nil || won == len(reqs) {
		return results, err
	}
	return results, s.explainLosses(ctx, reqs, results, ticks[:len(ticks)-1])
}

// explainLosses finds out what became of the rotations that did not happen in
// the last attempt: the session does not exist, or it happened in an attempt
// before, whose connection broke during the commit.
func (s *Store) explainLosses(ctx context.Context, reqs []rotation, results []batch.Result[issuer.Session], before []int64) error {
	var ids []issuer.SessionID
	for i, r := range results {
		if r.Err != nil {
			ids = append(ids, reqs[i].id)
		}
	}
	found, err := s.readSessions(ctx, ids)
	if err != nil {
		return err
	}
	claimed := make(map[issuer.SessionID]bool)
	for i := range results {
		if results[i].Err == nil {
			claimed[reqs[i].id] = true
			continue
		}
		at := found[0]
		found = found[1:]
		if at.Err != nil {
			results[i].Err = at.Err
			continue
		}
		if len(before) == 0 || at.Value.session.Generation != reqs[i].to || claimed[reqs[i].id] {
			continue
		}
		// The generation is the one wanted, but another node may have got there
		// from the same one. The instant tells: it is one that this node chose.
		if slices.Contains(before, at.Value.session.RotatedAt.UnixMicro()) {
			results[i] = batch.Result[issuer.Session]{Value: at.Value.session}
			claimed[reqs[i].id] = true
		} else {
			results[i].Err = errUnknown
		}
	}
	return nil
}
