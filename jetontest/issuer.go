package jetontest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/revocation"
)

// Type is the "typ" of the issuer's tokens (RFC 9068 section 2.1).
const Type = "at+jwt"

// Lifetime is the life of the issuer's tokens.
const Lifetime = 5 * time.Minute

// Issuer signs tokens for tests. It is safe for concurrent use.
type Issuer struct {
	tb      testing.TB
	url     string
	revoked *revocation.Set

	mu     sync.Mutex
	now    time.Time
	key    *jeton.SigningKey
	keys   []*jeton.VerifyingKey // the published ones, the signing one last
	serial int
}

// Start is what the issuer's clock says at first: a fixed instant, so that a
// test does the same every time.
var Start = time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)

// NewIssuer makes an issuer with one ES256 key and serves its key set on
// loopback until the test ends.
func NewIssuer(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{tb: tb, now: Start}
	i.revoked = revocation.NewSet(i.Now)
	i.Rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", i.serveKeys)
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	i.url = server.URL
	return i
}

// URL is the issuer's "iss".
func (i *Issuer) URL() string { return i.url }

// JWKSURL is where the key set is served, over plain HTTP on loopback.
func (i *Issuer) JWKSURL() string { return i.url + "/.well-known/jwks.json" }

// Now returns the time of the issuer's clock.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Advance moves the clock; a negative duration moves it back.
func (i *Issuer) Advance(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

// Rotate makes a new key that signs from now on. Those of before stay published;
// see Retire.
func (i *Issuer) Rotate() {
	i.tb.Helper()
	key, err := jeton.GenerateKey(jeton.ES256)
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
	i.keys = append(i.keys, key.Public())
}

// Retire takes all keys but the signing one out of the set: tokens that they
// signed are refused from now on.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// RevokeSession revokes a session: the issuer's verifiers refuse its tokens from
// now on.
func (i *Issuer) RevokeSession(sid string) {
	i.revoked.RevokeSession(sid, i.Now().Add(24*time.Hour))
}

// Verifier returns a verifier of the issuer's access tokens for an audience. It
// follows the issuer's clock, its rotations and its revocations.
func (i *Issuer) Verifier(audience string) *jeton.Verifier {
	i.tb.Helper()
	v, err := jeton.NewVerifier(i, i.Policy(audience))
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return v
}

// Policy returns the policy of [Issuer.Verifier], for a test that changes it.
func (i *Issuer) Policy(audience string) jeton.Policy {
	return jeton.Policy{Issuer: i.url, Audience: audience, Type: Type, Now: i.Now, Revocations: i.revoked}
}

// FindKey makes the issuer a jeton.KeySet of its published keys.
func (i *Issuer) FindKey(_ context.Context, h jeton.Header) (*jeton.VerifyingKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys {
		if k.ID() == h.KeyID {
			return k, nil
		}
	}
	return nil, jeton.ErrUnknownKey
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	keys := append([]*jeton.VerifyingKey(nil), i.keys...)
	i.mu.Unlock()
	set, err := jwk.MarshalSet(keys)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(set)
}

// Claim changes the claims of a token.
type Claim func(*jeton.AccessClaims)

// Subject sets "sub".
func Subject(sub string) Claim { return func(c *jeton.AccessClaims) { c.Subject = sub } }

// Scope sets "scope", names with spaces between.
func Scope(scope string) Claim { return func(c *jeton.AccessClaims) { c.Scope = scope } }

// Roles sets "roles".
func Roles(roles ...string) Claim { return func(c *jeton.AccessClaims) { c.Roles = roles } }

// Session sets "sid".
func Session(sid string) Claim { return func(c *jeton.AccessClaims) { c.SessionID = sid } }

// Claims returns the claims of a good token for an audience, of the subject
// "alice", with changes.
func (i *Issuer) Claims(audience string, changes ...Claim) jeton.AccessClaims {
	i.mu.Lock()
	i.serial++
	c := jeton.AccessClaims{
		Claims: jeton.Claims{
			Issuer:    i.url,
			Subject:   "alice",
			Audience:  jeton.Audience{audience},
			ExpiresAt: jeton.At(i.now.Add(Lifetime)),
			IssuedAt:  jeton.At(i.now),
			ID:        fmt.Sprintf("token-%d", i.serial),
		},
		ClientID:  "jetontest",
		SessionID: fmt.Sprintf("session-%d", i.serial),
	}
	i.mu.Unlock()
	for _, change := range changes {
		change(&c)
	}
	return c
}

// Token returns a good access token for an audience, with changes of its claims,
// each in a session of its own.
func (i *Issuer) Token(audience string, changes ...Claim) string {
	i.tb.Helper()
	return i.Sign(i.Claims(audience, changes...))
}

// Sign signs claims of any form with the issuer's key.
func (i *Issuer) Sign(claims any) string {
	i.tb.Helper()
	token, err := i.signer(Type).Sign(claims)
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return token
}

func (i *Issuer) signer(typ string) *jeton.Signer {
	i.tb.Helper()
	i.mu.Lock()
	key := i.key
	i.mu.Unlock()
	s, err := jeton.NewSigner(key, jeton.Type(typ))
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return s
}
