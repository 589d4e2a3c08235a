package crashtest

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwks"
)

// clock is that of a program, which the test moves while the program runs.
type clock struct {
	t    testing.TB
	file string
	off  atomic.Int64 // a duration
}

func newClock(t testing.TB) *clock {
	c := &clock{t: t, file: filepath.Join(t.TempDir(), "clock")}
	c.set(0)
	return c
}

func (c *clock) env() string { return "JETON_FAULT_CLOCK=" + c.file }

// now is what the program's clock shows.
func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())) }

// set lets the clock be off by so much.
func (c *clock) set(off time.Duration) {
	c.off.Store(int64(off))
	if err := os.WriteFile(c.file+".new", []byte(off.String()), 0o600); err != nil {
		c.t.Error(err)
	}
	if err := os.Rename(c.file+".new", c.file); err != nil {
		c.t.Error(err)
	}
}

// TestClockThatJumps lets the program's clock jump forward by an hour and back,
// and back by an hour and forward, under load. Nobody is signed out but those
// whose time was over, and they for good; access tokens are refused elsewhere
// while they are dated wrongly, and good as soon as the clock is.
func TestClockThatJumps(t *testing.T) {
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	short := addShort(t, h, p, 30*time.Minute)
	c := newClock(t)
	run := start(t, append(p.flags(), "--refresh-grace", "0"), c.env())
	elsewhere := verifierOf(t, run, jwks.RemoteOptions{InsecureLoopbackHTTP: true}, time.Now)

	l := load{h: h, p: run, strict: true, every: 60}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		l.run(ctx, 16)
	}()
	for _, jump := range []struct {
		off     time.Duration
		says    string // the log
		refused error  // what verifiers elsewhere say to a new access token
	}{
		{0, "", nil},
		{time.Hour, "the clock jumped forward", jeton.ErrIssuedInFuture},
		{0, "the clock jumped back", nil},
		{-time.Hour, "the clock jumped back", jeton.ErrExpired},
		{0, "the clock jumped forward", nil},
	} {
		before := strings.Count(run.log(), jump.says)
		c.set(jump.off)
		awaitAnswers(t, ctx, &l, 150)
		l.count(1)
		a, err := run.login()
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("the clock is off by %v: a login is answered with %d, %v\n%s", jump.off, a.status, err, run.log())
		}
		if _, err := elsewhere.Verify(ctx, a.Access); !errors.Is(err, jump.refused) {
			t.Errorf("the clock is off by %v: a verifier says %v, want %v", jump.off, err, jump.refused)
		}
		if status := run.bearer("/verify", a.Access); status != http.StatusOK {
			t.Errorf("the clock is off by %v: the service itself answers its token with %d", jump.off, status)
		}
		if jump.says != "" {
			eventually(t, run, jump.says, func() bool { return strings.Count(run.log(), jump.says) > before })
		}
	}
	cancel()
	<-idle
	for _, s := range short {
		if a, err := run.refresh(s.token); err != nil || a.status != http.StatusBadRequest {
			t.Errorf("a session that ended in the hour that was not: %d, %v", a.status, err)
		}
		s.ended = expiredIsOver
	}
	run.kill()
	h.examine(t, p, false)
	report(t, h, map[string]int{"after jumps of its clock": 1})
}

// addShort adds sessions that end before the others.
func addShort(t *testing.T, h *history, p place, ttl time.Duration) (added []*session) {
	t.Helper()
	store, closeStore := p.open(t, time.Now)
	defer closeStore()
	iss := newIssuer(t, p, store, ttl)
	for range 4 {
		s := h.add(login(t, iss))
		s.brief = true
		added = append(added, s)
	}
	return added
}

// verifierOf is a verifier somewhere else, with a copy of the program's keys.
func verifierOf(t testing.TB, p *program, o jwks.RemoteOptions, now func() time.Time, more ...jeton.KeySet) *jeton.Verifier {
	t.Helper()
	o.Now = now
	remote, err := jwks.NewRemote(p.url+"/.well-known/jwks.json", o)
	if err != nil {
		t.Fatal(err)
	}
	var keys jeton.KeySet = remote
	if len(more) > 0 {
		keys = append(anyOf{remote}, more...)
	}
	v, err := jeton.NewVerifier(keys, jeton.Policy{Issuer: p.issuer, Audience: "api", Type: issuer.AccessTokenType, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// anyOf finds a key in the first set that has it.
type anyOf []jeton.KeySet

func (sets anyOf) FindKey(ctx context.Context, h jeton.Header) (key *jeton.VerifyingKey, err error) {
	for _, set := range sets {
		if key, err = set.FindKey(ctx, h); err == nil {
			return key, nil
		}
	}
	return nil, err
}

// awaitAnswers waits for more answers to the clients.
func awaitAnswers(t testing.TB, ctx context.Context, l *load, more int64) {
	t.Helper()
	for want := l.answers.Load() + more; l.answers.Load() < want; {
		if ctx.Err() != nil {
			t.Fatalf("the clients got %d answers\n%s", l.answers.Load(), l.p.log())
		}
		time.Sleep(time.Millisecond)
	}
}

// eventually waits for what a program does by itself.
func eventually(t testing.TB, p *program, what string, holds func() bool) {
	t.Helper()
	for range 3000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not in 30 s: %s\n%s", what, p.log())
}
