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

// checkpoint moves most of the log while writers go on and add to it, then the
// little that was added meanwhile, and then, while no writer of this process
// runs, the rest; the next write begins the log anew. Without that last step the
// log would grow for as long as there is always somebody who writes.
func (s *Store) checkpoint(ctx context.Context) error {
	for range 2 {
		if err := s.fault(FaultCheckpoint); err != nil {
			return err
		}
		if _, err := s.moveLog(ctx, "PASSIVE"); err != nil {
			return err
		}
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.fault(FaultRestart); err != nil {
		return err
	}
	restarted, err := s.moveLog(ctx, "RESTART")
	if restarted {
		s.pending = 0
	} else {
		// A reader that takes long, or another process. Try again before long.
		s.pending /= 2
	}
	return err
}

// moveLog checkpoints and tells whether it came to its end.
func (s *Store) moveLog(ctx context.Context, mode string) (whole bool, err error) {
	var busy, frames, moved int
	err = s.keeper.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &moved)
	if err != nil {
		return false, fmt.Errorf("move the log into the file: %w", err)
	}
	return busy == 0 && frames == moved, nil
}
