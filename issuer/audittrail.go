package issuer

import (
	"context"
	"sync"
	"time"
)

// audited completes a record with who asked, and where from.
func audited(ctx context.Context, r AuditRecord) AuditRecord {
	info := RequestInfoOf(ctx)
	if info.Client.IsValid() {
		r.Address = info.Client.String()
	}
	r.Agent, r.Request = info.Agent, info.ID
	if info.Actor != "" {
		r.Actor = info.Actor
	}
	if r.Actor == "" {
		r.Actor = ActorService
	}
	return r
}

// actorUser is a subject that proved who it is.
func actorUser(subject string) string {
	if subject == "" {
		return ""
	}
	return "user:" + subject
}

// trail keeps what is to be in the audit log and has no transaction of its own
// to be in: refused logins, of which nothing else is written. They go with the
// next login or [Issuer.Tick], so that how long a refusal takes tells nothing of
// what was written, and a flood of them costs no more than one write a second.
// A crash loses what came since.
//
// A flood must not fill the disk. Of each kind of refusal there is a supply that
// grows slowly; what comes when it is used up is only counted, and the counts are
// written once a minute.
type trail struct {
	mu      sync.Mutex
	pending []AuditRecord
	supply  map[string]*supply
	left    []leftOut
	told    time.Time // when counts were written last
}

type supply struct {
	full time.Time // when it will be full
}

type leftOut struct {
	record AuditRecord
	n      int64
}

const (
	// trailBurst and trailEvery are the supply: a kind of refusal can fill 3 MB a
	// day and no more.
	trailBurst = 60
	trailEvery = 10 * time.Second
	trailTells = time.Minute
	// trailBound bounds what is kept while the store takes no writes.
	trailBound = 1000
)

// add takes a record, or counts it by what it is. Kinds are few: an action and a
// detail that is one of this program's own.
func (t *trail) add(now time.Time, r AuditRecord) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := string(r.Action) + " " + r.Detail
	if t.supply == nil {
		t.supply = make(map[string]*supply)
	}
	s := t.supply[kind]
	if s == nil {
		s = &supply{}
		t.supply[kind] = s
	}
	if s.full.Before(now) {
		s.full = now
	}
	if s.full.Sub(now) > (trailBurst-1)*trailEvery || len(t.pending) >= trailBound {
		t.count(AuditRecord{Action: r.Action, Actor: r.Actor, Detail: r.Detail}, 1)
		return
	}
	s.full = s.full.Add(trailEvery)
	t.pending = append(t.pending, r)
}

func (t *trail) count(r AuditRecord, n int64) {
	for i := range t.left {
		if t.left[i].record == r {
			t.left[i].n += n
			return
		}
	}
	t.left = append(t.left, leftOut{r, n})
}

// take returns what is to be written, with the counts of what was left out if
// they are due.
func (t *trail) take(now time.Time, all bool) []AuditRecord {
	t.mu.Lock()
	defer t.mu.Unlock()
	records := t.pending
	t.pending = nil
	if len(t.left) > 0 && (all || !now.Before(t.told.Add(trailTells))) {
		for _, l := range t.left {
			l.record.Count = l.n
			records = append(records, l.record)
		}
		t.left, t.told = nil, now
	}
	return records
}

// giveBack returns what could not be written.
func (t *trail) giveBack(records []AuditRecord) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var again []AuditRecord
	for _, r := range records {
		if r.Count > 0 {
			n := r.Count
			r.Count = 0
			t.count(r, n)
		} else {
			again = append(again, r)
		}
	}
	t.pending = append(again, t.pending...)
	t.told = time.Time{}
}

// SettleAudit writes what of the audit log is still in memory, and seals the log
// up to its end. [Issuer.Tick] does so as well; this is for the end of a program.
// Errors: those of the store, ErrAudit.
func (i *Issuer) SettleAudit(ctx context.Context) error { return i.settleAudit(ctx, true) }

func (i *Issuer) settleAudit(ctx context.Context, all bool) error {
	if records := i.trail.take(i.now(), all); len(records) > 0 {
		if err := i.store.AppendAudit(ctx, records...); err != nil {
			i.trail.giveBack(records)
			return err
		}
	}
	return i.sealAudit(ctx)
}
