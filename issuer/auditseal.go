package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
)

// ErrAudit: the audit log is not what it was when it was sealed, or does not fit
// together.
var ErrAudit = errors.New("issuer: the audit log was changed")

// auditPage is how many entries are read at once.
const auditPage = 1000

// auditSealer seals audit logs with a key of its own, derived from the service's
// root secret: which master key that is sealed under may change.
type auditSealer []byte

func newAuditSealer(root []byte) auditSealer {
	mac := hmac.New(sha256.New, root)
	mac.Write([]byte("jeton audit seal key v1"))
	return mac.Sum(nil)
}

// mac is the HMAC-SHA256 of what a seal says.
func (k auditSealer) mac(log [16]byte, s AuditSeal) []byte {
	b := append([]byte("jeton audit seal v1"), log[:]...)
	b = binary.BigEndian.AppendUint64(b, s.Seq)
	b = append(b, s.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.At.UnixMicro()))
	mac := hmac.New(sha256.New, k)
	mac.Write(b)
	return mac.Sum(nil)
}

func (k auditSealer) seal(log [16]byte, seq uint64, chain Chain, at time.Time) AuditSeal {
	s := AuditSeal{Seq: seq, Chain: chain, At: at.Truncate(time.Microsecond).UTC()}
	s.MAC = k.mac(log, s)
	return s
}

// check returns nil if a seal is one of this log, made with this key.
func (k auditSealer) check(log [16]byte, s AuditSeal) error {
	if !hmac.Equal(s.MAC, k.mac(log, s)) {
		return because(ErrAudit, "the seal of entry %d was not made with this master key, or was changed", s.Seq)
	}
	return nil
}

// sealAudit seals the log up to its end. It follows the chain from the seal
// before, so it never seals what was rewritten. A broken log is told of once, and
// is not sealed any more: the break is then behind the last seal for good, for
// AuditCheck to find.
func (i *Issuer) sealAudit(ctx context.Context) error {
	i.sealing.Lock()
	defer i.sealing.Unlock()
	if i.unsealable {
		return nil
	}
	next, err := sealNext(ctx, i.store, newAuditSealer(i.ring.Load().root), i.seal, i.now())
	if errors.Is(err, ErrAudit) {
		i.unsealable = true
		i.emit(ctx, Event{Kind: EventWarning, Detail: err.Error() + "; run jeton audit verify"})
	}
	if err != nil {
		return err
	}
	i.seal = next
	return nil
}

// sealNext seals what came after last, which is the seal that this process saw
// last, or zero.
func sealNext(ctx context.Context, log AuditLog, key auditSealer, last AuditSeal, now time.Time) (AuditSeal, error) {
	_, head, err := log.Audit(ctx, last.Seq, 1)
	if err != nil {
		return last, err
	}
	if head.Seq == last.Seq && head.Chain == last.Chain && head.Seal.Seq == last.Seq {
		return last, nil // nothing happened
	}
	switch {
	case head.Seal.Seq < last.Seq:
		return last, because(ErrAudit, "it went back: entry %d had been sealed, and now %d is the last that is", last.Seq, head.Seal.Seq)
	case head.Seal.Seq == 0 && head.Pruned > 0:
		return last, because(ErrAudit, "its seal is gone")
	case head.Seal.Seq > 0:
		if err := key.check(head.Log, head.Seal); err != nil {
			return last, err
		}
		last = head.Seal // this one, or a later one of another node
	}
	seq, chain := last.Seq, last.Chain
	for more := true; more; {
		var entries []AuditEntry
		if entries, head, err = log.Audit(ctx, seq, auditPage); err != nil {
			return last, err
		}
		if head.Seal.Seq > last.Seq {
			// Another node was faster, and may have pruned what it sealed. Whether the
			// seal is genuine is seen the next time.
			return last, nil
		}
		for _, e := range entries {
			if e.Seq != seq+1 || e.Link(chain) != e.Chain {
				return last, because(ErrAudit, "entry %d does not follow the one before", e.Seq)
			}
			seq, chain = e.Seq, e.Chain
		}
		more = len(entries) == auditPage
	}
	if head.Seq != seq || head.Chain != chain {
		return last, because(ErrAudit, "it ends at entry %d and should end at %d", seq, head.Seq)
	}
	if seq == last.Seq {
		return last, nil
	}
	next := key.seal(head.Log, seq, chain, now)
	if err := log.SealAudit(ctx, next); errors.Is(err, ErrConflict) {
		return last, nil // another node was faster, and pruned already
	} else if err != nil {
		return last, err
	}
	return next, nil
}
