// Package postgres is a store that keeps an issuer's state in a PostgreSQL
// database. Any number of nodes may have a Store open on one database: they
// share nothing else.
//
// # Durability
//
// A write returns once PostgreSQL has acknowledged its commit. What that is
// worth is set there: with synchronous standbys an acknowledged write survives
// the loss of the primary; with asynchronous ones the last moments may be lost.
// [Open] refuses a database that acknowledges before the write is on disk.
//
// # Failover
//
// The connection string may name several hosts. A Store works with the one that
// takes writes, looks for it anew when a connection breaks, and carries on with
// what was under way where that is safe: a write of which nobody knows whether
// it happened is repeated only if it can't happen twice.
//
// # Connection poolers
//
// Nothing is kept in a connection between transactions that leads through a
// pooler: no prepared statement, setting, lock or notification. PgBouncer in
// transaction mode will do. On a connection straight to the server the statements
// of a refresh are prepared, so that they are not planned each time.
//
// # Time
//
// See [Store] and clock.go.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// Options are the settings of a store.
type Options struct {
	// Now is the clock. Required. It must be safe for concurrent use.
	Now func() time.Time

	// Patience is how long a method that finds no database that takes writes
	// goes on looking for one before it returns an error. Zero: 5 s.
	Patience time.Duration

	// Existing makes Open refuse a database without a store in it, with
	// ErrNoStore, instead of making one.
	Existing bool

	// OnBatch, if set, is told of each group that sessions are read, created,
	// rotated or revoked in: how many calls are in it. It may be called from any
	// goroutine and must not block.
	OnBatch func(b Batch, calls int)
}

// Batch names what the calls of a group do.
type Batch string

// The groups.
const (
	BatchRead   Batch = "read"
	BatchRotate Batch = "rotate"
	BatchCreate Batch = "create"
	BatchRevoke Batch = "revoke"
)

// ErrNoStore: the database has no store in it. See Options.Existing.
var ErrNoStore = errors.New("there is no store in the database")

// Store is an [issuer.Store]. Make it with [Open].
//
// Sessions are created, rotated, revoked one by one and read in groups: callers
// that come while a group is on its way make up the next one.
//
// The durable high-water mark of time is raised by each write but for those of
// a single session, which raise it only when it is 100 ms behind. So after a
// restart of every node at once, with clocks that went back, "now" may be up to
// 100 ms earlier than the latest instant of such a write. A session's own
// instants never go back: they are in its row.
type Store struct {
	pool     *pgxpool.Pool
	clock    func() time.Time
	patience time.Duration
	latest   atomic.Int64  // the latest instant known, in microseconds
	marked   atomic.Int64  // a mark that is in the database, or an earlier one
	turn     atomic.Uint32 // of the slots of the clock
	nameless atomic.Bool   // prepared statements got lost: there are to be none
	// cantWrite: the last write that ended did so with an error of the
	// database's.
	cantWrite atomic.Bool

	reads     *batch.Batcher[issuer.SessionID, sessionAt]
	rotations *batch.Batcher[rotation, issuer.Session]
	creations *batch.Batcher[creation, issuer.Created]
	failures  *batch.Batcher[issuer.FailureKey, struct{}]
	endings   *batch.Batcher[issuer.Revocation, issuer.Revoked]
}

var (
	_ issuer.Store         = (*Store)(nil)
	_ issuer.RevocationLog = (*Store)(nil)
	_ issuer.Pruner        = (*Store)(nil)
)

const (
	defaultPatience = 5 * time.Second
	// attemptTime is when a transaction counts as hanging, for instance on a
	// host that is gone without a word, and its connection is given up.
	attemptTime    = 10 * time.Second
	connectTime    = 3 * time.Second
	maxConnections = 16
	maxBatch       = 512
	// secondGroup is how many calls a group has that begins beside another one.
	// What a group costs beside its rows is as much as several rows, so that two
	// that share a few callers are slower than one.
	secondGroup = 32
)

// Open opens the store in the database that a connection string names, as a URL
// or as words (see the documentation of PostgreSQL's libpq; pool_max_conns is
// understood, too, and 16 if it is not given). It brings the schema up to date,
// in whatever schema the search path names; one that a newer version of this
// package wrote is refused.
func Open(ctx context.Context, connection string, options Options) (*Store, error) {
	if options.Now == nil {
		return nil, errors.New("postgres: open: Options.Now is required")
	}
	if options.Patience < 0 {
		return nil, errors.New("postgres: open: Options.Patience is negative")
	}
	config, err := configure(connection)
	if err != nil {
		return nil, err
	}
	s := &Store{clock: options.Now, patience: options.Patience}
	if s.patience == 0 {
		s.patience = defaultPatience
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("postgres: open: %w", err)
	}
	if err = s.checkDurability(ctx); err == nil {
		err = explain("open", s.migrate(ctx, options.Existing))
	}
	if err != nil {
		s.pool.Close()
		return nil, err
	}
	group := func(b Batch, committers int) batch.Options {
		o := batch.Options{Committers: committers, Crowd: secondGroup, MaxBatch: maxBatch, Timeout: s.patience + attemptTime}
		if options.OnBatch != nil {
			o.OnBatch = func(calls int) { options.OnBatch(b, calls) }
		}
		return o
	}
	s.reads = batch.New(group(BatchRead, 2), s.readSessions)
	s.rotations = batch.New(group(BatchRotate, 2), s.rotateAll)
	s.creations = batch.New(group(BatchCreate, 1), s.createAll)
	s.failures = batch.New(batch.Options{MaxBatch: maxBatch, Timeout: s.patience + attemptTime}, s.countAll)
	s.endings = batch.New(group(BatchRevoke, 1), s.endAll)
	return s, nil
}

// configure reads a connection string and adds what a store needs.
func configure(connection string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(connection)
	if err != nil {
		return nil, fmt.Errorf("postgres: open: the connection string: %w", err) // pgx leaves the password out
	}
	if !strings.Contains(connection, "pool_max_conns") {
		config.MaxConns = maxConnections
	}
	c := config.ConnConfig
	if !strings.Contains(connection, "connect_timeout") {
		c.ConnectTimeout = connectTime
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "jeton"
	}
	// Of several hosts the one that takes writes, whatever the string says.
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	// Unnamed statements, but for those in prepare.go: there is nothing that a
	// pooler could lose.
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	c.OnNotice = noteUnreplicated
	config.AfterConnect = noteDirect
	return config, nil
}

// checkDurability refuses a database whose acknowledgements mean nothing.
func (s *Store) checkDurability(ctx context.Context) error {
	var commit, fsync string
	err := s.read(ctx, "open", func() []query {
		return []query{{
			sql:  `SELECT current_setting('synchronous_commit'), current_setting('fsync')`,
			dest: []any{&commit, &fsync},
		}}
	})
	if err != nil {
		return err
	}
	if commit == "off" {
		return errors.New("postgres: open: the database has synchronous_commit = off: it acknowledges writes that a crash loses; set it to on, for this role at least (ALTER ROLE ... SET synchronous_commit = on)")
	}
	if fsync == "off" {
		return errors.New("postgres: open: the database has fsync = off: a crash of the machine loses writes or the whole database; set it to on")
	}
	return nil
}

// Close lets the writes under way end and closes the connections. No other
// method may be under way or follow.
func (s *Store) Close() error {
	s.rotations.Close()
	s.creations.Close()
	s.failures.Close()
	s.endings.Close()
	s.reads.Close()
	s.pool.Close()
	return nil
}

// Ping reads from the database, or, after a write that failed, tries one.
func (s *Store) Ping(ctx context.Context) error {
	if !s.cantWrite.Load() {
		return s.read(ctx, "ping", func() []query { return []query{{sql: `SELECT 1`}} })
	}
	return s.write(ctx, "ping", true, func(t *tx) error {
		slot := s.slot()
		return t.commit(lockSlot(slot), raiseSlot(slot, s.tick()))
	})
}
