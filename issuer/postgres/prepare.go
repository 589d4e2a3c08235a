package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A statement that is prepared is planned once and not each time, which is most of
// what a small batch costs the server. A prepared statement belongs to the server's
// process, and a pooler may hand each transaction to another one. So only a
// connection has any that leads straight to the server: there the process that
// answers is the one that was named when the connection was made, for which a
// pooler puts a number of its own.

// planLife is how long a plan is used. A table that has just been made is read
// from end to end, which is right as long as it is small, and nothing makes
// PostgreSQL look again until it is analyzed.
const planLife = 10 * time.Second

const directKey = "jeton.direct"

// direct is what is known of a connection that leads straight to the server.
type direct struct {
	planned time.Time
}

// noteDirect finds out where a new connection leads.
func noteDirect(ctx context.Context, conn *pgx.Conn) error {
	var answers uint32
	err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&answers)
	if err == nil && answers == conn.PgConn().PID() {
		conn.PgConn().CustomData()[directKey] = &direct{}
	}
	return err
}

// mayName tells whether a connection may have prepared statements, and has it
// plan them anew when it is time.
func (s *Store) mayName(ctx context.Context, conn *pgx.Conn) (bool, error) {
	d, ok := conn.PgConn().CustomData()[directKey].(*direct)
	if !ok || s.nameless.Load() {
		return false, nil
	}
	now := s.clock()
	before := d.planned
	if age := now.Sub(before); age >= 0 && age < planLife {
		return true, nil
	}
	d.planned = now
	if before.IsZero() {
		return true, nil
	}
	_, err := conn.Exec(ctx, `DISCARD PLANS`)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && failureOf(err) == final { // an engine that has no such thing
		s.nameless.Store(true)
		return false, nil
	}
	return true, err
}

// prepare sees to it that those of the queries that are worth it are prepared.
func (t *tx) prepare(queries []query) error {
	for _, q := range queries {
		if !q.hot {
			continue
		}
		if _, err := t.conn.Conn().Prepare(t.ctx, q.sql, q.sql); err != nil {
			return err
		}
	}
	return nil
}

const (
	// lostStatement: no statement of that name.
	lostStatement = "26000"
	// staleRoutine refuses a statement whose columns have changed their types.
	staleRoutine = "RevalidateCachedQuery"
)

// lostStatements gives up connections after an error that comes of prepared
// statements. If they were lost there is something between here and the server
// that can't keep them: then there are none from now on.
func (s *Store) lostStatements(err error) {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == lostStatement {
		s.nameless.Store(true)
	}
	s.pool.Reset()
}
