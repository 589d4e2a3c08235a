package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// start is where every clock of the suite starts. It has a remainder below a
// microsecond and a zone, so that a store that keeps either shows.
var start = time.Date(2031, 5, 6, 7, 8, 9, 123_456_789, time.FixedZone("suite", 2*3600))

// clock is a clock that the test moves. Each reading may move it, too.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	tick time.Duration // added after each reading
}

func newClock() *clock { return &clock{now: start} }

// Now reads the clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now
	c.now = c.now.Add(c.tick)
	return t
}

// Move moves the clock forward, or back if d is negative.
func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Tick lets the clock go on by d with each reading.
func (c *clock) Tick(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick = d
}

// instant is t as a store returns it.
func instant(t time.Time) time.Time { return t.Truncate(time.Microsecond).UTC() }

// newSession is a session with every field set.
func newSession(subject string) issuer.NewSession {
	return issuer.NewSession{
		ID:          issuer.NewSessionID(),
		Subject:     subject,
		ClientID:    "client",
		Seed:        issuer.NewSeed(),
		Lifetime:    24 * time.Hour,
		IdleTimeout: time.Hour,
		Audience:    []string{"orders", "https://api.example/überweisung"},
		Scope:       "orders:read orders:write",
		Claims:      []byte(`{"tenant":"acme","n":1}`),
		Device:      "Léa's phone 📱",
	}
}

// again is n for another session.
func again(n issuer.NewSession) issuer.NewSession {
	n.ID = issuer.NewSessionID()
	return n
}

// session creates a session of a subject.
func (c *check) session(subject string) issuer.Session {
	c.Helper()
	return c.create(newSession(subject))
}

func (c *check) create(n issuer.NewSession) issuer.Session {
	c.Helper()
	s, err := c.CreateSession(c.ctx, n)
	c.must(err, "create a session")
	return s.Session
}

// read returns a session and the store's now.
func (c *check) read(id issuer.SessionID) (issuer.Session, time.Time) {
	c.Helper()
	s, now, err := c.Session(c.ctx, id)
	c.must(err, "read a session")
	return s, now
}

func newUser(name string) issuer.User {
	return issuer.User{
		ID:           "id-of-" + name,
		Name:         name,
		PasswordHash: hashOf(name),
		Scopes:       []string{"orders:read", "orders:write"},
		Roles:        []string{"clerk", "Prüferin"},
	}
}

func hashOf(password string) issuer.PasswordHash {
	return issuer.PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + password)
}

// user creates a user.
func (c *check) user(name string) issuer.User {
	c.Helper()
	u, err := c.CreateUser(c.ctx, newUser(name))
	c.must(err, "create a user")
	return u
}

func (c *check) readUser(name string) issuer.User {
	c.Helper()
	u, err := c.User(c.ctx, name)
	c.must(err, "read a user")
	return u
}

// putKeys makes keys the stored ones.
func (c *check) putKeys(keys ...issuer.StoredKey) {
	c.Helper()
	c.must(c.UpdateKeys(c.ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) {
		return keys, nil
	}), "write the keys")
}

func (c *check) readKeys() []issuer.StoredKey {
	c.Helper()
	keys, _, err := c.Keys(c.ctx)
	c.must(err, "read the keys")
	return keys
}

// wants reports a difference between what the store returned and what it
// should have.
func (c *check) wants(what string, got, want any) {
	c.Helper()
	if d := diff(got, want); d != "" {
		c.broken("%s: %s", what, d)
	}
}

// wantsErr reports an error other than the one that the contract names.
func (c *check) wantsErr(what string, got, want error) {
	c.Helper()
	if !errors.Is(got, want) {
		c.broken("%s: the error is %v, not %v", what, got, want)
	}
}

// diff tells how got differs from want, or returns "". Instants are equal if
// they are the same instant in UTC; a nil slice equals an empty one. It prints
// no secret: the types that hold one redact themselves.
func diff(got, want any) string {
	var out []string
	compare(&out, "", reflect.ValueOf(got), reflect.ValueOf(want))
	return strings.Join(out, "; ")
}

func compare(out *[]string, at string, got, want reflect.Value) {
	say := func(format string, args ...any) {
		*out = append(*out, strings.TrimSpace(at+" "+fmt.Sprintf(format, args...)))
	}
	if got.Type() != want.Type() {
		say("is a %v, not a %v", got.Type(), want.Type())
		return
	}
	if g, ok := got.Interface().(time.Time); ok {
		w := want.Interface().(time.Time)
		if !g.Equal(w) || g.Location() != time.UTC {
			say("is %v, not %v", g, w.UTC())
		}
		return
	}
	switch {
	case got.Kind() == reflect.Struct:
		for i := range got.NumField() {
			compare(out, at+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i))
		}
	case got.Kind() == reflect.Slice && got.Len() != want.Len():
		say("has %d elements, not %d: %v, not %v", got.Len(), want.Len(), got, want)
	case got.Kind() == reflect.Slice:
		for i := range got.Len() {
			compare(out, fmt.Sprintf("%s[%d]", at, i), got.Index(i), want.Index(i))
		}
	default:
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			say("is %v, not %v", got, want)
		}
	}
}

// sortedIDs returns ids in an order of their own, for comparing.
func sortedIDs(ids ...issuer.SessionID) []issuer.SessionID {
	return slices.SortedFunc(slices.Values(ids), func(a, b issuer.SessionID) int {
		return slices.Compare(a[:], b[:])
	})
}

// sortedKeys returns keys by use and id, for comparing.
func sortedKeys(keys []issuer.StoredKey) []issuer.StoredKey {
	return slices.SortedFunc(slices.Values(keys), func(a, b issuer.StoredKey) int {
		return strings.Compare(string(a.Use)+" "+a.ID, string(b.Use)+" "+b.ID)
	})
}
