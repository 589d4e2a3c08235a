package httpauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/jeton-go/jeton"
)

// Options are what New needs beside the verifier. The zero value is good.
type Options struct {
	// Realm names the protected resources in challenges (RFC 9110 section
	// 11.5), in printable ASCII. "" means "api".
	Realm string

	// OnRefuse, if set, is called by Check for every request that it refuses,
	// one without a token included: for logs and metrics. The error says why
	// (jeton.ReasonCode names the token's fault) and holds no part of the
	// token. The request is a copy without what may hold one: Authorization
	// and Cookie headers, Referer, query and body. It is called on the
	// request's goroutine, so it must be safe for concurrent use and quick.
	OnRefuse func(r *http.Request, err error)
}

// Auth lets requests with a good token through. It is immutable and safe for
// concurrent use.
type Auth struct {
	verifier Verifier
	realm    string // as a quoted-string
	onRefuse func(*http.Request, error)
	scopes   []string   // all are needed
	roles    [][]string // of each, one is needed
}

// Verifier is what New takes: a *jeton.Verifier, or a *jwe.Verifier for tokens
// that are encrypted as well. Verify returns a token or an error, never both; the
// error of a token that does not verify wraps a reason of package jeton.
type Verifier interface {
	Verify(ctx context.Context, token string) (*jeton.Verified, error)
}

// New makes an Auth that accepts every token that v does; see [Auth.Require] for
// more. The error wraps jeton.ErrInvalidPolicy: no verifier, or a realm that
// can't stand in a header.
func New(v Verifier, o Options) (*Auth, error) {
	if own, ok := v.(*jeton.Verifier); v == nil || ok && own == nil {
		return nil, fmt.Errorf("%w: httpauth: no verifier", jeton.ErrInvalidPolicy)
	}
	if o.Realm == "" {
		o.Realm = "api"
	}
	realm, ok := quoted(o.Realm)
	if !ok {
		return nil, fmt.Errorf("%w: httpauth: the realm is not printable ASCII", jeton.ErrInvalidPolicy)
	}
	return &Auth{verifier: v, realm: realm, onRefuse: o.OnRefuse}, nil
}

// Require returns an Auth that requires all of reqs in addition to what a
// requires; a itself stays as it is. It panics on a zero Requirement, which a
// program with a test of its routes can't have.
func (a *Auth) Require(reqs ...Requirement) *Auth {
	derived := *a
	derived.scopes = slices.Clone(a.scopes)
	derived.roles = slices.Clone(a.roles)
	for _, req := range reqs {
		if len(req.scopes) == 0 && len(req.roles) == 0 {
			panic("httpauth: a zero Requirement, which would require nothing")
		}
		for _, name := range req.scopes {
			if !slices.Contains(derived.scopes, name) {
				derived.scopes = append(derived.scopes, name)
			}
		}
		if len(req.roles) > 0 {
			derived.roles = append(derived.roles, req.roles)
		}
	}
	return &derived
}

// Check verifies the request's token and holds it against the requirements. It
// returns a token or an error, never both. The error wraps one of this package's
// sentinels; one of a token that doesn't verify wraps the reason of package
// jeton as well. [Auth.WriteError] answers it.
//
// Of the request it reads the header, the query and the context, which ends the
// wait for keys.
func (a *Auth) Check(r *http.Request) (*jeton.Verified, error) {
	verified, err := a.check(r)
	if err != nil {
		if a.onRefuse != nil {
			a.onRefuse(withoutToken(r), err)
		}
		return nil, err
	}
	return verified, nil
}

func (a *Auth) check(r *http.Request) (*jeton.Verified, error) {
	token, err := bearer(r)
	if err != nil {
		return nil, err
	}
	verified, err := a.verifier.Verify(r.Context(), token)
	if err != nil {
		if refusesToken(err) {
			return nil, fmt.Errorf("%w: %w", ErrInvalidToken, err)
		}
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := a.authorize(verified); err != nil {
		return nil, err
	}
	return verified, nil
}

// Handler calls next for a request that passes Check, with the token in its
// context, and answers any other itself.
func (a *Auth) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verified, err := a.Check(r)
		if err != nil {
			a.WriteError(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), verified)))
	})
}

// tokenFaults are the reasons for which a token itself is at fault. Any other
// error of a verifier says that it could not tell.
var tokenFaults = []error{
	jeton.ErrMalformed, jeton.ErrUnsupportedAlgorithm, jeton.ErrAlgorithmMismatch, jeton.ErrUnknownKey,
	jeton.ErrSignature, jeton.ErrInvalidClaim, jeton.ErrRevoked, jeton.ErrClaims, ErrInvalidToken,
}

// refusesToken tells whether a verifier's error is the token's fault. A key set
// that could not be had outweighs whatever else the error wraps.
func refusesToken(err error) bool {
	if errors.Is(err, jeton.ErrKeysUnavailable) {
		return false
	}
	return slices.ContainsFunc(tokenFaults, func(fault error) bool { return errors.Is(err, fault) })
}

// withoutToken copies a request without the parts that may hold a token.
func withoutToken(r *http.Request) *http.Request {
	c := r.WithContext(r.Context())
	c.Header = r.Header.Clone()
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Referer"} {
		c.Header.Del(name)
	}
	c.RequestURI = ""
	if r.URL != nil {
		u := *r.URL
		u.User, u.RawQuery, u.RawFragment, u.Fragment = nil, "", "", ""
		c.URL = &u
		c.RequestURI = u.EscapedPath()
	}
	c.Body, c.GetBody = http.NoBody, nil
	c.Form, c.PostForm, c.MultipartForm = nil, nil, nil
	return c
}

// quoted writes s as a quoted-string (RFC 9110 section 5.6.4); false if it holds
// anything but printable ASCII.
func quoted(s string) (string, bool) {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			return "", false
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String(), true
}
