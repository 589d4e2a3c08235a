package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// Look-ups that wait together are one statement. A connection that only reads
// forgets its pages with each commit of the one that writes, so each statement
// reads those on its way from the system anew: the fewer statements, the fewer
// times. Where nobody else waits, a look-up is made at once.
const (
	maxLookups = 64
	// So many must wait for a second connection to begin while one is at work: one
	// that waits for the disk holds up few others.
	crowdOfLookups = 8
)

// lookupSizes are how many sessions the prepared statements ask for. One that asks
// for more than there are names the last one again.
var lookupSizes = [...]int{1, 4, 16, maxLookups}

// sessionsByID is the statement that asks for so many.
func sessionsByID(n int) string {
	if n == 1 {
		return sessionByID
	}
	return selectSession + ` WHERE sessions.id IN (?` + strings.Repeat(`, ?`, n-1) + `)`
}

// found is a session and the instant at which it was read.
type found struct {
	row row
	now int64
}

// Session implements [issuer.SessionStore].
func (s *Store) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	f, err := s.lookups.Do(ctx, id)
	if err != nil {
		return issuer.Session{}, time.Time{}, s.explain("session", notFound(err))
	}
	return f.row.Session, instant(f.now), nil
}

// lookUp reads the sessions of one batch.
func (s *Store) lookUp(ctx context.Context, ids []issuer.SessionID) ([]batch.Result[found], error) {
	results := make([]batch.Result[found], len(ids))
	err := s.lookUpInto(ctx, ids, results)
	if err != nil && len(ids) > 1 {
		// A damaged page is the trouble of those whose session is there.
		for i := range ids {
			if err := s.lookUpInto(ctx, ids[i:i+1], results[i:i+1]); err != nil {
				results[i].Err = err
			}
		}
		err = nil
	}
	return results, err
}

// lookUpInto reads sessions by one statement. If that fails, results mean nothing.
func (s *Store) lookUpInto(ctx context.Context, ids []issuer.SessionID, results []batch.Result[found]) error {
	before := s.tick()
	size, _ := slices.BinarySearch(lookupSizes[:], len(ids))
	args := make([]any, lookupSizes[size])
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)][:]
	}
	for i := range results {
		results[i].Err = issuer.ErrNotFound
	}
	rows, err := s.readSessions[size].QueryContext(ctx, args...)
	return each(rows, err, func(rows *sql.Rows) error {
		r, err := scanSession(rows.Scan)
		if err != nil {
			return err
		}
		s.recent.put(r)
		now := max(before, r.latest)
		for i, id := range ids {
			if id == r.ID {
				results[i] = batch.Result[found]{Value: found{r, now}}
				// Who else asks for the session gets lists of his own.
				r = r.clone()
			}
		}
		return nil
	})
}
