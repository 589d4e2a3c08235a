package issuer

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// TokenPair is the answer to a login or a refresh (RFC 6749 section 5.1).
type TokenPair struct {
	AccessToken  string
	ExpiresIn    time.Duration // of the access token
	RefreshToken string
	Scope        string // of the access token; "" if none
	SessionID    SessionID
}

// pair makes the tokens of a session at its current generation. scope narrows
// the access token's.
func (i *Issuer) pair(s *Session, scope string) (*TokenPair, error) {
	r := i.ring.Load()
	refresh := refreshToken{key: r.refreshNow, session: s.ID, generation: s.Generation}
	refresh.mac = refresh.sum(r.refresh[r.refreshNow], s.Seed)

	// An access token is dated by the wall clock, as its verifiers are, and
	// never outlives its session.
	now := i.cfg.Now().UTC().Truncate(time.Second)
	expires := now.Add(i.cfg.AccessTTL)
	if s.ExpiresAt.Before(expires) {
		expires = s.ExpiresAt.Truncate(time.Second)
	}
	id := make([]byte, 16)
	rand.Read(id)
	payload, err := json.Marshal(jeton.AccessClaims{
		Claims: jeton.Claims{
			Issuer:    i.cfg.Issuer,
			Subject:   s.Subject,
			Audience:  s.Audience,
			ExpiresAt: jeton.At(expires),
			IssuedAt:  jeton.At(now),
			ID:        base64url.Encode(id),
		},
		ClientID:  s.ClientID,
		SessionID: s.ID.String(),
		Scope:     scope,
	})
	if err != nil {
		return nil, err
	}
	// A claim of the session that repeats one of these is refused by Sign, as a
	// duplicate.
	access, err := r.signer.Sign(json.RawMessage(merge(payload, s.Claims)))
	if err != nil {
		return nil, err
	}
	return &TokenPair{
		AccessToken:  access,
		ExpiresIn:    max(0, expires.Sub(now)),
		RefreshToken: refresh.text(),
		Scope:        scope,
		SessionID:    s.ID,
	}, nil
}

// merge puts the members of a JSON object behind those of another.
func merge(object, more []byte) []byte {
	inner := bytes.TrimSpace(more)
	if len(inner) < 2 {
		return object
	}
	if inner = bytes.TrimSpace(inner[1 : len(inner)-1]); len(inner) == 0 {
		return object
	}
	out := append(slices.Clone(object[:len(object)-1]), ',')
	return append(append(out, inner...), '}')
}

// ParseScope splits a scope value (RFC 6749 section 3.3) into its names, without
// repetitions. ErrInvalidRequest for a character that no scope has.
func ParseScope(scope string) ([]string, error) {
	var names []string
	for _, name := range strings.Split(scope, " ") {
		if name == "" {
			continue
		}
		for j := range len(name) {
			if c := name[j]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
				return nil, badRequest("a scope has printable ASCII characters but for quotes and backslashes")
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}
