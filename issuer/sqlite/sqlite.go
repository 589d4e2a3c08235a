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
// Writes that wait together are one transaction, and the disk is waited for once;
// a write that fails leaves its neighbours alone. The log is moved into the file
// in the background.
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
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// Options are the settings of a store.
type Options struct {
	// Now is the clock. Required. It must be safe for concurrent use.
	Now func() time.Time
	// OnError, if set, is told what goes wrong in the background, where no
	// caller is: moving the log into the file. Nothing is lost by it, but the
	// log grows. It may be called from any goroutine.
	OnError func(error)
	// OnBatch, if set, is told of each transaction that writes: how many writes
	// are in it. It may be called from any goroutine and must not block.
	OnBatch func(writes int)
	// Fault, for tests alone, is called at the places that the constants name.
	// It may end the process, or return an error, which then takes the place of
	// what would have been done.
	Fault func(FaultPoint) error
}

// Store is an [issuer.Store]. Make it with [Open].
type Store struct {
	path    string
	options Options
	latest  atomic.Int64 // the latest reading of the clock, in microseconds

	patience time.Duration // with another process's lock

	writer *sql.DB // one connection; begins with BEGIN IMMEDIATE
	reader *sql.DB // several, which can't write
	keeper *sql.DB // one, for checkpoints

	batches *batch.Batcher[request, struct{}]
	turn    sync.Mutex    // held by a batch, and by a checkpoint that must be alone
	pending int           // writes since the last checkpoint; under turn
	failing atomic.Bool   // the last transaction failed
	due     chan struct{} // tells the keeper that a checkpoint is due
	stop    context.CancelFunc
	stopped chan struct{} // closed when the keeper has ended

	// Prepared statements of the hot path, of the reader and of the writer, by
	// their text.
	readSessions [len(lookupSizes)]*sql.Stmt
	ready        map[string]*sql.Stmt
	hot          map[string]*sql.Stmt

	lookups *batch.Batcher[issuer.SessionID, found]
	recent  recentRows // what they read
}

var (
	_ issuer.Store         = (*Store)(nil)
	_ issuer.RevocationLog = (*Store)(nil)
	_ issuer.Pruner        = (*Store)(nil)
)

// Close lets the writes that are under way end and closes the file. Writes that
// come later fail; no other method may be under way or follow.
func (s *Store) Close() error {
	s.batches.Close()
	s.lookups.Close()
	s.stop()
	<-s.stopped
	return s.explain("close", s.closeFile())
}

func (s *Store) closeFile() error {
	// The writer last: the last connection to go moves the log into the file.
	return errors.Join(s.keeper.Close(), s.reader.Close(), s.writer.Close())
}

// Ping reads from every table. If the last transaction failed, it writes instead:
// a disk that is full or damaged serves reads and nothing else.
func (s *Store) Ping(ctx context.Context) error {
	if s.failing.Load() {
		return s.writePlain(ctx, "ping", func(t *tx) error {
			_, err := t.exec(`UPDATE clock SET latest = latest`)
			return err
		})
	}
	return s.explain("ping", s.touch(ctx, s.reader))
}

// tick reads the clock and returns the instant that it is as far as this
// process knows: the latest reading there ever was. That of a transaction is
// the mark in the file, if that is later.
func (s *Store) tick() int64 {
	now := s.options.Now().UnixMicro()
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
func (s *Store) prepare(ctx context.Context) (err error) {
	for i, n := range lookupSizes {
		if s.readSessions[i], err = s.reader.PrepareContext(ctx, sessionsByID(n)); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	if s.ready, err = prepared(ctx, s.reader, userByName, getFailures); err != nil {
		return err
	}
	s.hot, err = prepared(ctx, s.writer,
		getLatest, setLatest, savepoint, release, rollbackTo,
		sessionByID, rotateSession, rotateRecent, insertSession, useGrant, userHolds,
		appendLog, getHead, setHead, leaveNotices, countOf, revokeWhere(surplus),
		appendAudit, getAuditEnd, setAuditEnd,
	)
	return err
}

func prepared(ctx context.Context, db *sql.DB, queries ...string) (map[string]*sql.Stmt, error) {
	out := make(map[string]*sql.Stmt)
	for _, query := range queries {
		stmt, err := db.PrepareContext(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		out[query] = stmt
	}
	return out, nil
}
