package revocation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton"
)

// BatchType is the "typ" of a batch of the feed.
const BatchType = "jeton-revocations+jwt"

// Reasons why a batch is refused. A refused batch changes nothing.
var (
	// ErrForged: no batch of the issuer. The error wraps the reason of package
	// jeton as well, where that has one.
	ErrForged = errors.New("revocation: forged or damaged batch")
	// ErrGap: a batch that leaves something out.
	ErrGap = errors.New("revocation: a batch is missing")
	// ErrReplayed: a batch from before what is known already.
	ErrReplayed = errors.New("revocation: an old batch")
	// ErrHistory: the issuer's log is another one than that which was followed,
	// or went back: another store, or a backup that was restored. What the old
	// log called back stays so until its time is over.
	ErrHistory = errors.New("revocation: the log is not the one that was followed")
)

// batch is what a batch says: the entries after one number up to another, and
// the chains of both, so that batches fit each other in one way only. One that
// is marked as a snapshot is where a reader may begin that knows nothing.
type batch struct {
	Log      string  `json:"log"`
	From     uint64  `json:"from"`
	To       uint64  `json:"to"`
	Tip      uint64  `json:"tip"` // where the log ended when the batch was signed
	Prev     string  `json:"prev"`
	Head     string  `json:"head"`
	Snapshot bool    `json:"snapshot"`
	Entries  []entry `json:"entries"`

	issued time.Time
}

type entry struct {
	Seq     uint64 `json:"seq"`
	Kind    Kind   `json:"kind"`
	Value   string `json:"value"`
	Before  int64  `json:"before"`  // seconds since 1970; 0: none
	At      int64  `json:"at"`      // microseconds since 1970
	Expires int64  `json:"expires"` // seconds since 1970
}

// leeway is what a verifier's clock may be off at most, by its policy: a token
// is accepted for as long after its expiry, and so long an entry stays.
const leeway = time.Minute

func (e entry) until() time.Time { return time.Unix(e.Expires, 0).Add(leeway) }

func (e entry) revoked() Entry {
	r := Entry{Kind: e.Kind, Value: e.Value, Until: e.until()}
	if e.Kind != Session && e.Kind != Key {
		r.Before = time.Unix(e.Before, 0)
	}
	return r
}

// link is the chain of an entry, from that of the one before.
func (e entry) link(prev [sha256.Size]byte) [sha256.Size]byte {
	b := append(make([]byte, 0, 128), prev[:]...)
	for _, n := range []uint64{e.Seq, uint64(e.Before * 1_000_000), uint64(e.At)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(append(b, e.Kind...), 0)
	return sha256.Sum256(append(b, e.Value...))
}

// batchLimits are what a batch may have; an issuer keeps its pages far below.
var batchLimits = jeton.Limits{TokenBytes: maxBatchBytes, Depth: 4, Members: 16_384}

const maxBatchBytes = 1 << 20

// revokedKeys refuses batches that a revoked key signed: who stole it must not
// be able to say that all is well.
type revokedKeys struct{ *Set }

func (r revokedKeys) CheckRevoked(_ context.Context, v *jeton.Verified) error {
	if r.keyRevoked(v) {
		return jeton.ErrRevoked
	}
	return nil
}

func newBatchVerifier(keys jeton.KeySet, issuer string, set *Set, now func() time.Time) (*jeton.Verifier, error) {
	return jeton.NewVerifier(keys, jeton.Policy{
		Issuer:                 issuer,
		AnyAudience:            true, // the feed is everybody's
		Type:                   BatchType,
		AllowMissingExpiration: true, // an old batch is not wrong, only old
		Limits:                 batchLimits,
		Revocations:            revokedKeys{set},
		Now:                    now,
	})
}

// readBatch verifies a batch by itself: signature, form, and that its chains fit
// its entries. That it fits what came before is for the cursor to see.
func readBatch(ctx context.Context, v *jeton.Verifier, token string) (*batch, error) {
	verified, err := v.Verify(ctx, token)
	if errors.Is(err, jeton.ErrKeysUnavailable) {
		return nil, err // the batch may be good
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	var b batch
	if err := verified.Decode(&b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	b.issued = verified.IssuedAt().Time()
	if verified.IssuedAt().IsZero() {
		return nil, fmt.Errorf("%w: without iat", ErrForged)
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return &b, nil
}

func (b *batch) check() error {
	chain, ok := readChain(b.Prev)
	head, ok2 := readChain(b.Head)
	if b.Log == "" || len(b.Log) > 64 || !ok || !ok2 || b.To < b.From || b.Tip < b.To {
		return fmt.Errorf("%w: its numbers or chains make no sense", ErrForged)
	}
	entries := b.Entries
	if b.Snapshot && len(entries) > 0 && entries[0].Seq == b.From {
		// Where earlier entries are gone, the first that is there comes along;
		// its chain is given, since there is nothing to compute it from.
		if !entries[0].known() {
			return fmt.Errorf("%w: an entry of an unknown kind or without a value", ErrForged)
		}
		entries = entries[1:]
	}
	next := b.From
	for _, e := range entries {
		next++
		if e.Seq != next {
			return fmt.Errorf("%w: entry %d where %d should be", ErrForged, e.Seq, next)
		}
		if !e.known() {
			return fmt.Errorf("%w: an entry of an unknown kind or without a value", ErrForged)
		}
		chain = e.link(chain)
	}
	if next != b.To {
		return fmt.Errorf("%w: it ends at %d and not at %d", ErrForged, next, b.To)
	}
	if chain != head {
		return fmt.Errorf("%w: its entries don't lead to its head", ErrForged)
	}
	return nil
}

// known tells whether this package understands an entry. What it does not
// understand it must not pass over: it would let through what was called back.
func (e entry) known() bool {
	switch e.Kind {
	case Session, Subject, Client, Key:
		return e.Value != ""
	case All:
		return e.Value == ""
	}
	return false
}

func readChain(text string) (chain [sha256.Size]byte, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(chain) {
		return chain, false
	}
	return [sha256.Size]byte(b), true
}
