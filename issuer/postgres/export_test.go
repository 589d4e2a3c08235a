package postgres

import "github.com/jeton-go/jeton/internal/batch"

// Committers makes rotations go in groups of at most size, so many at once.
func (s *Store) Committers(n, size int) {
	s.rotations = batch.New(batch.Options{MaxBatch: size, Committers: n}, s.rotateAll)
}
