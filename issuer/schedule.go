package issuer

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jeton-go/jeton"
)

// The key schedule. A key is next (published, not signing), then active (signs),
// then retiring (published, its private half destroyed), then gone. Every step
// is decided in one transaction of the store, from what is stored there: nodes
// don't talk to each other, and a node that is late does no harm for as long as
// it is late by less than TickWithin.

const (
	// TickWithin is how late a node may learn of a change of the keys.
	TickWithin = 30 * time.Second
	// maxKeysAge bounds how long a copy of the published set may be kept.
	maxKeysAge = 5 * time.Minute
	// KeyLead is how long a key is published before it signs: until every copy
	// of the published set that lacks it is out of date, on the clocks of
	// verifiers that are apart from ours, and every node publishes it.
	KeyLead = maxKeysAge + Leeway + TickWithin
)

// overlap is how long a key of a use stays after it retired: for the life of the
// tokens that it signed, the clocks' difference, and the time in which another
// node may go on signing with it.
func (i *Issuer) overlap(use KeyUse) time.Duration {
	if use == UseRefresh {
		return i.cfg.RefreshTTL + Leeway + TickWithin
	}
	return i.cfg.AccessTTL + Leeway + max(i.cfg.AccessTTL, 4*TickWithin)
}

// KeysMaxAge is how long a copy of the published key set may be kept: at most
// half of the time that a retired key stays in it.
func (i *Issuer) KeysMaxAge() time.Duration {
	return min(maxKeysAge, i.overlap(UseAccess)/2).Truncate(time.Second)
}

// keyPlan is what becomes of the stored keys.
type keyPlan struct {
	due     bool // something changes
	keys    []StoredKey
	wanted  []wantedKey
	retired []string // ids of the access keys whose private half is to be destroyed
	changes []string // in words, for the log
	audit   []AuditRecord

	destroyed []string // ids of those whose private half is destroyed in the device
}

// wantedKey is a key that has yet to be made.
type wantedKey struct {
	use       KeyUse
	algorithm jeton.Algorithm // of an access key
	inDevice  bool            // its private half is made in the device
	state     KeyState        // KeyNext or KeyActive
	activeAt  time.Time       // when it signs
	retiredAt time.Time       // zero: nobody knows yet
}

func (p *keyPlan) note(k StoredKey, format string, args ...any) {
	p.due = true
	change := fmt.Sprintf("%s key %s ", k.Use, k.ID) + fmt.Sprintf(format, args...)
	p.changes = append(p.changes, change)
	p.audit = append(p.audit, AuditRecord{Action: AuditKey, Key: k.ID, Detail: change})
}

func (p *keyPlan) want(w wantedKey) {
	p.due = true
	p.wanted = append(p.wanted, w)
}

// in returns the key of a use in a state, and nil if there is none or it is
// still to be made.
func (p *keyPlan) in(use KeyUse, state KeyState) *StoredKey {
	for j := range p.keys {
		if p.keys[j].Use == use && p.keys[j].State == state {
			return &p.keys[j]
		}
	}
	return nil
}

// drop removes a key.
func (p *keyPlan) drop(k *StoredKey) {
	p.keys = slices.DeleteFunc(p.keys, func(o StoredKey) bool { return o.Use == k.Use && o.ID == k.ID })
}

// retire makes an active key a retiring one.
func (p *keyPlan) retire(k *StoredKey, now time.Time) {
	k.State, k.RetiredAt = KeyRetiring, now
	if k.Use == UseAccess {
		p.retired = append(p.retired, k.ID)
	}
	p.note(*k, "retires")
}

// promote makes the next key of a use the active one, and retires that.
func (p *keyPlan) promote(now time.Time, use KeyUse, period time.Duration) {
	if old := p.in(use, KeyActive); old != nil {
		p.retire(old, now)
	}
	next := p.in(use, KeyNext)
	next.State, next.ActiveAt = KeyActive, now
	if period > 0 {
		next.RetiredAt = now.Add(period)
	}
	p.note(*next, "is active")
}

// schedule decides what is due at now.
func (i *Issuer) schedule(now time.Time, stored []StoredKey, starting bool) keyPlan {
	p := keyPlan{keys: slices.Clone(stored)}
	for _, use := range []KeyUse{UseAccess, UseRefresh} {
		period := i.cfg.KeyPeriod
		if use == UseRefresh {
			period = 0 // only on command: a refresh key that goes takes idle sessions with it
		}
		p.removeGone(now, use, i.overlap(use))
		active, next := p.in(use, KeyActive), p.in(use, KeyNext)
		algorithm, inDevice := i.cfg.Algorithm, i.cfg.Device != nil && !i.cfg.LeaveDevice
		if use == UseRefresh {
			algorithm, inDevice = "", false
		}
		asWanted := func(k *StoredKey) bool {
			return k.Algorithm == string(algorithm) && (k.Location() != "") == inDevice
		}
		switch {
		case active == nil && next != nil:
			p.promote(now, use, period) // nothing signs: better too early than not at all
			continue
		case active == nil:
			w := wantedKey{use: use, algorithm: algorithm, inDevice: inDevice, state: KeyActive, activeAt: now}
			if period > 0 {
				w.retiredAt = now.Add(period)
			}
			p.want(w)
			continue
		}
		if starting {
			p.adopt(active, period)
			if next != nil && !asWanted(next) {
				gone := *next
				p.drop(next)
				p.note(gone, "is gone: it never signed, and another algorithm or place is wanted")
				active, next = p.in(use, KeyActive), nil
			}
			if next == nil && !asWanted(active) {
				p.want(wantedKey{use: use, algorithm: algorithm, inDevice: inDevice, state: KeyNext, activeAt: now.Add(KeyLead)})
				continue
			}
		}
		switch planned := active.RetiredAt; {
		case next != nil && !now.Before(next.ActiveAt):
			p.promote(now, use, period)
		case next == nil && !planned.IsZero() && !now.Before(planned.Add(-KeyLead)):
			at := now.Add(KeyLead)
			if planned.After(at) {
				at = planned
			}
			p.want(wantedKey{use: use, algorithm: jeton.Algorithm(active.Algorithm), inDevice: active.Location() != "", state: KeyNext, activeAt: at})
		}
	}
	return p
}

// adopt gives the active key the period of the node that starts.
func (p *keyPlan) adopt(active *StoredKey, period time.Duration) {
	var retire time.Time
	if period > 0 {
		retire = active.ActiveAt.Add(period)
	}
	if !active.RetiredAt.Equal(retire) {
		active.RetiredAt, p.due = retire, true
	}
}

// removeGone removes retired keys whose time is over. Of nodes whose tokens live
// for different times, the longest counts: each puts the end off as far as it
// has to, and none brings it forward.
func (p *keyPlan) removeGone(now time.Time, use KeyUse, overlap time.Duration) {
	for j := range p.keys {
		k := &p.keys[j]
		if end := k.RetiredAt.Add(overlap); k.Use == use && k.State == KeyRetiring && end.After(k.GoneAt) {
			k.GoneAt, p.due = end, true
		}
	}
	p.keys = slices.DeleteFunc(p.keys, func(k StoredKey) bool {
		gone := k.Use == use && k.State == KeyRetiring && !now.Before(k.GoneAt)
		if gone {
			p.note(k, "is gone")
		}
		return gone
	})
}

// refreshKeyID returns the number of a new refresh key: the one after the
// highest that is in use, round the clock of one byte.
func refreshKeyID(stored []StoredKey) string {
	used, last := map[int]bool{}, 0
	for _, k := range stored {
		if n, err := strconv.Atoi(k.ID); k.Use == UseRefresh && err == nil {
			used[n], last = true, max(last, n)
		}
	}
	for n := last + 1; ; n++ {
		if n = n % 256; n > 0 && !used[n] {
			return strconv.Itoa(n)
		}
	}
}
