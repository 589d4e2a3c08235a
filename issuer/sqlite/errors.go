package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/jeton-go/jeton/issuer"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// explain makes of an error what the store returns: the contract's errors and
// the context's as they are, any other with the file's path and, if it is a
// known trouble of SQLite's, what to do about it.
func (s *Store) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, plain := range []error{issuer.ErrNotFound, issuer.ErrConflict, issuer.ErrExists, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, plain) {
			return err
		}
	}
	if advice := adviceOn(err); advice != "" {
		return fmt.Errorf("sqlite: %s: %s: %s: %w", op, s.path, advice, err)
	}
	return fmt.Errorf("sqlite: %s: %s: %w", op, s.path, err)
}

// codeOf is SQLite's primary code of an error, or 0. The rest of the code is
// detail.
func codeOf(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

const damaged = "the file is damaged; stop every program that uses it and restore a backup"

// adviceOn tells what an error of SQLite's means for whoever runs the service.
func adviceOn(err error) string {
	switch codeOf(err) {
	case lib.SQLITE_NOTADB:
		return "this is not a SQLite file; give another path, or move it away to start afresh"
	case lib.SQLITE_CORRUPT:
		return damaged
	case lib.SQLITE_CANTOPEN:
		return "the file, or its -wal or -shm beside it, can't be opened; the file and its directory must be writable by this user, and the program must have file descriptors left (ulimit -n)"
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return "the file is read-only to this user; the file and its directory must be writable"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return "another program has held the file's lock for too long; end it or try again"
	case lib.SQLITE_FULL:
		return "the disk is full; make room and try again"
	case lib.SQLITE_IOERR:
		return "the disk or the file system reports an error"
	default:
		return ""
	}
}
