package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// query is a statement and where its result goes.
type query struct {
	sql  string
	args []any
	hot  bool // so often that it is prepared where that can be

	// At most one of these. dest is for one row; each is called with each row.
	dest     []any
	each     func(row pgx.Rows) error
	affected func(rows int64)
}

// writing and reading begin a transaction. The level is named because the
// database's default may be another one.
const (
	writing = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	reading = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
)

// tx is one attempt at a transaction.
type tx struct {
	ctx  context.Context
	conn *pgxpool.Conn
	// named: the connection may have prepared statements.
	named bool

	begin string // until it was sent
	// repeated: nobody knows whether the attempt before happened.
	repeated bool
	// ended: COMMIT was sent. From then on an error of the connection leaves
	// open whether it happened.
	ended bool
}

// send sends queries in one round trip, and BEGIN ahead of the first.
func (t *tx) send(queries ...query) error {
	if t.begin != "" {
		queries = append([]query{{sql: t.begin}}, queries...)
		t.begin = ""
	}
	if t.named {
		if err := t.prepare(queries); err != nil {
			return err
		}
	}
	var b pgx.Batch
	for _, q := range queries {
		b.Queue(q.sql, q.args...)
	}
	results := t.conn.SendBatch(t.ctx, &b)
	var err error
	for _, q := range queries {
		if err = q.take(results); err != nil {
			break
		}
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	return err
}

// commit sends queries and COMMIT in one round trip.
func (t *tx) commit(queries ...query) error {
	t.ended = true
	return t.send(append(queries, query{sql: `COMMIT`})...)
}

func (q query) take(results pgx.BatchResults) error {
	switch {
	case q.dest != nil:
		return results.QueryRow().Scan(q.dest...)
	case q.each != nil:
		rows, err := results.Query()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := q.each(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	default:
		tag, err := results.Exec()
		if err == nil && q.affected != nil {
			q.affected(tag.RowsAffected())
		}
		return err
	}
}

// read runs the queries that ask returns in a read transaction, which sees one
// state of the database. It calls ask again for each attempt.
func (s *Store) read(ctx context.Context, op string, ask func() []query) error {
	return s.run(ctx, op, reading, true, func(t *tx) error { return t.commit(ask()...) })
}

// write runs work, which must end with a commit, in a write transaction. It
// calls work again after an error that leaves nothing written and that another
// attempt may not meet. repeatable tells that work may also be called again when
// nobody knows whether it happened; if it is not, that is an error.
func (s *Store) write(ctx context.Context, op string, repeatable bool, work func(*tx) error) error {
	err := s.run(ctx, op, writing, repeatable, work)
	if ctx.Err() == nil {
		s.cantWrite.Store(err != nil && !ofContract(err))
	}
	return err
}

func (s *Store) run(ctx context.Context, op, begin string, repeatable bool, work func(*tx) error) error {
	patient, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	repeated := false
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		ended, err := s.attempt(ctx, begin, repeated, work)
		if err == nil {
			return nil
		}
		f := failureOf(err)
		unknown := ended && f == broken
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f == final:
			return explain(op, err)
		case unknown && !repeatable:
			return fmt.Errorf("postgres: %s: %w: %w", op, errUnknown, err)
		}
		repeated = repeated || unknown
		switch {
		// Serialization failures and deadlocks are over when they are reported.
		case f != broken && try >= maxTries, f == broken && patient.Err() != nil:
			return explain(op, err)
		case f == broken:
			s.pool.Reset() // the other connections lead there as well
		case f == misplaced:
			s.lostStatements(err)
		}
		wait := min(10*time.Millisecond<<min(try, 10), 500*time.Millisecond)
		if try == 0 {
			wait = time.Millisecond
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(wait)):
		}
	}
}

// maxTries bounds how often a transaction that others got in the way of is
// tried.
const maxTries = 50

// attempt runs work once, on one connection.
func (s *Store) attempt(ctx context.Context, begin string, repeated bool, work func(*tx) error) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release() // which closes it if it is still in a transaction
	forgetUnreplicated(conn.Conn())
	t := &tx{ctx: ctx, conn: conn, begin: begin, repeated: repeated}
	if t.named, err = s.mayName(ctx, conn.Conn()); err != nil {
		return false, err
	}
	err = work(t)
	if err == nil && unreplicated(conn.Conn()) {
		err = errUnreplicated
	}
	// The server has just answered, so it will again: that keeps the connection.
	var refused *pgconn.PgError
	if err != nil && conn.Conn().PgConn().TxStatus() != 'I' && (ofContract(err) || errors.As(err, &refused)) {
		conn.Exec(ctx, `ROLLBACK`, pgx.QueryExecModeSimpleProtocol)
	}
	return t.ended, err
}
