package issuer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func TestAddUser(t *testing.T) {
	w := newWorld(t)
	many := func(n int, format string) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf(format, i))
		}
		return names
	}
	for i, c := range []struct {
		name  string
		user  issuer.NewUser
		ok    bool
		scope string // what a login gets
	}{
		{"scopes", issuer.NewUser{Scopes: []string{"a", "b:c"}}, true, "a b:c"},
		{"no scopes", issuer.NewUser{}, true, ""},
		{"a scope twice", issuer.NewUser{Scopes: []string{"a", "b", "a"}}, true, "a b"},
		{"a scope of two names", issuer.NewUser{Scopes: []string{"a b"}}, false, ""},
		{"an empty scope", issuer.NewUser{Scopes: []string{"a", ""}}, false, ""},
		{"a scope with a space before", issuer.NewUser{Scopes: []string{" a"}}, false, ""},
		{"a scope with a space after", issuer.NewUser{Scopes: []string{"a "}}, false, ""},
		{"a scope of a space", issuer.NewUser{Scopes: []string{" "}}, false, ""},
		{"a scope with a quote", issuer.NewUser{Scopes: []string{`a"`}}, false, ""},
		{"a scope beyond ASCII", issuer.NewUser{Scopes: []string{"ä"}}, false, ""},
		{"roles", issuer.NewUser{Roles: []string{"clerk", "Prüfer, zweiter <x>"}}, true, ""},
		{"an empty role", issuer.NewUser{Roles: []string{""}}, false, ""},
		{"a role with a newline", issuer.NewUser{Roles: []string{"a\nb"}}, false, ""},
		{"a role with a NUL", issuer.NewUser{Roles: []string{"a\x00"}}, false, ""},
		{"a role that turns the text around", issuer.NewUser{Roles: []string{"a\u202eb"}}, false, ""},
		{"a role that is no UTF-8", issuer.NewUser{Roles: []string{"a\xff"}}, false, ""},
		// All that a user may have must fit into a token.
		{"many", issuer.NewUser{Scopes: many(100, "scope:%03d"), Roles: many(100, "role-%03d")}, true, strings.Join(many(100, "scope:%03d"), " ")},
		{"as many roles as can be", issuer.NewUser{Roles: many(256, "%d")}, true, ""},
		{"a role more", issuer.NewUser{Roles: many(257, "%d")}, false, ""},
		{"scopes too long", issuer.NewUser{Scopes: []string{strings.Repeat("x", 8000)}}, false, ""},
		{"roles too long", issuer.NewUser{Roles: []string{strings.Repeat("<", 2000)}}, false, ""},
		{"as long as can be", issuer.NewUser{Scopes: []string{strings.Repeat("x", 4090)}}, true, strings.Repeat("x", 4090)},
		{"one longer", issuer.NewUser{Scopes: []string{strings.Repeat("x", 4091)}}, false, ""},
		{"a bad name", issuer.NewUser{Name: "a b"}, false, ""},
		{"a bad password", issuer.NewUser{Password: "\x00"}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.user.Name == "" {
				c.user.Name = fmt.Sprint("user", i)
			}
			if c.user.Password == "" {
				c.user.Password = testPassword
			}
			u, err := w.AddUser(ctx(), c.user)
			if !c.ok {
				if !errors.Is(err, issuer.ErrInvalidRequest) {
					t.Errorf("%v, want ErrInvalidRequest", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(u.ID) != 22 || u.Version != 1 || u.Disabled || !u.CreatedAt.Equal(w.clock.Now()) {
				t.Errorf("user %+v", u)
			}
			pair, err := w.Login(ctx(), issuer.LoginRequest{Username: c.user.Name, Password: testPassword})
			if err != nil {
				t.Fatalf("login: %v", err)
			}
			v, err := w.Verifier().Verify(ctx(), pair.AccessToken)
			if err != nil {
				t.Fatalf("verify: %v", err)
			}
			if pair.Scope != c.scope || v.StringClaim("scope") != c.scope {
				t.Errorf("scope %.100q, want %.100q", pair.Scope, c.scope)
			}
			var claims struct {
				Roles []string `json:"roles"`
			}
			if err := v.Decode(&claims); err != nil || !slices.Equal(claims.Roles, c.user.Roles) {
				t.Errorf("roles %.100q, want %.100q", claims.Roles, c.user.Roles)
			}
		})
	}
}

// Each user is somebody else, also one who gets the name of another.
func TestUserIDsAreFresh(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	if a.alice().ID == b.alice().ID {
		t.Error("two users of one name have one id")
	}
}

func TestUnknownUser(t *testing.T) {
	w := newWorld(t)
	for name, call := range map[string]func(string) error{
		"user":     func(n string) error { _, err := w.User(ctx(), n); return err },
		"password": func(n string) error { return w.SetPassword(ctx(), n, testPassword) },
		"disable":  func(n string) error { return w.SetDisabled(ctx(), n, true) },
	} {
		if err := call("nobody"); !errors.Is(err, issuer.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
		if err := call("no body"); !errors.Is(err, issuer.ErrInvalidRequest) {
			t.Errorf("%s: %v, want ErrInvalidRequest", name, err)
		}
	}
}

func TestSetPassword(t *testing.T) {
	w := newWorld(t)
	before := w.alice()
	for _, bad := range []string{"", "\x00", strings.Repeat("x", 1025)} {
		if err := w.SetPassword(ctx(), "alice", bad); !errors.Is(err, issuer.ErrInvalidRequest) {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
	pair := w.login() // the old one still
	if err := w.SetPassword(ctx(), "ALICE", "another password"); err != nil {
		t.Fatal(err)
	}
	w.dead(pair)
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, issuer.ErrInvalidCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: "another password"}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if after := must(w.User(ctx(), "alice")); after.Version != before.Version+1 || after.ID != before.ID {
		t.Errorf("user %+v", after)
	}
}

func TestSetDisabled(t *testing.T) {
	w := newWorld(t)
	w.alice()
	pair := w.login()
	if err := w.SetDisabled(ctx(), "Alice", true); err != nil {
		t.Fatal(err)
	}
	w.dead(pair)
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, issuer.ErrInvalidCredentials) {
		t.Errorf("disabled: %v", err)
	}
	if err := w.SetDisabled(ctx(), "alice", false); err != nil {
		t.Fatal(err)
	}
	w.dead(pair) // enabling revives nothing
	w.login()
	users, err := w.Users(ctx())
	if err != nil || len(users) != 1 || users[0].Disabled {
		t.Errorf("users %+v, %v", users, err)
	}
}

// New passwords, too, wait for their turn.
func TestNewPasswordsNeedASlot(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.HashSlots, c.HashQueue, c.HashWait = 1, 1, time.Millisecond })
	w.alice()
	if err := w.TakeHashSlot(ctx()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddUser(ctx(), issuer.NewUser{Name: "bob", Password: testPassword}); !errors.Is(err, issuer.ErrBusy) {
		t.Errorf("add a user: %v, want ErrBusy", err)
	}
	if err := w.SetPassword(ctx(), "alice", testPassword); !errors.Is(err, issuer.ErrBusy) {
		t.Errorf("set a password: %v, want ErrBusy", err)
	}
}
