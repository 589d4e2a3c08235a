package issuer_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// The property that rotation is built for, checked from outside: nothing here
// knows of generations. Any number of clients share one token jar, as the tabs
// of a browser do. Each reads the jar, sends what it read, maybe loses the
// answer, maybe sends the same again, and writes what it got into the jar. The
// clock goes forward by any step, and sometimes back.
//
//   - Within the window after a token was superseded, and always before, its use
//     is answered: nobody is logged out.
//   - After the window it is refused, and its use ends the session: no refresh
//     token and no access token of it works any more.
//   - A token has one successor, whoever asks and however often.
//   - A session that is over stays over.
func TestClientsThatShareAJar(t *testing.T) {
	const short = 10 * time.Minute
	for _, c := range []struct {
		name           string
		grace          time.Duration // of the configuration
		window         time.Duration // what that means
		lifetime, idle time.Duration
	}{
		{"with a grace", grace, grace, 30 * 24 * time.Hour, 0},
		{"without a grace", issuer.NoGrace, 0, 30 * 24 * time.Hour, 0},
		{"with an idle limit", grace, grace, 30 * 24 * time.Hour, 15 * time.Second},
		{"with an absolute limit", grace, grace, short, 0},
		{"with the shortest grace", time.Millisecond, time.Millisecond, short, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				clock := newClock()
				w := newWorldOn(t, clock, memory.New(clock.Now), func(cfg *issuer.Config) { cfg.RefreshGrace = c.grace })
				newJar(t, w, c.window, c.lifetime, c.idle).play()
			})
		})
	}
}

// The same on disk, with the service restarted now and then. All runs share one
// file, as the sessions of a service do.
func TestClientsThatShareAJarOnDisk(t *testing.T) {
	t.Parallel()
	clock, path := newClock(), filepath.Join(t.TempDir(), "jeton.db")
	var store *sqlite.Store
	open := func() *world {
		var err error
		if store != nil {
			if err = store.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
		}
		if store, err = sqlite.Open(ctx(), path, sqlite.Options{Now: clock.Now}); err != nil {
			t.Fatalf("open: %v", err)
		}
		return newWorldOn(t, clock, store)
	}
	w := open()
	defer func() { store.Close() }()
	rapid.Check(t, func(t *rapid.T) {
		j := newJar(t, w, grace, 30*24*time.Hour, time.Hour)
		j.reopen = func() *world { w = open(); return w }
		j.play()
	})
}

type jar struct {
	t      *rapid.T
	w      *world
	window time.Duration
	reopen func() *world // nil: there is nothing to restart

	latest   time.Time // the store's time: the latest that it saw
	created  time.Time
	rotated  time.Time // when the last new token appeared
	lifetime time.Duration
	idle     time.Duration
	over     bool // the session ended, and was seen to

	content    string               // of the jar
	clients    []*client            // that share it
	current    string               // the token that no other superseded
	successor  map[string]string    // of each superseded token
	superseded map[string]time.Time // when
	access     []string             // all access tokens
}

type client struct {
	held   string // what it read from the jar
	answer string // what it got and has not written to the jar yet
}

func newJar(t *rapid.T, w *world, window, lifetime, idle time.Duration) *jar {
	t.Helper()
	pair := w.open("somebody", func(n *issuer.NewSession) { n.Lifetime, n.IdleTimeout = lifetime, idle })
	now := w.session(pair.SessionID).CreatedAt // later than the clock if that stepped back before
	j := &jar{
		t: t, w: w, window: window, lifetime: lifetime, idle: idle,
		latest: now, created: now, rotated: now,
		content: pair.RefreshToken, current: pair.RefreshToken,
		successor: map[string]string{}, superseded: map[string]time.Time{},
		access: []string{pair.AccessToken},
	}
	for range rapid.IntRange(1, 4).Draw(t, "clients") {
		j.clients = append(j.clients, &client{held: pair.RefreshToken})
	}
	return j
}

func (j *jar) play() {
	some := func(t *rapid.T) *client { return rapid.SampledFrom(j.clients).Draw(t, "client") }
	actions := map[string]func(*rapid.T){
		"read":  func(t *rapid.T) { c := some(t); c.held = j.content },
		"send":  func(t *rapid.T) { j.send(t, some(t), true) },
		"again": func(t *rapid.T) { j.send(t, some(t), true) }, // what it sent before, or after another wrote
		"lose":  func(t *rapid.T) { j.send(t, some(t), false) },
		"write": func(t *rapid.T) {
			if c := some(t); c.answer != "" {
				j.content, c.held, c.answer = c.answer, c.answer, ""
			}
		},
		"whole": func(t *rapid.T) { // what a client does that is alone
			c := some(t)
			c.held = j.content
			if j.send(t, c, true); c.answer != "" {
				j.content, c.held, c.answer = c.answer, c.answer, ""
			}
		},
		"wait": func(t *rapid.T) {
			j.w.clock.Move(rapid.SampledFrom([]time.Duration{
				time.Microsecond, time.Millisecond, time.Second, j.window / 2, j.window - time.Microsecond, j.window,
				j.window + time.Microsecond, 3 * j.window, time.Minute,
			}).Draw(t, "step"))
		},
		"step back": func(t *rapid.T) {
			j.w.clock.Move(-rapid.SampledFrom([]time.Duration{time.Microsecond, j.window, time.Hour}).Draw(t, "back"))
		},
	}
	if j.reopen != nil {
		actions["restart"] = func(*rapid.T) { j.w = j.reopen() }
	}
	j.t.Repeat(actions)
}

// send refreshes with what a client holds and compares the answer with the
// properties.
func (j *jar) send(t *rapid.T, c *client, keep bool) {
	if now := j.w.clock.Now(); now.After(j.latest) {
		j.latest = now
	}
	if ends := j.rotated.Add(j.idle); j.idle > 0 && !j.latest.Before(ends) || !j.latest.Before(j.created.Add(j.lifetime)) {
		j.over = true
	}
	since, old := j.superseded[c.held]
	good := !j.over && (!old || j.latest.Sub(since) < j.window)

	pair, err := j.w.refresh(c.held)
	if !good {
		if !errors.Is(err, issuer.ErrInvalidGrant) || pair != nil {
			t.Fatalf("a token that is no good got %v, %v", pair, err)
		}
		j.over = true
		c.answer = ""
		j.checkOver(t)
		return
	}
	if err != nil {
		t.Fatalf("logged out within the window: superseded %v (%v ago): %v", old, j.latest.Sub(since), err)
	}
	if got := pair.RefreshToken; got != j.current {
		// A new token: it supersedes the current one, and no other ever does.
		if c.held != j.current {
			t.Fatalf("a superseded token got another successor than the first time")
		}
		if j.successor[got] != "" || got == c.held {
			t.Fatalf("a token came back that had been superseded")
		}
		j.successor[c.held], j.superseded[c.held] = got, j.latest
		j.current, j.rotated = got, j.latest
	} else if old && j.successor[c.held] != got {
		t.Fatalf("a token has two successors")
	} else if !old && j.window == 0 {
		t.Fatalf("without a grace a use did not rotate")
	}
	j.access = append(j.access, pair.AccessToken)
	if _, err := j.w.Verifier().Verify(ctx(), pair.AccessToken); err != nil {
		t.Fatalf("a fresh access token does not verify: %v", err)
	}
	if keep {
		c.answer = pair.RefreshToken
	}
}

// checkOver checks that nothing of the session works.
func (j *jar) checkOver(t *rapid.T) {
	for _, token := range j.access {
		if _, err := j.w.Verifier().Verify(ctx(), token); err == nil {
			t.Fatalf("the session is over and an access token still verifies")
		}
	}
	tokens := []string{j.current}
	for old := range j.superseded {
		tokens = append(tokens, old)
	}
	for _, token := range tokens {
		if pair, err := j.w.refresh(token); !errors.Is(err, issuer.ErrInvalidGrant) || pair != nil {
			t.Fatalf("the session is over and a refresh token of it got %v, %v", pair, err)
		}
	}
}

// Clients that really run at once. Between the rounds the clock moves past the
// window, so that each round rotates once; within a round it stands still.
func TestClientsThatShareAJarAtOnce(t *testing.T) {
	w := newWorld(t)
	content := w.open("somebody").RefreshToken
	const rounds, clients = 50, 16
	for round := range rounds {
		before := content
		answers := make([]string, clients)
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				held := before
				for range 3 { // a retry, and then on with the answer
					pair, err := w.refresh(held)
					if err != nil {
						t.Errorf("round %d: logged out: %v", round, err)
						return
					}
					if answers[i] != "" && answers[i] != pair.RefreshToken {
						t.Errorf("round %d: two successors", round)
					}
					answers[i] = pair.RefreshToken
					if i%2 == 0 {
						held = pair.RefreshToken
					}
				}
			})
		}
		all.Wait()
		content = answers[0]
		for _, answer := range answers {
			if answer != content || answer == before {
				t.Fatalf("round %d: the clients end with different tokens, or with the old one", round)
			}
		}
		w.clock.Move(grace)
	}
	if got := w.store.Count("Rotate"); got != rounds {
		t.Errorf("%d rotations in %d rounds", got, rounds)
	}
	if got := len(w.of(issuer.EventRefresh)); got != rounds {
		t.Errorf("%d events in %d rounds", got, rounds)
	}
}
