package memory

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sort"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// record appends to the audit log. s.mu is held.
func (s *Store) record(now time.Time, records []issuer.AuditRecord) {
	for _, r := range records {
		s.audit = append(s.audit, s.auditHead.Append(now, r))
	}
}

// AppendAudit implements [issuer.AuditLog].
func (s *Store) AppendAudit(ctx context.Context, records ...issuer.AuditRecord) error {
	now, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.record(now, records)
	return nil
}

// Audit implements [issuer.AuditLog].
func (s *Store) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	if limit <= 0 {
		return nil, issuer.AuditHead{}, errors.New("memory: audit: the limit is not positive")
	}
	_, end, err := s.begin(ctx)
	if err != nil {
		return nil, issuer.AuditHead{}, err
	}
	defer end()
	i := sort.Search(len(s.audit), func(i int) bool { return s.audit[i].Seq > after })
	head := s.auditHead
	head.Seal.MAC = bytes.Clone(head.Seal.MAC)
	return slices.Clone(s.audit[i:min(len(s.audit), i+min(limit, len(s.audit)))]), head, nil
}

// SealAudit implements [issuer.AuditLog].
func (s *Store) SealAudit(ctx context.Context, seal issuer.AuditSeal) error {
	_, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	i := sort.Search(len(s.audit), func(i int) bool { return s.audit[i].Seq >= seal.Seq })
	there := i < len(s.audit) && s.audit[i].Seq == seal.Seq && s.audit[i].Chain == seal.Chain
	if !there || seal.Seq < s.auditHead.Seal.Seq {
		return issuer.ErrConflict
	}
	seal.At, seal.MAC = instant(seal.At), bytes.Clone(seal.MAC)
	s.auditHead.Seal = seal
	return nil
}

// pruneAudit deletes what is old and sealed, and returns how much. s.mu is held.
func (s *Store) pruneAudit(now time.Time, keep time.Duration, limit int) int {
	if keep == 0 {
		return 0
	}
	over := 0
	for over < min(limit, len(s.audit)) && s.audit[over].Seq <= s.auditHead.Seal.Seq && !s.audit[over].At.Add(keep).After(now) {
		s.auditHead.Pruned, s.auditHead.PrunedChain = s.audit[over].Seq, s.audit[over].Chain
		over++
	}
	s.audit = slices.Clone(s.audit[over:])
	return over
}
