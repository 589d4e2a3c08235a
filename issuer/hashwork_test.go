package issuer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/jeton-go/jeton/issuer"
)

// Every hash is made elsewhere: of a new user, at a login with the right password
// and with a wrong one, of a name that nobody has, and a new one of a password
// whose costs changed.
func TestHashesAreMadeElsewhere(t *testing.T) {
	var passwords []string
	elsewhere := func(w issuer.HashWork) ([]byte, error) {
		passwords = append(passwords, string(w.Password))
		// As it would come to another process.
		text, err := json.Marshal(w)
		if err != nil {
			return nil, err
		}
		var there issuer.HashWork
		if err := json.Unmarshal(text, &there); err != nil {
			return nil, err
		}
		return there.Run()
	}
	w := newWorld(t, func(c *issuer.Config) { c.HashElsewhere = elsewhere; c.LoginLimits.Off = true })
	w.alice()
	w.login()
	for _, name := range []string{"alice", "nobody"} {
		if _, err := w.Login(ctx(), issuer.LoginRequest{Username: name, Password: "a wrong one"}); !errors.Is(err, issuer.ErrInvalidCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w = w.restart(func(c *issuer.Config) { c.Password.Passes = 2 })
	w.login()
	want := []string{testPassword, testPassword, "a wrong one", "a wrong one", testPassword, testPassword}
	if !slices.Equal(passwords, want) {
		t.Errorf("made elsewhere: %q, want %q", passwords, want)
	}
	// And they are hashes like any.
	w.restart(func(c *issuer.Config) { c.HashElsewhere = nil }).login()
	admin := must(issuer.NewAdmin(w.cfg))
	if err := admin.SetPassword(ctx(), "alice", "another good one"); err != nil || passwords[len(passwords)-1] != "another good one" {
		t.Errorf("of an admin: %q, %v", passwords[len(passwords)-1], err)
	}
}

// Who can't log in because a process is gone would be locked out by it, and who
// can by a key that is none would be let in.
func TestHashesThatAreNotMadeElsewhereAreMadeHere(t *testing.T) {
	for name, elsewhere := range map[string]func(issuer.HashWork) ([]byte, error){
		"an error":           func(issuer.HashWork) ([]byte, error) { return nil, errors.New("gone") },
		"an error and a key": func(w issuer.HashWork) ([]byte, error) { return make([]byte, w.KeyBytes), errors.New("gone") },
		"no key":             func(issuer.HashWork) ([]byte, error) { return nil, nil },
		"half of a key":      func(w issuer.HashWork) ([]byte, error) { return make([]byte, w.KeyBytes/2), nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *issuer.Config) { c.HashElsewhere = elsewhere })
			w.alice()
			w.login()
			if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: "a wrong one"}); !errors.Is(err, issuer.ErrInvalidCredentials) {
				t.Errorf("a wrong password: %v", err)
			}
			w.restart(func(c *issuer.Config) { c.HashElsewhere = nil }).login()
		})
	}
}

// With a key that is not the password's, nobody is let in.
func TestAWrongKeyFromElsewhereLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.alice()
	w = w.restart(func(c *issuer.Config) {
		c.HashElsewhere = func(w issuer.HashWork) ([]byte, error) { return make([]byte, w.KeyBytes), nil }
	})
	if _, err := w.Login(ctx(), issuer.LoginRequest{Username: "alice", Password: testPassword}); !errors.Is(err, issuer.ErrInvalidCredentials) {
		t.Errorf("login: %v", err)
	}
}

func TestHashWorkHasBounds(t *testing.T) {
	good := issuer.HashWork{Password: []byte("secret"), Salt: []byte("saltsalt"), Params: cheap, KeyBytes: 16}
	key, err := good.Run()
	if err != nil || len(key) != 16 {
		t.Errorf("%x, %v", key, err)
	}
	if again := must(good.Run()); !bytes.Equal(key, again) {
		t.Error("twice, and two keys")
	}
	for name, change := range map[string]func(*issuer.HashWork){
		"no costs":              func(w *issuer.HashWork) { w.Params = issuer.PasswordParams{} },
		"no passes":             func(w *issuer.HashWork) { w.Params.Passes = 0 },
		"no threads":            func(w *issuer.HashWork) { w.Params.Threads = 0 },
		"too much memory":       func(w *issuer.HashWork) { w.Params.MemoryKiB = 1<<20 + 1 },
		"a salt of seven bytes": func(w *issuer.HashWork) { w.Salt = w.Salt[:7] },
		"a key of 15 bytes":     func(w *issuer.HashWork) { w.KeyBytes = 15 },
		"a key of 129 bytes":    func(w *issuer.HashWork) { w.KeyBytes = 129 },
		"less than no key":      func(w *issuer.HashWork) { w.KeyBytes = -1 },
	} {
		w := good
		change(&w)
		if key, err := w.Run(); err == nil || key != nil {
			t.Errorf("%s: %x, %v", name, key, err)
		}
	}
}
