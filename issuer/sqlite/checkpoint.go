package sqlite

import (
	"context"
	"fmt"
)

// checkpointAfter is the number of writes after which the log is moved into the
// file. The log then has some 10 to 60 MB; a smaller one would mean that the
// same pages are written more often.
const checkpointAfter = 4000

func (s *Store) checkpointIsDue() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// keep moves the log into the file whenever that is due, until the context
// ends. SQLite would do it within some unlucky caller's commit.
func (s *Store) keep(ctx context.Context) {
	defer close(s.stopped)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.due:
		}
		if err := s.checkpoint(ctx); err != nil && ctx.Err() == nil && s.options.OnError != nil {
			s.options.OnError(s.explain("checkpoint", err))
		}
	}
}

// A pass over the log finds what was added during the one before. Writers may go
// on for so many passes at most, until so few pages are left.
const (
	mostPasses = 5
	fewPages   = 256
)

// checkpoint moves most of the log while writers go on and add to it, in passes,
// and then, while no writer of this process runs, the little that is left; the
// next write begins the log anew. Without that last step the log would grow for
// as long as there is always somebody who writes.
//
// SQLite syncs the file when a pass finds that it has moved all there is, so in
// that last step. With millions of sessions each write changes a page of its own,
// somewhere in the file: what the system has not yet written by then, everybody
// waits for. So it is told to begin after each pass.
func (s *Store) checkpoint(ctx context.Context) error {
	for last, pass := 0, 0; pass < mostPasses; pass++ {
		if err := s.fault(FaultCheckpoint); err != nil {
			return err
		}
		_, moved, err := s.moveLog(ctx, "PASSIVE")
		if err != nil {
			return err
		}
		beginToWrite(s.path)
		if moved-last <= fewPages {
			break
		}
		last = moved
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.fault(FaultRestart); err != nil {
		return err
	}
	restarted, _, err := s.moveLog(ctx, "RESTART")
	if restarted {
		s.pending = 0
		// Those who wrote meanwhile said that it is due, and it is done.
		select {
		case <-s.due:
		default:
		}
	} else {
		// A reader that takes long, or another process. Try again before long.
		s.pending /= 2
	}
	return err
}

// moveLog checkpoints and tells whether it came to its end, and how many of the
// log's pages are in the file now.
func (s *Store) moveLog(ctx context.Context, mode string) (whole bool, moved int, err error) {
	var busy, frames int
	err = s.keeper.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &moved)
	if err != nil {
		return false, 0, fmt.Errorf("move the log into the file: %w", err)
	}
	return busy == 0 && frames == moved, moved, nil
}
