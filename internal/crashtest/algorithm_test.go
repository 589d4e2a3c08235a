package crashtest

import (
	"context"
	"encoding/json"
	"flag"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/unverified"
)

var realtime = flag.Bool("realtime", false, "let the clock of TestAlgorithmChangesUnderLoad alone: it takes an hour then")

// TestAlgorithmChangesUnderLoad rotates the key of a running service from HS256
// to RS256, to ES256, to Ed25519, and once more without another algorithm, each
// time with the command that an operator gives. Clients refresh all the while,
// and show every token that has not expired to APIs that keep copies of the key
// set for as long as they may. None is ever refused. The clock of all of them is
// moved on, two seconds for every few answers.
func TestAlgorithmChangesUnderLoad(t *testing.T) {
	p := sqlitePlace(t.TempDir())
	c := newClock(t)
	env := []string{c.env(), "JETON_FAULT_TICK=20ms"}
	command := func(stdin string, args ...string) string {
		t.Helper()
		cmd := serveCommand(nil, env...)
		cmd = &exec.Cmd{Path: cmd.Path, Args: append([]string{cmd.Path}, args...), Env: cmd.Env, Stdin: strings.NewReader(stdin)}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("jeton %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	command(password+"\n", "user", "add", userName, "--password-stdin", "--data", p.dir())
	run := start(t, append(p.flags(), "--alg", "HS256", "--access-ttl", "1m"), env...)

	// Verifiers of HS256 get the secret out of band.
	secret, err := jwk.ParsePrivate([]byte(command("", "keys", "export", "--data", p.dir())))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := jwks.NewStatic(secret.Public())
	if err != nil {
		t.Fatal(err)
	}
	w := &watchers{t: t, c: c, run: run, checked: map[jeton.Algorithm]int{}}
	for _, v := range []struct {
		name  string
		apart time.Duration // of its clock
		o     jwks.RemoteOptions
	}{
		{"as it comes", 0, jwks.RemoteOptions{}},
		{"its clock is behind", -25 * time.Second, jwks.RemoteOptions{}},
		{"its clock is ahead", 25 * time.Second, jwks.RemoteOptions{}},
		// As those of others do, it looks for no key that it does not know.
		{"keeps its copy for five minutes", 0, jwks.RemoteOptions{RefreshEvery: 5 * time.Minute, Cooldown: 5*time.Minute - time.Second}},
		{"and its clock is behind", -25 * time.Second, jwks.RemoteOptions{RefreshEvery: 5 * time.Minute, Cooldown: 5*time.Minute - time.Second}},
	} {
		v.o.InsecureLoopbackHTTP = true
		now := func() time.Time { return c.now().Add(v.apart) }
		w.verifiers = append(w.verifiers, verifierOf(t, run, v.o, now, shared))
		w.names = append(w.names, v.name)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() { w.client(ctx) })
	}
	w.pass(90 * time.Second) // tokens of the first key are about
	for _, alg := range []jeton.Algorithm{jeton.RS256, jeton.ES256, jeton.Ed25519, jeton.Ed25519} {
		before := w.key.Load()
		began := c.now()
		command("", "keys", "rotate", "--alg", string(alg), "--data", p.dir())
		for w.key.Load() == before && c.now().Sub(began) < 2*issuer.KeyLead {
			w.pass(2 * time.Second)
		}
		if w.key.Load() == before {
			t.Fatalf("no token of another key after %v\n%s", c.now().Sub(began), run.log())
		}
		t.Logf("%v after the command, tokens are signed with %s", c.now().Sub(began).Round(time.Second), alg)
		w.pass(4 * time.Minute) // until the old key is gone
		if n := strings.Count(command("", "keys", "list", "--json", "--data", p.dir()), `"use": "access"`); n > 1 {
			t.Errorf("%d access keys are there after all tokens of the old one expired", n)
		}
	}
	cancel()
	clients.Wait()
	total := 0
	for alg, n := range w.checked {
		t.Logf("%7d times a token signed with %s was verified", n, alg)
		total += n
	}
	t.Logf("%7d in all, of %d tokens, by %d verifiers; refused: %d", total, w.tokens, len(w.verifiers)+1, w.refused)
	if len(w.checked) != 4 {
		t.Errorf("tokens of %d algorithms were verified", len(w.checked))
	}
	run.terminate()
	<-run.ended
}

// watchers are clients of a program and verifiers of what they get.
type watchers struct {
	t         *testing.T
	c         *clock
	run       *program
	verifiers []*jeton.Verifier
	names     []string
	answers   atomic.Int64
	key       atomic.Value // the id of the key of the newest token

	mu              sync.Mutex
	checked         map[jeton.Algorithm]int
	tokens, refused int
}

// heldToken is an access token in the hands of a client.
type heldToken struct {
	text    string
	alg     jeton.Algorithm
	expires time.Time
}

// client refreshes, and shows all tokens that it holds to all verifiers.
func (w *watchers) client(ctx context.Context) {
	pair, err := w.run.login()
	if err != nil || pair.Access == "" {
		w.t.Errorf("a login is answered with %d, %v", pair.status, err)
		return
	}
	refresh := pair.Refresh
	var held []heldToken
	for ctx.Err() == nil && !w.t.Failed() {
		pair, err := w.run.refresh(refresh)
		if err != nil || pair.Access == "" {
			w.t.Errorf("a refresh is answered with %d %s, %v", pair.status, pair.Code, err)
			return
		}
		refresh = pair.Refresh
		held = append(held, w.read(pair.Access))
		held = slices.DeleteFunc(held, func(h heldToken) bool { return !w.c.now().Before(h.expires) })
		for i, h := range held {
			if i == 0 || i == len(held)/2 || i == len(held)-1 { // the oldest and the newest are the ones that matter
				w.show(h)
			}
		}
		w.answers.Add(1)
	}
}

func (w *watchers) show(h heldToken) {
	ctx := context.Background()
	for i, v := range w.verifiers {
		_, err := v.Verify(ctx, h.text)
		w.count(h, err == nil, w.names[i], err)
	}
	status := w.run.bearer("/verify", h.text)
	w.count(h, status == 200, "the service", nil)
}

// count counts what a verifier said. A token that expired while it was on its way
// to a verifier is nobody's fault.
func (w *watchers) count(h heldToken, good bool, verifier string, err error) {
	expired := !good && !w.c.now().Before(h.expires)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case good:
		w.checked[h.alg]++
	case !expired:
		if w.refused++; w.refused > 10 {
			return
		}
		w.t.Errorf("an honest token, signed with %s, is refused by a verifier (%s): %v", h.alg, verifier, err)
	}
}

func (w *watchers) read(token string) heldToken {
	parsed, err := unverified.Decode(token)
	if err != nil {
		w.t.Error(err)
		return heldToken{}
	}
	var claims jeton.Claims
	if err := json.Unmarshal(parsed.Claims, &claims); err != nil {
		w.t.Error(err)
	}
	w.key.Store(parsed.KeyID)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens++
	return heldToken{token, jeton.Algorithm(parsed.Algorithm), claims.ExpiresAt.Time()}
}

// pass lets time pass for everybody, in steps in which the clients get on.
func (w *watchers) pass(d time.Duration) {
	w.t.Helper()
	const step = 2 * time.Second
	for end := w.c.now().Add(d); w.c.now().Before(end) && !w.t.Failed(); {
		if *realtime {
			time.Sleep(step)
			continue
		}
		w.c.set(time.Duration(w.c.off.Load()) + step)
		for want := w.answers.Load() + 2; w.answers.Load() < want && !w.t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
}
