package memory

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jeton-go/jeton/issuer"
)

// CountSessions implements [issuer.SessionCounter]. It looks at every session's
// id, as they are in no order.
func (s *Store) CountSessions(ctx context.Context, sample int) (live int64, exact bool, err error) {
	if sample <= 0 {
		return 0, false, errors.New("memory: count sessions: the sample is not positive")
	}
	now, end, err := s.begin(ctx)
	if err != nil {
		return 0, false, err
	}
	defer end()
	ids := make([]issuer.SessionID, 0, len(s.sessions))
	for id := range s.sessions {
		ids = append(ids, id)
	}
	exact = len(ids) <= sample
	if !exact {
		slices.SortFunc(ids, func(a, b issuer.SessionID) int { return bytes.Compare(a[:], b[:]) })
		ids = ids[:sample]
	}
	for _, id := range ids {
		if s.sessions[id].Live(now) {
			live++
		}
	}
	if !exact {
		live = issuer.EstimateSessions(int(live), ids[sample-1])
	}
	return live, exact, nil
}
