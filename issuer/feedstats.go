package issuer

import "time"

// feedCounts are what the feed counts; Feed.mu guards them.
type feedCounts struct {
	batches, entries, overtaken uint64
	readAt                      time.Time
	delay                       time.Duration
}

// sent counts a batch for all readers, made of a reading of the log at a time.
func (c *feedCounts) sent(entries []Entry, at time.Time) {
	c.batches++
	c.entries += uint64(len(entries))
	if len(entries) > 0 {
		c.delay = max(0, at.Sub(entries[len(entries)-1].At))
	}
}

// read notes when the log was read.
func (f *Feed) read(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.readAt = at
}

// overtook counts a reader that was too slow.
func (f *Feed) overtook() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.overtaken++
}

func (f *Feed) stats() FeedStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := FeedStats{
		Readers:   f.readers,
		Batches:   f.counts.batches,
		Entries:   f.counts.entries,
		Overtaken: f.counts.overtaken,
		ReadAt:    f.counts.readAt,
		Delay:     f.counts.delay,
	}
	if f.last != nil {
		s.Seq = f.last.tip.Seq
	}
	return s
}
