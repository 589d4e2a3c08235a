package rotationmodel

// The promises, by name. The design states them; this is what they mean here,
// step by step.
const (
	// An honest client is answered if it presents the newest token, or one
	// that was superseded less than the grace window ago.
	StaysSignedIn = "within the window nobody honest is logged out"
	// The same for the newest token after the store lost writes.
	SurvivesFailover = "an honest client survives a store that lost writes"
	// A token that was superseded at least the grace window ago is not
	// answered.
	Superseded = "after the window no superseded token works"
	// The answer to a token is that token or the one after it.
	OneSuccessor = "a refresh token has at most one successor"
	// A token that is answered with itself is younger than the window.
	UseSupersedes = "a use outside the window supersedes the token"
	// Nobody is answered once a revocation was acknowledged.
	RevokedIsDead = "nothing is live once its revocation was acknowledged"
	// A token that is presented although it was superseded at least the grace
	// window ago leaves a session of which nobody is answered any more.
	ReuseKills = "a reused token means a dead session"
	// ExpiresAt is what it was at the login, or earlier.
	ExpiryStays = "an absolute expiry never grows"
	// Nobody is answered at an instant at which the session is over, nor after
	// somebody was told that it is.
	OverStaysOver = "an expired token never comes back"
	// The table decides on no write that the store then refuses, unless
	// something changed in between.
	GetsAnAnswer = "every request gets an answer"
)

// inWindow tells whether a token was superseded, and less than the window ago.
func (m *Model) inWindow(w *world, g int8) bool {
	return w.superseded[g] > never && int(w.seen-w.superseded[g]) < m.Bounds.Grace
}

func (m *Model) outOfWindow(w *world, g int8) bool {
	return w.superseded[g] > never && int(w.seen-w.superseded[g]) >= m.Bounds.Grace
}

// past tells whether the session is over at the latest instant that was seen:
// by age, or because there is no generation after the newest.
func (m *Model) past(w *world) bool {
	b := &m.Bounds
	used := max(0, w.promised.rotatedAt)
	return int(w.seen) >= b.Lifetime || b.Idle > 0 && int(w.seen-used) >= b.Idle
}

// usedUp tells whether a token is the last that there can be.
func (m *Model) usedUp(g int8) bool { return m.Bounds.First+uint32(g) == 1<<32-1 }

// checkAnswer returns the promise that is broken by answering token g with
// token a, if any.
func (m *Model) checkAnswer(w *world, g, a int8) string {
	young := w.promised.rotatedAt != never && int(w.seen-w.promised.rotatedAt) < m.Bounds.Grace
	switch {
	case w.revoked:
		return RevokedIsDead
	case w.reused:
		return ReuseKills
	case w.over || m.past(w):
		return OverStaysOver
	case m.outOfWindow(w, g):
		return Superseded
	case a != g && a != g+1:
		return OneSuccessor
	case a == g && !young:
		return UseSupersedes
	}
	return ""
}

// checkRefusal returns the promise that is broken by answering token g with
// invalid_grant, if any, and notes what the one who sent it was told.
func (m *Model) checkRefusal(w *world, g int8, honest bool) string {
	switch {
	case w.revoked || w.reused || w.over:
	case m.past(w), g == w.newest && m.usedUp(g):
		w.over = true
	case m.outOfWindow(w, g):
		w.reused = true
		if !w.row.revoked {
			return ReuseKills
		}
	case honest && g == w.newest && w.failedOver:
		return SurvivesFailover
	case honest && (g == w.newest || m.inWindow(w, g)):
		return StaysSignedIn
	}
	return ""
}

// made notes that token a was made in answer to token g.
func (m *Model) made(w *world, g, a int8, forward bool) {
	for older := range a {
		switch {
		case forward && older < g && !m.Strict:
			// The store knows no more than that it is older.
			w.superseded[older] = w.seen - int8(m.Bounds.Grace)
		case w.superseded[older] <= never:
			w.superseded[older] = w.seen
		}
	}
	w.newest = max(w.newest, a)
	w.promised.rotatedAt = w.seen
}
