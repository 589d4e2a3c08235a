package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// LoginFailures implements [issuer.FailureStore].
func (s *Store) LoginFailures(ctx context.Context, key issuer.FailureKey) (issuer.Failures, time.Time, error) {
	now, end, err := s.begin(ctx)
	if err != nil {
		return issuer.Failures{}, time.Time{}, err
	}
	defer end()
	return s.failures[key], now, nil
}

// CountLoginFailure implements [issuer.FailureStore].
func (s *Store) CountLoginFailure(ctx context.Context, key issuer.FailureKey) error {
	now, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.failures[key] = issuer.Failures{Count: s.failures[key].Count + 1, Last: now}
	return nil
}

// ForgetLoginFailures implements [issuer.FailureStore].
func (s *Store) ForgetLoginFailures(ctx context.Context, key issuer.FailureKey) error {
	_, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	delete(s.failures, key)
	return nil
}

// pruneFailures forgets failures, at most limit, and returns how many. s.mu is
// held.
func (s *Store) pruneFailures(now time.Time, keep issuer.Retention, limit int) int {
	type row struct {
		key  issuer.FailureKey
		last time.Time
	}
	var over, others []row
	for key, f := range s.failures {
		if keep.Failures > 0 && !f.Last.Add(keep.Failures).After(now) {
			over = append(over, row{key, f.Last})
		} else {
			others = append(others, row{key, f.Last})
		}
	}
	if keep.MostFailures > 0 && len(others) > keep.MostFailures {
		slices.SortFunc(others, func(a, b row) int {
			return cmp.Or(a.last.Compare(b.last), slices.Compare(a.key[:], b.key[:]))
		})
		over = append(over, others[:len(others)-keep.MostFailures]...)
	}
	over = over[:min(limit, len(over))]
	for _, r := range over {
		delete(s.failures, r.key)
	}
	return len(over)
}
