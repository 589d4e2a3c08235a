package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// EntryKind says what an entry of the revocation log calls back.
type EntryKind string

// The kinds of entries.
const (
	EntrySession EntryKind = "session" // the tokens of one session ("sid")
	EntrySubject EntryKind = "subject" // a subject's tokens ("sub") issued before an instant
	EntryClient  EntryKind = "client"  // a client's tokens ("client_id") issued before an instant
	EntryAll     EntryKind = "all"     // every token issued before an instant
	EntryKey     EntryKind = "key"     // the tokens that a key ("kid") signed, whatever their "iat"
)

// Entry is a line of the revocation log: which access tokens are called back.
type Entry struct {
	// Seq counts from 1, without gaps, in the order in which transactions
	// committed: whoever has seen n has seen all up to n.
	Seq   uint64
	Kind  EntryKind
	Value string // session id in text, subject, client or key id; empty for EntryAll
	// Before: tokens whose "iat" is earlier. A whole second, as "iat" is. Zero
	// for EntrySession and EntryKey, which concern all tokens of theirs.
	Before time.Time
	At     time.Time // the store's now when it was written; never earlier than that of an entry before
	// Chain is a digest of this entry and, through the one before, of the whole
	// log up to it. See [Entry.Link].
	Chain Chain
}

// Chain is a SHA-256 digest that stands for a whole log. Zero: the empty log.
type Chain [sha256.Size]byte

// Link returns the chain of this entry when prev is that of the entry before.
// What is digested is prev, Seq, Before and At in microseconds since 1970 (8
// bytes each, big endian; 0 for the zero time), Kind, a zero byte and Value.
func (e Entry) Link(prev Chain) Chain {
	b := make([]byte, 0, len(prev)+3*8+len(e.Kind)+1+len(e.Value))
	b = append(b, prev[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	for _, t := range []time.Time{e.Before, e.At} {
		var micros int64
		if !t.IsZero() {
			micros = t.UnixMicro()
		}
		b = binary.BigEndian.AppendUint64(b, uint64(micros))
	}
	b = append(b, e.Kind...)
	b = append(b, 0)
	b = append(b, e.Value...)
	return sha256.Sum256(b)
}

// LogHead is where a revocation log ends.
type LogHead struct {
	Log   [16]byte // names the log; drawn when the store was made
	Seq   uint64   // of the last entry ever written; 0: none yet
	Chain Chain    // of that entry
}

// RevocationLog is the ordered log behind the feed that verifiers follow.
//
// [SessionStore.Revoke] and the methods of [UserStore] that revoke append to it
// in their own transaction: an EntrySession for every session that they revoke,
// unless the reason is ReasonExpired (its tokens have expired with it), and,
// if they concern a subject as a whole, one EntrySubject, whose Before is their
// now cut to the second. Together the two leave no gap: a token of the same
// second is caught by its session, and a login that follows at once is not
// caught at all.
//
// Order is that of commits. An identity column is not enough: transactions
// commit out of its order, and a reader would miss what came late.
type RevocationLog interface {
	// Revocations returns, from one state of the store, the entries after a
	// number, in order and at most limit, where the log ends, and now. Pruned
	// entries are absent. limit must be positive.
	Revocations(ctx context.Context, after uint64, limit int) ([]Entry, LogHead, time.Time, error)

	// RevokeBefore appends an EntrySubject, EntryClient or EntryAll whose
	// Before is now cut to the second, or an EntryKey, whose Before is zero, and
	// returns it. It touches no session.
	RevokeBefore(ctx context.Context, kind EntryKind, value string, audit ...AuditRecord) (Entry, error)
}

// Retention says how long what is over is kept.
type Retention struct {
	// Sessions: how long after its end, by revocation, absolute or idle expiry,
	// a session's row stays. Not negative.
	Sessions time.Duration
	// Log: how long an entry of the revocation log stays; at least the longest
	// life of an access token and [Leeway]. The head stays for ever.
	Log time.Duration
	// Keys: how long an EntryKey stays, if that is longer: until no verifier has
	// a copy of the key. What was written after it stays with it, so that the
	// log has no gap. Not negative.
	Keys time.Duration
	// Failures: how long failed logins stay counted after the last of them; 0:
	// for ever.
	Failures time.Duration
	// MostFailures is how many keys failures may be counted under; 0: any number.
	// Of more the ones whose last failure is longest ago are forgotten.
	MostFailures int
	// Audit: how long an entry of the audit log stays; 0: for ever. What is not
	// sealed yet stays longer. Not negative.
	Audit time.Duration
	// Notices: how long a notice waits for its receiver, and a receiver to be
	// named again. Not negative.
	Notices time.Duration
}

// Pruner deletes what is over.
type Pruner interface {
	// Prune deletes, in one transaction, at most limit rows that are past their
	// retention, and returns how many. Fewer than limit: there were no more. A
	// row is past its retention once that much time has gone by since its end:
	// what is kept for an hour is there after 59 minutes and may go after 60. Of
	// the two logs the oldest entries go first, so that what stays has no gap;
	// the audit log's head says where it begins, from the same transaction on.
	// It is meant to be called often with a small limit, so that no other
	// write waits for long. limit must be positive.
	Prune(ctx context.Context, keep Retention, limit int) (int, error)
}

const (
	pruneBatch = 500
	// prunePause lets other writes in between two batches.
	prunePause = 20 * time.Millisecond
	// Failed logins are forgotten after failureLife, so that a user who never
	// came back leaves nothing behind. A flood of invented names makes no more
	// than mostFailures rows, of less than 100 bytes.
	failureLife  = 30 * 24 * time.Hour
	mostFailures = 100_000
	// logSpare is how much longer than it counts an entry stays, so that a
	// follower that was away a while needs no snapshot.
	logSpare = 10 * time.Minute
)

// Prune deletes what is over: entries of the revocation log that no token needs
// any more, entries of the audit log that are older than Config.AuditKeep, and
// sessions that ended longer ago than keep. It works in small
// batches with pauses between, until nothing is left to delete or ctx ends, and
// returns how much it deleted. Any number of issuers may do so at once.
// Errors: those of the store.
func (i *Issuer) Prune(ctx context.Context, keep time.Duration) (int, error) {
	retention := Retention{Sessions: keep, Log: i.RevocationLife() + logSpare, Keys: keyCopies + logSpare, Notices: i.cfg.KeepEvents,
		Failures: failureLife, MostFailures: mostFailures, Audit: i.cfg.AuditKeep}
	pause := time.NewTicker(prunePause)
	defer pause.Stop()
	for deleted := 0; ; {
		n, err := i.store.Prune(ctx, retention, pruneBatch)
		deleted += n
		if err != nil || n < pruneBatch {
			return deleted, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return deleted, ctx.Err()
		}
	}
}
