package issuer

import (
	"context"
	"errors"
	"net/netip"
)

// FeedReader reads the feed from some place on. It is for one goroutine. Make it
// with [Feed.Read].
type FeedReader struct {
	feed    *Feed
	network netip.Addr
	place   place
	begin   bool  // with a snapshot
	at      *link // nil while catching up
	left    bool
	begun   int // snapshots in a row without a page behind them
}

// Read begins to read after the batch of an ID. An empty id, or one of another
// log or of a place that is not there, begins with a snapshot. Errors:
// ErrInvalidRequest for what is no id, ErrFeedFull, ErrFeedEnded, those of the
// store. Close the reader.
func (f *Feed) Read(ctx context.Context, id string) (*FeedReader, error) {
	r := &FeedReader{feed: f, network: networkOf(RequestInfoOf(ctx).Client), begin: id == ""}
	if !r.begin {
		var err error
		if r.place, err = parsePlace(id); err != nil {
			return nil, err
		}
	}
	if err := f.join(ctx, r.network); err != nil {
		return nil, err
	}
	return r, nil
}

// Close gives up the reader's place.
func (r *FeedReader) Close() {
	if !r.left {
		r.left = true
		r.feed.leave(r.network)
	}
}

// Next returns the next batch: a snapshot and pages first, as far as the reader
// has to catch up, then one that says that this was all, then what is new as it
// comes, and an empty batch every 5 s if nothing does. Errors: the context's,
// ErrFeedEnded, those of the store.
func (r *FeedReader) Next(ctx context.Context) (*Batch, error) {
	if r.at == nil {
		b, err := r.catchUp(ctx)
		if b != nil || err != nil {
			return b, err
		}
		return r.at.still()
	}
	return r.next(ctx)
}

// NextEntries is Next without batches that are empty, for readers that ask
// again and again. When the context ends first, it returns one that says up to
// when there was nothing new.
func (r *FeedReader) NextEntries(ctx context.Context) (*Batch, error) {
	for {
		if r.at == nil {
			if b, err := r.catchUp(ctx); b != nil || err != nil {
				return b, err
			}
		}
		b, err := r.next(ctx)
		if err != nil && ctx.Err() != nil {
			return r.at.still()
		}
		if err != nil || !b.Empty() {
			return b, err
		}
	}
}

// catchUp returns the next batch of those that the reader missed. With none, it
// has caught up, and r.at is where.
func (r *FeedReader) catchUp(ctx context.Context) (*Batch, error) {
	f := r.feed
	last := f.tail()
	if last == nil {
		return nil, ErrFeedEnded
	}
	if r.place.anyLog {
		r.place.log, r.place.anyLog = last.tip.Log, false
	}
	if !r.begin && r.place.log == last.tip.Log && r.place.seq > last.tip.Seq {
		// The reader comes from a node that is a moment ahead, or the log went
		// back: look again before telling it so.
		if _, err := f.poll(ctx, false); err != nil {
			return nil, err
		}
		if last = f.tail(); last == nil {
			return nil, ErrFeedEnded
		}
	}
	if r.place.log != last.tip.Log || r.place.seq > last.tip.Seq {
		r.begin = true
	}
	if !r.begin && r.place.seq == last.tip.Seq {
		r.at = last
		return nil, nil
	}
	var b *Batch
	err := errGap
	if !r.begin {
		b, err = f.page(ctx, r.place.log, r.place.seq, last.tip.Seq)
	}
	if err == nil {
		r.begun = 0
	} else if errors.Is(err, errGap) {
		// Pruning may be faster once; a log that never fits is damaged, and
		// nobody must believe to have all of it.
		if r.begun++; r.begun > 2 {
			return nil, errors.New("issuer: the revocation log does not hold together")
		}
		b, err = f.snapshot(ctx, last, r.begun > 1)
	}
	if err != nil {
		return nil, err
	}
	r.begin = false
	r.place.log, r.place.seq = b.Log, b.To
	return b, nil
}

// next waits for the next batch of the chain.
func (r *FeedReader) next(ctx context.Context) (*Batch, error) {
	select {
	case <-r.feed.ended:
		return nil, ErrFeedEnded
	default:
	}
	select {
	case <-r.at.passed:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.feed.ended:
		return nil, ErrFeedEnded
	}
	next := r.at.next
	if next == nil {
		return nil, ErrFeedEnded
	}
	if last := r.feed.tail(); last != nil && last.number-next.number > maxLag {
		r.at = nil // too far behind to hold all of that in memory
		r.feed.overtook()
		return r.Next(ctx)
	}
	r.at, r.place.seq = next, next.tip.Seq
	return next.batch, nil
}
