package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// from is a context of a request from an address.
func from(address string) context.Context {
	return issuer.WithRequestInfo(ctx(), issuer.RequestInfo{Client: netip.MustParseAddr(address)})
}

// guess logs in from an address and returns how the service answered: "ok",
// "wrong", or how long to wait.
func (w *world) guess(ctx context.Context, user, password, device string) string {
	w.t.Helper()
	pair, err := w.Login(ctx, issuer.LoginRequest{Username: user, Password: password, DeviceToken: device})
	var slow *issuer.RetryError
	switch {
	case err == nil && pair != nil:
		return "ok"
	case pair != nil:
		w.t.Errorf("tokens beside an error")
	case errors.Is(err, issuer.ErrInvalidCredentials):
		return "wrong"
	case errors.As(err, &slow) && errors.Is(err, issuer.ErrTooManyFailures):
		return slow.After.String()
	}
	w.t.Fatalf("login: %v", err)
	return ""
}

func (w *world) guesses(ctx context.Context, user, password, device string, n int) (answers []string) {
	w.t.Helper()
	for range n {
		answers = append(answers, w.guess(ctx, user, password, device))
	}
	return answers
}

func TestWaitsGrowForWhoeverGuessesFromOneAddress(t *testing.T) {
	w := newWorld(t)
	w.alice()
	here := from("192.0.2.1")
	for _, user := range []string{"alice", "nobody"} {
		t.Run(user, func(t *testing.T) {
			want := []string{"wrong", "wrong", "wrong", "wrong", "wrong", "1s"}
			if got := w.guesses(here, user, "wrong", "", 6); !slices.Equal(got, want) {
				t.Fatalf("answers %v, want %v", got, want)
			}
			// The right password comes too soon as well, and costs no hash.
			if got := w.guess(here, user, testPassword, ""); got != "1s" {
				t.Errorf("the right password while it is too soon: %s", got)
			}
			for wait := time.Second; wait < time.Hour; wait *= 2 {
				w.clock.Move(wait - time.Millisecond)
				if got := w.guess(here, user, "wrong", ""); got != "1ms" {
					t.Fatalf("a millisecond too soon: %s", got)
				}
				w.clock.Move(time.Millisecond)
				if got := w.guess(here, user, "wrong", ""); got != "wrong" {
					t.Fatalf("after %v: %s", wait, got)
				}
			}
			if got := w.guess(here, user, "wrong", ""); got != "1h0m0s" {
				t.Errorf("the longest wait is %s", got)
			}
		})
	}
	// Where alice is, nothing is to be felt of it but a second.
	w.clock.Move(time.Second)
	if got := w.guess(from("198.51.100.7"), "alice", testPassword, ""); got != "ok" {
		t.Errorf("alice from elsewhere: %s", got)
	}
	if got := w.guesses(here, "alice", "wrong", "", 2); !slices.Equal(got, []string{"wrong", "1h0m0s"}) {
		t.Errorf("the success elsewhere changed something for who guesses here: %v", got)
	}
}

func TestASuccessForgetsTheFailuresBefore(t *testing.T) {
	w := newWorld(t)
	w.alice()
	here := from("192.0.2.1")
	for range 10 {
		want := []string{"wrong", "wrong", "wrong", "wrong"}
		if got := w.guesses(here, "alice", "wrong", "", 4); !slices.Equal(got, want) {
			t.Fatalf("%v", got)
		}
		if got := w.guess(here, "alice", testPassword, ""); got != "ok" {
			t.Fatalf("the right one: %s", got)
		}
	}
}

// A hundred addresses guess at one account. Together they get a hundred tries,
// the last ones slowly, and then one an hour.
func TestAnAccountHasAHundredFailuresInARowAndThenOneAnHour(t *testing.T) {
	w := newWorld(t)
	w.alice()
	start := w.clock.Now()
	tries := 0
	for i := 0; w.clock.Now().Sub(start) < 24*time.Hour; i++ {
		if got := w.guess(from(fmt.Sprintf("10.0.%d.%d", i/250%250, i%250)), "alice", "wrong", ""); got == "wrong" {
			tries++
		}
		w.clock.Move(time.Second)
		if tries == 100 {
			break
		}
	}
	if took := w.clock.Now().Sub(start); tries != 100 || took < 80*time.Minute || took > 100*time.Minute {
		t.Errorf("%d tries took %v", tries, took)
	}
	for i := range 20 {
		if got := w.guess(from(fmt.Sprintf("10.1.0.%d", i)), "alice", testPassword, ""); got != "59m59s" {
			t.Fatalf("the next one: %s", got)
		}
	}
	w.clock.Move(time.Hour)
	if got := w.guess(from("10.2.0.1"), "alice", testPassword, ""); got != "ok" {
		t.Errorf("an hour later: %s", got)
	}
}

func TestAKnownDeviceIsNotSlowedByTheFailuresOfOthers(t *testing.T) {
	w := newWorld(t)
	w.alice()
	if _, err := w.AddUser(ctx(), issuer.NewUser{Name: "bob", Password: testPassword}); err != nil {
		t.Fatal(err)
	}
	home := from("198.51.100.7")
	login := func(user string) string {
		return must(w.Login(home, issuer.LoginRequest{Username: user, Password: testPassword})).DeviceToken
	}
	device, bobs := login("alice"), login("bob")
	if !strings.HasPrefix(device, "jtd_") || device == login("alice") {
		t.Fatalf("no device tokens of their own")
	}
	for i := range 100 {
		w.guess(from(fmt.Sprintf("10.0.0.%d", i)), "alice", "wrong", "")
		w.clock.Move(10 * time.Minute)
	}
	for name, token := range map[string]string{"none": "", "bob's": bobs, "a forged one": device[:len(device)-2] + "AA", "nonsense": "jtd_x", "a long one": strings.Repeat("x", 10000)} {
		if got := w.guess(home, "alice", testPassword, token); got == "ok" || got == "wrong" {
			t.Errorf("with the device token %s: %s", name, got)
		}
	}
	again, err := w.Login(home, issuer.LoginRequest{Username: "alice", Password: testPassword, DeviceToken: device})
	if err != nil {
		t.Fatalf("alice's own device: %v", err)
	}
	// It is no way round the limits: its own failures count, on every node and
	// however often the token was renewed.
	other := w.restart()
	for i := range 5 {
		if got := []*world{w, other}[i%2].guess(from("10.9.0.1"), "alice", "wrong", []string{device, again.DeviceToken}[i%2]); got != "wrong" {
			t.Fatalf("a wrong password from a known device: %s", got)
		}
	}
	for _, w := range []*world{w, other} {
		if got := w.guess(home, "alice", testPassword, device); got != "1s" {
			t.Errorf("after five failures of the device: %s", got)
		}
	}
	w.clock.Move(180 * 24 * time.Hour)
	for i := range 15 {
		w.guess(from(fmt.Sprintf("10.0.0.%d", i)), "alice", "wrong", "")
	}
	if got := w.guess(home, "alice", testPassword, device); got == "ok" {
		t.Error("a device token has no end")
	}
}

func TestFailuresOfAnAccountAreSharedByNodesAndSurviveARestart(t *testing.T) {
	w := newWorld(t)
	w.alice()
	nodes := []*world{w, w.restart()}
	for i := range 10 {
		if got := nodes[i%2].guess(from(fmt.Sprintf("10.0.0.%d", i)), "alice", "wrong", ""); got != "wrong" {
			t.Fatalf("try %d: %s", i, got)
		}
	}
	for _, node := range append(nodes, w.restart()) {
		if got := node.guess(from("10.1.0.1"), "alice", testPassword, ""); got != "1s" {
			t.Errorf("after ten failures: %s", got)
		}
	}
}

func TestAnAddressThatGuessesAtManyAccountsIsSlowed(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.LoginLimits.AddressFailures = 8 })
	w.alice()
	for _, c := range []struct{ name, address, same, other string }{
		{"IPv4", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"},
		{"IPv6", "2001:db8::1", "2001:db8::ffff:1:2", "2001:db8:0:1::1"},
	} {
		for i := range 8 {
			if got := w.guess(from(c.address), fmt.Sprintf("user%d", i), "wrong", ""); got != "wrong" {
				t.Fatalf("%s, try %d: %s", c.name, i, got)
			}
		}
		for _, address := range []string{c.address, c.same} {
			if got := w.guess(from(address), "alice", testPassword, ""); got != "2s" {
				t.Errorf("%s: the next one from %s: %s", c.name, address, got)
			}
		}
		if got := w.guess(from(c.other), "alice", testPassword, ""); got != "ok" {
			t.Errorf("%s: from another address: %s", c.name, got)
		}
	}
	w.clock.Move(2 * time.Second)
	if got := w.guess(from("192.0.2.1"), "alice", testPassword, ""); got != "ok" {
		t.Errorf("two seconds later: %s", got)
	}
}

// An office behind one address logs in at nine: nobody fails, nobody waits.
func TestLoginsThatSucceedAreNotLimited(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) {
		c.LoginLimits.AddressFailures = 1
		c.HashWait = time.Minute // not what this is about, and the machine may be busy
	})
	w.alice()
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if got := w.guess(from("192.0.2.1"), "alice", testPassword, ""); got != "ok" {
				t.Errorf("%s", got)
			}
		})
	}
	all.Wait()
	if n := w.store.Count("CountLoginFailure") + w.store.Count("ForgetLoginFailures"); n != 0 {
		t.Errorf("%d writes that count nothing", n)
	}
}

// However many guesses come at once, no more are made than one after the other.
func TestGuessesThatComeAtOnceAreCountedBeforeTheyAreAnswered(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.HashSlots, c.HashQueue, c.HashWait = 64, 1000, time.Minute })
	var wrong atomic.Int32
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if w.guess(from(fmt.Sprintf("10.0.0.%d", i)), "alice", "wrong", "") == "wrong" {
				wrong.Add(1)
			}
		})
	}
	all.Wait()
	if wrong.Load() != 10 {
		t.Errorf("%d guesses at once, want 10", wrong.Load())
	}
	w.clock.Move(time.Second)
	wrong.Store(0)
	for i := range 64 {
		all.Go(func() {
			if w.guess(from(fmt.Sprintf("10.0.1.%d", i)), "alice", "wrong", "") == "wrong" {
				wrong.Add(1)
			}
		})
	}
	all.Wait()
	if wrong.Load() != 1 {
		t.Errorf("%d guesses at once where one was due", wrong.Load())
	}
}

func TestAGuessWhoseClientHangsUpIsCounted(t *testing.T) {
	w := newWorld(t)
	w.alice()
	hangUp, cancel := context.WithCancel(from("192.0.2.1"))
	w.store.After("User", func() error { return nil })
	w.store.Before("CountLoginFailure", func() error { cancel(); return nil })
	if _, err := w.Login(hangUp, issuer.LoginRequest{Username: "alice", Password: "wrong"}); !errors.Is(err, issuer.ErrInvalidCredentials) {
		t.Errorf("%v", err)
	}
	if n := w.store.Count("CountLoginFailure"); n != 1 {
		t.Errorf("%d failures are counted", n)
	}
}

// What can't be read or counted is no answer to a guess.
func TestAStoreThatCannotCountAnswersNoLogin(t *testing.T) {
	w := newWorld(t)
	w.alice()
	for _, method := range []string{"LoginFailures", "CountLoginFailure"} {
		w.store.Before(method, func() error { return errDisk })
		if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: "wrong"}); !errors.Is(err, errDisk) {
			t.Errorf("%s fails: %v", method, err)
		}
		w.store.Before(method, nil)
	}
	// To forget, on the other hand, can wait.
	w.guess(ctx(), "alice", "wrong", "")
	w.store.Before("ForgetLoginFailures", func() error { return errDisk })
	if got := w.guess(ctx(), "alice", testPassword, ""); got != "ok" || len(w.of(issuer.EventWarning)) != 1 {
		t.Errorf("%s, warnings %v", got, w.of(issuer.EventWarning))
	}
}

func TestARefusalThatComesTooSoonCostsNoWriteAndNoHash(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.HashSlots, c.HashQueue, c.HashWait = 1, 1, time.Millisecond })
	w.guesses(ctx(), "alice", "wrong", "", 5)
	writes := w.store.Count("CountLoginFailure")
	if err := w.TakeHashSlot(ctx()); err != nil {
		t.Fatal(err)
	}
	for _, answer := range w.guesses(ctx(), "alice", "wrong", "", 50) {
		if answer != "1s" {
			t.Fatalf("without a slot for a hash: %s", answer)
		}
	}
	if n := w.store.Count("CountLoginFailure"); n != writes {
		t.Errorf("%d writes", n-writes)
	}
	events := w.of(issuer.EventLoginSlowed)
	if len(events) != 50 || events[0].Detail != string(issuer.LimitSource) || events[0].Subject != "" {
		t.Errorf("%d events, the first one %+v", len(events), events[0])
	}
	stats := w.Stats()
	if stats.Guesses.Refused[issuer.LimitSource] != 50 || stats.Guesses.Sources != 1 || stats.Logins[issuer.LoginSlowed] != 50 {
		t.Errorf("stats %+v", stats.Guesses)
	}
}

func TestLimitsOnLoginsCanBeOff(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.LoginLimits.Off = true })
	for _, answer := range w.guesses(from("192.0.2.1"), "alice", "wrong", "", 120) {
		if answer != "wrong" {
			t.Fatalf("%s", answer)
		}
	}
}

func TestLimitsOnLoginsThatMakeNoSense(t *testing.T) {
	for name, l := range map[string]issuer.LoginLimits{
		"a wait of no time":     {SlowestLogin: time.Millisecond},
		"a negative wait":       {SlowestLogin: -time.Hour},
		"no failures":           {AddressFailures: -1},
		"a negative rate":       {AddressEvery: -1},
		"33 bits of IPv4":       {IPv4Bits: 33},
		"129 bits of IPv6":      {IPv6Bits: 129},
		"a negative bit number": {IPv6Bits: -1},
	} {
		cfg := newWorld(t).cfg
		cfg.LoginLimits = l
		if _, err := issuer.New(ctx(), cfg); !errors.Is(err, issuer.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Logins that wait for one under way don't wait for each other when it has ended
// without an outcome.
func TestLoginsThatWaitForAnotherGoOnWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *issuer.Config) { c.HashSlots = 3 })
		w.alice()
		for i := range 9 {
			w.guess(from(fmt.Sprintf("10.0.0.%d", i)), "alice", "wrong", "")
		}
		var mu sync.Mutex
		var held []chan struct{} // looks at the store, the oldest first
		release := func(last bool) bool {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(held) == 0 {
				return false
			}
			i := 0
			if last {
				i = len(held) - 1
			}
			close(held[i])
			held = slices.Delete(held, i, i+1)
			return true
		}
		count := make(chan struct{})
		w.store.Before("CountLoginFailure", func() error { <-count; return errDisk })
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := w.Login(from("10.1.0.1"), issuer.LoginRequest{Username: "alice", Password: "wrong"}); !errors.Is(err, errDisk) {
				t.Errorf("%v", err)
			}
		})
		synctest.Wait()
		w.store.Before("LoginFailures", func() error {
			hold := make(chan struct{})
			mu.Lock()
			held = append(held, hold)
			mu.Unlock()
			<-hold
			return nil
		})
		login := func(address string) {
			all.Go(func() {
				if got := w.guess(from(address), "alice", testPassword, ""); got != "ok" {
					t.Errorf("a login that waited: %s", got)
				}
			})
			release(true) // its first look, before it has a slot for a hash
			synctest.Wait()
		}
		login("10.2.0.1")
		close(count)
		synctest.Wait()
		login("10.2.0.2")
		for release(false) {
		}
		all.Wait()
	})
}
