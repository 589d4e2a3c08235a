package issuer

import (
	"context"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
)

// recalls is what an issuer knows of the revocation log: the instants before
// which tokens of a subject, a client or everybody are called back, and where
// what was revoked stands in the status lists, if it publishes some. Each is
// kept until the tokens in question have expired, so it stays as small as a
// follower's set.
type recalls struct {
	issuer *Issuer

	reading sync.Mutex // held while the log is read
	head    LogHead    // up to where it was read; under reading

	mu           sync.Mutex // of what follows
	begun, ended uint64     // readings
	cutoffs      map[cutoffKey]Entry
	lists        map[listName]*listMarks
	changes      uint64 // counts marks
	wide         uint64 // counts cut-offs that concern whole lists
	sweepAfter   time.Time
}

type cutoffKey struct {
	kind  EntryKind
	value string
}

// listMarks are the places of a list that are called back.
type listMarks struct {
	marks   []statusMark
	version uint64 // of changes, when the last one came
}

// statusMark calls back the tokens of one place that were issued before an
// instant, in seconds since 1970.
type statusMark struct {
	index  uint32
	before int64
	until  time.Time
}

// sweepEvery is how often recalls forgets what is over.
const sweepEvery = 30 * time.Second

func newRecalls(i *Issuer) *recalls {
	return &recalls{issuer: i, cutoffs: map[cutoffKey]Entry{}, lists: map[listName]*listMarks{}}
}

// read takes in what the log has that was not read yet. All that was committed
// before the call is in force when it returns nil; callers that wait together
// share a reading.
func (r *recalls) read(ctx context.Context) error {
	r.mu.Lock()
	arrived := r.begun
	r.mu.Unlock()
	r.reading.Lock()
	defer r.reading.Unlock()
	r.mu.Lock()
	if r.ended > arrived {
		r.mu.Unlock()
		return nil // one that began after this call is over already
	}
	r.begun++
	r.mu.Unlock()
	if err := r.readLog(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = r.begun
	r.sweep(r.issuer.cfg.Now())
	return nil
}

func (r *recalls) readLog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	for {
		entries, head, _, err := r.issuer.cfg.Store.Revocations(ctx, r.head.Seq, pageEntries)
		if err != nil {
			return err
		}
		if head.Log != r.head.Log || head.Seq < r.head.Seq || !linked(r.head.Seq, r.head.Chain, entries) || len(entries) == 0 && head != r.head {
			if r.head.Seq > 0 {
				// Another store, a restored backup, or entries that were pruned
				// before they were read: again from where the log begins. What
				// is known stays until its time is over.
				r.head = LogHead{}
				continue
			}
			r.head.Log = head.Log
			if len(entries) == 0 {
				r.head = head
				return nil
			}
		}
		for _, e := range entries {
			if err := r.take(ctx, e); err != nil {
				return err
			}
			r.head.Seq, r.head.Chain = e.Seq, e.Chain
		}
		if r.head.Seq >= head.Seq {
			return nil
		}
	}
}

// take takes in one entry.
func (r *recalls) take(ctx context.Context, e Entry) error {
	if !r.alive(e) {
		return nil
	}
	r.note(e)
	if r.issuer.status == nil {
		return nil
	}
	until := e.At.Add(r.issuer.RevocationLife())
	switch e.Kind {
	case EntrySession:
		if id, err := ParseSessionID(e.Value); err == nil {
			r.mark(id, allTokens, until)
		}
	case EntrySubject:
		// Sessions that came later have no token from before.
		sessions, _, err := r.issuer.store.Sessions(ctx, e.Value, maxMarked)
		if err != nil {
			return err
		}
		for _, s := range sessions {
			if s.CreatedAt.Before(e.At) {
				r.mark(s.ID, e.Before.Unix(), until)
			}
		}
		if len(sessions) == maxMarked {
			r.issuer.emit(ctx, Event{Kind: EventWarning, Subject: e.Value, Detail: "a subject with more live sessions than the status lists take back at once: the oldest are left out"})
		}
	}
	return nil
}

// maxMarked bounds the live sessions of one subject that a status list looks at.
const maxMarked = 100_000

// note takes note of a cut-off, the latest of those that concern the same.
func (r *recalls) note(e Entry) {
	if e.Kind != EntrySubject && e.Kind != EntryClient && e.Kind != EntryAll {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := cutoffKey{e.Kind, e.Value}
	if r.cutoffs[key].At.Before(e.At) {
		r.cutoffs[key] = e
		if e.Kind != EntrySubject {
			r.wide++
		}
	}
}

// mark calls back the tokens of a session in the status list where it stands.
func (r *recalls) mark(id SessionID, before int64, until time.Time) {
	place, ok := r.issuer.status.place(id)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lists[place.list]
	if l == nil {
		l = &listMarks{}
		r.lists[place.list] = l
	}
	l.marks = append(l.marks, statusMark{place.index, before, until})
	r.changes++
	l.version = r.changes
}

func (r *recalls) alive(e Entry) bool {
	return e.At.Add(r.issuer.RevocationLife()).After(r.issuer.cfg.Now())
}

// sweep forgets what is over, now and then. r.mu is held.
func (r *recalls) sweep(now time.Time) {
	if now.Before(r.sweepAfter) {
		return
	}
	r.sweepAfter = now.Add(sweepEvery)
	for key, e := range r.cutoffs {
		if !r.alive(e) {
			delete(r.cutoffs, key)
		}
	}
	for name, l := range r.lists {
		var kept []statusMark
		for _, m := range l.marks {
			if m.until.After(now) {
				kept = append(kept, m)
			}
		}
		if l.marks = kept; len(kept) == 0 {
			delete(r.lists, name)
		}
	}
}

// calledBack tells whether a cut-off calls back a token that says this.
func (r *recalls) calledBack(subject, client string, issued jeton.NumericDate) bool {
	at := issued.Time()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range cutoffsOf(subject, client) {
		if e, ok := r.cutoffs[key]; ok && at.Before(e.Before) && r.alive(e) {
			return true
		}
	}
	return false
}

// since returns the latest second, 0 if there is none, before which tokens like
// one of a session that is issued now are called back.
func (r *recalls) since(s *Session, issued time.Time) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var latest int64
	for _, key := range cutoffsOf(s.Subject, s.ClientID) {
		e, ok := r.cutoffs[key]
		if !ok || !r.alive(e) || e.Before.After(issued) {
			continue
		}
		if e.Kind == EntrySubject && !s.CreatedAt.Before(e.At) {
			continue // it stands in no list that this concerns
		}
		latest = max(latest, e.Before.Unix())
	}
	return latest
}

func cutoffsOf(subject, client string) [3]cutoffKey {
	return [3]cutoffKey{{EntrySubject, subject}, {EntryClient, client}, {EntryAll, ""}}
}
