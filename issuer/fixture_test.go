package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

const (
	testIssuer   = "https://auth.example"
	testPassword = "correct horse battery staple"
	accessTTL    = 5 * time.Minute
	grace        = 10 * time.Second
)

// cheap are the lowest costs that a password hash may have.
var cheap = issuer.PasswordParams{MemoryKiB: 8192, Passes: 1, Threads: 1}

// master is the master key of all tests that don't need another.
var master = issuer.GenerateMasterKey()

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2031, 5, 6, 7, 8, 9, 123_456_000, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the clock forward, or back if d is negative.
func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// journal keeps the events of an issuer.
type journal struct {
	mu     sync.Mutex
	events []issuer.Event
}

func (j *journal) note(_ context.Context, e issuer.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

// of returns the events of a kind.
func (j *journal) of(kind issuer.EventKind) []issuer.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.events), func(e issuer.Event) bool { return e.Kind != kind })
}

// text returns all events as a careless log would show them.
func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b strings.Builder
	for _, e := range j.events {
		fmt.Fprintf(&b, "%+v %#v\n", e, e)
	}
	return b.String()
}

// faults stands before a store and lets tests fail its methods, before they did
// their work or after, or do something in between.
type faults struct {
	issuer.Store
	mu     sync.Mutex
	before map[string]func() error
	after  map[string]func() error
	calls  map[string]int // those that returned nil
}

func newFaults(s issuer.Store) *faults {
	return &faults{Store: s, before: map[string]func() error{}, after: map[string]func() error{}, calls: map[string]int{}}
}

// Before sets what happens before a method's work; an error ends the call there.
func (f *faults) Before(method string, do func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before[method] = do
}

// After sets what happens after a method's work succeeded; an error hides that.
func (f *faults) After(method string, do func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after[method] = do
}

// Count returns how many calls of a method succeeded.
func (f *faults) Count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

func (f *faults) around(method string, work func() error) error {
	f.mu.Lock()
	before, after := f.before[method], f.after[method]
	f.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	if err := work(); err != nil {
		return err
	}
	f.mu.Lock()
	f.calls[method]++
	f.mu.Unlock()
	if after != nil {
		return after()
	}
	return nil
}

func (f *faults) CreateSession(ctx context.Context, n issuer.NewSession) (s issuer.Created, err error) {
	err = f.around("CreateSession", func() (err error) { s, err = f.Store.CreateSession(ctx, n); return err })
	return s, err
}

func (f *faults) Session(ctx context.Context, id issuer.SessionID) (s issuer.Session, now time.Time, err error) {
	err = f.around("Session", func() (err error) { s, now, err = f.Store.Session(ctx, id); return err })
	return s, now, err
}

func (f *faults) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (s issuer.Session, err error) {
	err = f.around("Rotate", func() (err error) { s, err = f.Store.Rotate(ctx, id, from, to); return err })
	return s, err
}

func (f *faults) Revoke(ctx context.Context, r issuer.Revocation) (done issuer.Revoked, err error) {
	err = f.around("Revoke", func() (err error) { done, err = f.Store.Revoke(ctx, r); return err })
	return done, err
}

func (f *faults) User(ctx context.Context, name string) (u issuer.User, err error) {
	err = f.around("User", func() (err error) { u, err = f.Store.User(ctx, name); return err })
	return u, err
}

func (f *faults) Rehash(ctx context.Context, name string, old, new issuer.PasswordHash) error {
	return f.around("Rehash", func() error { return f.Store.Rehash(ctx, name, old, new) })
}

func (f *faults) SetPassword(ctx context.Context, name string, hash issuer.PasswordHash, audit ...issuer.AuditRecord) (done issuer.Revoked, err error) {
	err = f.around("SetPassword", func() (err error) { done, err = f.Store.SetPassword(ctx, name, hash, audit...); return err })
	return done, err
}

func (f *faults) SetDisabled(ctx context.Context, name string, disabled bool, audit ...issuer.AuditRecord) (done issuer.Revoked, err error) {
	err = f.around("SetDisabled", func() (err error) { done, err = f.Store.SetDisabled(ctx, name, disabled, audit...); return err })
	return done, err
}

func (f *faults) LoginFailures(ctx context.Context, key issuer.FailureKey) (got issuer.Failures, now time.Time, err error) {
	err = f.around("LoginFailures", func() (err error) { got, now, err = f.Store.LoginFailures(ctx, key); return err })
	return got, now, err
}

func (f *faults) CountLoginFailure(ctx context.Context, key issuer.FailureKey) error {
	return f.around("CountLoginFailure", func() error { return f.Store.CountLoginFailure(ctx, key) })
}

func (f *faults) ForgetLoginFailures(ctx context.Context, key issuer.FailureKey) error {
	return f.around("ForgetLoginFailures", func() error { return f.Store.ForgetLoginFailures(ctx, key) })
}

func (f *faults) Keys(ctx context.Context) (keys []issuer.StoredKey, now time.Time, err error) {
	err = f.around("Keys", func() (err error) { keys, now, err = f.Store.Keys(ctx); return err })
	return keys, now, err
}

func (f *faults) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	return f.around("UpdateKeys", func() error { return f.Store.UpdateKeys(ctx, decide, audit...) })
}

func (f *faults) AppendAudit(ctx context.Context, records ...issuer.AuditRecord) error {
	return f.around("AppendAudit", func() error { return f.Store.AppendAudit(ctx, records...) })
}

// fataler is a *testing.T, a *testing.B or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// world is an issuer on a store that keeps everything in memory, with a clock, a
// journal and faults.
type world struct {
	*issuer.Issuer
	t     fataler
	cfg   issuer.Config
	clock *clock
	store *faults
	*journal
}

// newWorld makes an issuer. change may alter the configuration. The algorithm is
// HS256, whose keys cost nothing to make.
func newWorld(t fataler, change ...func(*issuer.Config)) *world {
	t.Helper()
	c := newClock()
	return newWorldOn(t, c, memory.New(c.Now), change...)
}

func newWorldOn(t fataler, c *clock, s issuer.Store, change ...func(*issuer.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: c, store: newFaults(s), journal: &journal{}}
	w.cfg = issuer.Config{
		Store:        w.store,
		Issuer:       testIssuer,
		Audiences:    []string{"orders", "billing"},
		Algorithm:    jeton.HS256,
		MasterKey:    master,
		AccessTTL:    accessTTL,
		RefreshGrace: grace,
		Password:     cheap,
		Now:          c.Now,
		OnEvent:      w.note,
	}
	for _, f := range change {
		f(&w.cfg)
	}
	w.Issuer = w.must(issuer.New(context.Background(), w.cfg))
	return w
}

func (w *world) must(iss *issuer.Issuer, err error) *issuer.Issuer {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("make an issuer: %v", err)
	}
	return iss
}

// restart makes another issuer on the same store, with another configuration.
func (w *world) restart(change ...func(*issuer.Config)) *world {
	w.t.Helper()
	again := *w
	for _, f := range change {
		f(&again.cfg)
	}
	again.Issuer = w.must(issuer.New(context.Background(), again.cfg))
	return &again
}

// changeNow starts the issuer again with another algorithm and has it sign with
// that at once, as an operator can.
func (w *world) changeNow(change func(*issuer.Config)) *world {
	w.t.Helper()
	again := w.restart(change)
	if _, err := issuer.NewKeyring(again.cfg.Store, again.cfg.MasterKey).Rotate(context.Background(), issuer.UseAccess, again.cfg.Algorithm, true); err != nil {
		w.t.Fatalf("rotate at once: %v", err)
	}
	again.tick()
	return again
}

// alice makes the user alice.
func (w *world) alice() issuer.User {
	w.t.Helper()
	u, err := w.AddUser(context.Background(), issuer.NewUser{Name: "alice", Password: testPassword, Scopes: []string{"orders:read", "orders:write"}})
	if err != nil {
		w.t.Fatalf("add a user: %v", err)
	}
	return u
}

// login logs alice in.
func (w *world) login() *issuer.TokenPair {
	w.t.Helper()
	pair, err := w.Login(context.Background(), issuer.LoginRequest{Username: "alice", Password: testPassword, Device: "phone"})
	if err != nil {
		w.t.Fatalf("login: %v", err)
	}
	return pair
}

// open opens a session of a subject without a password.
func (w *world) open(subject string, change ...func(*issuer.NewSession)) *issuer.TokenPair {
	w.t.Helper()
	n := issuer.NewSession{
		ID: issuer.NewSessionID(), Subject: subject, ClientID: "app", Seed: issuer.NewSeed(),
		Lifetime: 30 * 24 * time.Hour, IdleTimeout: 7 * 24 * time.Hour,
		Audience: []string{"orders"}, Scope: "orders:read orders:write",
	}
	for _, f := range change {
		f(&n)
	}
	pair, err := w.OpenSession(context.Background(), n)
	if err != nil {
		w.t.Fatalf("open a session: %v", err)
	}
	return pair
}

// refresh refreshes with a token alone.
func (w *world) refresh(token string) (*issuer.TokenPair, error) {
	return w.Refresh(context.Background(), issuer.RefreshRequest{RefreshToken: token})
}

// next refreshes and must succeed.
func (w *world) next(token string) *issuer.TokenPair {
	w.t.Helper()
	pair, err := w.refresh(token)
	if err != nil {
		w.t.Fatalf("refresh: %v", err)
	}
	return pair
}

// refused refreshes and must get ErrInvalidGrant.
func (w *world) refused(token, why string) {
	w.t.Helper()
	pair, err := w.refresh(token)
	if !errors.Is(err, issuer.ErrInvalidGrant) || pair != nil {
		w.t.Errorf("%s: the refresh token got %v, %v; want ErrInvalidGrant", why, pair, err)
	}
}

// session returns a session as it is stored.
func (w *world) session(id issuer.SessionID) *issuer.Session {
	w.t.Helper()
	s, _, err := w.store.Store.Session(context.Background(), id)
	if err != nil {
		w.t.Fatalf("read the session: %v", err)
	}
	return &s
}

// dead checks that a session is over for good: no token of it works.
func (w *world) dead(pairs ...*issuer.TokenPair) {
	w.t.Helper()
	for _, p := range pairs {
		w.refused(p.RefreshToken, "the session is over")
		if _, err := w.Verifier().Verify(context.Background(), p.AccessToken); err == nil {
			w.t.Errorf("the session is over and its access token still verifies")
		}
	}
}

// clientErrors are all that an Issuer says to a client.
var clientErrors = []error{
	issuer.ErrInvalidRequest, issuer.ErrInvalidCredentials, issuer.ErrInvalidGrant, issuer.ErrInvalidScope,
	issuer.ErrInvalidTarget, issuer.ErrTooManyFailures, issuer.ErrBusy, issuer.ErrNotFound,
}

// isFailure tells whether an error is one of the service, not an answer.
func isFailure(err error) bool {
	return err != nil && !slices.ContainsFunc(clientErrors, func(e error) bool { return errors.Is(err, e) })
}

func ctx() context.Context { return context.Background() }
