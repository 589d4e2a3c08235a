package rotationmodel

import (
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Verdict is what the rotation table says of a token.
type Verdict string

// The verdicts of the table.
const (
	Refuse  Verdict = "refuse"  // the session is revoked
	Expire  Verdict = "expire"  // the session is over; write that down
	Rotate  Verdict = "rotate"  // compare-and-set G to G+1
	Repeat  Verdict = "repeat"  // token G again, no write
	Forward Verdict = "forward" // the store is behind: set G to g+1
	Reuse   Verdict = "reuse"   // revoke the session
)

// Judge is the rotation table: what happens when an authentic token of
// generation g is presented to session s at now.
type Judge func(s *issuer.Session, g uint32, now time.Time, grace time.Duration) Verdict

// Bounds say what can happen, and how much of it. Times are in ticks of a
// clock.
type Bounds struct {
	Grace    int // of the window
	Lifetime int // from the session's creation, at tick 0, to its absolute expiry
	Idle     int // 0: no idle limit
	Last     int // the latest tick

	Tokens int    // generations that are explored; at most maxTokens
	First  uint32 // the number of the first generation

	Backs     int // how often the clock steps back
	Restarts  int // how often the service is killed
	Others    int // how often another session of the store is written
	Failovers int // how often the store comes back without its last writes, at most maxLost of them

	// Whole requests: nothing happens between the look at a session and the
	// write. The issuer can be replayed then, step by step.
	Whole bool
}

const (
	maxTokens = 6
	maxLost   = 2
	never     = -100 // in place of a tick, which may be before the start
	unknown   = -101 // in place of the tick at which a token was superseded: the store lost that
)

// Flaws are rules of the store, and of the issuer around the table, that are
// left out, to see that something comes of it.
type Flaws struct {
	IgnoresGeneration bool // Rotate writes whatever the generation is by then
	IgnoresLife       bool // Rotate writes though the session is over
	NoMark            bool // now is the clock's reading
	VolatileMark      bool // the high-water mark is not written down
	NoStamp           bool // Rotate leaves RotatedAt alone
	GrowingLife       bool // Rotate extends ExpiresAt
	Amnesia           bool // a write is acknowledged before it is durable, and a kill loses the last one
	TakesNoSecondLook bool // the issuer refuses a request when another was faster
}

// row is the session as the store has it, and the store's durable mark.
type row struct {
	generation int8 // counted from Bounds.First
	rotatedAt  int8
	expiresAt  int8
	revoked    bool
	mark       int8
}

// phase is how far a tab's request is.
type phase int8

const (
	idle     phase = iota
	sent           // the request is on its way, with a token
	decided        // the issuer has looked and will write
	answered       // the answer is on its way, with a token
)

type tab struct {
	phase    phase
	token    int8 // that was sent; the one in the answer
	from, to int8 // of the write that was decided on
}

// world is everything: what is, and what was promised.
type world struct {
	clock int8 // the wall clock's reading
	row   row
	mark  int8 // the high-water mark in the memory of the process
	// before are the rows before the last writes, the newest first.
	before [maxLost]row
	writes int8 // how many of them there are

	jar    int8 // the token that the tabs share
	tabs   [2]tab
	stolen uint8 // tokens that the thief has, a bit each

	backs, restarts, others, failovers int8 // how many are left
	promised
}

// promised is what the parties were told, apart from what the store remembers.
type promised struct {
	seen, durable int8 // the latest instant that was seen, and that a write saw
	newest        int8 // token that was made
	rotatedAt     int8
	superseded    [maxTokens]int8 // when
	revoked       bool            // a revocation was acknowledged
	reused        bool            // a token came back that had been superseded for longer than the window
	over          bool            // somebody was told that the session is over
	failedOver    bool
}

func (b *Bounds) start() world {
	w := world{
		row:       row{rotatedAt: never, expiresAt: int8(b.Lifetime)},
		backs:     int8(b.Backs),
		restarts:  int8(b.Restarts),
		others:    int8(b.Others),
		failovers: int8(b.Failovers),
	}
	w.promised.rotatedAt = never
	for i := range w.superseded {
		w.superseded[i] = never
	}
	return w
}

// epoch is tick 0.
var epoch = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

// Tick is the length of a tick.
const Tick = time.Second

func at(tick int8) time.Time { return epoch.Add(time.Duration(tick) * Tick) }

// session is the row as the table reads it.
func (b *Bounds) session(r *row) *issuer.Session {
	s := &issuer.Session{
		Generation:  b.First + uint32(r.generation),
		CreatedAt:   epoch,
		ExpiresAt:   at(r.expiresAt),
		IdleTimeout: time.Duration(b.Idle) * Tick,
	}
	if r.rotatedAt != never {
		s.RotatedAt = at(r.rotatedAt)
	}
	if r.revoked {
		s.RevokedAt = epoch
	}
	return s
}
