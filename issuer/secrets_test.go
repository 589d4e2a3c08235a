package issuer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

// spellings are the ways in which a secret can appear in a text.
func spellings(secret []byte) []string {
	list := strings.Trim(fmt.Sprint(secret), "[]") // "49 50 51"
	return []string{
		string(secret), list, strings.ReplaceAll(list, " ", ","), strings.ReplaceAll(list, " ", ", "),
		hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), fmt.Sprintf("% x", secret), fmt.Sprintf("%#v", secret)[len("[]byte{"):40],
		base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
	}
}

// logged returns v in every form in which it might come into a log.
func logged(t *testing.T, v any) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t", "%e"} {
		out[verb] = fmt.Sprintf(verb, v)
	}
	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "xml": xml.Marshal} {
		b, err := marshal(v)
		if err != nil && name == "json" && !strings.Contains(err.Error(), "unsupported type") {
			t.Errorf("%s: %v", name, err)
		}
		out[name] = string(b)
	}
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "value", v)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("", "value", v)
	out["slog text"], out["slog json"] = text.String(), js.String()
	out["error"] = fmt.Errorf("failed: %v", v).Error()
	return out
}

func shows(t *testing.T, what string, v any, secrets ...[]byte) {
	t.Helper()
	for how, text := range logged(t, v) {
		for _, secret := range secrets {
			for _, s := range spellings(secret) {
				if strings.Contains(text, s) {
					t.Errorf("%s by %s shows the secret: %.200q", what, how, text)
				}
			}
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	seed, hash := issuer.NewSeed(), issuer.PasswordHash("$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g")
	key := issuer.GenerateMasterKey()
	rawKey, err := base64.StdEncoding.DecodeString(key.Text())
	if err != nil {
		t.Fatal(err)
	}
	rawHash := []byte("aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g")

	for name, v := range map[string]any{
		"seed": seed, "pointer to seed": &seed, "seeds": []issuer.Seed{seed}, "map": map[string]issuer.Seed{"a": seed},
		"session": issuer.Session{Seed: seed}, "pointer to session": &issuer.Session{Seed: seed}, "new session": issuer.NewSession{Seed: seed},
	} {
		shows(t, name, v, seed[:])
	}
	for name, v := range map[string]any{
		"hash": hash, "pointer to hash": &hash, "hashes": []issuer.PasswordHash{hash}, "map": map[string]issuer.PasswordHash{"a": hash},
		"user": issuer.User{PasswordHash: hash}, "pointer to user": &issuer.User{PasswordHash: hash},
	} {
		shows(t, name, v, rawHash)
	}
	if seed.String() != "[redacted]" || hash.String() != "[redacted]" {
		t.Error("String shows the secret")
	}
	type holder struct{ key issuer.MasterKey }
	w := newWorld(t)
	for name, v := range map[string]any{
		"master key": key, "pointer to master key": &key, "master keys": []issuer.MasterKey{key}, "holder": holder{key}, "pointer to holder": &holder{key},
		"config": issuer.Config{MasterKey: key},
	} {
		shows(t, name, v, rawKey)
	}
	ours, err := base64.StdEncoding.DecodeString(master.Text())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x"} {
		for _, s := range spellings(ours) {
			if strings.Contains(fmt.Sprintf(verb, w.Issuer), s) || strings.Contains(fmt.Sprintf(verb, *w.Admin), s) || strings.Contains(fmt.Sprintf(verb, struct{ i any }{w.cfg}), s) {
				t.Errorf("an issuer by %s shows the master key", verb)
			}
		}
	}
}

func TestRequestsAndAnswersDoNotPrint(t *testing.T) {
	const secret = "only-in-secrets"
	id := issuer.NewSessionID()
	for name, v := range map[string]any{
		"login":         issuer.LoginRequest{Username: "alice", Password: secret},
		"login by *":    &issuer.LoginRequest{Username: "alice", Password: secret},
		"refresh":       issuer.RefreshRequest{ClientID: "app", RefreshToken: secret},
		"refresh by *":  &issuer.RefreshRequest{ClientID: "app", RefreshToken: secret},
		"pair":          issuer.TokenPair{SessionID: id, AccessToken: secret, RefreshToken: secret},
		"pair by *":     &issuer.TokenPair{SessionID: id, AccessToken: secret, RefreshToken: secret},
		"new user":      issuer.NewUser{Name: "alice", Password: secret},
		"work":          issuer.HashWork{Password: []byte(secret), Params: cheap},
		"work by *":     &issuer.HashWork{Password: []byte(secret), Params: cheap},
		"new user by *": &issuer.NewUser{Name: "alice", Password: secret},
	} {
		for how, text := range logged(t, v) {
			if how != "json" && how != "xml" && strings.Contains(text, secret) {
				t.Errorf("%s by %s shows the secret: %s", name, how, text)
			}
			if strings.HasPrefix(name, "login") && how == "%v" && strings.Contains(text, "alice") {
				t.Error("a login shows what was typed as user name, which may be a password")
			}
		}
	}
	if got := fmt.Sprint(&issuer.TokenPair{SessionID: id}); !strings.Contains(got, id.String()) {
		t.Errorf("%q does not name the session", got)
	}
}

// A whole life of the service, with every event and every error written down:
// no secret that was used is in it.
func TestNothingTellsASecret(t *testing.T) {
	for _, alg := range []jeton.Algorithm{jeton.HS256, jeton.RS256} {
		t.Run(string(alg), func(t *testing.T) {
			w := newWorld(t, func(c *issuer.Config) { c.Algorithm = alg })
			var secrets []string
			var log strings.Builder
			note := func(v any, err error) {
				fmt.Fprintf(&log, "%v %+v %v\n", v, v, err)
			}
			keep := func(p *issuer.TokenPair) *issuer.TokenPair {
				secrets = append(secrets, p.AccessToken, strings.Split(p.AccessToken, ".")[2], p.RefreshToken)
				seed := w.session(p.SessionID).Seed
				secrets = append(secrets, spellings(seed[:])...)
				return p
			}
			login := func(name, password string) (*issuer.TokenPair, error) {
				secrets = append(secrets, password)
				return w.Login(ctx(), issuer.LoginRequest{Username: name, Password: password, Device: "phone"})
			}

			alice := w.alice()
			secrets = append(secrets, testPassword, string(alice.PasswordHash))
			note(alice, nil)
			note(login("alice", "a wrong password"))
			note(login("nobody at all", "a password with a bad name"))
			note(login("nobody", "a password of nobody"))
			note(login("alice", "a password with a NUL\x00"))
			first := keep(must(login("alice", testPassword)))
			second := keep(w.next(first.RefreshToken))
			note(w.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: second.RefreshToken, Scope: "admin"}))
			note(w.Refresh(ctx(), issuer.RefreshRequest{RefreshToken: second.RefreshToken, ClientID: "other"}))
			note(w.refresh(edited(t, second.RefreshToken, func(b []byte) { b[30]++ })))
			note(w.refresh(second.AccessToken))
			v, err := w.Verifier().Verify(ctx(), second.RefreshToken)
			note(v == nil, err)
			v, err = w.Verifier().Verify(ctx(), second.AccessToken[:len(second.AccessToken)-2])
			note(v == nil, err)
			w.clock.Move(grace)
			note(w.refresh(first.RefreshToken))
			v, err = w.Verifier().Verify(ctx(), second.AccessToken)
			note(v == nil, err)
			for _, method := range []string{"Session", "User"} {
				w.store.Before(method, func() error { return errDisk })
				note(w.refresh(first.RefreshToken))
				note(login("alice", testPassword))
				note(nil, w.RevokeToken(ctx(), second.AccessToken, ""))
				w.store.Before(method, nil)
			}
			third := keep(w.login())
			w = w.restart(func(c *issuer.Config) { c.Password.Passes = 2 })
			w.store.Before("Rehash", func() error { return errDisk })
			keep(w.login())
			w.store.Before("Rehash", nil)
			note(nil, w.RevokeToken(ctx(), third.RefreshToken, ""))
			note(nil, w.SetPassword(ctx(), "alice", "another password"))
			note(nil, w.SetPassword(ctx(), "alice", "a new password that is bad\x00"))
			note(nil, w.SetDisabled(ctx(), "alice", true))
			secrets = append(secrets, "another password", "a new password that is bad", string(must(w.User(ctx(), "alice")).PasswordHash))

			// Another algorithm, and a master key that does not fit.
			keys := must1(w.store.Keys(ctx()))
			w = w.restart(func(c *issuer.Config) {
				if c.Algorithm = jeton.RS256; alg == jeton.RS256 {
					c.Algorithm = jeton.HS256
				}
			})
			wrong := w.cfg
			wrong.MasterKey = issuer.GenerateMasterKey()
			_, err = issuer.New(context.Background(), wrong)
			note(nil, err)
			for _, k := range append(keys, must1(w.store.Keys(ctx()))...) {
				if k.Sealed == nil {
					continue
				}
				secrets = append(secrets, spellings(k.Sealed)...)
				for _, m := range []issuer.MasterKey{master, wrong.MasterKey} {
					plain, err := issuer.OpenStoredKey(m, k)
					if err != nil {
						note(nil, err)
						continue
					}
					secrets = append(secrets, spellings(plain)...)
					if p, err := jwk.ParsePrivate(plain); err == nil && p.Algorithm().Symmetric() {
						secrets = append(secrets, spellings(p.Secrets().([]byte))...)
					}
				}
			}
			secrets = append(secrets, master.Text(), wrong.MasterKey.Text())

			text := log.String() + w.text()
			if n := strings.Count(text, "\n"); n < 30 {
				t.Fatalf("only %d lines were written", n)
			}
			for _, secret := range secrets {
				if len(secret) < 8 {
					t.Fatalf("a secret of %d bytes proves nothing", len(secret))
				}
				if strings.Contains(text, secret) {
					t.Errorf("%.40q is told", secret)
				}
			}
		})
	}
}

// must1 drops what is in between.
func must1[T, U any](v T, _ U, err error) T { return must(v, err) }
