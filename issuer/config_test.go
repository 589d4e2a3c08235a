package issuer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

func TestConfig(t *testing.T) {
	base := newWorld(t).cfg
	set := func(f func(*issuer.Config)) func(*issuer.Config) { return f }
	url := func(s string) func(*issuer.Config) { return func(c *issuer.Config) { c.Issuer = s } }
	for _, c := range []struct {
		name   string
		change func(*issuer.Config)
		ok     bool
		says   string // a refusal says so much
	}{
		{"as it is", set(func(*issuer.Config) {}), true, ""},
		{"no store", set(func(c *issuer.Config) { c.Store = nil }), false, "store"},
		{"no clock", set(func(c *issuer.Config) { c.Now = nil }), false, "clock"},
		{"no master key", set(func(c *issuer.Config) { c.MasterKey = issuer.MasterKey{} }), false, "master key"},

		{"issuer, http", url("http://127.0.0.1:8080"), true, ""},
		{"issuer with a path", url("https://auth.example/tenant/1"), true, ""},
		{"issuer with a slash", url("https://auth.example/"), true, ""},
		{"no issuer", url(""), false, "issuer"},
		{"issuer without a scheme", url("auth.example"), false, "issuer"},
		{"issuer of another scheme", url("ftp://auth.example"), false, "issuer"},
		{"issuer without a host", url("https:///x"), false, "issuer"},
		{"issuer, opaque", url("https:auth.example"), false, "issuer"},
		{"issuer with a user", url("https://u:p@auth.example"), false, "issuer"},
		{"issuer with a query", url("https://auth.example?x=1"), false, "issuer"},
		{"issuer with an empty query", url("https://auth.example?"), false, "issuer"},
		{"issuer with a fragment", url("https://auth.example#x"), false, "issuer"},
		{"issuer with an empty fragment", url("https://auth.example#"), false, "issuer"},
		{"issuer with a space", url("https://auth.example /x"), false, "issuer"},
		{"issuer with a newline", url("https://auth.example/\n"), false, "issuer"},
		{"issuer with a bad escape", url("https://auth.example/%zz"), false, "issuer"},

		{"no audience", set(func(c *issuer.Config) { c.Audiences = nil }), false, "audience"},
		{"an empty audience", set(func(c *issuer.Config) { c.Audiences = []string{"orders", ""} }), false, "audience"},
		{"one audience", set(func(c *issuer.Config) { c.Audiences = []string{"orders"} }), true, ""},

		{"an algorithm that there is not", set(func(c *issuer.Config) { c.Algorithm = "HS257" }), false, "algorithm"},
		{"none", set(func(c *issuer.Config) { c.Algorithm = "none" }), false, "algorithm"},
		{"an algorithm in lower case", set(func(c *issuer.Config) { c.Algorithm = "hs256" }), false, "algorithm"},

		{"access TTL of a second", set(func(c *issuer.Config) { c.AccessTTL = time.Second }), true, ""},
		{"access TTL of a day", set(func(c *issuer.Config) { c.AccessTTL = 24 * time.Hour }), true, ""},
		{"access TTL below a second", set(func(c *issuer.Config) { c.AccessTTL = time.Second - 1 }), false, "access TTL"},
		{"access TTL of over a day", set(func(c *issuer.Config) { c.AccessTTL = 24*time.Hour + 1 }), false, "access TTL"},
		{"access TTL negative", set(func(c *issuer.Config) { c.AccessTTL = -1 }), false, "access TTL"},
		{"refresh TTL of a second", set(func(c *issuer.Config) { c.RefreshTTL = time.Second }), true, ""},
		{"refresh TTL below a second", set(func(c *issuer.Config) { c.RefreshTTL = time.Millisecond }), false, "refresh TTL"},
		{"refresh TTL of 11 years", set(func(c *issuer.Config) { c.RefreshTTL = 11 * 365 * 24 * time.Hour }), false, "refresh TTL"},
		{"refresh TTL negative", set(func(c *issuer.Config) { c.RefreshTTL = -1 }), false, "refresh TTL"},
		{"no idle limit", set(func(c *issuer.Config) { c.RefreshIdle = issuer.NoIdle }), true, ""},
		{"idle time below a second", set(func(c *issuer.Config) { c.RefreshIdle = time.Millisecond }), false, "idle"},
		{"idle time negative", set(func(c *issuer.Config) { c.RefreshIdle = -2 }), false, "idle"},
		{"idle time of 11 years", set(func(c *issuer.Config) { c.RefreshIdle = 11 * 365 * 24 * time.Hour }), false, "idle"},
		{"no grace", set(func(c *issuer.Config) { c.RefreshGrace = issuer.NoGrace }), true, ""},
		{"grace of a millisecond", set(func(c *issuer.Config) { c.RefreshGrace = time.Millisecond }), true, ""},
		{"grace below a millisecond", set(func(c *issuer.Config) { c.RefreshGrace = time.Microsecond }), false, "grace"},
		{"grace of 5 minutes", set(func(c *issuer.Config) { c.RefreshGrace = 5 * time.Minute }), true, ""},
		{"grace of more", set(func(c *issuer.Config) { c.RefreshGrace = 5*time.Minute + 1 }), false, "grace"},
		{"grace negative", set(func(c *issuer.Config) { c.RefreshGrace = -2 }), false, "grace"},
		{"idle time as short as the grace", set(func(c *issuer.Config) { c.RefreshIdle = c.RefreshGrace }), false, "idle"},
		{"idle time longer than the grace", set(func(c *issuer.Config) { c.RefreshIdle = c.RefreshGrace + 1 }), true, ""},

		{"password memory too small", set(func(c *issuer.Config) { c.Password.MemoryKiB = 8191 }), false, "memory"},
		{"password memory too large", set(func(c *issuer.Config) { c.Password.MemoryKiB = 1<<20 + 1 }), false, "memory"},
		{"too many passes", set(func(c *issuer.Config) { c.Password.Passes = 65 }), false, "passes"},
		{"too many threads", set(func(c *issuer.Config) { c.Password.Threads = 17 }), false, "threads"},
		{"negative slots", set(func(c *issuer.Config) { c.HashSlots = -1 }), false, "slots"},
		{"negative queue", set(func(c *issuer.Config) { c.HashQueue = -1 }), false, "queue"},
		{"negative wait", set(func(c *issuer.Config) { c.HashWait = -1 }), false, "wait"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := base
			c.change(&cfg)
			iss, err := issuer.New(ctx(), cfg)
			if c.ok {
				if err != nil || iss.Issuer() != cfg.Issuer {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, issuer.ErrConfig) || iss != nil {
				t.Fatalf("%v, %v; want ErrConfig", iss, err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not name the %s", err, c.says)
			}
		})
	}
}

// What is not set is what the documentation says.
func TestConfigDefaults(t *testing.T) {
	c := newClock()
	w := newWorldOn(t, c, memory.New(c.Now), func(cfg *issuer.Config) {
		*cfg = issuer.Config{Store: cfg.Store, Issuer: testIssuer, Audiences: []string{"orders"}, MasterKey: master, Now: c.Now}
	})
	if w.Algorithm() != jeton.RS256 {
		t.Errorf("algorithm %s", w.Algorithm())
	}
	u := must(w.AddUser(ctx(), issuer.NewUser{Name: "alice", Password: testPassword}))
	if !strings.HasPrefix(string(u.PasswordHash), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error("the password is hashed with other costs")
	}
	pair := w.login()
	s := w.session(pair.SessionID)
	if s.ExpiresAt.Sub(s.CreatedAt) != 30*24*time.Hour || s.IdleTimeout != 7*24*time.Hour || s.ClientID != "jeton-login" {
		t.Errorf("session %+v", s)
	}
	if pair.ExpiresIn != 5*time.Minute {
		t.Errorf("access tokens live for %v", pair.ExpiresIn)
	}
	next := w.next(pair.RefreshToken)
	c.Move(10*time.Second - time.Microsecond)
	w.next(pair.RefreshToken)
	c.Move(time.Microsecond)
	w.refused(pair.RefreshToken, "after 10 s")
	w.dead(next)
}

func TestConfigIsCopied(t *testing.T) {
	audiences := []string{"orders"}
	w := newWorld(t, func(c *issuer.Config) { c.Audiences = audiences })
	audiences[0] = "billing"
	if w.SupportsAudience("billing") || !w.SupportsAudience("orders") {
		t.Error("a change of the caller's slice changed the issuer")
	}
}

func TestNoIdle(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.RefreshIdle = issuer.NoIdle })
	w.alice()
	pair := w.login()
	if got := w.session(pair.SessionID).IdleTimeout; got != 0 {
		t.Errorf("idle timeout %v", got)
	}
	w.clock.Move(30*24*time.Hour - time.Microsecond)
	w.next(pair.RefreshToken)
}

func TestNewAdmin(t *testing.T) {
	w := newWorld(t)
	a, err := issuer.NewAdmin(issuer.Config{Store: w.store, Now: w.clock.Now, Password: cheap, OnEvent: w.note})
	if err != nil {
		t.Fatal(err)
	}
	u, err := a.AddUser(context.Background(), issuer.NewUser{Name: "alice", Password: testPassword})
	if err != nil {
		t.Fatal(err)
	}
	pair := w.login()
	if n, err := a.RevokeSubject(ctx(), u.ID, issuer.ReasonRevoked); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	w.dead(pair)
	if len(w.of(issuer.EventRevoked)) != 1 {
		t.Error("no event")
	}
	for name, cfg := range map[string]issuer.Config{
		"no store":  {Now: w.clock.Now},
		"no clock":  {Store: w.store},
		"passwords": {Store: w.store, Now: w.clock.Now, Password: issuer.PasswordParams{MemoryKiB: 1}},
	} {
		if a, err := issuer.NewAdmin(cfg); !errors.Is(err, issuer.ErrConfig) || a != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPing(t *testing.T) {
	w := newWorld(t)
	if err := w.Ping(ctx()); err != nil {
		t.Error(err)
	}
	c, cancel := context.WithCancel(ctx())
	cancel()
	if err := w.Ping(c); err == nil {
		t.Error("a ping that was cancelled")
	}
}
