package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/revocation"
)

type fixture struct {
	t        *testing.T
	now      time.Time
	set      *revocation.Set
	signer   *jeton.Signer
	verifier *jeton.Verifier
	plain    *jeton.Verifier // without the set
	kid      string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Unix(1_800_000_000, 0)}
	clock := func() time.Time { return f.now }
	f.set = revocation.NewSet(clock)
	key, err := jeton.GenerateKey(jeton.HS256)
	if err != nil {
		t.Fatal(err)
	}
	if f.signer, err = jeton.NewSigner(key, jeton.Type("at+jwt")); err != nil {
		t.Fatal(err)
	}
	f.verifier, err = jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer: "i", Audience: "a", Type: "at+jwt", Now: clock, Revocations: f.set,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.kid = key.ID()
	f.plain, err = jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "i", Audience: "a", AnyType: true, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) token(sid string) string {
	f.t.Helper()
	token, err := f.signer.Sign(jeton.AccessClaims{
		Claims:    jeton.Claims{Issuer: "i", Audience: jeton.Audience{"a"}, ExpiresAt: jeton.At(f.now.Add(5 * time.Minute))},
		SessionID: sid,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

func (f *fixture) check(sid string) error {
	f.t.Helper()
	_, err := f.verifier.Verify(context.Background(), f.token(sid))
	return err
}

func TestARevokedSessionIsRefusedAndOthersAreNot(t *testing.T) {
	f := newFixture(t)
	f.set.RevokeSession("one", f.now.Add(6*time.Minute))
	if err := f.check("one"); !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("a token of a revoked session: %v, want ErrRevoked", err)
	}
	for _, sid := range []string{"two", "", "ONE", "one "} {
		if err := f.check(sid); err != nil {
			t.Errorf("sid %q: %v, want it accepted", sid, err)
		}
	}
}

func TestAnEntryStaysForItsTimeAndThenGoes(t *testing.T) {
	f := newFixture(t)
	f.set.RevokeSession("one", f.now.Add(6*time.Minute))
	f.set.RevokeSession("one", f.now.Add(2*time.Minute)) // the later one holds
	f.now = f.now.Add(3 * time.Minute)
	f.set.RevokeSession("other", f.now.Add(time.Hour)) // sweeps
	if err := f.check("one"); !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("before its time is over: %v, want ErrRevoked", err)
	}
	f.now = f.now.Add(4 * time.Minute)
	f.set.RevokeSession("more", f.now.Add(time.Hour))
	if n := f.set.Len(); n != 2 {
		t.Errorf("%d entries after the first one's time is over, want 2", n)
	}
	f.set.RevokeSession("late", f.now)
	if n := f.set.Len(); n != 2 {
		t.Errorf("an entry whose time is over already was added: %d entries", n)
	}
}

func TestTheSetMayBeUsedFromManyGoroutines(t *testing.T) {
	f := newFixture(t)
	token := f.token("s7")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 100 {
				f.set.RevokeSession(fmt.Sprintf("s%d-%d", i, n), f.now.Add(time.Minute))
				if _, err := f.verifier.Verify(context.Background(), token); err != nil {
					t.Errorf("a token of another session: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := f.set.Len(); n != 1600 {
		t.Errorf("%d entries, want 1600", n)
	}
}
