package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

const (
	userName     = "alice"
	userPassword = "correct horse battery staple"
)

// stillClock stands until it is moved: as long as it stands, no grace window
// ends, however slow the machine is.
type stillClock struct{ micros atomic.Int64 }

func newStillClock() *stillClock {
	c := &stillClock{}
	c.micros.Store(time.Now().UnixMicro())
	return c
}

func (c *stillClock) Now() time.Time       { return time.UnixMicro(c.micros.Load()) }
func (c *stillClock) Move(d time.Duration) { c.micros.Add(d.Microseconds()) }

// service is an issuer of several nodes, each with a store of its own on
// whichever of the servers takes writes.
type service struct {
	t      *testing.T
	clock  *stillClock
	nodes  []*issuer.Issuer
	stores []*postgres.Store
	behind atomic.Int32 // how often a node found that the store had lost a rotation
}

func newService(t *testing.T, nodes int, servers ...*pgtest.Server) *service {
	s := &service{t: t, clock: newStillClock()}
	database := servers[0].Database(t)
	for _, server := range servers {
		server.Await(t, `SELECT count(*) = 1 FROM pg_database WHERE datname = '`+database+`'`)
	}
	slices.Reverse(servers) // the one that takes writes is found wherever it stands
	master := issuer.GenerateMasterKey()
	for i := range nodes {
		store, err := postgres.Open(t.Context(), pgtest.Hosts(database, servers...), postgres.Options{Now: s.clock.Now, Patience: 500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		node, err := issuer.New(t.Context(), issuer.Config{
			Store: store, Issuer: "https://auth.example", Audiences: []string{"orders"}, Algorithm: jeton.Ed25519,
			MasterKey: master, Now: s.clock.Now, HashQueue: 1000, HashWait: time.Minute,
			OnEvent: func(_ context.Context, e issuer.Event) {
				switch e.Kind {
				case issuer.EventStoreBehind:
					s.behind.Add(1)
				case issuer.EventReuse:
					t.Error("rule: an honest client's token never counts as stolen")
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.nodes, s.stores = append(s.nodes, node), append(s.stores, store)
		if i == 0 {
			if _, err := node.AddUser(t.Context(), issuer.NewUser{Name: userName, Password: userPassword}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// client is an honest one: after an error of the service it asks again, at the
// other node.
type client struct {
	*service
	number int
	tries  int

	session   issuer.SessionID
	token     string
	rotations uint32 // that were acknowledged
	revoked   bool   // the revocation was acknowledged
}

func (c *client) node() *issuer.Issuer {
	c.tries++
	return c.nodes[(c.number+c.tries)%len(c.nodes)]
}

// insist does something until the service answers.
func (c *client) insist(what string, do func(*issuer.Issuer) error) {
	for range 2000 {
		err := do(c.node())
		if err == nil {
			return
		}
		if errors.Is(err, issuer.ErrInvalidGrant) || errors.Is(err, issuer.ErrInvalidCredentials) {
			c.t.Errorf("rule: no honest client is logged out\n\tclient %d, %s: %v", c.number, what, err)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Errorf("client %d, %s: no answer", c.number, what)
}

func (c *client) login() {
	c.insist("login", func(i *issuer.Issuer) error {
		pair, err := i.Login(c.t.Context(), issuer.LoginRequest{Username: userName, Password: userPassword})
		if err == nil {
			c.session, c.token, c.rotations = pair.SessionID, pair.RefreshToken, 0
		}
		return err
	})
}

func (c *client) refresh() {
	c.insist("refresh", func(i *issuer.Issuer) error {
		pair, err := i.Refresh(c.t.Context(), issuer.RefreshRequest{RefreshToken: c.token})
		if err == nil {
			if pair.RefreshToken != c.token {
				c.rotations++
			}
			c.token = pair.RefreshToken
		}
		return err
	})
}

func (c *client) logout() {
	c.insist("logout", func(i *issuer.Issuer) error {
		err := i.RevokeToken(c.t.Context(), c.token, "")
		c.revoked = err == nil
		return err
	})
}

// check compares what the client was told with what the store has.
func (c *client) check() {
	s, _, err := c.stores[0].Session(c.t.Context(), c.session)
	switch {
	case err != nil:
		c.t.Errorf("rule: an acknowledged login is not lost\n\tclient %d: %v", c.number, err)
	case s.Generation < c.rotations:
		c.t.Errorf("rule: an acknowledged refresh is not lost\n\tclient %d: generation %d after %d refreshes", c.number, s.Generation, c.rotations)
	case c.revoked && !s.Revoked():
		c.t.Errorf("rule: an acknowledged revocation is not lost\n\tclient %d", c.number)
	}
	_, err = c.nodes[1].Refresh(c.t.Context(), issuer.RefreshRequest{RefreshToken: c.token})
	if got := errors.Is(err, issuer.ErrInvalidGrant); got != c.revoked || err != nil && !got {
		c.t.Errorf("client %d, logged out: %v, a refresh says %v", c.number, c.revoked, err)
	}
}

// hammer is a client of a store that writes without a pause. Nobody else writes
// its sessions, so it knows what each must be.
type hammer struct {
	t       *testing.T
	store   *postgres.Store
	session issuer.Session
	ended   []issuer.SessionID // whose revocation was acknowledged
	writes  *atomic.Int32      // of all hammers, that were acknowledged
	unknown int                // that were not, and happened
}

func (h *hammer) create() issuer.Session {
	n := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "hammer", Seed: issuer.NewSeed(), Lifetime: time.Hour}
	for range 2000 {
		s, err := h.store.CreateSession(h.t.Context(), n)
		if err == nil {
			h.writes.Add(1)
			return s.Session
		}
		// It may be there after all; then this one is forgotten.
		n.ID = issuer.NewSessionID()
	}
	h.t.Error("no session can be created")
	return issuer.Session{}
}

// read returns the session as soon as the store can be asked.
func (h *hammer) read(id issuer.SessionID) issuer.Session {
	var err error
	for range 2000 {
		var s issuer.Session
		if s, _, err = h.store.Session(h.t.Context(), id); err == nil {
			return s
		}
		if errors.Is(err, issuer.ErrNotFound) {
			break
		}
	}
	h.t.Errorf("rule: an acknowledged session is not lost\n\t%v", err)
	return issuer.Session{}
}

func (h *hammer) work(over func() bool) {
	h.session = h.create()
	for turn := 0; !over() && !h.t.Failed(); turn++ {
		g := h.session.Generation
		s, err := h.store.Rotate(h.t.Context(), h.session.ID, g, g+1)
		if err == nil {
			h.session = s
			h.writes.Add(1)
		} else {
			if errors.Is(err, issuer.ErrConflict) {
				h.t.Error("rule: a rotation whose condition holds does not answer ErrConflict")
			}
			h.session = h.read(h.session.ID)
			if now := h.session.Generation; now != g && now != g+1 {
				h.t.Errorf("rule: an acknowledged rotation is not lost\n\tgeneration %d after %d", now, g)
			} else if now == g+1 {
				h.unknown++
			}
		}
		if turn%3 == 0 {
			id := h.create().ID
			if _, err := h.store.Revoke(h.t.Context(), issuer.Revocation{SessionID: id, Reason: issuer.ReasonLogout}); err == nil {
				h.ended = append(h.ended, id)
				h.writes.Add(1)
			}
		}
	}
}

func (h *hammer) check(told map[string]bool) {
	if now := h.read(h.session.ID).Generation; now != h.session.Generation {
		h.t.Errorf("rule: an acknowledged rotation is not lost\n\tgeneration %d after %d", now, h.session.Generation)
	}
	for _, id := range h.ended {
		if s := h.read(id); !s.Revoked() || !told[id.String()] {
			h.t.Errorf("rule: an acknowledged revocation is not lost\n\t%v", id)
		}
	}
}

// log returns which sessions the revocation log names, and looks at its links.
func (s *service) log() map[string]bool {
	told := make(map[string]bool)
	var before issuer.Entry
	for {
		entries, _, _, err := s.stores[1].Revocations(s.t.Context(), before.Seq, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(entries) == 0 {
			return told
		}
		for _, e := range entries {
			if e.Seq != before.Seq+1 || e.Chain != e.Link(before.Chain) {
				s.t.Fatalf("rule: the log has no gap\n\tentry %d after %d", e.Seq, before.Seq)
			}
			told[e.Value], before = true, e
		}
	}
}

// With two synchronous standbys, of which one must have a write before it is
// acknowledged, the primary is killed under load and the more advanced standby
// promoted. The nodes find it, and nothing that was acknowledged is lost.
func TestFailoverLosesNothing(t *testing.T) {
	primary := pgtest.Start(t)
	standbys := []*pgtest.Server{primary.Standby(t, "s1"), primary.Standby(t, "s2")}
	primary.Set(t, "synchronous_standby_names", "ANY 1 (s1, s2)")
	primary.Await(t, `SELECT count(*) = 2 FROM pg_stat_replication WHERE sync_state = 'quorum'`)
	s := newService(t, 2, primary, standbys[0], standbys[1])

	clients := make([]*client, 48)
	each := func(do func(*client)) {
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() { do(clients[i]) })
		}
		all.Wait()
	}
	for i := range clients {
		clients[i] = &client{service: s, number: i}
	}
	each((*client).login)
	for range 3 {
		s.clock.Move(time.Minute) // past the grace window: each refresh rotates
		each((*client).refresh)
	}

	var over atomic.Bool
	hammers := make([]*hammer, 24)
	var writes atomic.Int32
	// another waits until some more writes have been acknowledged.
	another := func(n int32) {
		for enough := writes.Load() + n; writes.Load() < enough && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	var hammering sync.WaitGroup
	for i := range hammers {
		hammers[i] = &hammer{t: t, store: s.stores[i%len(s.stores)], writes: &writes}
		hammering.Go(func() { hammers[i].work(over.Load) })
	}

	// The primary dies when a third of this round's answers were given.
	s.clock.Move(time.Minute)
	var answers atomic.Int32
	die := make(chan struct{})
	failover := make(chan *pgtest.Server, 1)
	go func() {
		<-die
		another(200)
		primary.Kill()
		best, other := standbys[0], standbys[1]
		if other.Position(t) > best.Position(t) {
			best, other = other, best
		}
		best.Promote(t)
		other.Follow(t, best)
		failover <- best
	}()
	each(func(c *client) {
		switch c.number % 6 {
		case 0:
			c.logout()
		case 1:
			c.login() // another session
		default:
			c.refresh()
		}
		if answers.Add(1) == int32(len(clients)/3) {
			close(die)
		}
	})
	t.Logf("%s took over", (<-failover).Name)
	for range 2 {
		s.clock.Move(time.Minute)
		each(func(c *client) {
			if !c.revoked {
				c.refresh()
			}
		})
	}
	another(200)
	over.Store(true)
	hammering.Wait()
	each((*client).check)
	told := s.log()
	unknown := 0
	for _, h := range hammers {
		h.check(told)
		unknown += h.unknown
	}
	t.Logf("%d writes were acknowledged; %d were not, and happened", writes.Load(), unknown)
	if n := s.behind.Load(); n > 0 {
		t.Errorf("%d rotations were lost", n)
	}
}

// An asynchronous standby that lacks the last writes is promoted. What it lacks
// is lost; but whoever holds a refresh token that it does not know of yet stays
// signed in.
func TestAStandbyThatIsBehindLogsNobodyOut(t *testing.T) {
	primary := pgtest.Start(t)
	standby := primary.Standby(t, "s1")
	s := newService(t, 2, primary, standby)
	clients := make([]*client, 12)
	for i := range clients {
		clients[i] = &client{service: s, number: i}
		clients[i].login()
	}
	caughtUp := fmt.Sprintf(`SELECT pg_last_wal_replay_lsn() >= '%s'`, pgtest.Query[string](t, primary, "postgres", `SELECT pg_current_wal_lsn()::text`))
	standby.Await(t, caughtUp)
	standby.Stop()
	for range 3 {
		s.clock.Move(time.Minute)
		for _, c := range clients {
			c.refresh()
		}
	}
	primary.Kill()
	standby.Run(t)
	standby.Promote(t)
	for range 2 {
		s.clock.Move(time.Minute)
		for _, c := range clients {
			c.refresh()
		}
	}
	if got := int(s.behind.Load()); got != len(clients) {
		t.Errorf("the store was found behind for %d sessions of %d", got, len(clients))
	}
	for _, c := range clients {
		c.check()
	}
}
