package postgres_test

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
)

// cutter is a network in front of a server. When it is armed, it lets the next
// commit through and cuts the connection once the server has answered, so that
// the client can't know.
type cutter struct {
	t      *testing.T
	server string
	addr   string
	armed  atomic.Bool
	cuts   atomic.Int32
}

func newCutter(t *testing.T, server *pgtest.Server) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{t: t, server: "127.0.0.1:" + strconv.Itoa(server.Port), addr: l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(client)
		}
	}()
	return c
}

func (c *cutter) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool
	var both sync.WaitGroup
	both.Go(func() { // the client's
		defer server.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := client.Read(b)
			// What describes a statement is not it; a commit is bound and executed.
			if bytes.Contains(b[:n], []byte("COMMIT\x00")) && bytes.Contains(b[:n], []byte("B\x00\x00\x00")) && c.armed.CompareAndSwap(true, false) {
				c.cuts.Add(1)
				mute.Store(true)
			}
			if _, e := server.Write(b[:n]); err != nil || e != nil {
				return
			}
		}
	})
	both.Go(func() { // the server's
		defer client.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if mute.Load() {
				// Once it is ready for the next query the commit is over.
				if err != nil || bytes.HasSuffix(b[:n], []byte("Z\x00\x00\x00\x05I")) {
					return
				}
				continue
			}
			if _, e := client.Write(b[:n]); err != nil || e != nil {
				return
			}
		}
	})
	both.Wait()
}

// cutting arms the network and does something, whose commit must have been cut.
func (c *cutter) cutting(what string, do func() error) error {
	c.t.Helper()
	before := c.cuts.Load()
	c.armed.Store(true)
	err := do()
	c.armed.Store(false)
	if c.cuts.Load() != before+1 {
		c.t.Errorf("%s: no commit was cut", what)
	}
	return err
}

// A write whose commit is answered to a broken connection is found out about, or
// it is an error; it never happens twice.
func TestACommitWithoutAnAnswer(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	network := newCutter(t, server)
	clock := newStillClock()
	url := strings.Replace(server.URL(database), "127.0.0.1:"+strconv.Itoa(server.Port), network.addr, 1)
	s, err := postgres.Open(t.Context(), url, postgres.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	if _, err := s.CreateUser(ctx, issuer.User{ID: "id", Name: userName}); err != nil {
		t.Fatal(err)
	}

	n := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "id", Seed: issuer.NewSeed(), Lifetime: time.Hour, Claims: []byte(`{}`),
		Audit: []issuer.AuditRecord{{Action: "create"}}}
	var session issuer.Session
	var created issuer.Created
	err = network.cutting("CreateSession", func() (err error) { created, err = s.CreateSession(ctx, n); return err })
	if err != nil || created.ID != n.ID {
		t.Errorf("rule: a creation that happened is not answered with an error\n\t%v", err)
	}
	first := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "crowd", Seed: issuer.NewSeed(), Lifetime: time.Hour}
	second := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "crowd", Seed: issuer.NewSeed(), Lifetime: time.Hour, MaxLive: 1}
	if _, err := s.CreateSession(ctx, first); err != nil {
		t.Fatal(err)
	}
	err = network.cutting("CreateSession", func() (err error) { created, err = s.CreateSession(ctx, second); return err })
	if err != nil || created.ID != second.ID || len(created.Ended) != 1 || created.Ended[0] != first.ID {
		t.Errorf("rule: a creation that happened names the session that went for it\n\t%v, %v", created.Ended, err)
	}
	err = network.cutting("Rotate", func() (err error) { session, err = s.Rotate(ctx, n.ID, 0, 1); return err })
	if err != nil || session.Generation != 1 {
		t.Errorf("rule: a rotation that happened is not answered with an error\n\t%v", err)
	}
	var done issuer.Revoked
	err = network.cutting("Revoke", func() (err error) {
		done, err = s.Revoke(ctx, issuer.Revocation{SessionID: n.ID, Reason: issuer.ReasonReuse, Audit: []issuer.AuditRecord{{Action: "revoke"}}})
		return err
	})
	if err != nil || len(done.Sessions) != 1 {
		t.Errorf("rule: a revocation that happened names its session\n\t%v, %v", done, err)
	}
	if entries, _, _, err := s.Revocations(ctx, 0, 10); err != nil || len(entries) != 2 {
		t.Errorf("rule: a revocation is in the log once\n\t%v, %v", entries, err)
	}

	err = network.cutting("SetPassword", func() error {
		_, err := s.SetPassword(ctx, userName, "hash", issuer.AuditRecord{Action: "password"})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "nobody knows") {
		t.Errorf("rule: what is not known is said\n\t%v", err)
	}
	if u, err := s.User(ctx, userName); err != nil || u.Version != 2 || u.PasswordHash != "hash" {
		t.Errorf("rule: a password is set once\n\tversion %d, %v", u.Version, err)
	}
	err = network.cutting("CreateUser", func() error { _, err := s.CreateUser(ctx, issuer.User{ID: "other", Name: "bob"}); return err })
	if err == nil {
		t.Error("rule: what is not known is said")
	}
	calls := 0
	err = network.cutting("UpdateKeys", func() error {
		return s.UpdateKeys(ctx, func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
			calls++
			return append(keys, issuer.StoredKey{ID: "1", Use: issuer.UseRefresh, State: issuer.KeyActive, CreatedAt: now}), nil
		})
	})
	if err == nil || calls != 1 {
		t.Errorf("rule: what is not known is said\n\t%v after %d calls", err, calls)
	}
	told, _, err := s.Audit(ctx, 0, 10)
	var actions []issuer.AuditAction
	for _, e := range told {
		actions = append(actions, e.Action)
	}
	if err != nil || !slices.Equal(actions, []issuer.AuditAction{"create", "revoke", "password"}) {
		t.Errorf("rule: what happened once is in the audit log once\n\t%v, %v", actions, err)
	}
	// Reads are repeated.
	if err := network.cutting("Session", func() error { _, _, err := s.Session(ctx, n.ID); return err }); err != nil {
		t.Errorf("rule: a read is repeated\n\t%v", err)
	}
}

// A rotation of which nobody knows is somebody else's if the row says so.
func TestACommitWithoutAnAnswerThatDidNotHappen(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	network := newCutter(t, server)
	clock := newStillClock()
	other, err := open(server.URL(database), newStillClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	url := strings.Replace(server.URL(database), "127.0.0.1:"+strconv.Itoa(server.Port), network.addr, 1)
	s, err := postgres.Open(t.Context(), url, postgres.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "id", Seed: issuer.NewSeed(), Lifetime: time.Hour}
	if _, err := s.CreateSession(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Rotate(t.Context(), n.ID, 0, 1); err != nil {
		t.Fatal(err)
	}
	clock.Move(time.Second)
	err = network.cutting("Rotate", func() error { _, err := s.Rotate(t.Context(), n.ID, 0, 1); return err })
	if err == nil {
		t.Error("rule: success is not answered for what another node did")
	}
}

// A commit that a standby was to confirm, and that somebody cut short, is no
// success although the server says so.
func TestACommitThatNoStandbyHas(t *testing.T) {
	server := pgtest.Start(t)
	s, err := postgres.Open(t.Context(), server.URL(server.Database(t)), postgres.Options{Now: time.Now, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := issuer.NewSession{ID: issuer.NewSessionID(), Subject: "id", Seed: issuer.NewSeed(), Lifetime: time.Hour}
	if _, err := s.CreateSession(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	// It rotates until a commit waits: the setting takes a moment.
	var acknowledged atomic.Uint32
	var stop atomic.Bool
	ended := make(chan error, 1)
	go func() {
		for g := uint32(0); !stop.Load(); g++ {
			if _, err := s.Rotate(t.Context(), n.ID, g, g+1); err != nil {
				ended <- err
				return
			}
			acknowledged.Store(g + 1)
		}
		ended <- nil
	}()
	server.Set(t, "synchronous_standby_names", "nobody")
	const waiting = ` FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
	server.Await(t, `SELECT count(*) = 1`+waiting)
	before := acknowledged.Load()
	for range 2 {
		pid := strconv.Itoa(pgtest.Query[int](t, server, "postgres", `SELECT pid`+waiting))
		server.Exec(t, "postgres", `SELECT pg_cancel_backend(`+pid+`)`)
		// It looks what became of it, and that waits for a standby, too.
		server.Await(t, `SELECT count(*) = 1 AND min(pid) <> `+pid+waiting)
		if now := acknowledged.Load(); now != before {
			t.Fatalf("rule: success is not answered for what no standby has\n\tgeneration %d after %d", now, before)
		}
	}
	stop.Store(true)
	server.Set(t, "synchronous_standby_names", "")
	if err := <-ended; err != nil {
		t.Errorf("rule: it happened once and is answered once standbys have it\n\t%v", err)
	}
	if got, _, err := s.Session(t.Context(), n.ID); err != nil || got.Generation != before+1 {
		t.Errorf("generation %d after %d, %v", got.Generation, before, err)
	}
}

// A store that can't write is not ready, although it can be read.
func TestPingTriesAWriteAfterOneThatFailed(t *testing.T) {
	server := pgtest.Shared(t)
	database := server.Database(t)
	role := server.User(t, database)
	s, err := postgres.Open(t.Context(), server.URLFor(role, database), postgres.Options{Now: time.Now, Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	create := func() error {
		_, err := s.CreateSession(t.Context(), issuer.NewSession{ID: issuer.NewSessionID(), Subject: "id", Lifetime: time.Hour})
		return err
	}
	server.Exec(t, database, `REVOKE UPDATE ON `+role+`.clock FROM `+role)
	if err := create(); err == nil {
		t.Fatal("a write without the right to write")
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("rule: Ping returns an error while writes fail")
	}
	server.Exec(t, database, `GRANT UPDATE ON `+role+`.clock TO `+role)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("rule: Ping returns nil once a write succeeds\n\t%v", err)
	}
	if _, err := s.Rotate(t.Context(), issuer.NewSessionID(), 0, 1); err != issuer.ErrNotFound {
		t.Error(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("rule: an answer of the contract is no failure\n\t%v", err)
	}
}
