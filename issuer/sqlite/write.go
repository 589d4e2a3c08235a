package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jeton-go/jeton/internal/batch"
	lib "modernc.org/sqlite/lib"
)

// maxBatch bounds a transaction, so that a write never waits long for those
// before it.
const maxBatch = 256

// tx is a write transaction under way, as one of the requests in it sees it.
type tx struct {
	*sql.Tx
	ctx context.Context
	hot map[string]*sql.Stmt
	now int64 // its instant, in microseconds
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	if stmt := t.hot[query]; stmt != nil {
		return t.StmtContext(t.ctx, stmt).ExecContext(t.ctx, args...)
	}
	return t.ExecContext(t.ctx, query, args...)
}

func (t *tx) row(query string, args ...any) *sql.Row {
	if stmt := t.hot[query]; stmt != nil {
		return t.StmtContext(t.ctx, stmt).QueryRowContext(t.ctx, args...)
	}
	return t.QueryRowContext(t.ctx, query, args...)
}

func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	if stmt := t.hot[query]; stmt != nil {
		return t.StmtContext(t.ctx, stmt).QueryContext(t.ctx, args...)
	}
	return t.QueryContext(t.ctx, query, args...)
}

// request is a write that waits for its transaction.
type request struct {
	do func(*tx) error
	// plain: do writes by one statement at most, and ends with it. What it
	// wrote need not be taken back if it fails, as then it wrote nothing.
	plain bool
}

// The statements around requests.
const (
	getLatest  = `SELECT latest FROM clock`
	setLatest  = `UPDATE clock SET latest = ?`
	savepoint  = `SAVEPOINT request`
	release    = `RELEASE request`
	rollbackTo = `ROLLBACK TO request`
)

// write runs do in a write transaction, with other requests before and after
// it. If do returns an error, what it wrote is taken back. It explains the
// error. do must not touch anything that the caller reads after an error: a
// caller whose context ended is gone while do may yet run.
func (s *Store) write(ctx context.Context, op string, do func(*tx) error) error {
	_, err := s.batches.Do(ctx, request{do: do})
	return s.explain(op, err)
}

// writePlain is write for a plain request.
func (s *Store) writePlain(ctx context.Context, op string, do func(*tx) error) error {
	_, err := s.batches.Do(ctx, request{do: do, plain: true})
	return s.explain(op, err)
}

// commit runs requests in one transaction. Nothing interrupts it: it is over in
// milliseconds, but for the wait for another process, which has an end.
func (s *Store) commit(ctx context.Context, reqs []request) (results []batch.Result[struct{}], err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	defer func() {
		s.failing.Store(err != nil)
		s.pending += len(reqs)
		// A full disk: the log may be moved into the file and used anew.
		if s.pending >= checkpointAfter || codeOf(err) == lib.SQLITE_FULL {
			s.checkpointIsDue()
		}
	}()
	if err := s.fault(FaultBegin); err != nil {
		return nil, err
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var sqlTx *sql.Tx
	err = s.insist(ctx, func() (err error) {
		sqlTx, err = conn.BeginTx(ctx, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	over := false
	defer func() {
		if over {
			return
		}
		// Rollback says ErrTxDone after a failed commit. If the connection
		// might still be in the transaction, or its disk failed, it must go.
		if rollback := sqlTx.Rollback(); rollback != nil || codeOf(err) == lib.SQLITE_IOERR {
			conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	t := &tx{Tx: sqlTx, ctx: ctx, hot: s.hot}
	var latest int64
	if err := t.row(getLatest).Scan(&latest); err != nil {
		return nil, err
	}
	t.now = max(s.tick(), latest)

	results = make([]batch.Result[struct{}], len(reqs))
	wrote := false
	for i, r := range reqs {
		own, err := t.attempt(r, len(reqs) == 1)
		if err != nil {
			return nil, err
		}
		results[i].Err = own
		wrote = wrote || own == nil
		if err := s.fault(FaultWrite); err != nil {
			return nil, err
		}
	}
	if !wrote {
		return results, nil // rolled back
	}
	if t.now > latest {
		if _, err := t.exec(setLatest, t.now); err != nil {
			return nil, err
		}
	}
	if err := s.fault(FaultCommit); err != nil {
		return nil, err
	}
	if err := sqlTx.Commit(); err != nil {
		return nil, err
	}
	over = true
	if err := s.fault(FaultAnswer); err != nil {
		return nil, err
	}
	return results, nil
}

// attempt runs one request. own is an error that concerns it alone; then it
// wrote nothing, unless it is alone in its transaction, which is then rolled
// back. Any other error ends the transaction.
func (t *tx) attempt(r request, alone bool) (own, err error) {
	if r.plain || alone {
		return split(r.do(t))
	}
	if _, err := t.exec(savepoint); err != nil {
		return nil, err
	}
	if own, err = split(r.do(t)); err != nil {
		return nil, err
	}
	if own != nil {
		if _, err := t.exec(rollbackTo); err != nil {
			return nil, errors.Join(err, own)
		}
	}
	_, err = t.exec(release)
	return own, err
}

// split tells a request's own error from one that spoils its transaction: that
// a condition does not hold, that a row is refused or damaged, from a disk that
// is full.
func split(failed error) (own, err error) {
	switch codeOf(failed) {
	case 0, lib.SQLITE_CONSTRAINT, lib.SQLITE_CORRUPT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return failed, nil
	}
	return nil, failed
}

// A FaultPoint names a place in the store where a test can let it fail.
type FaultPoint string

// The places, in the order in which a write passes them.
const (
	FaultBegin      FaultPoint = "begin"      // before a transaction
	FaultWrite      FaultPoint = "write"      // in a transaction, after each request
	FaultCommit     FaultPoint = "commit"     // all is written and nothing durable
	FaultAnswer     FaultPoint = "answer"     // all is durable and nobody knows
	FaultCheckpoint FaultPoint = "checkpoint" // before the log is moved into the file, in the background
	FaultRestart    FaultPoint = "restart"    // between that and starting the log anew, while no write runs
)

func (s *Store) fault(p FaultPoint) error {
	if s.options.Fault == nil {
		return nil
	}
	if err := s.options.Fault(p); err != nil {
		return fmt.Errorf("at %s: %w", p, err)
	}
	return nil
}
