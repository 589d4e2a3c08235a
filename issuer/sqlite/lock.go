package sqlite

import (
	"context"
	"math/rand/v2"
	"time"

	lib "modernc.org/sqlite/lib"
)

// patience is how long a process waits for another's lock.
const patience = 5 * time.Second

// insist does what takes the file's lock for writing, again and again while
// another process has it. SQLite itself would look every 100 ms before long, and
// beside a service that commits one transaction after the other it would hardly
// ever find the lock free: an operator's command failed just when there was much
// to do.
func (s *Store) insist(ctx context.Context, do func() error) error {
	over := time.NewTimer(s.patience)
	defer over.Stop()
	for {
		err := do()
		if codeOf(err) != lib.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return err
		case <-time.After(rand.N(2 * time.Millisecond)):
		}
	}
}
