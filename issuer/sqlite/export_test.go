package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// UseLog does that step of Open's alone.
func UseLog(ctx context.Context, path string) error {
	if err := ensureFile(path); err != nil {
		return err
	}
	writer, err := pool(path, 1, "_txlock=immediate", patient)
	if err != nil {
		return err
	}
	defer writer.Close()
	return (&Store{writer: writer}).useLog(ctx)
}

// Writer is the pool that holds the connection that writes.
func (s *Store) Writer() *sql.DB { return s.writer }

// Reader is the pool of connections that read.
func (s *Store) Reader() *sql.DB { return s.reader }

// Keeper is the pool that holds the connection for checkpoints.
func (s *Store) Keeper() *sql.DB { return s.keeper }

// Statements of the store.
const (
	SelectSession = selectSession
	RotateSession = rotateSession
	RotateRecent  = rotateRecent
	CountOf       = countOf
)

// SessionsByID is the statement that reads so many sessions.
func SessionsByID(n int) string { return sessionsByID(n) }

// CheckpointAfter is how many writes make moving the log due.
const CheckpointAfter = checkpointAfter

// MaxLookups is how many sessions are read at once at most.
const MaxLookups = maxLookups

// LookUp reads sessions as one batch of callers does.
func (s *Store) LookUp(ctx context.Context, ids []issuer.SessionID) ([]issuer.Session, []error) {
	results, err := s.lookUp(ctx, slices.Clone(ids))
	sessions, errs := make([]issuer.Session, len(ids)), make([]error, len(ids))
	for i := range ids {
		if err != nil {
			errs[i] = err
			continue
		}
		sessions[i], errs[i] = results[i].Value.row.Session, results[i].Err
	}
	return sessions, errs
}

// BeginToWrite lets the system write what it holds of a file.
func BeginToWrite(path string) bool { return beginToWrite(path) }

// Checkpoint moves the log into the file, as happens in the background.
func (s *Store) Checkpoint(ctx context.Context) error { return s.checkpoint(ctx) }

// CheckpointIsDue makes that happen in the background.
func (s *Store) CheckpointIsDue() { s.checkpointIsDue() }

// LogFrames is the length of the log, in pages.
func (s *Store) LogFrames() (n int, err error) {
	var busy, moved int
	return n, s.keeper.QueryRow("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &n, &moved)
}

// Waiting tells how many writes wait for a transaction.
func (s *Store) Waiting() int { return s.batches.Waiting() }

// SetPatience lets the store wait for so long for another process's lock.
func (s *Store) SetPatience(d time.Duration) { s.patience = d }
