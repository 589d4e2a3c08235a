package storetest

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
)

// The invariants are those of the whole service, seen through the tokens that
// clients get: an issuer, or several, on the store under test.
func invariantRules() []rule {
	return []rule{
		{name: "one successor", rule: "at most one live successor per refresh token", run: checkOneSuccessor},
		{name: "revoked", rule: "nothing is live once its revocation was acknowledged", run: checkRevoked},
		{name: "reuse", rule: "a reused token means a dead session", run: checkReuse},
		onPersistentPlace(rule{name: "acknowledged", rule: "an acknowledged answer survives a crash", run: checkAcknowledged}),
		{name: "absolute expiry", rule: "an absolute expiry never grows", run: checkAbsoluteExpiry},
		{name: "expired", rule: "an expired token never comes back, whatever the clock does", run: checkExpired},
	}
}

const (
	invariantGrace    = 10 * time.Second
	invariantLifetime = time.Hour
	invariantIdle     = 20 * time.Minute
	invariantPassword = "correct horse battery staple"
)

// service is issuers on one place, as several nodes are.
type service struct {
	*check
	nodes []*issuer.Issuer
	key   issuer.MasterKey
	grace time.Duration
}

// serve makes an issuer for each store, and a user.
func (c *check) serve(grace time.Duration, stores ...issuer.Store) *service {
	c.Helper()
	s := &service{check: c, key: issuer.GenerateMasterKey(), grace: grace}
	s.join(stores...)
	s.addUser("alice")
	return s
}

// join makes issuers for stores, as further nodes.
func (s *service) join(stores ...issuer.Store) {
	s.Helper()
	for _, store := range stores {
		iss, err := issuer.New(s.ctx, issuer.Config{
			Store: store, MasterKey: s.key, Algorithm: jeton.HS256, Issuer: "https://auth.example", Audiences: []string{"orders"},
			RefreshTTL: invariantLifetime, RefreshIdle: invariantIdle, RefreshGrace: s.grace,
			Password:  issuer.PasswordParams{MemoryKiB: 8192, Passes: 1, Threads: 1},
			HashQueue: 1000, Now: s.clock.Now,
		})
		s.must(err, "make an issuer")
		s.nodes = append(s.nodes, iss)
	}
}

func (s *service) addUser(name string) issuer.User {
	s.Helper()
	u, err := s.nodes[0].AddUser(s.ctx, issuer.NewUser{Name: name, Password: invariantPassword})
	s.must(err, "add a user")
	return u
}

func (s *service) login(name string) *issuer.TokenPair {
	s.Helper()
	pair, err := s.nodes[0].Login(s.ctx, issuer.LoginRequest{Username: name, Password: invariantPassword})
	s.must(err, "log in")
	return pair
}

// refresh returns the successor of a token, or "" if it is refused. It may be
// called from any goroutine.
func (s *service) refresh(node int, token string) string {
	pair, err := s.nodes[node%len(s.nodes)].Refresh(s.ctx, issuer.RefreshRequest{RefreshToken: token})
	switch {
	case err == nil:
		return pair.RefreshToken
	case !errors.Is(err, issuer.ErrInvalidGrant):
		s.broken("a refresh fails: %v", err)
	}
	return ""
}

// next refreshes a token that must be good.
func (s *service) next(token string) string {
	s.Helper()
	got := s.refresh(0, token)
	if got == "" {
		s.Fatalf("rule: %s\n\ta good token is refused", s.rule)
	}
	return got
}

// dead wants tokens to be refused by every node.
func (s *service) dead(when string, tokens ...string) {
	s.Helper()
	for node := range s.nodes {
		for i, token := range tokens {
			if s.refresh(node, token) != "" {
				s.broken("node %d answers token %d of the session %s", node, i, when)
			}
		}
	}
}

// another brings in a node that knows nothing yet: on another store, or on the
// same place after it was closed.
func (s *service) another() {
	s.Helper()
	switch {
	case s.place.Shared:
		s.join(s.openWith(s.clock))
	case s.place.Persistent:
		s.reopen()
		s.nodes = nil
		s.join(s.Store)
	}
}

func checkOneSuccessor(c *check) {
	const callers = 1000
	inWindow := c.serve(invariantGrace, c.stores()...)
	token := inWindow.login("alice").RefreshToken
	race := func(s *service, token string) map[string]int {
		var mu sync.Mutex
		got := map[string]int{}
		together(callers, func(i int) {
			successor := s.refresh(i, token)
			mu.Lock()
			defer mu.Unlock()
			got[successor]++
		})
		return got
	}
	got := race(inWindow, token)
	if len(got) != 1 || got[""] > 0 || got[token] > 0 {
		c.broken("%d callers within the window get %d different answers, and %d are refused", callers, len(got), got[""])
	}
	successor := inWindow.next(token)

	strict := &service{check: c, key: inWindow.key, grace: issuer.NoGrace}
	strict.join(c.Store)
	if c.place.Shared {
		strict.join(c.openWith(c.clock))
	}
	got = race(strict, successor)
	if answered := callers - got[""]; answered > 1 {
		c.broken("without a window %d of %d callers are answered", answered, callers)
	}
	for last := range got {
		if last != "" {
			strict.dead("after the others presented a token that was superseded", last)
		}
	}
}

func checkRevoked(c *check) {
	s := c.serve(issuer.NoGrace, c.stores()...)
	last := len(s.nodes) - 1
	for _, e := range []struct {
		name string
		end  func(u issuer.User, id issuer.SessionID, token string) error
	}{
		{"its token was revoked", func(_ issuer.User, _ issuer.SessionID, token string) error {
			return s.nodes[last].RevokeToken(c.ctx, token, "")
		}},
		{"the session was", func(_ issuer.User, id issuer.SessionID, _ string) error {
			return s.nodes[last].RevokeSession(c.ctx, id, issuer.ReasonRevoked)
		}},
		{"the user.s sessions were", func(u issuer.User, _ issuer.SessionID, _ string) error {
			_, err := s.nodes[last].RevokeSubject(c.ctx, u.ID, issuer.ReasonRevoked)
			return err
		}},
		{"the password was changed", func(u issuer.User, _ issuer.SessionID, _ string) error {
			return s.nodes[last].SetPassword(c.ctx, u.Name, invariantPassword+"!")
		}},
		{"the user was disabled", func(u issuer.User, _ issuer.SessionID, _ string) error {
			return s.nodes[last].SetDisabled(c.ctx, u.Name, true)
		}},
	} {
		u := s.addUser(strings.ReplaceAll(e.name, " ", "-"))
		pair := s.login(u.Name)
		tokens := []string{pair.RefreshToken}
		var ended atomic.Bool
		warm := make(chan struct{})
		together(2, func(i int) {
			if i == 1 {
				<-warm
				if err := e.end(u, pair.SessionID, pair.RefreshToken); err != nil {
					c.broken("end the session: %v", err)
				}
				ended.Store(true)
				return
			}
			for n := range 100_000 { // a store that obeys ends it far sooner
				late := ended.Load()
				got := s.refresh(n, tokens[len(tokens)-1])
				if got != "" && late {
					c.broken("a refresh that began after %s is answered", e.name)
				}
				if n == 5 || got == "" && n < 5 {
					close(warm)
				}
				if got == "" || late {
					return
				}
				tokens = append(tokens, got)
			}
		})
		s.dead("after "+e.name, tokens[len(tokens)-1], tokens[0])
	}
}

func checkReuse(c *check) {
	s := c.serve(invariantGrace, c.stores()...)
	old := s.login("alice").RefreshToken
	current := s.next(old)
	c.clock.Move(invariantGrace)
	if got := s.refresh(len(s.nodes)-1, old); got != "" {
		c.broken("a token is answered that was superseded for as long as the window")
	}
	s.dead("after the reuse", current, old)

	// Many at once, with the old token and the current one.
	old = s.login("alice").RefreshToken
	current = s.next(old)
	c.clock.Move(invariantGrace)
	var mu sync.Mutex
	tokens := []string{old, current}
	together(100, func(i int) {
		got := s.refresh(i, []string{old, current}[i/2%2])
		mu.Lock()
		defer mu.Unlock()
		if got != "" {
			tokens = append(tokens, got)
		}
	})
	s.dead("after the reuse by many", tokens...)
	s.another()
	s.dead("after the reuse, to one who came later", tokens...)
}

// checkAcknowledged opens the place again after each answer. A suite can't kill
// its own process; where the place is shared, the first store is not even
// closed.
func checkAcknowledged(c *check) {
	s := c.serve(invariantGrace, c.Store)
	again := func() { s.nodes = nil; s.another() }
	again()
	pair := s.login("alice")
	token := pair.RefreshToken
	for range 3 {
		again()
		was := token
		token = s.next(was)
		again()
		if got := s.next(was); got != token {
			c.broken("the same token has another successor than before")
		}
		c.clock.Move(invariantGrace)
	}
	again()
	if err := s.nodes[0].RevokeSession(c.ctx, pair.SessionID, issuer.ReasonRevoked); err != nil {
		c.broken("revoke: %v", err)
	}
	again()
	s.dead("after it was revoked", token)

	old := s.login("alice").RefreshToken
	token = s.next(old)
	c.clock.Move(invariantGrace)
	again()
	s.dead("after the window", old)
	again()
	s.dead("after a reuse", token)
}

func checkAbsoluteExpiry(c *check) {
	s := c.serve(invariantGrace, c.stores()...)
	pair := s.login("alice")
	first, _ := c.read(pair.SessionID)
	token, rotations := pair.RefreshToken, 0
	for step := range 100 {
		// Forth, and now and then back.
		c.clock.Move([]time.Duration{time.Minute, 5 * time.Minute, -3 * time.Minute, time.Second}[step%4])
		got := s.refresh(step, token)
		row, now := c.read(pair.SessionID)
		if !row.ExpiresAt.Equal(first.ExpiresAt) {
			c.broken("ExpiresAt was %v and is %v after %d rotations", first.ExpiresAt, row.ExpiresAt, rotations)
		}
		if got == "" {
			if now.Before(first.ExpiresAt) {
				c.broken("a good token is refused at %v, before %v", now, first.ExpiresAt)
			}
			break
		}
		if !now.Before(first.ExpiresAt) {
			c.broken("a token is answered at %v, and ExpiresAt was %v", now, first.ExpiresAt)
			break
		}
		token = got
		rotations++
	}
	s.dead("after its absolute expiry", token)
}

func checkExpired(c *check) {
	s := c.serve(invariantGrace, c.stores()...)
	for _, limit := range []time.Duration{invariantIdle, invariantLifetime} {
		token := s.next(s.login("alice").RefreshToken)
		c.clock.Move(limit)
		s.dead("at its limit", token)
		c.clock.Move(-limit)
		s.dead("after the clock stepped back", token)
		s.another()
		s.dead("after the store was opened by a clock that stepped back", token)
		c.clock.Move(2 * limit)
	}
}
