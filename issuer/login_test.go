package issuer_test

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func TestLogin(t *testing.T) {
	w := newWorld(t)
	alice := w.alice()
	pair := w.login()
	s := w.session(pair.SessionID)
	want := issuer.Session{
		ID: pair.SessionID, Subject: alice.ID, ClientID: "jeton-login", Seed: s.Seed,
		CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(30 * 24 * time.Hour), IdleTimeout: 7 * 24 * time.Hour,
		Audience: []string{"orders"}, Scope: "orders:read orders:write", Device: "phone",
	}
	if !reflect.DeepEqual(*s, want) {
		t.Errorf("session\n %+v, want\n %+v", *s, want)
	}
	if pair.Scope != want.Scope || pair.ExpiresIn != accessTTL {
		t.Errorf("scope %q, expires in %v", pair.Scope, pair.ExpiresIn)
	}
	events := w.of(issuer.EventLogin)
	if len(events) != 1 || events[0].Subject != alice.ID || events[0].ClientID != "jeton-login" || !slices.Equal(events[0].Sessions, []issuer.SessionID{s.ID}) {
		t.Errorf("events %+v", events)
	}
	w.next(pair.RefreshToken)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A login opens a session of its own (C12): id and seed are never met again.
func TestEachLoginIsASessionOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.alice()
	ids, seeds, tokens := map[issuer.SessionID]bool{}, map[issuer.Seed]bool{}, map[string]bool{}
	const logins = 10
	for range logins {
		pair := w.login()
		s := w.session(pair.SessionID)
		ids[s.ID], seeds[s.Seed], tokens[pair.RefreshToken] = true, true, true
	}
	if len(ids) != logins || len(seeds) != logins || len(tokens) != logins {
		t.Errorf("%d logins: %d ids, %d seeds, %d refresh tokens", logins, len(ids), len(seeds), len(tokens))
	}
}

// Unknown user, wrong password, disabled user (C20): one error, whatever the
// cause, and the same work. What the cause was, only the event says.
func TestRefusedLoginsAreAlike(t *testing.T) {
	w := newWorld(t)
	w.alice()
	add := func(name string) issuer.User {
		return must(w.AddUser(ctx(), issuer.NewUser{Name: name, Password: testPassword}))
	}
	bob := add("bob")
	if err := w.SetDisabled(ctx(), "bob", true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, user, password, subject, detail string }{
		{"unknown user", "carol", testPassword, "", "no such user"},
		{"wrong password", "alice", "wrong", must(w.User(ctx(), "alice")).ID, "wrong password"},
		{"disabled user", "bob", testPassword, bob.ID, "the user is disabled"},
		{"disabled user, wrong password", "bob", "wrong", bob.ID, "wrong password"},
		{"unknown user, another password", "carol", "x", "", "no such user"},
	} {
		before := len(w.of(issuer.EventLoginRefused))
		pair, err := w.Login(ctx(), issuer.LoginRequest{Username: c.user, Password: c.password})
		if !errors.Is(err, issuer.ErrInvalidCredentials) || pair != nil || err.Error() != issuer.ErrInvalidCredentials.Error() {
			t.Errorf("%s: %v, %v", c.name, pair, err)
		}
		events := w.of(issuer.EventLoginRefused)[before:]
		if len(events) != 1 || events[0].Subject != c.subject || events[0].Detail != c.detail {
			t.Errorf("%s: events %+v", c.name, events)
		}
	}
	if n := w.store.Count("CreateSession"); n != 0 {
		t.Errorf("%d sessions", n)
	}

	// Each of them needs a slot for a hash: without one, none is answered.
	busy := newWorldOn(t, w.clock, w.store.Store, func(c *issuer.Config) {
		c.HashSlots, c.HashQueue, c.HashWait = 1, 1, time.Millisecond
	})
	if err := busy.TakeHashSlot(ctx()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ user, password string }{{"carol", testPassword}, {"alice", "wrong"}, {"alice", testPassword}, {"bob", testPassword}} {
		if _, err := busy.Login(ctx(), issuer.LoginRequest{Username: c.user, Password: c.password}); !errors.Is(err, issuer.ErrBusy) {
			t.Errorf("%s without a slot: %v, want ErrBusy", c.user, err)
		}
	}
	// What can be refused without a hash is refused without one.
	for _, r := range []issuer.LoginRequest{
		{Username: "", Password: "x"}, {Username: "a b", Password: "x"}, {Username: "alice"}, {Username: "alice", Password: strings.Repeat("x", 1025)},
		{Username: "alice", Password: "x", Device: "\n"}, {Username: "alice", Password: "x", Scope: `"`},
	} {
		if _, err := busy.Login(ctx(), r); !errors.Is(err, issuer.ErrInvalidRequest) {
			t.Errorf("a malformed login without a slot: %v", err)
		}
	}
	if _, err := busy.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: "x", Audience: "elsewhere"}); !errors.Is(err, issuer.ErrInvalidTarget) {
		t.Errorf("another audience without a slot: %v", err)
	}
	hungUp, cancel := context.WithCancel(ctx())
	cancel()
	if _, err := busy.Login(hungUp, issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that hung up: %v", err)
	}
}

func TestLoginScope(t *testing.T) {
	w := newWorld(t)
	w.alice()
	must(w.AddUser(ctx(), issuer.NewUser{Name: "nobody", Password: testPassword}))
	for _, c := range []struct{ user, asked, want string }{
		{"alice", "", "orders:read orders:write"},
		{"alice", " ", "orders:read orders:write"},
		{"alice", "orders:write", "orders:write"},
		{"alice", "orders:write orders:read", "orders:write orders:read"},
		{"alice", "orders:write orders:write", "orders:write"},
		{"alice", "orders:write admin", "orders:write"},
		{"alice", "admin", ""},
		{"alice", "Orders:write", ""},
		{"nobody", "", ""},
		{"nobody", "orders:read", ""},
	} {
		pair, err := w.Login(ctx(), issuer.LoginRequest{Username: c.user, Password: testPassword, Scope: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		v, err := w.Verifier().Verify(ctx(), pair.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if pair.Scope != c.want || v.StringClaim("scope") != c.want || w.session(pair.SessionID).Scope != c.want {
			t.Errorf("%s asked for %q: answer %q, token %q; want %q", c.user, c.asked, pair.Scope, v.StringClaim("scope"), c.want)
		}
		if _, there := v.Claim("scope"); there != (c.want != "") {
			t.Errorf("%s asked for %q: the token has the claim: %v", c.user, c.asked, there)
		}
	}
}

func TestLoginAudience(t *testing.T) {
	w := newWorld(t)
	w.alice()
	for asked, want := range map[string]string{"": "orders", "orders": "orders", "billing": "billing"} {
		pair, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword, Audience: asked})
		if err != nil {
			t.Fatal(err)
		}
		v, err := w.Verifier().Verify(ctx(), pair.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Claims().Audience; !slices.Equal(got, []string{want}) {
			t.Errorf("asked for %q: %q", asked, got)
		}
	}
	for _, asked := range []string{"elsewhere", "Orders", "orders ", "orders billing"} {
		if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword, Audience: asked}); !errors.Is(err, issuer.ErrInvalidTarget) {
			t.Errorf("asked for %q: %v", asked, err)
		}
	}
}

func TestLoginDevice(t *testing.T) {
	w := newWorld(t)
	w.alice()
	for _, c := range []struct {
		label string
		ok    bool
	}{
		{"", true}, {"Léa's phone 📱", true}, {strings.Repeat("x", 128), true},
		{strings.Repeat("x", 129), false}, {"\xff", false}, {"a\nb", false}, {"\x00", false}, {"\x1b[31m", false}, {"\u202e", false}, {"\u200b", false},
	} {
		_, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword, Device: c.label})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, issuer.ErrInvalidRequest) {
			t.Errorf("device %q: %v", c.label, err)
		}
	}
}

// Alice and alice are one user, whichever way they are typed (RFC 8265).
func TestUserNamesAreFolded(t *testing.T) {
	w := newWorld(t)
	u := w.alice()
	for _, name := range []string{"Alice", "ALICE", "ａｌｉｃｅ"} {
		if _, err := w.AddUser(ctx(), issuer.NewUser{Name: name, Password: "x"}); !errors.Is(err, issuer.ErrExists) {
			t.Errorf("add %q: %v, want ErrExists", name, err)
		}
		pair, err := w.Login(ctx(), issuer.LoginRequest{Username: name, Password: testPassword})
		if err != nil {
			t.Fatalf("login as %q: %v", name, err)
		}
		if got := w.session(pair.SessionID).Subject; got != u.ID {
			t.Errorf("%q is %s, want %s", name, got, u.ID)
		}
		if got, err := w.User(ctx(), name); err != nil || got.ID != u.ID || got.Name != "alice" {
			t.Errorf("user %q: %+v, %v", name, got, err)
		}
	}
}

// A password is what it means, not how it is encoded (RFC 8265 section 4.2).
func TestPasswordsAreNormalized(t *testing.T) {
	w := newWorld(t)
	const composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
	must(w.AddUser(ctx(), issuer.NewUser{Name: "zoe", Password: composed}))
	for _, c := range []struct {
		password string
		ok       bool
	}{
		{composed, true}, {decomposed, true}, {"caf\u00e9\u00a0au\u3000lait", true},
		{"Caf\u00e9 au lait", false}, {"cafe au lait", false}, {"caf\u00e9 au lait ", false}, {"caf\u00e9  au lait", false},
	} {
		_, err := w.Login(ctx(), issuer.LoginRequest{Username: "zoe", Password: c.password})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, issuer.ErrInvalidCredentials) {
			t.Errorf("%q: %v", c.password, err)
		}
	}
}

var phcString = regexp.MustCompile(`^\$argon2id\$v=19\$m=8192,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)

// A stolen hash (C22): argon2id with a salt of its own, in the usual notation.
func TestStoredPasswordHash(t *testing.T) {
	w := newWorld(t)
	w.alice()
	must(w.AddUser(ctx(), issuer.NewUser{Name: "bob", Password: testPassword}))
	alice, bob := must(w.User(ctx(), "alice")), must(w.User(ctx(), "bob"))
	if !phcString.MatchString(string(alice.PasswordHash)) {
		t.Error("not the PHC string of the configured costs")
	}
	if alice.PasswordHash == bob.PasswordHash {
		t.Error("two users of one password have one hash: no salt")
	}
}

// The costs were raised: the next login hashes again, and nothing else changes.
func TestRehashOnLogin(t *testing.T) {
	w := newWorld(t)
	before := w.alice()
	old := w.login()
	w = w.restart(func(c *issuer.Config) { c.Password.Passes = 2 })
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: "wrong"}); err == nil {
		t.Fatal("a wrong password")
	}
	if must(w.User(ctx(), "alice")).PasswordHash != before.PasswordHash {
		t.Error("a wrong password changed the hash")
	}
	w.login()
	after := must(w.User(ctx(), "alice"))
	if !strings.HasPrefix(string(after.PasswordHash), "$argon2id$v=19$m=8192,t=2,p=1$") {
		t.Error("the hash has not the configured costs")
	}
	if after.Version != before.Version {
		t.Errorf("version %d, was %d: a rehash is no new password", after.Version, before.Version)
	}
	w.next(old.RefreshToken)
	w.login()
	if n := w.store.Count("Rehash"); n != 1 {
		t.Errorf("hashed again %d times, want 1", n)
	}
	if again := must(w.User(ctx(), "alice")); again.PasswordHash != after.PasswordHash {
		t.Error("hashed again though the costs are those configured")
	}
}

func TestLoginFailures(t *testing.T) {
	for _, method := range []string{"User", "CreateSession"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			w.alice()
			w.store.Before(method, func() error { return errDisk })
			pair, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword})
			if !errors.Is(err, errDisk) || !isFailure(err) || pair != nil {
				t.Errorf("%v, %v; want the store's error and no more", pair, err)
			}
			if len(w.of(issuer.EventLogin))+len(w.of(issuer.EventLoginRefused)) != 0 {
				t.Error("an event tells of a login that neither happened nor was refused")
			}
		})
	}
	t.Run("Rehash", func(t *testing.T) {
		w := newWorld(t)
		w.alice()
		w = w.restart(func(c *issuer.Config) { c.Password.Passes = 2 })
		w.store.Before("Rehash", func() error { return errDisk })
		w.login() // all the same
		if n := len(w.of(issuer.EventWarning)); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
	t.Run("a damaged hash", func(t *testing.T) {
		w := newWorld(t)
		w.alice()
		if _, err := w.store.SetPassword(ctx(), "alice", "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !isFailure(err) || strings.Contains(err.Error(), "c2FsdHNhbHQ") {
			t.Errorf("login: %v", err)
		}
	})
}
