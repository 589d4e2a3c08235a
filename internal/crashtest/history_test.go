package crashtest

import (
	"encoding/base64"
	bigendian "encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// The invariants, as they are printed when one is broken.
const (
	oneSuccessor   = "at most one live successor per refresh token"
	revokedIsDead  = "nothing is live once its revocation was acknowledged"
	reuseKills     = "a reused token means a dead session"
	acknowledged   = "an acknowledged answer survives a crash"
	expiryStays    = "an absolute expiry never grows"
	expiredIsOver  = "an expired token never comes back, whatever the clock does"
	staysSignedIn  = "within the window nobody honest is logged out"
	nothingHalf    = "a write happens whole or not at all, and only if somebody asked for it"
	timeGoesOnward = "the store's time never goes back"
)

// ask is what a client asks of a session.
type ask string

// What clients ask.
const (
	nothing ask = ""
	refresh ask = "refresh" // with the newest token
	replay  ask = "replay"  // with one that was superseded
	twice   ask = "twice"   // the newest token, two times at once
	revoke  ask = "revoke"
)

// session is a session as its client knows it. One goroutine uses it at a time.
type session struct {
	id         issuer.SessionID
	token      string // the newest that an answer held
	generation uint32
	old        string // superseded by it
	brief      bool   // it expires within a round
	buried     int    // how often it was found dead

	pending ask    // asked, and not answered
	ended   string // the invariant by which it is dead, once that was acknowledged

	expiresAt time.Time         // as the store first had it
	successor map[string]string // the answer to each token
	trail     []string          // what was asked in this round, and the answers
}

// noted adds to a session's trail, for the one who looks for a fault.
func (s *session) noted(asked ask, a answer, err error) {
	s.trail = append(s.trail, fmt.Sprintf("%s of %d: %d %s %v", asked, s.generation, a.status, a.Code, err))
}

// history is what the clients of one store were told, in all rounds.
type history struct {
	mu       sync.Mutex
	sessions []*session
	logins   int                       // asked for, and not answered
	told     map[string]int            // acknowledged operations, by name
	broken   []string                  // what was found
	mark     time.Time                 // the store's time when it was last looked at
	stray    map[issuer.SessionID]bool // sessions that nobody was told of
}

func newHistory() *history {
	return &history{told: map[string]int{}, stray: map[issuer.SessionID]bool{}}
}

func (h *history) tell(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told[what]++
}

// violated notes that an invariant does not hold.
func (h *history) violated(invariant, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = append(h.broken, invariant+": "+fmt.Sprintf(format, args...))
}

// add adds a session that was opened with a token.
func (h *history) add(token string) *session {
	id, generation := read(token)
	s := &session{id: id, token: token, generation: generation, successor: map[string]string{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions = append(h.sessions, s)
	return s
}

// answered notes that token from was answered with token to.
func (h *history) answered(s *session, from, to string) {
	switch {
	case s.ended != "":
		h.violated(s.ended, "session %s was answered after its end", s.id)
	case s.successor[from] != "" && s.successor[from] != to && to != from:
		h.violated(oneSuccessor, "session %s: two answers to one token", s.id)
	}
	if to != from {
		s.successor[from] = to
	}
	if _, g := read(to); to != s.token {
		if g <= s.generation {
			h.violated(oneSuccessor, "session %s: generation %d came after %d", s.id, g, s.generation)
		}
		s.old, s.token, s.generation = s.token, to, g
	}
}

// read returns the session and the generation of a refresh token.
func read(token string) (issuer.SessionID, uint32) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, issuer.RefreshTokenPrefix))
	if err != nil || len(b) != 54 {
		panic("not a refresh token")
	}
	return issuer.SessionID(b[2:18]), bigendian.BigEndian.Uint32(b[18:22])
}
