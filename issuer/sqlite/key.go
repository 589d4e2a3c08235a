package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// queryer is a transaction, of either kind.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func selectKeys(ctx context.Context, q queryer) ([]issuer.StoredKey, error) {
	var out []issuer.StoredKey
	rows, err := q.QueryContext(ctx, `SELECT use, id, algorithm, state, public, sealed, created_at, active_at, retired_at, gone_at FROM keys`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var k issuer.StoredKey
		var created int64
		var active, retired, gone sql.NullInt64
		if err := rows.Scan(&k.Use, &k.ID, &k.Algorithm, &k.State, &k.Public, &k.Sealed, &created, &active, &retired, &gone); err != nil {
			return err
		}
		k.CreatedAt, k.ActiveAt = instant(created), optionalInstant(active)
		k.RetiredAt, k.GoneAt = optionalInstant(retired), optionalInstant(gone)
		out = append(out, k)
		return nil
	})
	return out, err
}

// Keys implements [issuer.KeyStore].
func (s *Store) Keys(ctx context.Context) ([]issuer.StoredKey, time.Time, error) {
	var keys []issuer.StoredKey
	now, err := s.read(ctx, "keys", func(t *sql.Tx, _ int64) error {
		var err error
		keys, err = selectKeys(ctx, t)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return keys, now, nil
}

// UpdateKeys implements [issuer.KeyStore]. decide is called once at most, while
// every other write, of other processes too, waits. Once it is this call's turn
// it runs to its end, even if the context ends. It refuses keys without an id,
// two of the same use and id, and a use or state that package issuer does not
// name.
func (s *Store) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// decide belongs to the caller, who must not be gone when it is called.
	var refused error
	var panicked any
	var told []issuer.AuditRecord
	err := s.write(context.WithoutCancel(ctx), "update keys", func(t *tx) error {
		keys, err := selectKeys(t.ctx, t)
		if err != nil {
			return err
		}
		func() {
			defer func() { panicked = recover() }()
			if keys, refused = decide(instant(t.now), keys); refused != nil {
				return
			}
			for _, records := range audit {
				told = append(told, records()...)
			}
		}()
		if refused != nil || panicked != nil {
			return errRefused
		}
		if _, err := t.exec(`DELETE FROM keys`); err != nil {
			return err
		}
		for _, k := range keys {
			_, err := t.exec(`INSERT INTO keys (use, id, algorithm, state, public, sealed, created_at, active_at, retired_at, gone_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				string(k.Use), k.ID, k.Algorithm, string(k.State), k.Public, k.Sealed,
				k.CreatedAt.UnixMicro(), optional(k.ActiveAt), optional(k.RetiredAt), optional(k.GoneAt))
			if err != nil {
				return fmt.Errorf("the %s key %q: %w", k.Use, k.ID, err)
			}
		}
		return t.record(told)
	})
	if panicked != nil {
		panic(panicked)
	}
	if errors.Is(err, errRefused) {
		return refused
	}
	return err
}

// errRefused stands for an error of the caller's own, which must not be taken
// for one of the database's.
var errRefused = errors.New("refused")
