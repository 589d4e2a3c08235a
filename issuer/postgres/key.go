package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// selectKeys reads all keys into a list, which it empties first.
func selectKeys(out *[]issuer.StoredKey) query {
	*out = nil
	return query{
		sql: `SELECT use, id, algorithm, state, public, sealed, created_at, active_at, retired_at, gone_at FROM keys`,
		each: func(rows pgx.Rows) error {
			var k issuer.StoredKey
			var created int64
			var active, retired, gone *int64
			err := rows.Scan(&k.Use, &k.ID, &k.Algorithm, &k.State, &k.Public, &k.Sealed, &created, &active, &retired, &gone)
			k.CreatedAt, k.ActiveAt = instant(created), optionalInstant(active)
			k.RetiredAt, k.GoneAt = optionalInstant(retired), optionalInstant(gone)
			*out = append(*out, k)
			return err
		},
	}
}

// Keys implements [issuer.KeyStore].
func (s *Store) Keys(ctx context.Context) ([]issuer.StoredKey, time.Time, error) {
	var keys []issuer.StoredKey
	var now int64
	err := s.read(ctx, "keys", func() []query {
		return []query{{sql: `SELECT ` + nowSQL, args: []any{s.tick()}, dest: []any{&now}}, selectKeys(&keys)}
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return keys, instant(s.seen(now)), nil
}

// UpdateKeys implements [issuer.KeyStore]. While decide runs, other updates of
// the keys wait, of other nodes too, and changes of users and whole subjects;
// writes of sessions do not. decide is called again if the database fails on the
// way, or if another transaction is in the way. UpdateKeys refuses keys without
// an id, two of the same use and id, and a use or state that package issuer does
// not name.
func (s *Store) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	var refused error
	err := s.write(ctx, "update keys", false, func(t *tx) error {
		var keys []issuer.StoredKey
		var now int64
		err := t.send(lockSlot(keySlot), query{sql: `SELECT ` + nowSQL, args: []any{s.tick()}, dest: []any{&now}}, selectKeys(&keys))
		if err != nil {
			return err
		}
		if keys, refused = decide(instant(s.seen(now)), keys); refused != nil {
			return errRefused
		}
		var told []issuer.AuditRecord
		for _, records := range audit {
			told = append(told, records()...)
		}
		queries := []query{{sql: `DELETE FROM keys`}}
		for _, k := range keys {
			if err := checkTexts(string(k.Use), k.ID, k.Algorithm, string(k.State)); err != nil {
				refused = fmt.Errorf("postgres: update keys: %w", err)
				return errRefused
			}
			queries = append(queries, query{
				sql: `INSERT INTO keys (use, id, algorithm, state, public, sealed, created_at, active_at, retired_at, gone_at)
					VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
				args: []any{string(k.Use), k.ID, k.Algorithm, string(k.State), k.Public, k.Sealed,
					k.CreatedAt.UnixMicro(), optional(k.ActiveAt), optional(k.RetiredAt), optional(k.GoneAt)},
			})
		}
		recorded, err := t.record(now, told)
		if err != nil {
			return err
		}
		return t.commit(slices.Concat(queries, recorded, []query{raiseSlot(keySlot, now)})...)
	})
	if refused != nil {
		return refused
	}
	return err
}

// errRefused ends a transaction for a reason that is kept elsewhere.
var errRefused = errors.New("refused")
