package revocation_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/revocation"
)

// The whole way: an API that knows the standard and nothing of jeton's feed.
func TestARevocationReachesAnAPIByAStatusList(t *testing.T) {
	var mu sync.Mutex
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
	s := newServiceWith(t, memory.New(now), now, nil, func(c *issuer.Config) { c.StatusListTTL = 15 * time.Second })
	list, err := revocation.NewStatusList(s.url+issuer.StatusListPath, s.keys, s.url, revocation.Clock(now))
	must(t, err)
	api, err := jeton.NewVerifier(s.keys, jeton.Policy{Issuer: s.url, Audience: "orders", Type: "at+jwt", Revocations: list, Now: now})
	must(t, err)
	one, two := s.login(), s.login()
	for _, p := range []*issuer.TokenPair{one, two} {
		if _, err := api.Verify(t.Context(), p.AccessToken); err != nil {
			t.Fatal(err)
		}
	}
	must(t, s.RevokeSession(t.Context(), one.SessionID, issuer.ReasonRevoked))
	mu.Lock()
	at = at.Add(15 * time.Second)
	mu.Unlock()
	if _, err := api.Verify(t.Context(), one.AccessToken); !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	if _, err := api.Verify(t.Context(), two.AccessToken); err != nil {
		t.Errorf("another session: %v", err)
	}
}
