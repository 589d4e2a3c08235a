//go:build pkcs11 && cgo

package pkcs11_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/testenv"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/pkcs11"
)

// algorithms are those that keys in a token are for.
var algorithms = []jeton.Algorithm{
	jeton.RS256, jeton.RS384, jeton.RS512, jeton.PS256, jeton.PS384, jeton.PS512,
	jeton.ES256, jeton.ES384, jeton.ES512, jeton.Ed25519,
}

// clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func options(s *testenv.SoftHSM, c *clock) pkcs11.Options {
	return pkcs11.Options{Module: s.Module, Token: s.Label, PIN: func() (string, error) { return s.PIN, nil }, Now: c.Now}
}

func open(t *testing.T, o pkcs11.Options) *pkcs11.Token {
	t.Helper()
	token, err := pkcs11.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { token.Close() })
	return token
}

func generate(t *testing.T, token *pkcs11.Token, alg jeton.Algorithm) (string, crypto.PublicKey) {
	t.Helper()
	location, public, err := token.Generate(t.Context(), alg)
	if err != nil {
		t.Fatalf("%s: %v", alg, err)
	}
	return location, public
}

// sign signs with the key at a location, as an issuer does: what it returns was
// verified with the public half.
func sign(token *pkcs11.Token, alg jeton.Algorithm, location string, public crypto.PublicKey) error {
	key, err := jeton.NewSigningKey(alg, token.Signer(location, public))
	if err != nil {
		return err
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		return err
	}
	signed, err := signer.Sign(map[string]string{"sub": "somebody"})
	if err != nil {
		return err
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{Type: "JWT", AnyIssuer: true, AnyAudience: true, AllowMissingExpiration: true})
	if err != nil {
		return err
	}
	_, err = verifier.Verify(context.Background(), signed)
	return err
}

func TestEveryAlgorithmSignsInTheToken(t *testing.T) {
	s := testenv.NewSoftHSM(t)
	token := open(t, options(s, newClock()))
	for _, alg := range algorithms {
		location, public := generate(t, token, alg)
		if !strings.HasPrefix(location, "pkcs11:token=jeton%20test;object=jeton%20"+string(alg)) || strings.Contains(location, s.PIN) {
			t.Errorf("%s: the location is %s", alg, location)
		}
		if err := sign(token, alg, location, public); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		_, other := generate(t, token, alg)
		if err := sign(token, alg, location, other); !errors.Is(err, jeton.ErrInvalidKey) {
			t.Errorf("%s: rule: no token leaves that the public key does not verify: %v", alg, err)
		}
		if err := token.Destroy(t.Context(), location); err != nil {
			t.Errorf("%s: destroy: %v", alg, err)
		}
		if err := sign(token, alg, location, public); !errors.Is(err, issuer.ErrDevice) || !strings.Contains(fmt.Sprint(err), "no such key") {
			t.Errorf("%s: with a destroyed key: %v", alg, err)
		}
		if err := token.Destroy(t.Context(), location); err != nil {
			t.Errorf("%s: destroy again: %v", alg, err)
		}
	}
	for _, alg := range []jeton.Algorithm{jeton.HS256, "none"} {
		if _, _, err := token.Generate(t.Context(), alg); err == nil {
			t.Errorf("a key for %s", alg)
		}
	}
}

func TestManySignAtOnce(t *testing.T) {
	s := testenv.NewSoftHSM(t)
	o := options(s, newClock())
	o.Sessions = 3
	token := open(t, o)
	location, public := generate(t, token, jeton.ES256)
	var all sync.WaitGroup
	errs := make(chan error, 400)
	for range 20 {
		all.Go(func() {
			for range 20 {
				errs <- sign(token, jeton.ES256, location, public)
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A token that is taken out is an error while it is out, and works when it is
// back, for all that sign meanwhile.
func TestATokenThatIsTakenOutAndPutBack(t *testing.T) {
	s, c := testenv.NewSoftHSM(t), newClock()
	token := open(t, options(s, c))
	location, public := generate(t, token, jeton.ES256)
	for range 2 {
		s.TakeOut(t)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := sign(token, jeton.ES256, location, public); !errors.Is(err, issuer.ErrDevice) {
					t.Errorf("without the token: %v; want ErrDevice", err)
				}
			})
		}
		all.Wait()
		if err := token.Ping(t.Context()); !errors.Is(err, issuer.ErrDevice) || !strings.Contains(err.Error(), `"jeton test": it is not there`) {
			t.Errorf("ping: %v", err)
		}
		s.PutBack(t)
		if err := token.Ping(t.Context()); !errors.Is(err, issuer.ErrDevice) {
			t.Errorf("rule: a token that is not there is not looked for all the time: %v", err)
		}
		c.Move(time.Second)
		for range 10 {
			all.Go(func() {
				if err := sign(token, jeton.ES256, location, public); err != nil {
					t.Errorf("with the token back: %v", err)
				}
			})
		}
		all.Wait()
		if err := token.Ping(t.Context()); err != nil {
			t.Errorf("ping: %v", err)
		}
	}
}

func TestTokensThatDoNotOpen(t *testing.T) {
	s := testenv.NewSoftHSM(t)
	for name, c := range map[string]struct {
		change func(*pkcs11.Options)
		why    string
	}{
		"another label":  {func(o *pkcs11.Options) { o.Token = "another" }, `token "another": it is not there; there are "jeton test"`},
		"no module":      {func(o *pkcs11.Options) { o.Module = "/does/not/exist.so" }, "/does/not/exist.so can't be loaded"},
		"a wrong PIN":    {func(o *pkcs11.Options) { o.PIN = func() (string, error) { return "4321", nil } }, "the PIN is wrong"},
		"a PIN too long": {func(o *pkcs11.Options) { o.PIN = func() (string, error) { return strings.Repeat("4321", 100), nil } }, "the PIN is wrong"},
		"no PIN":         {func(o *pkcs11.Options) { o.PIN = func() (string, error) { return "", errors.New("no such file") } }, "no such file"},
		"no clock":       {func(o *pkcs11.Options) { o.Now = nil }, "are required"},
	} {
		o := options(s, newClock())
		c.change(&o)
		token, err := pkcs11.Open(t.Context(), o)
		if token != nil || err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "4321") {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
	// A wrong PIN does no harm to who has the right one.
	if err := open(t, options(s, newClock())).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// A PIN that became wrong is tried once: tokens lock themselves after a few. Another
// one is tried again.
func TestAWrongPINIsTriedOnce(t *testing.T) {
	s, c := testenv.NewSoftHSM(t), newClock()
	pin := s.PIN
	o := options(s, c)
	o.PIN = func() (string, error) { return pin, nil }
	token := open(t, o)
	s.TakeOut(t)
	if err := token.Ping(t.Context()); err == nil {
		t.Fatal("the token is out")
	}
	s.PutBack(t)
	pin = "4321"
	for i, why := range []string{"the PIN is wrong", "not tried again until it changes", "not tried again until it changes"} {
		c.Move(time.Second)
		if err := token.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("try %d: %v, want %q", i+1, err, why)
		}
	}
	pin = s.PIN
	c.Move(time.Second)
	if err := token.Ping(t.Context()); err != nil {
		t.Errorf("with the right PIN: %v", err)
	}
}

func TestAClosedTokenSaysSo(t *testing.T) {
	token := open(t, options(testenv.NewSoftHSM(t), newClock()))
	if err := errors.Join(token.Close(), token.Close()); err != nil {
		t.Error(err)
	}
	if err := token.Ping(t.Context()); !errors.Is(err, issuer.ErrDevice) {
		t.Errorf("ping: %v", err)
	}
}

func TestLocationsThatAreNotInTheToken(t *testing.T) {
	token := open(t, options(testenv.NewSoftHSM(t), newClock()))
	_, public := generate(t, token, jeton.ES256)
	for _, location := range []string{"", "somewhere", "pkcs11:token=another;object=o;id=%01;type=private", "pkcs11:token=jeton%20test;object=o;id=%01;type=private"} {
		if err := sign(token, jeton.ES256, location, public); err == nil {
			t.Errorf("%q signs", location)
		}
	}
}
