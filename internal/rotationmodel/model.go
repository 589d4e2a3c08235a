package rotationmodel

// Model is a world to explore: a table, bounds, and what is wrong with the
// store.
type Model struct {
	Judge  Judge
	Bounds Bounds
	Flaws  Flaws
	// Strict keeps the promises about what a failover lost, which only a store
	// that loses nothing can keep.
	Strict bool
	// Until ends the exploration when this promise is broken. Empty: every state
	// is visited.
	Until string
}

// kind is a kind of action.
type kind int8

const (
	tick kind = iota
	back
	restart
	failover
	other // some other session of the store is written
	revoke
	stealJar
	stealAnswer
	use     // the thief sends a token
	send    // a tab reads the jar and sends
	serve   // the issuer looks at a tab's request, and answers if it writes nothing
	commit  // the issuer writes what it decided on
	receive // a tab writes the answer into the jar
	lose    // the answer is lost; the tab sends the same again
	giveUp  // the answer is lost; the tab reads the jar when it sends again
)

// action is one step.
type action struct {
	kind kind
	arg  int8 // which tab, token, tick, or number of writes
	swap bool // the tabs changed places afterwards
}

// next is all that can happen next.
func (m *Model) next(w world, step func(action, world, string)) {
	b := &m.Bounds
	do := func(k kind, arg int8, change func(*world) string) {
		to := w
		broken := change(&to)
		if broken == "" && int(to.row.expiresAt) > b.Lifetime {
			broken = ExpiryStays
		}
		// The tabs are alike: one order of them is enough.
		swap := less(to.tabs[1], to.tabs[0])
		if swap {
			to.tabs[0], to.tabs[1] = to.tabs[1], to.tabs[0]
		}
		if int(to.newest) < b.Tokens {
			step(action{k, arg, swap}, to, broken)
		}
	}
	quiet := func(change func(*world)) func(*world) string {
		return func(w *world) string { change(w); return "" }
	}

	if int(w.clock) < b.Last {
		do(tick, 0, quiet(func(w *world) { w.clock++ }))
	}
	if w.backs > 0 && w.clock > 0 {
		for _, reading := range []int8{w.clock - 1, 0} {
			do(back, reading, quiet(func(w *world) { w.clock = reading; w.backs-- }))
		}
	}
	if w.restarts > 0 {
		do(restart, 0, quiet(func(w *world) { w.restarts--; m.restart(w) }))
	}
	if w.failovers > 0 {
		for lost := int8(1); lost <= w.writes; lost++ {
			do(failover, lost, quiet(func(w *world) { w.failovers--; m.failover(w, lost) }))
		}
	}
	if w.others > 0 {
		do(other, 0, quiet(func(w *world) { w.others--; m.write(w, m.now(w), func(*row) {}) }))
	}
	if !w.revoked {
		do(revoke, 0, quiet(func(w *world) { m.revoke(w); w.revoked = true }))
	}
	do(stealJar, w.jar, quiet(func(w *world) { w.stolen |= 1 << w.jar }))
	for g := range int8(maxTokens) {
		if w.stolen>>g&1 == 1 {
			do(use, g, func(w *world) string {
				thief := tab{phase: sent, token: g}
				broken := m.serve(w, &thief, false)
				if thief.phase == decided {
					broken = m.commit(w, &thief)
				}
				if thief.phase == answered {
					w.stolen |= 1 << thief.token
				}
				return broken
			})
		}
	}
	for i, t := range w.tabs {
		i := int8(i)
		on := func(change func(w *world, t *tab)) func(*world) string {
			return quiet(func(w *world) { change(w, &w.tabs[i]) })
		}
		switch t.phase {
		case idle:
			do(send, i, on(func(w *world, t *tab) { *t = tab{phase: sent, token: w.jar} }))
		case sent:
			do(serve, i, func(w *world) string {
				broken := m.serve(w, &w.tabs[i], true)
				if b.Whole && broken == "" && w.tabs[i].phase == decided {
					broken = m.commit(w, &w.tabs[i])
				}
				return broken
			})
		case decided:
			do(commit, i, func(w *world) string { return m.commit(w, &w.tabs[i]) })
		case answered:
			do(receive, i, on(func(w *world, t *tab) { w.jar = t.token; *t = tab{} }))
			do(stealAnswer, i, quiet(func(w *world) { w.stolen |= 1 << t.token }))
			// What it sent is what an answer of this token is given to.
			do(lose, i, on(func(w *world, t *tab) { *t = tab{phase: sent, token: t.from} }))
			do(giveUp, i, on(func(w *world, t *tab) { *t = tab{} }))
		}
	}
}

func less(a, b tab) bool {
	if a.phase != b.phase {
		return a.phase < b.phase
	}
	if a.token != b.token {
		return a.token < b.token
	}
	return a.from < b.from || a.from == b.from && a.to < b.to
}

// judge asks the table.
func (m *Model) judge(w *world, g int8) Verdict {
	return m.Judge(m.Bounds.session(&w.row), m.Bounds.First+uint32(g), at(m.now(w)), m.Bounds.grace())
}

// decide is what becomes of a request once the table has spoken.
func (w *world) decide(v Verdict, g int8) tab {
	switch v {
	case Rotate:
		return tab{phase: decided, token: g, from: w.row.generation, to: w.row.generation + 1}
	case Forward:
		return tab{phase: decided, token: g, from: w.row.generation, to: g + 1}
	case Repeat:
		return tab{phase: answered, from: g, token: w.row.generation}
	}
	return tab{}
}

// serve is the issuer's Refresh up to its write. It returns the promise that the
// answer breaks, if there is an answer and it breaks one.
func (m *Model) serve(w *world, t *tab, honest bool) string {
	g, verdict := t.token, m.judge(w, t.token)
	*t = w.decide(verdict, g)
	switch {
	case t.phase == decided:
		return ""
	case t.phase == answered:
		return m.checkAnswer(w, g, t.token)
	case verdict != Refuse:
		m.revoke(w)
	}
	return m.checkRefusal(w, g, honest)
}

// commit is the rest of Refresh.
func (m *Model) commit(w *world, t *tab) string {
	g, from, to := t.token, t.from, t.to
	if !m.rotate(w, from, to) {
		if m.Flaws.TakesNoSecondLook {
			*t = tab{}
			return m.checkRefusal(w, g, true)
		}
		if w.decide(m.judge(w, g), g) == *t {
			return GetsAnAnswer
		}
		*t = tab{phase: sent, token: g} // somebody was faster: look again
		return ""
	}
	*t = tab{phase: answered, from: g, token: to}
	broken := m.checkAnswer(w, g, to)
	m.made(w, g, to, to > from+1)
	return broken
}
