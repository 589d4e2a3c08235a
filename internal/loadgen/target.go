package loadgen

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Target is a token service and how clients introduce themselves to it.
type Target struct {
	// URL is where a jeton service is. It may be empty if TokenEndpoint and
	// tokens are given.
	URL string
	// TokenEndpoint is where refresh tokens are good; default URL/oauth/token.
	TokenEndpoint string

	Username, Password     string // of the user that all clients log in as
	ClientID, ClientSecret string // "" if the server wants none (RFC 6749 section 2.3.1)
	// SecretInBody sends id and secret as members of the body, for clients that
	// are registered with client_secret_post, where the default is HTTP Basic.
	SecretInBody       bool
	Scope              string // asked for at login and refresh; "" for the default
	IntrospectionToken string // the Bearer token of introspection
	// JSON sends the members of a refresh as one JSON object where the standard
	// has a form. A server that wants the grant type in the query has it in
	// TokenEndpoint.
	JSON   bool
	Header map[string]string // sent with every request

	Timeout time.Duration // for an answer; required
	TLS     *tls.Config   // nil for the default
	// Logins is how many clients log in at once before the measurement; default
	// 4. The service hashes few passwords at once, and turns away a crowd.
	Logins int
	// LoginWait is how long a client tries to log in where the service is busy;
	// default a minute.
	LoginWait time.Duration

	Now func() time.Time // the clock; required

	login, token, revocation, introspection, gateway endpoint
}

// ErrTarget means that a target or an operation can't be used as it is given.
var ErrTarget = errors.New("bad target")

func targetError(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrTarget, fmt.Errorf(format, args...))
}

// prepare checks what was given and takes the URLs apart.
func (t *Target) prepare() error {
	if t.Now == nil || t.Timeout <= 0 {
		return targetError("a target needs a clock and a timeout")
	}
	if t.Logins <= 0 {
		t.Logins = 4
	}
	if t.LoginWait <= 0 {
		t.LoginWait = time.Minute
	}
	for name, value := range t.Header {
		if strings.ContainsAny(name+value, "\r\n") || name == "" {
			return targetError("a header with a line break, or without a name")
		}
	}
	if t.URL == "" && t.TokenEndpoint == "" {
		return targetError("no URL")
	}
	// Not repeated in the error: it may have a password in it.
	if t.URL != "" {
		if _, err := parseEndpoint(t.URL); err != nil {
			return targetError("the service's URL: %w", err)
		}
	}
	base := strings.TrimSuffix(t.URL, "/")
	for _, e := range []struct {
		to  *endpoint
		url string
	}{
		{&t.login, base + "/v1/login"},
		{&t.token, cmp.Or(t.TokenEndpoint, base+"/oauth/token")},
		{&t.revocation, base + "/oauth/revoke"},
		{&t.introspection, base + "/oauth/introspect"},
		{&t.gateway, base + "/verify"},
	} {
		if t.URL == "" && e.to != &t.token {
			continue
		}
		var err error
		if *e.to, err = parseEndpoint(e.url); err != nil {
			return targetError("the token endpoint: %w", err)
		}
	}
	return nil
}

// secrets are what no text may repeat. Tokens are found by their length.
func (t *Target) secrets() []string {
	var out []string
	for _, secret := range []string{t.Password, t.ClientSecret, t.IntrospectionToken} {
		if secret != "" {
			out = append(out, secret)
		}
	}
	return out
}

// clientAuth is the Authorization header of a client with a secret.
func (t *Target) clientAuth() string {
	if t.ClientSecret == "" || t.SecretInBody {
		return ""
	}
	pair := url.QueryEscape(t.ClientID) + ":" + url.QueryEscape(t.ClientSecret)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// Fleet is a target's clients, each with a connection and a session or more.
type Fleet struct {
	sessions []*session
	tokens   []string // of OpenWith
}

// OpenWith makes clients that have refresh tokens: one for each, or as many as
// clients says, which share them. A client with several takes them in turn, in
// no order, and has been through all before it comes back to one. Two clients
// with the same token would end each other's session, so that is an error.
func (t *Target) OpenWith(refreshTokens []string, clients int) (*Fleet, error) {
	f, err := t.OpenIdle(min(clients, len(refreshTokens)))
	if err != nil {
		return nil, err
	}
	if len(f.sessions) == 0 {
		return nil, targetError("there is no refresh token")
	}
	f.tokens = slices.Clone(refreshTokens)
	seen := make(map[string]bool, len(refreshTokens))
	for i, token := range refreshTokens {
		if seen[token] {
			return nil, targetError("refresh token %d is there twice", i+1)
		}
		seen[token] = true
	}
	order := rand.Perm(len(f.tokens))
	for i, s := range f.sessions {
		// The shares differ by one at most.
		from, to := i*len(order)/len(f.sessions), (i+1)*len(order)/len(f.sessions)
		s.share = &share{all: f.tokens, mine: order[from:to]}
		s.refresh = s.share.token()
	}
	return f, nil
}

// RefreshTokens returns what the tokens of OpenWith have become, in the same
// order. One that the server refused as such ("invalid_grant") is left out; one
// that it refused for another reason, as a client_id that it does not know, is
// still good. Not to be called while clients run.
func (f *Fleet) RefreshTokens() []string {
	for _, s := range f.sessions {
		s.putBack()
	}
	return slices.DeleteFunc(slices.Clone(f.tokens), func(token string) bool { return token == "" })
}

// OpenIdle makes clients that have no session, for operations that log in
// themselves.
func (t *Target) OpenIdle(clients int) (*Fleet, error) {
	if err := t.prepare(); err != nil {
		return nil, err
	}
	f := &Fleet{}
	for range clients {
		f.sessions = append(f.sessions, t.session())
	}
	return f, nil
}

// Open makes clients and logs each of them in: the first alone, so that a wrong
// password costs one attempt, and the rest a few at a time. A service that is
// busy is asked again when it says so. onLogin, if set, is told how many are
// logged in.
func (t *Target) Open(ctx context.Context, clients int, onLogin func(done int)) (*Fleet, error) {
	f, err := t.OpenIdle(clients)
	if err != nil {
		return nil, err
	}
	var done atomic.Int64
	login := func(ctx context.Context, s *session) error {
		if err := s.loginPatiently(ctx); err != nil {
			return err
		}
		if n := done.Add(1); onLogin != nil {
			onLogin(int(n))
		}
		return nil
	}
	if err := login(ctx, f.sessions[0]); err != nil {
		f.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, t.Logins)
	var wait sync.WaitGroup
	for _, s := range f.sessions[1:] {
		wait.Go(func() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			defer func() { <-slots }()
			if err := login(ctx, s); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Clients returns clients that do one of the operations.
func (f *Fleet) Clients(op string, mix Mix) ([]Client, error) {
	clients := make([]Client, len(f.sessions))
	for i, s := range f.sessions {
		c, err := s.client(op, mix, uint64(i))
		if err != nil {
			return nil, err
		}
		clients[i] = c
	}
	return clients, nil
}

// Close ends all connections, and what is under way on them.
func (f *Fleet) Close() {
	for _, s := range f.sessions {
		s.conn.close()
	}
}
