package revocation

import (
	"fmt"
	"strconv"
	"time"
)

// cursor is how far a follower has come in a log. It decides which batches fit;
// whatever it decides, nothing leaves the set but by time.
type cursor struct {
	log    string
	seq    uint64
	chain  string
	target uint64    // what must be reached before the first snapshot is whole
	asOf   time.Time // the latest instant of which all entries are known; zero: none
	lost   bool      // nothing but a snapshot fits any more
}

// maxSnapshotAge is how old the beginning of a snapshot may be: caches keep one
// for seconds, and a recording must not pass for the present.
const maxSnapshotAge = 2 * time.Minute

// position is what an issuer is asked for; "" for a snapshot.
func (c *cursor) position() string {
	if c.log == "" || c.lost {
		return ""
	}
	return c.log + "." + strconv.FormatUint(c.seq, 10)
}

// advance takes a batch in, or says why it does not fit. A note is for the
// operator, about a batch that was taken in.
func (c *cursor) advance(b *batch, now time.Time) (note, err error) {
	if b.Snapshot {
		note, err = c.begin(b, now)
	} else {
		err = c.follow(b)
	}
	if err != nil {
		return nil, err
	}
	c.seq, c.chain = b.To, b.Head
	if b.To == b.Tip && b.issued.After(c.asOf) {
		c.asOf = b.issued
	}
	return note, nil
}

func (c *cursor) begin(b *batch, now time.Time) (note, err error) {
	if b.issued.Before(now.Add(-maxSnapshotAge)) || b.issued.Before(c.asOf.Add(-maxSnapshotAge)) {
		return nil, fmt.Errorf("%w: the beginning of a snapshot, of %s", ErrReplayed, b.issued.UTC().Format(time.RFC3339))
	}
	switch {
	case c.log == "":
	case b.Log != c.log:
		note = fmt.Errorf("%w: its name changed", ErrHistory)
	case b.Tip < c.seq:
		note = fmt.Errorf("%w: it ends at %d, and was at %d", ErrHistory, b.Tip, c.seq)
	}
	c.log, c.target, c.lost = b.Log, b.Tip, false
	return note, nil
}

func (c *cursor) follow(b *batch) error {
	switch {
	case c.log == "" || c.lost:
		return fmt.Errorf("%w: no snapshot to begin with", ErrGap)
	case b.Log != c.log:
		c.lost = true
		return fmt.Errorf("%w: its name changed", ErrHistory)
	case b.From > c.seq:
		return fmt.Errorf("%w: between %d and %d", ErrGap, c.seq, b.From)
	case b.From < c.seq:
		return fmt.Errorf("%w: it begins at %d, and %d is known", ErrReplayed, b.From, c.seq)
	case b.Prev != c.chain:
		c.lost = true
		return fmt.Errorf("%w: what came before entry %d is not what it was", ErrHistory, b.From+1)
	}
	return nil
}

// whole tells whether the snapshot that was begun is complete.
func (c *cursor) whole() bool { return c.log != "" && c.seq >= c.target }
