package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/issuer/storetest"
)

// brokenVariable names, in the environment of a run of this test binary, the
// broken store that TestBroken puts to the suite.
const brokenVariable = "JETON_STORETEST_BROKEN"

// broken are stores that break one rule each.
var broken = []struct {
	name  string
	rule  string // words of the rule that the suite must say is broken
	part  string // the part of the suite that must say it, as in -run
	store func(s issuer.Store, now func() time.Time) issuer.Store
	place storetest.Place
}{
	{name: "rotates from any generation", part: "rotation", rule: "unless the generation is from",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return anyGeneration{s} }},
	{name: "checks, then writes", part: "races$/^one_winner", rule: "exactly one wins",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return checkThenWrite{s} }},
	{name: "rotates from any generation, to the model", part: "model", rule: "as the model in model.go does",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return anyGeneration{s} }},
	{name: "rotates a revoked session", part: "rotation", rule: "ErrConflict for a revoked session",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return revokedRotates{s} }},
	{name: "rotates a session under revocation", part: "races$/^rotate_against_Revoke", rule: "no rotation succeeds after Revoke returned",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return revokedRotates{s} }},
	{name: "shows the clock's time", part: "time", rule: "now never goes back",
		store: func(s issuer.Store, now func() time.Time) issuer.Store { return bareClock{s, now} }},
	{name: "shares memory", part: "sessions", rule: "shares no memory",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return &sharing{Store: s} }},
	{name: "ignores the limit", part: "sessions", rule: "the newest up to the limit",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return noLimit{s} }},
	{name: "counts what is over", part: "counting", rule: "how many sessions are live",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return &countsAll{Store: s} }},
	{name: "counts the sample", part: "counting", rule: "from a sample",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return countsSample{s} }},
	{name: "ignores the user condition", part: "sessions", rule: "needs that user",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return noCondition{s} }},
	{name: "lets a late login in", part: "races$/^create_against_SetPassword", rule: "under way when SetPassword returned leaves no live session",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return noCondition{s} }},
	{name: "ignores the bound", part: "limit", rule: "beyond MaxLive",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return noBound{s} }},
	{name: "never forgets failures", part: "failures", rule: "ForgetLoginFailures forgets",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return keepsFailures{s} }},
	{name: "ignores the owner", part: "revocation", rule: "anybody else's session",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return noOwner{s} }},
	{name: "rehashes from any hash", part: "users", rule: "if it is still the old one",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return anyHash{s} }},
	{name: "decides outside of the transaction", part: "races$/^keys", rule: "each see what the others did",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return decideOutside{s} }},
	{name: "writes what decide refused", part: "keys", rule: "an error of decide writes nothing",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return writeRefused{s} }},
	{name: "ignores the context", part: "transactions", rule: "whose context has ended writes nothing",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return noContext{s} }},
	{name: "lets everybody win", part: "invariants$/^one_successor", rule: "at most one live successor",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return everybodyWins{s} }},
	{name: "revokes in its own time", part: "invariants$/^revoked", rule: "nothing is live once its revocation was acknowledged",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return laterRevokes{s} }},
	{name: "shrugs at reuse", part: "invariants$/^reuse", rule: "a reused token means a dead session",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return shrugs{s, issuer.ReasonReuse} }},
	{name: "forgets answers", part: "invariants$/^acknowledged", rule: "an acknowledged answer survives a crash", place: storetest.Place{Persistent: true}},
	{name: "extends sessions", part: "invariants$/^absolute_expiry", rule: "an absolute expiry never grows",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return extends{s} }},
	{name: "revives sessions", part: "invariants$/^expired", rule: "an expired token never comes back",
		store: func(s issuer.Store, now func() time.Time) issuer.Store {
			return bareClock{shrugs{s, issuer.ReasonExpired}, now}
		}},
	{name: "forgets", part: "durability", rule: "there when the store is opened again", place: storetest.Place{Persistent: true}},
	{name: "forgets the time", part: "time", rule: "high-water mark of time is durable", place: storetest.Place{Persistent: true}},
	{name: "tells before it writes", part: "audit$/^refused", rule: "of a write that is refused",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return tellsFirst{s} }},
	{name: "tells nothing", part: "audit$/^with_the_write", rule: "a write and what the audit log says of it are both there",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return tellsNothing{s} }},
	{name: "seals anything", part: "audit$/^seal", rule: "is refused unless it fits an entry",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return sealsAnything{s} }},
	{name: "keeps the head after pruning", part: "audit$/^pruning", rule: "what is left fits what the head says",
		store: func(s issuer.Store, _ func() time.Time) issuer.Store { return forgetsThePruned{s} }},
	{name: "works alone", part: "durability", rule: "there for the next method of any other", place: storetest.Place{Shared: true}},
}

// TestSuiteCatches puts broken stores to the suite, each in a process of its
// own, as the suite's failures would be this test's.
func TestSuiteCatches(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(self, "-test.run=^TestBroken$/^"+b.part+"$", "-test.timeout=1m", "-rapid.nofailfile", "-rapid.shrinktime=0s")
			cmd.Env = append(os.Environ(), brokenVariable+"="+b.name)
			out, err := cmd.CombinedOutput()
			if exit := new(exec.ExitError); !errors.As(err, &exit) {
				t.Fatalf("the suite let it pass: %v\n%s", err, out)
			}
			if !strings.Contains(string(out), "rule: ") || !strings.Contains(string(out), b.rule) {
				t.Errorf("the suite did not name the rule %q:\n%s", b.rule, out)
			}
		})
	}
}

func TestBroken(t *testing.T) {
	name := os.Getenv(brokenVariable)
	if name == "" {
		return // TestSuiteCatches runs it, with a name
	}
	for _, b := range broken {
		if b.name != name {
			continue
		}
		storetest.Run(t, func(testing.TB) storetest.Place {
			place := b.place
			place.Open = func(now func() time.Time) (issuer.Store, error) {
				s := issuer.Store(memory.New(now))
				if b.store != nil {
					s = b.store(s, now)
				}
				return s, nil
			}
			return place
		})
	}
}

type anyGeneration struct{ issuer.Store }

func (s anyGeneration) Rotate(ctx context.Context, id issuer.SessionID, _, to uint32) (issuer.Session, error) {
	for {
		present, now, err := s.Session(ctx, id)
		if err != nil {
			return issuer.Session{}, err
		}
		got, err := s.Store.Rotate(ctx, id, present.Generation, to)
		if err == nil || !present.Live(now) {
			return got, err
		}
	}
}

type checkThenWrite struct{ issuer.Store }

func (s checkThenWrite) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	present, _, err := s.Session(ctx, id)
	if err != nil {
		return issuer.Session{}, err
	}
	if present.Generation != from {
		return issuer.Session{}, issuer.ErrConflict
	}
	time.Sleep(time.Millisecond) // so that others check meanwhile, on the busiest machine
	return anyGeneration(s).Rotate(ctx, id, from, to)
}

type revokedRotates struct{ issuer.Store }

func (s revokedRotates) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	got, err := s.Store.Rotate(ctx, id, from, to)
	if errors.Is(err, issuer.ErrConflict) {
		if present, _, err := s.Session(ctx, id); err == nil && present.Revoked() && present.Generation == from {
			present.Generation = to
			return present, nil
		}
	}
	return got, err
}

type bareClock struct {
	issuer.Store
	now func() time.Time
}

func (s bareClock) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	got, _, err := s.Store.Session(ctx, id)
	return got, s.now().Truncate(time.Microsecond).UTC(), err
}

type sharing struct {
	issuer.Store
	last issuer.Session
}

func (s *sharing) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	got, now, err := s.Store.Session(ctx, id)
	if s.last.ID == id {
		got.Audience = s.last.Audience
	}
	s.last = got
	return got, now, err
}

type countsAll struct {
	issuer.Store
	created atomic.Int64
}

func (s *countsAll) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	s.created.Add(1)
	return s.Store.CreateSession(ctx, n)
}

func (s *countsAll) CountSessions(context.Context, int) (int64, bool, error) {
	return s.created.Load(), true, nil
}

type countsSample struct{ issuer.Store }

func (s countsSample) CountSessions(ctx context.Context, sample int) (int64, bool, error) {
	live, exact, err := s.Store.CountSessions(ctx, sample)
	return min(live, int64(sample)), exact, err
}

type noBound struct{ issuer.Store }

func (s noBound) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	n.MaxLive = 0
	return s.Store.CreateSession(ctx, n)
}

type keepsFailures struct{ issuer.Store }

func (keepsFailures) ForgetLoginFailures(context.Context, issuer.FailureKey) error { return nil }

type noLimit struct{ issuer.Store }

func (s noLimit) Sessions(ctx context.Context, subject string, _ int) ([]issuer.Session, time.Time, error) {
	return s.Store.Sessions(ctx, subject, 1000)
}

type noCondition struct{ issuer.Store }

func (s noCondition) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	n.User = nil
	return s.Store.CreateSession(ctx, n)
}

type noOwner struct{ issuer.Store }

func (s noOwner) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	r.OwnedBy = ""
	return s.Store.Revoke(ctx, r)
}

type anyHash struct{ issuer.Store }

func (s anyHash) Rehash(ctx context.Context, name string, _, hash issuer.PasswordHash) error {
	u, err := s.User(ctx, name)
	if err != nil {
		return err
	}
	return s.Store.Rehash(ctx, name, u.PasswordHash, hash)
}

type decideOutside struct{ issuer.Store }

func (s decideOutside) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	keys, now, err := s.Keys(ctx)
	if err != nil {
		return err
	}
	keys, err = decide(now, keys)
	if err != nil {
		return err
	}
	runtime.Gosched()
	return s.Store.UpdateKeys(ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return keys, nil }, audit...)
}

type writeRefused struct{ issuer.Store }

func (s writeRefused) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	var refused error
	err := s.Store.UpdateKeys(ctx, func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		keys, refused = decide(now, slices.Clone(keys))
		return keys, nil
	}, audit...)
	return errors.Join(refused, err)
}

type tellsFirst struct{ issuer.Store }

func (s tellsFirst) CreateUser(ctx context.Context, u issuer.User, audit ...issuer.AuditRecord) (issuer.User, error) {
	if err := s.AppendAudit(ctx, audit...); err != nil {
		return issuer.User{}, err
	}
	return s.Store.CreateUser(ctx, u)
}

type tellsNothing struct{ issuer.Store }

func (s tellsNothing) SetDisabled(ctx context.Context, name string, disabled bool, _ ...issuer.AuditRecord) (issuer.Revoked, error) {
	return s.Store.SetDisabled(ctx, name, disabled)
}

type sealsAnything struct{ issuer.Store }

func (s sealsAnything) SealAudit(ctx context.Context, seal issuer.AuditSeal) error {
	if err := s.Store.SealAudit(ctx, seal); err != nil && !errors.Is(err, issuer.ErrConflict) {
		return err
	}
	return nil
}

type forgetsThePruned struct{ issuer.Store }

func (s forgetsThePruned) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	entries, head, err := s.Store.Audit(ctx, after, limit)
	head.Pruned, head.PrunedChain = 0, issuer.Chain{}
	return entries, head, err
}

type noContext struct{ issuer.Store }

func (s noContext) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	return s.Store.Rotate(context.WithoutCancel(ctx), id, from, to)
}

// everybodyWins tells the losers of a race that they won.
type everybodyWins struct{ issuer.Store }

func (s everybodyWins) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	time.Sleep(20 * time.Millisecond) // so that many have decided, on the busiest machine
	got, err := s.Store.Rotate(ctx, id, from, to)
	if errors.Is(err, issuer.ErrConflict) {
		got, _, err = s.Session(ctx, id)
		got.Generation = to
	}
	return got, err
}

// laterRevokes says that it has done what it will do.
type laterRevokes struct{ issuer.Store }

func (s laterRevokes) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	go func() {
		time.Sleep(20 * time.Millisecond)
		s.Store.Revoke(context.WithoutCancel(ctx), r)
	}()
	return issuer.Revoked{}, nil
}

// shrugs does not revoke for one reason.
type shrugs struct {
	issuer.Store
	reason issuer.Reason
}

func (s shrugs) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	if r.Reason == s.reason {
		return issuer.Revoked{}, nil
	}
	return s.Store.Revoke(ctx, r)
}

// extends lets a session live a little longer with each rotation.
type extends struct{ issuer.Store }

func (s extends) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	got, now, err := s.Store.Session(ctx, id)
	got.ExpiresAt = got.ExpiresAt.Add(time.Duration(got.Generation) * time.Second)
	return got, now, err
}
