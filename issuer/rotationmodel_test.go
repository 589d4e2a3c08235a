package issuer_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/rotationmodel"
	"github.com/jeton-go/jeton/issuer"
)

// wide widens the bounds of the rotation model: some twenty times as many
// states.
var wide = flag.Bool("wide", false, "explore the rotation model within wider bounds")

// table is the rotation table of this package, for the model.
func table(s *issuer.Session, g uint32, now time.Time, grace time.Duration) rotationmodel.Verdict {
	return rotationmodel.Verdict(issuer.Judge(s, g, now, grace))
}

type bounds = rotationmodel.Bounds

// worlds are what the model explores. Each looks at one thing closely.
var worlds = map[string]struct{ narrow, wide bounds }{
	"expiry": {
		bounds{Grace: 2, Lifetime: 3, Last: 4, Tokens: 3, Backs: 1, Restarts: 1, Others: 1},
		bounds{Grace: 2, Lifetime: 5, Last: 6, Tokens: 5, Backs: 1, Restarts: 1, Others: 1},
	},
	"idle": {
		bounds{Grace: 2, Lifetime: 9, Idle: 3, Last: 4, Tokens: 3, Backs: 1},
		bounds{Grace: 2, Lifetime: 9, Idle: 3, Last: 6, Tokens: 5, Backs: 1, Restarts: 1},
	},
	"no grace": {
		bounds{Grace: 0, Lifetime: 2, Last: 3, Tokens: 3, Backs: 1},
		bounds{Grace: 0, Lifetime: 3, Last: 4, Tokens: 4, Backs: 1, Restarts: 1},
	},
	"lost writes": {
		bounds{Grace: 1, Lifetime: 6, Idle: 2, Last: 3, Tokens: 4, Failovers: 1},
		bounds{Grace: 2, Lifetime: 6, Idle: 3, Last: 5, Tokens: 6, Failovers: 1},
	},
	"last token": {
		bounds{Grace: 1, Lifetime: 9, Last: 4, Tokens: 4, First: math.MaxUint32 - 2},
		bounds{Grace: 2, Lifetime: 9, Last: 7, Tokens: 5, First: math.MaxUint32 - 3},
	},
}

// TestRotationModel explores every state of small worlds, with the table that
// the issuer uses, and finds every promise kept.
func TestRotationModel(t *testing.T) {
	t.Parallel()
	for name, w := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := rotationmodel.Model{Judge: table, Bounds: w.narrow}
			if *wide {
				m.Bounds = w.wide
			}
			r := m.Explore()
			t.Logf("%d states, %d steps, %d deep", r.States, r.Steps, r.Depth)
			if r.States < 20_000 {
				t.Error("the bounds leave hardly anything to explore")
			}
			for promise, story := range r.Broken {
				t.Errorf("%s:\n%s", promise, story)
			}
		})
	}
}

// instead returns the table with another verdict in place of one.
func instead(of, is rotationmodel.Verdict, where ...func(s *issuer.Session, g uint32) bool) rotationmodel.Judge {
	return func(s *issuer.Session, g uint32, now time.Time, grace time.Duration) rotationmodel.Verdict {
		v := table(s, g, now, grace)
		if v == of && (len(where) == 0 || where[0](s, g)) {
			return is
		}
		return v
	}
}

// blind returns the table for a session of which it does not see something.
func blind(change func(*issuer.Session)) rotationmodel.Judge {
	return func(s *issuer.Session, g uint32, now time.Time, grace time.Duration) rotationmodel.Verdict {
		other := *s
		change(&other)
		return table(&other, g, now, grace)
	}
}

func current(s *issuer.Session, g uint32) bool  { return g == s.Generation }
func previous(s *issuer.Session, g uint32) bool { return g != s.Generation }

// rules are those that make rotation what it is, each with what is left when it
// is gone, and the promise that breaks first.
var rules = []struct {
	rule, without string
	world         string
	judge         rotationmodel.Judge
	flaws         rotationmodel.Flaws
	breaks        string
}{
	{"a revoked session is refused", "it is not looked at", "expiry",
		blind(func(s *issuer.Session) { s.RevokedAt = time.Time{} }), rotationmodel.Flaws{}, rotationmodel.RevokedIsDead},
	{"a session past its absolute limit is refused", "the limit is not looked at", "expiry",
		blind(func(s *issuer.Session) { s.ExpiresAt = s.ExpiresAt.Add(time.Hour) }), rotationmodel.Flaws{}, rotationmodel.OverStaysOver},
	{"a session past its idle limit is refused", "the limit is not looked at", "idle",
		blind(func(s *issuer.Session) { s.IdleTimeout = 0 }), rotationmodel.Flaws{}, rotationmodel.GetsAnAnswer},
	{"that a session is over is written down", "it is refused, and nothing written", "expiry",
		instead(rotationmodel.Expire, rotationmodel.Refuse), rotationmodel.Flaws{}, rotationmodel.OverStaysOver},
	{"*g = G*, outside the window: rotate", "the same token again", "expiry",
		instead(rotationmodel.Rotate, rotationmodel.Repeat), rotationmodel.Flaws{}, rotationmodel.UseSupersedes},
	{"*g = G*, inside the window: the same token again", "rotate", "expiry",
		instead(rotationmodel.Repeat, rotationmodel.Rotate, current), rotationmodel.Flaws{}, rotationmodel.StaysSignedIn},
	{"*g = G-1*, inside the window: token *G*", "it is reuse", "expiry",
		instead(rotationmodel.Repeat, rotationmodel.Reuse, previous), rotationmodel.Flaws{}, rotationmodel.StaysSignedIn},
	{"*g = G-1*, inside the window: token *G*, no write", "rotate", "expiry",
		instead(rotationmodel.Repeat, rotationmodel.Rotate, previous), rotationmodel.Flaws{}, rotationmodel.OneSuccessor},
	{"the window ends", "it does not", "expiry",
		func(s *issuer.Session, g uint32, now time.Time, _ time.Duration) rotationmodel.Verdict {
			return table(s, g, now, time.Hour)
		}, rotationmodel.Flaws{}, rotationmodel.UseSupersedes},
	{"the window ends at the grace, not after it", "a tick later", "expiry",
		func(s *issuer.Session, g uint32, now time.Time, grace time.Duration) rotationmodel.Verdict {
			return table(s, g, now, grace+rotationmodel.Tick)
		}, rotationmodel.Flaws{}, rotationmodel.UseSupersedes},
	{"a grace of 0 is no window", "there is one", "no grace",
		func(s *issuer.Session, g uint32, now time.Time, grace time.Duration) rotationmodel.Verdict {
			return table(s, g, now, rotationmodel.Tick)
		}, rotationmodel.Flaws{}, rotationmodel.UseSupersedes},
	{"*g > G*: the store is behind", "it is reuse", "lost writes",
		instead(rotationmodel.Forward, rotationmodel.Reuse), rotationmodel.Flaws{}, rotationmodel.SurvivesFailover},
	{"*g > G*: set *G* to *g+1*", "to *G+1*", "lost writes",
		instead(rotationmodel.Forward, rotationmodel.Rotate), rotationmodel.Flaws{}, rotationmodel.UseSupersedes},
	{"anything else is reuse: revoke", "refuse, and nothing written", "expiry",
		instead(rotationmodel.Reuse, rotationmodel.Refuse), rotationmodel.Flaws{}, rotationmodel.ReuseKills},
	{"anything else is reuse: `invalid_grant`", "token *G*", "expiry",
		instead(rotationmodel.Reuse, rotationmodel.Repeat), rotationmodel.Flaws{}, rotationmodel.Superseded},
	{"no generation follows the last", "they begin anew", "last token",
		func(s *issuer.Session, g uint32, now time.Time, grace time.Duration) rotationmodel.Verdict {
			if v := table(s, g, now, grace); v != rotationmodel.Expire || !s.Live(now) {
				return v
			}
			return rotationmodel.Rotate
		}, rotationmodel.Flaws{}, rotationmodel.Superseded},

	{"Rotate compares the generation", "it writes", "expiry", table, rotationmodel.Flaws{IgnoresGeneration: true}, rotationmodel.Superseded},
	{"Rotate wants a live session", "it writes", "expiry", table, rotationmodel.Flaws{IgnoresLife: true}, rotationmodel.RevokedIsDead},
	{"Rotate notes when", "RotatedAt stays", "expiry", table, rotationmodel.Flaws{NoStamp: true}, rotationmodel.StaysSignedIn},
	{"Rotate leaves ExpiresAt alone", "it extends it", "expiry", table, rotationmodel.Flaws{GrowingLife: true}, rotationmodel.ExpiryStays},
	{"the store's time never goes back", "it is the clock's", "expiry", table, rotationmodel.Flaws{NoMark: true}, rotationmodel.OverStaysOver},
	{"the high-water mark is durable", "it is in memory", "expiry", table, rotationmodel.Flaws{VolatileMark: true}, rotationmodel.OverStaysOver},
	{"a write is durable before it is acknowledged", "a kill loses the last one", "expiry", table, rotationmodel.Flaws{Amnesia: true}, rotationmodel.RevokedIsDead},
	{"whom another forestalled, the issuer looks again", "it refuses", "expiry", table, rotationmodel.Flaws{TakesNoSecondLook: true}, rotationmodel.StaysSignedIn},
}

// TestEveryRuleOfRotationIsNeeded takes each rule away, one at a time, and sees
// a promise break.
func TestEveryRuleOfRotationIsNeeded(t *testing.T) {
	t.Parallel()
	const page = "../docs/design/0012-rotation-model.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rules {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			m := rotationmodel.Model{Judge: c.judge, Flaws: c.flaws, Bounds: worlds[c.world].narrow, Until: c.breaks}
			r := m.Explore()
			if story, ok := r.Broken[c.breaks]; !ok {
				t.Errorf("without it: %v breaks, not %q", slices.Sorted(maps.Keys(r.Broken)), c.breaks)
			} else {
				t.Logf("without it (%s), after %d states, %s does not hold:\n%s", c.without, r.States, c.breaks, story)
			}
			if row := fmt.Sprintf("| %s | %s | %s |\n", c.rule, c.without, c.breaks); !strings.Contains(string(text), row) {
				t.Errorf("%s should have the row\n%s", page, row)
			}
		})
	}
}

// TestWhatLostWritesCost: a store that loses acknowledged writes can't keep
// every promise about them. The model finds which, as the design page says.
func TestWhatLostWritesCost(t *testing.T) {
	t.Parallel()
	m := rotationmodel.Model{Judge: table, Bounds: worlds["lost writes"].narrow, Strict: true}
	r := m.Explore()
	for _, promise := range []string{
		rotationmodel.RevokedIsDead,    // the revocation itself is lost
		rotationmodel.ReuseKills,       // the revocation after a reuse is
		rotationmodel.Superseded,       // the store doesn't know that the token was superseded
		rotationmodel.StaysSignedIn,    // one tab's token moves the session on before another's older one is seen
		rotationmodel.SurvivesFailover, // the idle limit counts from an older rotation
	} {
		if story, ok := r.Broken[promise]; ok {
			t.Logf("%s, but for what was lost:\n%s", promise, story)
			delete(r.Broken, promise)
		} else {
			t.Errorf("no story breaks %q: the documentation says too little", promise)
		}
	}
	for promise, story := range r.Broken {
		t.Errorf("%s:\n%s", promise, story)
	}
}
