package issuer

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// TokenPair is the answer to a login or a refresh (RFC 6749 section 5.1). It
// hides itself from fmt and slog.
type TokenPair struct {
	AccessToken  string
	ExpiresIn    time.Duration // of the access token
	RefreshToken string
	Scope        string // of the access token; "" if none
	SessionID    SessionID
	// DeviceToken, of a login, is for the next login on the same device. See
	// LoginRequest.DeviceToken.
	DeviceToken string
}

// Format writes the session and neither token, whatever the verb.
func (p TokenPair) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "issuer.TokenPair(session %s, tokens redacted)", p.SessionID)
}

// LogValue returns what Format writes.
func (p TokenPair) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// pair makes the tokens of a session at its current generation. scope narrows
// the access token's.
func (i *Issuer) pair(s *Session, scope string) (*TokenPair, error) {
	access, err := i.access(s, scope)
	if err != nil {
		return nil, err
	}
	return i.pairWith(access, s), nil
}

// pairWith puts the refresh token of a session beside an access token.
func (i *Issuer) pairWith(access TokenPair, s *Session) *TokenPair {
	r := i.ring.Load()
	refresh := refreshToken{key: r.refreshNow, session: s.ID, generation: s.Generation}
	refresh.mac = refresh.sum(r.refresh[r.refreshNow], s.Seed)
	access.RefreshToken = refresh.text()
	return &access
}

// access makes the access token of a session, in a pair that lacks the other one.
func (i *Issuer) access(s *Session, scope string) (TokenPair, error) {
	r := i.ring.Load()
	// An access token is dated by the wall clock, as its verifiers are, and
	// never outlives its session.
	now := i.cfg.Now().UTC().Truncate(time.Second)
	expires := now.Add(i.cfg.AccessTTL)
	if ends := s.EndsAt(); ends.Before(expires) {
		expires = ends
	}
	expires = expires.Truncate(time.Second)
	id := make([]byte, 16)
	rand.Read(id)
	claims := &jeton.AccessClaims{
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
	}
	var toSign any = claims // as it is, which is the fast way
	if status := i.statusOf(s, now); status != nil || len(s.Claims) > 0 || !inUTF8(claims) {
		payload, err := withMore(claims, status, s.Claims)
		if err != nil {
			return TokenPair{}, err
		}
		toSign = json.RawMessage(payload)
	}
	access, err := r.signer.Sign(toSign)
	if err != nil {
		return TokenPair{}, err
	}
	return TokenPair{
		AccessToken: access,
		ExpiresIn:   max(0, expires.Sub(now)),
		Scope:       scope,
		SessionID:   s.ID,
	}, nil
}

// withMore writes the claims of a token with its place in a status list, or nil,
// and what the session adds.
func withMore(claims *jeton.AccessClaims, status *statusRef, more []byte) ([]byte, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	if payload, err = addStatus(payload, status); err != nil {
		return nil, err
	}
	return addClaims(payload, more)
}

// inUTF8 tells whether all strings are in UTF-8. What is not, encoding/json
// replaces, and a signer refuses.
func inUTF8(c *jeton.AccessClaims) bool {
	ok := utf8.ValidString(c.Subject) && utf8.ValidString(c.ClientID) && utf8.ValidString(c.Scope)
	for _, name := range c.Audience {
		ok = ok && utf8.ValidString(name)
	}
	return ok
}

// ownClaims are those that only the issuer makes, and that a session's claims
// can't make either where the issuer leaves them out.
var ownClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "sid", "scope", "status"}

// addClaims puts the members of a session's claims, a JSON object or nothing,
// behind those of a claims set.
func addClaims(set, more []byte) ([]byte, error) {
	if len(more) == 0 {
		return set, nil
	}
	members, err := strictjson.AppendMembers(nil, more, strictjson.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: those of the session: %w", jeton.ErrClaims, err)
	}
	out := slices.Clone(set[:len(set)-1])
	for _, m := range members {
		if slices.Contains(ownClaims, string(m.Name)) {
			return nil, fmt.Errorf("%w: those of the session have %q", jeton.ErrClaims, m.Name)
		}
		name, err := json.Marshal(string(m.Name))
		if err != nil {
			return nil, err
		}
		out = append(append(append(append(out, ','), name...), ':'), m.Value...)
	}
	return append(out, '}'), nil
}

// ParseScope splits a scope value (RFC 6749 section 3.3) into its names, without
// repetitions. ErrInvalidRequest for a character that no scope has.
func ParseScope(scope string) ([]string, error) {
	if scope == "" {
		return nil, nil
	}
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
