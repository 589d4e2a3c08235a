package rotationmodel

// now is the store's time: the clock's reading or the latest instant that it
// has seen.
func (m *Model) now(w *world) int8 {
	w.seen = max(w.seen, w.clock)
	if m.Flaws.NoMark {
		return w.clock
	}
	w.mark = max(w.mark, w.clock, w.row.mark)
	return w.mark
}

// write does one transaction.
func (m *Model) write(w *world, now int8, do func(*row)) {
	old := w.row
	do(&w.row)
	if !m.Flaws.VolatileMark {
		w.row.mark = max(w.row.mark, now)
	}
	w.durable = w.seen
	if w.failovers == 0 && !m.Flaws.Amnesia {
		return // nothing will be lost: fewer states
	}
	w.before[1], w.before[0] = w.before[0], old
	w.writes = min(w.writes+1, maxLost)
}

// rotate is the store's Rotate. It tells whether its conditions held.
func (m *Model) rotate(w *world, from, to int8) bool {
	now := m.now(w)
	if w.row.generation != from && !m.Flaws.IgnoresGeneration {
		return false
	}
	if !m.Bounds.session(&w.row).Live(at(now)) && !m.Flaws.IgnoresLife {
		return false
	}
	m.write(w, now, func(r *row) {
		r.generation = to
		if !m.Flaws.NoStamp {
			r.rotatedAt = now
		}
		if m.Flaws.GrowingLife {
			r.expiresAt++
		}
	})
	return true
}

// revoke is the store's Revoke.
func (m *Model) revoke(w *world) {
	now := m.now(w)
	if !w.row.revoked {
		m.write(w, now, func(r *row) { r.revoked = true })
	}
}

// restart forgets what is in memory. A request that was being served is sent
// again.
func (m *Model) restart(w *world) {
	if m.Flaws.Amnesia && w.writes > 0 {
		w.row, w.writes = w.before[0], 0
		w.before = [maxLost]row{}
	}
	w.mark, w.seen = w.row.mark, w.durable
	for i := range w.tabs {
		if t := &w.tabs[i]; t.phase == decided {
			*t = tab{phase: sent, token: t.token}
		}
	}
}

// failover makes the store forget its last writes, which were acknowledged, and
// restarts the service.
func (m *Model) failover(w *world, lost int8) {
	revoked := w.row.revoked
	w.row = w.before[lost-1]
	w.before, w.writes = [maxLost]row{}, 0
	w.durable = w.row.mark
	m.restart(w)
	w.failedOver = true
	if m.Strict {
		return
	}
	// What the store can't know any more is promised no longer.
	w.promised.rotatedAt = w.row.rotatedAt
	if revoked && !w.row.revoked {
		w.revoked, w.reused, w.over = false, false, false
	}
	for g := w.row.generation; g < w.newest; g++ {
		w.superseded[g] = unknown
	}
}
