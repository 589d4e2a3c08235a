package issuer

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
)

const (
	// feedInterval is how often the log is read while somebody reads the feed,
	// and the least time between two batches: whatever the rate of revocations,
	// a reader gets ten batches a second.
	feedInterval = 100 * time.Millisecond
	// feedHeartbeat is how often readers are told that there is nothing new. It
	// is signed like any batch, so that nobody else can say so.
	feedHeartbeat = 5 * time.Second
	// feedLinger is how long the log is read after the last reader left.
	feedLinger = 30 * time.Second
	// feedRetry is how long a store that failed is left alone.
	feedRetry = time.Second
	// feedTimeout bounds one reading of the log.
	feedTimeout = 5 * time.Second
	// maxLag is how many batches a reader may be behind before it is given pages
	// again, so that one that is slow keeps nothing in memory.
	maxLag = 32
	// maxPages is how many pages are kept for readers that catch up together.
	maxPages = 128
)

// Feed is the revocation log as a sequence of signed batches, for any number of
// readers. One goroutine reads the log for all of them, every 100 ms and at once
// after a revocation by this issuer, and only while there are readers; each
// batch is signed once.
type Feed struct {
	issuer *Issuer
	log    RevocationLog
	woken  chan struct{}
	ended  chan struct{} // closed by Close

	polling sync.Mutex // held while the log is read and its end moved

	mu      sync.Mutex // of what follows
	readers int
	places  map[netip.Addr]int // readers by the network that they come from
	running bool
	closed  bool
	last    *link // the end of the chain of batches; nil while nobody reads
	number  uint64
	signing *jeton.SigningKey
	signer  *jeton.Signer
	pages   map[pageKey]*Batch
	begin   *Batch // where a snapshot begins, as of beginAt
	beginAt *link
	counts  feedCounts
}

type pageKey struct{ from, to uint64 }

// link is a batch in the chain that readers walk along. passed is closed once
// there is a next one, or once the chain ended, and next is nil then.
type link struct {
	batch  *Batch
	number uint64
	tip    LogHead                // where the batch ends
	at     time.Time              // when the log was read
	still  func() (*Batch, error) // says that nothing comes after this one, as of at
	passed chan struct{}
	next   *link
}

func newFeed(i *Issuer, log RevocationLog) *Feed {
	return &Feed{
		issuer: i,
		log:    log,
		woken:  make(chan struct{}, 1),
		ended:  make(chan struct{}),
		pages:  map[pageKey]*Batch{},
		places: map[netip.Addr]int{},
	}
}

// Feed returns the feed of revocations, the same one every time.
func (i *Issuer) Feed() *Feed { return i.feed }

// RevocationLife is how long a revocation is told to verifiers: as long as an
// access token could live, by clocks that differ.
func (i *Issuer) RevocationLife() time.Duration { return i.cfg.LongestAccessTTL + Leeway }

// Close ends the feed: readers get ErrFeedEnded, those to come too. A server
// calls it when it begins to shut down, since readers never leave by themselves.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.ended)
	}
}

// wakeUp has the log read soon. It never blocks.
func (f *Feed) wakeUp() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// join counts a reader from a network in, and sees that the log is being read.
func (f *Feed) join(ctx context.Context, network netip.Addr) error {
	most := f.issuer.cfg.FeedReaders
	f.mu.Lock()
	switch {
	case f.closed:
		f.mu.Unlock()
		return ErrFeedEnded
	case f.readers >= most || f.places[network] >= (most+3)/4:
		f.mu.Unlock()
		return ErrFeedFull
	}
	f.readers++
	if network.IsValid() {
		f.places[network]++
	}
	begun := f.last != nil
	f.mu.Unlock()
	if begun {
		return nil
	}
	if _, err := f.poll(ctx, false); err != nil {
		f.leave(network)
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.running && !f.closed {
		f.running = true
		go f.run()
	}
	return nil
}

func (f *Feed) leave(network netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers--
	if f.places[network]--; f.places[network] <= 0 {
		delete(f.places, network)
	}
}

// networkOf is what a client's place is counted under: its address, or of IPv6,
// where who has one has many, the network. It is invalid for what has no bound:
// this machine, and whoever is not known.
func networkOf(client netip.Addr) netip.Addr {
	client = client.Unmap().WithZone("") // of IPv4 that looks like IPv6 all would be one network
	switch {
	case client.IsLoopback():
		return netip.Addr{}
	case client.Is6():
		network, _ := client.Prefix(64) // no error: 64 bits it has
		return network.Addr()
	}
	return client
}

// run reads the log until nobody has read the feed for a while.
func (f *Feed) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := time.NewTimer(feedInterval)
	defer timer.Stop()
	var quiet, alone time.Duration
	failing, fresh := false, false
	for {
		woken := f.woken
		if fresh {
			woken = nil // a batch was sent just now; what came since goes into the next
		}
		select {
		case <-f.ended:
			f.end(nil)
			return
		case <-timer.C:
			quiet, alone = quiet+feedInterval, alone+feedInterval
			timer.Reset(feedInterval)
		case <-woken:
		}
		if f.wanted() {
			alone = 0
		} else if alone >= feedLinger && f.stopUnwanted() {
			return
		}
		sent, err := f.poll(ctx, quiet >= feedHeartbeat)
		if fresh = sent; sent {
			quiet = 0
		}
		if err != nil && !failing {
			f.issuer.emit(ctx, Event{Kind: EventWarning, Detail: "the feed of revocations can't be read from the store: " + err.Error()})
		}
		if failing = err != nil; failing {
			timer.Reset(feedRetry)
			fresh = true
		}
	}
}

func (f *Feed) wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers > 0
}

// stopUnwanted forgets the chain if there is still no reader.
func (f *Feed) stopUnwanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers > 0 {
		return false
	}
	f.last, f.running, f.beginAt = nil, false, nil
	f.counts.readAt = time.Time{}
	clear(f.pages)
	return true
}

// end ends the chain at its last link, so that everybody who walks along it
// begins again, and begins another one with next.
func (f *Feed) end(next *link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != nil {
		close(f.last.passed)
	}
	if next != nil {
		next.number = f.number
	}
	f.last, f.beginAt = next, nil
	f.running = f.running && next != nil
	clear(f.pages)
}

// poll reads what is new in the log and puts it behind the chain. With
// heartbeat it puts a batch there if nothing is new, too.
func (f *Feed) poll(ctx context.Context, heartbeat bool) (sent bool, err error) {
	f.polling.Lock()
	defer f.polling.Unlock()
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	last := f.tail()
	after := uint64(beyond)
	if last != nil {
		after = last.tip.Seq
	}
	// Before the log is read: what the batch says holds at this instant.
	at := f.issuer.cfg.Now()
	entries, head, _, err := f.log.Revocations(ctx, after, pageEntries)
	if err != nil {
		return false, err
	}
	f.read(at)
	if last == nil || head.Log != last.tip.Log || head.Seq < last.tip.Seq ||
		!linked(last.tip.Seq, last.tip.Chain, entries) || len(entries) == 0 && head != last.tip {
		// The first reading, or the log is not what it was: another store is
		// there, a backup was restored, or this node slept longer than entries
		// are kept.
		if last != nil {
			_, head, _, err = f.log.Revocations(ctx, beyond, 1)
			if err != nil {
				return false, err
			}
		}
		f.end(f.newLink(nil, head, head.Seq, at))
		return true, nil
	}
	if len(entries) == 0 && !heartbeat {
		return false, nil
	}
	entries = fitting(entries)
	b, err := f.sign(part{log: head.Log, from: last.tip.Seq, prev: last.tip.Chain, entries: entries, tip: head.Seq, at: at})
	if err != nil {
		return false, err
	}
	next := f.newLink(b, LogHead{Log: head.Log, Seq: b.To, Chain: b.head}, head.Seq, at)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.number++
	next.number = f.number
	last.next, f.last = next, next
	f.beginAt = nil // it would hold on to the chain
	f.counts.sent(entries, at)
	close(last.passed)
	if b.To < head.Seq {
		f.wakeUp()
	}
	return true, nil
}

func (f *Feed) tail() *link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// newLink makes the link for a batch that ends at tip, when the log went on to
// end at a time.
func (f *Feed) newLink(b *Batch, tip LogHead, end uint64, at time.Time) *link {
	l := &link{batch: b, tip: tip, at: at, passed: make(chan struct{})}
	l.still = sync.OnceValues(func() (*Batch, error) {
		if b != nil && b.Empty() {
			return b, nil
		}
		return f.sign(part{log: tip.Log, from: tip.Seq, prev: tip.Chain, tip: end, at: at})
	})
	return l
}

// errGap: entries that a page needs are not in the log any more.
var errGap = errors.New("issuer: pruned")

// page returns a batch of what comes after a number, up to another at most.
// Pages end at multiples of their size, so that readers who catch up from
// different places come to share them.
func (f *Feed) page(ctx context.Context, log [16]byte, from, to uint64) (*Batch, error) {
	key := pageKey{from, min(to, from-from%pageEntries+pageEntries)}
	if _, err := f.batchSigner(); err != nil { // forgets pages of another key
		return nil, err
	}
	f.mu.Lock()
	kept := f.pages[key]
	f.mu.Unlock()
	if kept != nil && kept.Log == log {
		return kept, nil
	}
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	at := f.issuer.cfg.Now()
	after, n := from, int(key.to-from)
	if from > 0 {
		after, n = from-1, n+1 // with the one before, for its chain
	}
	entries, head, _, err := f.log.Revocations(ctx, after, n)
	if err != nil {
		return nil, err
	}
	var prev Chain
	if from > 0 {
		if len(entries) == 0 || entries[0].Seq != from {
			return nil, errGap
		}
		prev, entries = entries[0].Chain, entries[1:]
	}
	if head.Log != log || len(entries) == 0 || !linked(from, prev, entries) {
		return nil, errGap
	}
	b, err := f.sign(part{log: log, from: from, prev: prev, entries: fitting(entries), tip: head.Seq, at: at})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pages) >= maxPages {
		clear(f.pages) // simple, and rare: it takes 65,000 entries that somebody asked for
	}
	f.pages[key] = b
	return b, nil
}

// snapshot returns a batch to begin with. It has the first entry that is still
// there and its chain; what comes after are pages as usual. Readers that come
// together share it, unless one of them found it of no use.
func (f *Feed) snapshot(ctx context.Context, last *link, anew bool) (*Batch, error) {
	if _, err := f.batchSigner(); err != nil { // forgets that of another key
		return nil, err
	}
	if b := f.keptSnapshot(last); b != nil && !anew {
		return b, nil
	}
	b, err := f.makeSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin, f.beginAt = b, last
	return b, nil
}

func (f *Feed) keptSnapshot(last *link) *Batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.beginAt != last {
		return nil
	}
	return f.begin
}

func (f *Feed) makeSnapshot(ctx context.Context) (*Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	at := f.issuer.cfg.Now()
	entries, head, _, err := f.log.Revocations(ctx, 0, 1)
	if err != nil {
		return nil, err
	}
	p := part{log: head.Log, from: head.Seq, prev: head.Chain, tip: head.Seq, snapshot: true, at: at}
	if len(entries) > 0 && entries[0].Seq == 1 {
		p.from, p.prev = 0, Chain{}
	} else if len(entries) > 0 {
		p.from, p.prev, p.entries = entries[0].Seq, entries[0].Chain, entries
	}
	return f.sign(p)
}
