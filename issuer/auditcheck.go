package issuer

import (
	"context"
	"fmt"
)

// AuditCheck verifies an audit log.
type AuditCheck struct {
	// MasterKey checks the seal. Without it only the chain is checked, which
	// whoever can write the store can make anew.
	MasterKey MasterKey
	// Anchors are what the log is known to have been, from a place that whoever
	// wrote the store could not write: a number, and the chain of the entry. They
	// show that the end of the log was not cut off and its seal put back.
	Anchors map[uint64]Chain
}

// AuditReport is what an AuditCheck found.
type AuditReport struct {
	Head    AuditHead
	Entries uint64
	Breaks  []AuditBreak // where it does not hold, in order, at most 100; none: it holds
	// Gone are the anchors of entries that were deleted for their age, and could
	// not be checked.
	Gone []uint64
}

// AuditBreak is a place where an audit log does not hold.
type AuditBreak struct {
	Seq  uint64 // the entry
	What string
}

const maxBreaks = 100

func (r *AuditReport) broken(seq uint64, format string, args ...any) {
	if len(r.Breaks) < maxBreaks {
		r.Breaks = append(r.Breaks, AuditBreak{seq, fmt.Sprintf(format, args...)})
	}
}

// Run verifies a log: each entry is what its chain says, none is missing between
// the first that is left and the head, the seal is one of this log, made with the
// master key, and fits the entry, and so do the anchors. A running service may go
// on writing. What is wrong with the log is in the report. Errors: those of the
// store; ErrMasterKey if the master key does not open the keys in the store.
func (c AuditCheck) Run(ctx context.Context, log Store) (AuditReport, error) {
	var r AuditReport
	_, head, err := log.Audit(ctx, 0, 1)
	if err != nil {
		return r, err
	}
	var key auditSealer // nil: the seal is not checked
	if !c.MasterKey.isZero() {
		keys, _, err := log.Keys(ctx)
		if err != nil {
			return r, err
		}
		root, _, err := c.MasterKey.root(keys)
		if err != nil {
			return r, err
		}
		key = newAuditSealer(root)
	}
	seq, chain := head.Pruned, head.PrunedChain
	c.place(&r, head, seq, chain)
	var last AuditEntry
	for more := true; more; {
		var entries []AuditEntry
		if entries, r.Head, err = log.Audit(ctx, seq, auditPage); err != nil {
			return r, err
		}
		if r.Head.Pruned > seq { // deleted for their age since the look before
			seq, chain = r.Head.Pruned, r.Head.PrunedChain
			c.place(&r, r.Head, seq, chain)
		}
		for _, e := range entries {
			switch {
			case e.Seq > seq+1:
				r.broken(seq+1, "%s missing", span(seq+1, e.Seq-1))
			case e.Link(chain) != e.Chain:
				r.broken(e.Seq, "entry %d is not what was written, or the one before is not", e.Seq)
			case e.At.Before(last.At):
				r.broken(e.Seq, "entry %d is earlier than the one before", e.Seq)
			}
			seq, chain, last = e.Seq, e.Chain, e
			r.Entries++
			// The seal may have moved on meanwhile; each is checked where it is.
			c.place(&r, r.Head, seq, chain)
		}
		more = len(entries) == auditPage
	}
	c.end(&r, key, seq, chain, last)
	return r, nil
}

// place checks what is known from elsewhere of an entry.
func (c AuditCheck) place(r *AuditReport, head AuditHead, seq uint64, chain Chain) {
	if head.Seal.Seq == seq && seq > 0 && head.Seal.Chain != chain {
		r.broken(seq, "entry %d is not the one that was sealed: it, or an entry before, was rewritten", seq)
	}
	if want, ok := c.Anchors[seq]; ok && want != chain {
		r.broken(seq, "entry %d is not what its anchor says: it, or an entry before, was rewritten", seq)
	}
}

// end checks what the head says.
func (c AuditCheck) end(r *AuditReport, key auditSealer, seq uint64, chain Chain, last AuditEntry) {
	head := r.Head
	switch {
	case head.Seq > seq:
		r.broken(seq+1, "%s missing at the end", span(seq+1, head.Seq))
	case head.Seq < seq:
		r.broken(head.Seq+1, "the log says that it ends at entry %d, and there are more", head.Seq)
	case head.Chain != chain, r.Entries > 0 && !head.At.Equal(last.At):
		r.broken(seq, "entry %d is not the one that the log ends with", seq)
	}
	switch seal := head.Seal; {
	case seal.Seq == 0 && head.Pruned > 0:
		r.broken(head.Pruned, "there is no seal, and there was one")
	case seal.Seq > seq:
		r.broken(seq+1, "entry %d was sealed and is missing", seal.Seq)
	case seal.Seq < head.Pruned:
		r.broken(seal.Seq, "the seal is that of entry %d, and later ones were deleted for their age, which only happens to sealed ones", seal.Seq)
	}
	if head.Seal.Seq > 0 && key != nil {
		if err := key.check(head.Log, head.Seal); err != nil {
			r.broken(head.Seal.Seq, "%s", err)
		}
	}
	for anchor := range c.Anchors {
		switch {
		case anchor > seq:
			r.broken(seq+1, "there was an entry %d, and the log ends before it: its end was cut off, or an older database restored", anchor)
		case anchor < head.Pruned:
			r.Gone = append(r.Gone, anchor)
		}
	}
}

func span(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("entry %d is", from)
	}
	return fmt.Sprintf("entries %d to %d are", from, to)
}
