package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/batch"
)

// Committers makes rotations go in groups of at most size, so many at once.
func (s *Store) Committers(n, size int) {
	s.rotations = batch.New(batch.Options{MaxBatch: size, Committers: n}, s.rotateAll)
}

// Prepared counts the prepared statements that the servers of the store's idle
// connections have.
func (s *Store) Prepared(ctx context.Context) (all int, err error) {
	for _, conn := range s.pool.AcquireAllIdle(ctx) {
		var n int
		if failed := conn.QueryRow(ctx, `SELECT count(*) FROM pg_prepared_statements`, pgx.QueryExecModeExec).Scan(&n); failed != nil {
			err = failed
		}
		conn.Release()
		all += n
	}
	return all, err
}

// LosePrepared makes the servers of the store's idle connections forget their
// prepared statements.
func (s *Store) LosePrepared(ctx context.Context) (err error) {
	for _, conn := range s.pool.AcquireAllIdle(ctx) {
		if _, failed := conn.Exec(ctx, `DEALLOCATE ALL`, pgx.QueryExecModeExec); failed != nil {
			err = failed
		}
		conn.Release()
	}
	return err
}

// Connections is how many connections the store has made so far.
func (s *Store) Connections() int64 { return s.pool.Stat().NewConnsCount() }
