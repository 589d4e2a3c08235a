package sqlite

import (
	"context"
	"database/sql"
)

// UseLog does that step of Open's alone.
func UseLog(ctx context.Context, path string) error {
	if err := ensureFile(path); err != nil {
		return err
	}
	writer, err := pool(path, 1, "_txlock=immediate")
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

// Statements of the store.
const (
	SelectSession = selectSession
	RotateSession = rotateSession
)
