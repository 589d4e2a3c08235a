package issuer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/rotationmodel"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// TestIssuerFollowsTheModel takes paths through the model and goes them with an
// issuer and a store: each token gets the answer that the model has.
func TestIssuerFollowsTheModel(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]bounds{
		"expiry":      {Grace: 2, Lifetime: 3, Last: 4, Tokens: 3, Backs: 1, Restarts: 1, Others: 1, Whole: true},
		"idle":        {Grace: 2, Lifetime: 9, Idle: 3, Last: 4, Tokens: 3, Backs: 1, Restarts: 1, Whole: true},
		"no grace":    {Grace: 0, Lifetime: 2, Last: 3, Tokens: 3, Backs: 1, Restarts: 1, Whole: true},
		"lost writes": {Grace: 2, Lifetime: 6, Last: 3, Tokens: 4, Failovers: 1, Whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := rotationmodel.Model{Judge: table, Bounds: b}
			r := m.Explore()
			replayed := 0
			r.Paths(max(1, r.States/300), func(events []rotationmodel.Event, story string) {
				if !t.Failed() {
					replay(t, b, events, story)
				}
				replayed++
			})
			t.Logf("%d paths of %d states", replayed, r.States)
		})
	}
}

func replay(t *testing.T, b bounds, events []rotationmodel.Event, story string) {
	t.Helper()
	clock := newClock()
	start := clock.Now()
	store := &losing{Store: memory.New(clock.Now), now: clock.Now}
	w := newWorldOn(t, clock, store, func(cfg *issuer.Config) {
		cfg.RefreshGrace = time.Duration(b.Grace) * rotationmodel.Tick
		if b.Grace == 0 {
			cfg.RefreshGrace = issuer.NoGrace
		}
	})
	pair := w.open("somebody", func(n *issuer.NewSession) {
		n.Lifetime, n.IdleTimeout = time.Duration(b.Lifetime)*rotationmodel.Tick, time.Duration(b.Idle)*rotationmodel.Tick
	})
	tokens := map[int]string{0: pair.RefreshToken}
	for _, e := range events {
		switch e.Kind {
		case rotationmodel.ClockMoves:
			clock.Move(start.Add(time.Duration(e.Clock) * rotationmodel.Tick).Sub(clock.Now()))
		case rotationmodel.Restarts:
			store.restart(t, 0)
		case rotationmodel.FailsOver:
			store.restart(t, e.Lost)
		case rotationmodel.OthersWrite:
			w.open("somebody else")
		case rotationmodel.Revokes:
			if err := w.RevokeSession(ctx(), pair.SessionID, issuer.ReasonRevoked); err != nil {
				t.Fatal(err)
			}
		case rotationmodel.Presents:
			got, err := w.refresh(tokens[e.Token])
			switch {
			case e.Answer == rotationmodel.Refused:
				if !errors.Is(err, issuer.ErrInvalidGrant) {
					t.Fatalf("token %d should be refused: %v, %v\n%s", e.Token, got, err, story)
				}
			case err != nil:
				t.Fatalf("token %d should be answered with token %d: %v\n%s", e.Token, e.Answer, err, story)
			case tokens[e.Answer] == "":
				tokens[e.Answer] = got.RefreshToken
			case tokens[e.Answer] != got.RefreshToken:
				t.Fatalf("token %d should be answered with token %d, and is with another\n%s", e.Token, e.Answer, story)
			}
		}
	}
}

// losing is a store in memory that can be opened again, without its last
// writes or with all of them.
type losing struct {
	issuer.Store
	now    func() time.Time
	mu     sync.Mutex
	writes []timedWrite
}

// timedWrite is a write that happened at an instant of the store.
type timedWrite struct {
	at time.Time
	do func(issuer.Store) error
}

func (l *losing) note(at time.Time, do func(issuer.Store) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, timedWrite{at, do})
}

func (l *losing) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	s, err := l.Store.CreateSession(ctx, n)
	if err == nil {
		l.note(s.CreatedAt, func(store issuer.Store) error { _, err := store.CreateSession(ctx, n); return err })
	}
	return s, err
}

func (l *losing) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	s, err := l.Store.Rotate(ctx, id, from, to)
	if err == nil {
		l.note(s.RotatedAt, func(store issuer.Store) error { _, err := store.Rotate(ctx, id, from, to); return err })
	}
	return s, err
}

func (l *losing) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	done, err := l.Store.Revoke(ctx, r)
	if err == nil && len(done.Sessions) > 0 {
		l.note(done.At, func(store issuer.Store) error { _, err := store.Revoke(ctx, r); return err })
	}
	return done, err
}

// restart does all writes but the last ones again, on a fresh store.
func (l *losing) restart(t *testing.T, lost int) {
	t.Helper()
	l.writes = l.writes[:len(l.writes)-lost]
	reading := l.writes[0].at
	past := true
	store := memory.New(func() time.Time {
		if past {
			return reading
		}
		return l.now()
	})
	for _, w := range l.writes {
		reading = w.at
		if err := w.do(store); err != nil {
			t.Fatalf("do a write again: %v", err)
		}
	}
	past = false
	l.Store = store
}
