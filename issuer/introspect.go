package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
)

// Introspection is what the issuer knows of a token (RFC 7662 section 2.2). The
// zero value is a token that is good for nothing, or is none of this issuer's:
// why, it does not say.
type Introspection struct {
	Active    bool
	Refresh   bool // a refresh token, else an access token
	SessionID SessionID
	Subject   string
	ClientID  string
	Scope     string
	Audience  []string
	IssuedAt  time.Time // of a refresh token: when its session was opened
	ExpiresAt time.Time // of a refresh token: when its session ends if nobody uses it
	ID        string    // "jti" of an access token
	// Roles is the claim of that name in an access token, JSON; nil if there
	// is none.
	Roles json.RawMessage
}

// Introspect tells what a token is worth now: an access token whose session is
// live, or a refresh token that [Issuer.Refresh] would answer with a pair. It
// changes nothing: a superseded refresh token is not active, and is no reuse,
// since whoever asks is not whom the token was given to. Errors: those of the
// store.
func (i *Issuer) Introspect(ctx context.Context, token string) (Introspection, error) {
	if strings.HasPrefix(token, RefreshTokenPrefix) {
		return i.introspectRefresh(ctx, token)
	}
	v, err := i.verifier.Verify(ctx, token)
	if err != nil {
		if jeton.ReasonCode(err) != "" && !errors.Is(err, jeton.ErrRevocationsUnavailable) {
			return Introspection{}, nil
		}
		return Introspection{}, err
	}
	id, err := ParseSessionID(v.StringClaim("sid"))
	if err != nil || v.Subject() == "" {
		return Introspection{}, nil
	}
	claims := v.Claims()
	roles, _ := v.Claim("roles")
	return Introspection{
		Active: true, SessionID: id, Subject: v.Subject(), ClientID: v.StringClaim("client_id"), Scope: v.StringClaim("scope"),
		Audience: claims.Audience, IssuedAt: claims.IssuedAt.Time(), ExpiresAt: claims.ExpiresAt.Time(), ID: claims.ID, Roles: roles,
	}, nil
}

func (i *Issuer) introspectRefresh(ctx context.Context, token string) (Introspection, error) {
	t, ok := parseRefreshToken(token)
	if !ok {
		return Introspection{}, nil
	}
	s, now, err := i.authenticate(ctx, t)
	if errors.Is(err, ErrInvalidGrant) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	switch judge(&s, t.generation, now, i.cfg.RefreshGrace) {
	case rotate, repeat, forward:
		return Introspection{
			Active: true, Refresh: true, SessionID: s.ID, Subject: s.Subject, ClientID: s.ClientID, Scope: s.Scope,
			Audience: s.Audience, IssuedAt: s.CreatedAt, ExpiresAt: s.EndsAt(),
		}, nil
	}
	return Introspection{}, nil
}
