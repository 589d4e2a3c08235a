package loadgen

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// session is what one client holds.
type session struct {
	target  *Target
	conn    *conn
	access  string
	refresh string
	unspent string    // a refresh token that was not what a refusal was about
	renewAt time.Time // when the access token must be renewed; zero: never
	share   *share    // where refresh is from; nil: from a login
}

// share are the refresh tokens that a client takes in turn.
type share struct {
	all  []string // of all clients
	mine []int    // the places in it of those that are still good
	at   int      // where in mine the client is
}

func (h *share) token() string { return h.all[h.mine[h.at]] }

// putBack makes what the client's token has become part of its share.
func (s *session) putBack() {
	if h := s.share; h != nil && len(h.mine) > 0 {
		h.all[h.mine[h.at]] = cmp.Or(s.refresh, s.unspent)
	}
}

// takeNext puts the client's token back and takes the next of its share. One that
// was refused had its last turn; where all were, the client has none.
func (s *session) takeNext() {
	h := s.share
	if h == nil || len(h.mine) == 0 {
		return
	}
	s.putBack()
	if s.refresh == "" {
		h.mine = slices.Delete(h.mine, h.at, h.at+1)
	} else {
		h.at++
	}
	if len(h.mine) == 0 {
		return
	}
	h.at %= len(h.mine)
	s.refresh, s.unspent = h.token(), ""
}

func (t *Target) session() *session {
	return &session{target: t, conn: &conn{t: t}}
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// tokens reads the answer of RFC 6749 section 5.1.
func (s *session) tokens(a answer, err error) (refresh string, failure error) {
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", s.refusal(a)
	}
	var body struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		ExpiresIn    json.Number `json:"expires_in"`
	}
	if json.Unmarshal(a.body, &body) != nil || body.AccessToken == "" {
		return "", &Failure{Kind: "200 without tokens", Detail: "the answer has no access_token"}
	}
	s.access, s.renewAt = body.AccessToken, time.Time{}
	if seconds, err := body.ExpiresIn.Float64(); err == nil && seconds > 0 {
		s.renewAt = s.target.Now().Add(time.Duration(seconds * 0.8 * float64(time.Second)))
	}
	return body.RefreshToken, nil
}

// logIn opens a session.
func (s *session) logIn(ctx context.Context) error {
	t := s.target
	body, err := json.Marshal(struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Device   string `json:"device"`
		Scope    string `json:"scope,omitempty"`
	}{t.Username, t.Password, "jeton bench", t.Scope})
	if err != nil {
		return err
	}
	refresh, err := s.tokens(s.conn.do(ctx, t.login, request{method: "POST", contentType: jsonType, body: body}))
	if err != nil {
		return err
	}
	if refresh == "" {
		return &Failure{Kind: "200 without tokens", Detail: "the answer has no refresh_token"}
	}
	s.refresh = refresh
	return nil
}

// loginPatiently logs in, and does what a service that is busy asks for.
func (s *session) loginPatiently(ctx context.Context) error {
	until := s.target.Now().Add(s.target.LoginWait)
	for {
		err := s.logIn(ctx)
		var f *Failure
		busy := errors.As(err, &f) && (f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests)
		if !busy || !s.target.Now().Before(until) {
			return err
		}
		if !sleep(ctx, min(max(f.RetryAfter, 100*time.Millisecond), longestPause)) {
			return ctx.Err()
		}
	}
}

// refreshBody is the request of RFC 6749 section 6. A public client names itself
// in it, and so does one whose secret goes the same way.
func (s *session) refreshBody() (contentType string, body []byte, err error) {
	t := s.target
	members := []struct{ name, value string }{
		{"grant_type", "refresh_token"}, {"refresh_token", s.refresh}, {"scope", t.Scope},
	}
	if t.ClientSecret == "" || t.SecretInBody {
		members = append(members, []struct{ name, value string }{{"client_id", t.ClientID}, {"client_secret", t.ClientSecret}}...)
	}
	if t.JSON {
		object := make(map[string]string, len(members))
		for _, m := range members {
			if m.value != "" {
				object[m.name] = m.value
			}
		}
		body, err = json.Marshal(object)
		return jsonType, body, err
	}
	var b strings.Builder
	for _, m := range members {
		if m.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(m.name + "=" + url.QueryEscape(m.value))
	}
	return formType, []byte(b.String()), nil
}

// renew sends the refresh token. A server that refuses it has ended the session.
func (s *session) renew(ctx context.Context) (rotated bool, err error) {
	t := s.target
	r := request{method: "POST", authorization: t.clientAuth()}
	if r.contentType, r.body, err = s.refreshBody(); err != nil {
		return false, err
	}
	next, err := s.tokens(s.conn.do(ctx, t.token, r))
	if err != nil {
		var f *Failure
		if errors.As(err, &f) && (f.status == http.StatusBadRequest || f.status == http.StatusUnauthorized) {
			if f.code != "invalid_grant" {
				s.unspent = s.refresh
			}
			s.refresh = ""
		}
		return false, err
	}
	if next == "" || next == s.refresh {
		return false, nil
	}
	s.refresh = next
	return true, nil
}

func (s *session) verify(ctx context.Context) error {
	return s.expect(http.StatusOK, s.target.gateway, ctx, request{method: "GET", authorization: "Bearer " + s.access})
}

func (s *session) revoke(ctx context.Context) error {
	body := []byte("token=" + url.QueryEscape(s.refresh))
	s.refresh, s.access = "", "" // good for nothing now, or nobody knows
	return s.expect(http.StatusOK, s.target.revocation, ctx, request{method: "POST", contentType: formType, authorization: s.target.clientAuth(), body: body})
}

func (s *session) introspect(ctx context.Context) error {
	r := request{method: "POST", contentType: formType, body: []byte("token=" + url.QueryEscape(s.access))}
	if s.target.IntrospectionToken != "" {
		r.authorization = "Bearer " + s.target.IntrospectionToken
	} else {
		r.authorization = s.target.clientAuth()
	}
	a, err := s.conn.do(ctx, s.target.introspection, r)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return s.refusal(a)
	}
	var body struct {
		Active bool `json:"active"`
	}
	if json.Unmarshal(a.body, &body) != nil || !body.Active {
		return &Failure{Kind: "200 not active", Detail: "the service does not know its own access token"}
	}
	return nil
}

func (s *session) expect(status int, e endpoint, ctx context.Context, r request) error {
	a, err := s.conn.do(ctx, e, r)
	if err != nil {
		return err
	}
	if a.status != status {
		return s.refusal(a)
	}
	return nil
}
