package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func withReceiver(c *issuer.Config) { c.EventReceivers = []string{"crm"} }

func (w *world) polled(p issuer.EventPoll) []string {
	w.t.Helper()
	got, err := w.PollEvents(context.Background(), p, 0)
	if err != nil {
		w.t.Fatalf("poll: %v", err)
	}
	var ids []string
	for _, e := range got.Events {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestEventsWaitForTheirReceiverOnWhicheverNodeItAsks(t *testing.T) {
	w := newWorld(t, withReceiver)
	w.alice()
	other := w.restart()
	one, two := w.login(), w.login()
	if err := w.RevokeSession(t.Context(), one.SessionID, issuer.ReasonLogout); err != nil {
		t.Fatal(err)
	}
	w.clock.Move(time.Second)
	if _, err := w.Refresh(t.Context(), issuer.RefreshRequest{RefreshToken: two.RefreshToken}); err != nil {
		t.Fatal(err)
	}
	if err := w.SetPassword(t.Context(), "alice", testPassword); err != nil {
		t.Fatal(err)
	}
	first, second := w.polled(issuer.EventPoll{Receiver: "crm", Max: 10}), other.polled(issuer.EventPoll{Receiver: "crm", Max: 10})
	if len(first) != 2 || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Fatalf("%q on one node, %q on the other", first, second)
	}
	if left := other.polled(issuer.EventPoll{Receiver: "crm", Max: 10, Acknowledged: first[:1]}); len(left) != 1 || left[0] != first[1] {
		t.Errorf("left is %q", left)
	}
	if left := w.restart().polled(issuer.EventPoll{Receiver: "crm", Max: 10}); len(left) != 1 || left[0] != first[1] {
		t.Errorf("after a start, left is %q", left)
	}
	if _, err := w.PollEvents(t.Context(), issuer.EventPoll{Receiver: "wiki", Max: 1}, 0); !errors.Is(err, issuer.ErrNotFound) {
		t.Errorf("a receiver that is not configured: %v", err)
	}
}

func TestEventsAreKeptForTheirTimeAndReceiversWhileTheyAreNamed(t *testing.T) {
	w := newWorld(t, withReceiver, func(c *issuer.Config) { c.KeepEvents = 24 * time.Hour })
	w.alice()
	revoke := func() {
		t.Helper()
		if err := w.RevokeSession(t.Context(), w.login().SessionID, issuer.ReasonLogout); err != nil {
			t.Fatal(err)
		}
	}
	pass := func(d time.Duration) {
		t.Helper()
		w.clock.Move(d)
		w.tick()
		if _, err := w.Prune(t.Context(), 1000*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(when string, n int) {
		t.Helper()
		if got := w.polled(issuer.EventPoll{Receiver: "crm", Max: 10}); len(got) != n {
			t.Errorf("%s: %d events, want %d", when, len(got), n)
		}
	}
	revoke()
	for range 23 {
		pass(time.Hour)
	}
	revoke()
	wants("after 23 hours", 2)
	pass(time.Hour)
	wants("after 24", 1)
	pass(23 * time.Hour)
	wants("after 47", 0)
	revoke()
	wants("a receiver that never asked", 1)
}

func TestAPollHasAtMostSoManyEvents(t *testing.T) {
	w := newWorld(t, withReceiver)
	for n := range issuer.MaxPolledEvents + 1 {
		p := w.open(fmt.Sprint("subject ", n))
		if err := w.RevokeSession(t.Context(), p.SessionID, issuer.ReasonRevoked); err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.PollEvents(t.Context(), issuer.EventPoll{Receiver: "crm", Max: 1 << 30}, time.Hour)
	if err != nil || len(got.Events) != issuer.MaxPolledEvents || !got.More {
		t.Errorf("%d events, more %v: %v", len(got.Events), got.More, err)
	}
	if none, err := w.PollEvents(t.Context(), issuer.EventPoll{Receiver: "crm"}, time.Hour); err != nil || len(none.Events) != 0 || none.More {
		t.Errorf("asked for none: %+v, %v", none, err)
	}
}

func TestEventsThatAReceiverCantUseAreToldWithoutWhatItWrote(t *testing.T) {
	w := newWorld(t, withReceiver)
	p := w.open("alice")
	if err := w.RevokeSession(t.Context(), p.SessionID, issuer.ReasonLogout); err != nil {
		t.Fatal(err)
	}
	ids := w.polled(issuer.EventPoll{Receiver: "crm", Max: 1})
	w.polled(issuer.EventPoll{Receiver: "crm", Max: 1, Refused: map[string]string{ids[0]: "secret\nline"}})
	warned := w.of(issuer.EventWarning)
	if len(warned) != 1 || strings.Contains(w.text(), "secret") || len(warned[0].Sessions) != 1 || warned[0].Sessions[0] != p.SessionID {
		t.Errorf("told: %s", w.text())
	}
	if left := w.polled(issuer.EventPoll{Receiver: "crm", Max: 1}); len(left) != 0 {
		t.Errorf("it came again: %q", left)
	}
}

func TestReceiversThatAreNoneAreRefused(t *testing.T) {
	w := newWorld(t)
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("r", i)
	}
	for name, change := range map[string]func(*issuer.Config){
		"no name":      func(c *issuer.Config) { c.EventReceivers = []string{""} },
		"a space":      func(c *issuer.Config) { c.EventReceivers = []string{"a b"} },
		"not ASCII":    func(c *issuer.Config) { c.EventReceivers = []string{"ü"} },
		"too long":     func(c *issuer.Config) { c.EventReceivers = []string{strings.Repeat("x", 257)} },
		"twice":        func(c *issuer.Config) { c.EventReceivers = []string{"a", "b", "a"} },
		"too many":     func(c *issuer.Config) { c.EventReceivers = many },
		"kept briefly": func(c *issuer.Config) { c.KeepEvents = time.Minute },
		"kept for ever": func(c *issuer.Config) {
			c.KeepEvents = 91 * 24 * time.Hour
		},
		"a short list TTL": func(c *issuer.Config) { c.StatusListTTL = time.Millisecond },
		"half a second":    func(c *issuer.Config) { c.StatusListTTL = 1500 * time.Millisecond },
		"a long list TTL":  func(c *issuer.Config) { c.StatusListTTL = 2 * time.Hour },
	} {
		cfg := w.cfg
		change(&cfg)
		if _, err := issuer.New(t.Context(), cfg); !errors.Is(err, issuer.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
