// Package sqlite is a store that keeps an issuer's state in one SQLite file. It
// is pure Go. It is the store for a service on one machine; a service of
// several nodes wants package postgres.
//
// # Durability
//
// The file is in WAL mode, and a write returns once its log is synced to the
// disk. Beside the file lie, while it is open, its log and the log's index
// (-wal and -shm): the three belong together.
//
// # Several programs
//
// Programs on one machine may use the file at the same time, such as a command
// beside a running service: each write transaction locks out the others, and a
// reader is never kept waiting. A network file system will not do.
//
// A program that has a Store open must not open the file by other means, not
// even to copy it: on POSIX systems closing the file ends the locks that SQLite
// holds. To copy a file in use, run "VACUUM INTO" from another program.
//
// # Time
//
// A write takes its instant when it has the lock, and no write that follows has
// an earlier one. A read's instant is no earlier than that of any write that it
// sees, and it may be later than that of a write which was under way and which
// it does not see.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Options are the settings of a store.
type Options struct {
	// Now is the clock. Required. It must be safe for concurrent use.
	Now func() time.Time
}

// Store is an [issuer.Store]. Make it with [Open].
type Store struct {
	path   string
	clock  func() time.Time
	latest atomic.Int64 // the latest reading of the clock, in microseconds

	writer *sql.DB // one connection; begins with BEGIN IMMEDIATE
	reader *sql.DB // several, which can't write

	// Prepared statements of the hot path.
	readSession *sql.Stmt // reader: a session and the mark
	lockSession *sql.Stmt // writer: the same
	rotate      *sql.Stmt // writer
	setLatest   *sql.Stmt // writer
	getLatest   *sql.Stmt // writer
}

var _ issuer.Store = (*Store)(nil)

// Close closes the file. No other method may be under way or follow.
func (s *Store) Close() error {
	// The writer last: the last connection to go moves the log into the file.
	return s.explain("close", errors.Join(s.reader.Close(), s.writer.Close()))
}

// Ping reads from the file.
func (s *Store) Ping(ctx context.Context) error {
	var latest int64
	return s.explain("ping", s.reader.QueryRowContext(ctx, "SELECT latest FROM clock").Scan(&latest))
}

// tick reads the clock and returns the instant that it is as far as this
// process knows: the latest reading there ever was. That of a transaction is
// the mark in the file, if that is later.
func (s *Store) tick() int64 {
	now := s.clock().UnixMicro()
	for {
		latest := s.latest.Load()
		if now <= latest {
			return latest
		}
		if s.latest.CompareAndSwap(latest, now) {
			return now
		}
	}
}

// tx is a write transaction under way.
type tx struct {
	*sql.Tx
	ctx context.Context
	now int64 // its instant, in microseconds
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	return t.ExecContext(t.ctx, query, args...)
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.QueryRowContext(t.ctx, query, args...)
}

// write runs do in a write transaction, which is committed if do returns nil and
// else rolled back. It explains the error.
func (s *Store) write(ctx context.Context, op string, do func(*tx) error) error {
	// Wait for our turn in this process as long as the caller does. From then
	// on nothing interrupts the transaction: it is over in milliseconds, but
	// for the wait for another process, which the busy timeout limits.
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return s.explain(op, err)
	}
	defer conn.Close()
	ctx = context.WithoutCancel(ctx)
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(op, err)
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		// Rollback says ErrTxDone after a failed commit. If the connection
		// might still be in the transaction, it must go.
		if err := sqlTx.Rollback(); err != nil {
			conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	var latest int64
	if err := sqlTx.StmtContext(ctx, s.getLatest).QueryRowContext(ctx).Scan(&latest); err != nil {
		return s.explain(op, err)
	}
	t := &tx{Tx: sqlTx, ctx: ctx, now: max(s.tick(), latest)}
	if err := do(t); err != nil {
		return s.explain(op, err)
	}
	if t.now > latest {
		if _, err := sqlTx.StmtContext(ctx, s.setLatest).ExecContext(ctx, t.now); err != nil {
			return s.explain(op, err)
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return s.explain(op, err)
	}
	committed = true
	return nil
}

// read runs do in a read transaction, which sees one state of the file, and
// returns its instant: that of the clock before it began, or else that of the
// last write that it sees.
func (s *Store) read(ctx context.Context, op string, do func(t *sql.Tx, now int64) error) (time.Time, error) {
	before := s.tick()
	t, err := s.reader.BeginTx(ctx, nil)
	if err != nil {
		return time.Time{}, s.explain(op, err)
	}
	defer t.Rollback()
	var latest int64
	if err := t.QueryRowContext(ctx, "SELECT latest FROM clock").Scan(&latest); err != nil {
		return time.Time{}, s.explain(op, err)
	}
	now := max(before, latest)
	if err := do(t, now); err != nil {
		return time.Time{}, s.explain(op, err)
	}
	return instant(now), nil
}

// prepare prepares the statements of the hot path.
func (s *Store) prepare(ctx context.Context) error {
	for _, p := range []struct {
		stmt **sql.Stmt
		db   *sql.DB
		sql  string
	}{
		{&s.readSession, s.reader, selectSession + ` WHERE id = ?`},
		{&s.lockSession, s.writer, selectSession + ` WHERE id = ?`},
		{&s.rotate, s.writer, `UPDATE sessions SET generation = ?, rotated_at = ? WHERE id = ?`},
		{&s.getLatest, s.writer, `SELECT latest FROM clock`},
		{&s.setLatest, s.writer, `UPDATE clock SET latest = ?`},
	} {
		stmt, err := p.db.PrepareContext(ctx, p.sql)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		*p.stmt = stmt
	}
	return nil
}
