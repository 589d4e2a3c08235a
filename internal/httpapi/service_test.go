package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// Every password of these tests has the marker in it, so that a check of every
// answer and every log line finds one that leaked.
const (
	marker       = "s3cr3t"
	alicesWord   = "correct horse " + marker + " staple"
	bobsWord     = "four other " + marker + " words"
	introspector = "jta_" + marker + "_for_introspection"
	publicURL    = "https://auth.example"
	aliceScopes  = "orders:read orders:write"
)

// service is a token service behind a real server, with the users alice and bob
// and a clock that stands still.
type service struct {
	*issuer.Issuer
	t       testing.TB
	URL     string
	handler http.Handler
	store   *store
	clock   *clock
	master  issuer.MasterKey
	client  *http.Client

	mu      sync.Mutex
	id      int
	reports map[string][]report // by X-Request-Number: what OnError was told
	events  []issuer.Event
}

// setup is what a test wants to have different.
type setup struct {
	config func(*issuer.Config)
	wrap   func(http.Handler) http.Handler // around the public handler
	admin  bool                            // serve the admin routes
	ready  func(context.Context) error     // of the admin routes
	// noIntrospection leaves the token of introspection out.
	noIntrospection bool
	server          func(*http.Server)
	options         func(*httpapi.Options)
}

func newService(t testing.TB, with ...setup) *service {
	t.Helper()
	var w setup
	if len(with) > 0 {
		w = with[0]
	}
	clock := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := &service{
		t:       t,
		clock:   clock,
		store:   &store{Store: memory.New(clock.Now)},
		reports: map[string][]report{},
	}
	config := issuer.Config{
		Store:     s.store,
		Issuer:    publicURL,
		Audiences: []string{"orders", "billing"},
		Password:  issuer.PasswordParams{MemoryKiB: 8192, Passes: 1},
		HashWait:  time.Minute, // a slow machine is not busy
		Now:       clock.Now,
		OnEvent: func(_ context.Context, e issuer.Event) {
			noSecret(t, "event", fmt.Sprintf("%+v", e))
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	made, err := makeState()
	must(t, err)
	config.MasterKey = made.master
	if w.config != nil {
		w.config(&config)
	}
	s.master = config.MasterKey
	if config.Algorithm == "" {
		must(t, s.store.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return made.keys, nil }))
	}
	for _, u := range made.users {
		_, err := s.store.CreateUser(t.Context(), u)
		must(t, err)
	}
	s.Issuer, err = issuer.New(t.Context(), config)
	must(t, err)
	options := httpapi.Options{OnError: s.report, IntrospectionToken: introspector, EventReceivers: map[string]string{}}
	for _, name := range config.EventReceivers {
		options.EventReceivers[name] = receiverToken(name)
	}
	if w.noIntrospection {
		options.IntrospectionToken = ""
	}
	if w.options != nil {
		w.options(&options)
	}
	if w.admin {
		s.handler = httpapi.Admin(s.Issuer, w.ready, options)
	} else {
		s.handler, err = httpapi.Public(s.Issuer, options)
		must(t, err)
	}
	h := s.handler
	if w.wrap != nil {
		h = w.wrap(h)
	}
	var serverLog lockedBuffer
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(&serverLog, "", 0)
	if w.server != nil {
		w.server(server.Config)
	}
	server.Start()
	s.URL = server.URL
	s.client = &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		s.Feed().Close()
		s.client.CloseIdleConnections()
		server.Close() // returns once every handler has
		if text := serverLog.String(); text != "" {
			t.Errorf("the server had something to complain about:\n%s", text)
		}
	})
	return s
}

// state is what every service begins with. It is made once: an RSA key and the
// hashes of passwords take long.
type state struct {
	master issuer.MasterKey
	keys   []issuer.StoredKey
	users  []issuer.User
}

var makeState = sync.OnceValues(func() (state, error) {
	clock := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	ctx, made, store := context.Background(), state{master: issuer.GenerateMasterKey()}, memory.New(clock.Now)
	iss, err := issuer.New(ctx, issuer.Config{
		Store: store, Issuer: publicURL, Audiences: []string{"orders"}, MasterKey: made.master,
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, Now: clock.Now,
	})
	if err != nil {
		return made, err
	}
	for _, u := range []issuer.NewUser{
		{Name: "alice", Password: alicesWord, Scopes: strings.Fields(aliceScopes), Roles: []string{"clerk", "auditor"}},
		{Name: "bob", Password: bobsWord},
	} {
		user, err := iss.AddUser(ctx, u)
		if err != nil {
			return made, err
		}
		made.users = append(made.users, user)
	}
	made.keys, _, err = store.Keys(ctx)
	return made, err
})

// answer is what a client got.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// code is the "error" of the body; "" if the answer is none.
func (a answer) code() string {
	if a.status < 400 {
		return ""
	}
	return a.member("error")
}

// member returns a member of the JSON body that is a string; "" if it is not
// there.
func (a answer) member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(a.body), &members) != nil {
		return ""
	}
	s, _ := members[name].(string)
	return s
}

// raw is all that the client got, but for the date and the request's name.
func (a answer) raw() string {
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" && name != "X-Request-Id" {
			fmt.Fprintf(&b, "%s: %q\n", name, a.header[name])
		}
	}
	return b.String() + "\n" + a.body
}

// is reports whether the answer has a status and, if one is wanted, a code.
func (a answer) is(status int, code string) bool { return a.status == status && a.code() == code }

// want ends the test if the answer is another one.
func (a answer) want(status int, code string) answer {
	a.t.Helper()
	if !a.is(status, code) {
		a.t.Fatalf("got %d %q, want %d %q\n%s", a.status, a.code(), status, code, a.raw())
	}
	return a
}

// do sends a request with header fields in pairs, and holds the answer against
// what every answer must be.
func (s *service) do(method, target, body string, header ...string) answer {
	s.t.Helper()
	return s.send(s.request(method, target, strings.NewReader(body), header...))
}

func (s *service) request(method, target string, body io.Reader, header ...string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+target, body)
	must(s.t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	s.mu.Lock()
	s.id++
	r.Header.Set("X-Request-Number", fmt.Sprint(s.id))
	s.mu.Unlock()
	return r
}

func (s *service) send(r *http.Request) answer {
	s.t.Helper()
	resp, err := s.client.Do(r)
	must(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(s.t, err)
	a := answer{s.t, resp.StatusCode, resp.Header, string(b)}
	checkAnswer(s.t, r, a)
	s.checkReports(r, a)
	return a
}

func (s *service) json(target, body string, header ...string) answer {
	s.t.Helper()
	return s.do("POST", target, body, append(header, "Content-Type", "application/json")...)
}

// form sends parameters in pairs.
func (s *service) form(target string, params ...string) answer {
	s.t.Helper()
	return s.do("POST", target, encode(params...), "Content-Type", "application/x-www-form-urlencoded")
}

// encode writes parameters in pairs as a form, in their order.
func encode(params ...string) string {
	var parts []string
	for i := 0; i < len(params); i += 2 {
		parts = append(parts, url.QueryEscape(params[i])+"="+url.QueryEscape(params[i+1]))
	}
	return strings.Join(parts, "&")
}

// with sends a request without a body and with an access token.
func (s *service) with(token, method, target string, header ...string) answer {
	s.t.Helper()
	return s.do(method, target, "", append(header, "Authorization", "Bearer "+token)...)
}

// pair is the answer to a login or a refresh.
type pair struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"`
	Refresh   string `json:"refresh_token"`
	Scope     string `json:"scope"`
}

func (a answer) pair() pair {
	a.t.Helper()
	a.want(http.StatusOK, "")
	var p pair
	must(a.t, json.Unmarshal([]byte(a.body), &p))
	return p
}

// alice logs alice in, with further members in pairs.
func (s *service) alice(members ...string) pair {
	s.t.Helper()
	return s.login("alice", alicesWord, members...).pair()
}

func (s *service) login(name, password string, members ...string) answer {
	s.t.Helper()
	body := map[string]string{"username": name, "password": password}
	for i := 0; i < len(members); i += 2 {
		body[members[i]] = members[i+1]
	}
	b, err := json.Marshal(body)
	must(s.t, err)
	return s.json("/v1/login", string(b))
}

// refresh presents a refresh token, with further parameters in pairs.
func (s *service) refresh(token string, params ...string) answer {
	s.t.Helper()
	return s.form("/oauth/token", append([]string{"grant_type", "refresh_token", "refresh_token", token}, params...)...)
}

// claims returns the claims of an access token, whatever it is worth.
func (s *service) claims(token string) map[string]any {
	s.t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(s.t, err)
	var claims map[string]any
	must(s.t, json.Unmarshal(payload, &claims))
	return claims
}

// sid is the session of an access token.
func (s *service) sid(token string) string {
	s.t.Helper()
	return s.claims(token)["sid"].(string)
}

// dead fails the test unless neither token of a pair is good for anything.
func (s *service) dead(p pair) {
	s.t.Helper()
	if a := s.with(p.Access, "GET", "/verify"); !a.is(401, "invalid_token") {
		s.t.Errorf("the access token is still good: %s", a.raw())
	}
	if a := s.refresh(p.Refresh); !a.is(400, "invalid_grant") {
		s.t.Errorf("the refresh token is still good: %s", a.raw())
	}
}

// alive fails the test unless both tokens of a pair are good.
func (s *service) alive(p pair) {
	s.t.Helper()
	s.with(p.Access, "GET", "/verify").want(200, "")
	s.refresh(p.Refresh).want(200, "")
}

// clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// store is a store that fails or waits where a test wants it to.
type store struct {
	issuer.Store
	hook   atomic.Pointer[func(ctx context.Context, method string) error]
	create func(*issuer.NewSession) // changes what a login opens
	// onNotices, if set, is called after each look for notices.
	onNotices func()
}

// before calls f before each method; an error of f is the method's.
func (s *store) before(f func(ctx context.Context, method string) error) { s.hook.Store(&f) }

// recover makes the store whole again.
func (s *store) recover() { s.hook.Store(nil) }

func (s *store) enter(ctx context.Context, method string) error {
	if f := s.hook.Load(); f != nil {
		return (*f)(ctx, method)
	}
	return nil
}

func (s *store) CreateSession(ctx context.Context, n issuer.NewSession) (issuer.Created, error) {
	if err := s.enter(ctx, "CreateSession"); err != nil {
		return issuer.Created{}, err
	}
	if s.create != nil {
		s.create(&n)
	}
	return s.Store.CreateSession(ctx, n)
}

func (s *store) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	if err := s.enter(ctx, "Session"); err != nil {
		return issuer.Session{}, time.Time{}, err
	}
	return s.Store.Session(ctx, id)
}

func (s *store) Revocations(ctx context.Context, after uint64, limit int) ([]issuer.Entry, issuer.LogHead, time.Time, error) {
	if err := s.enter(ctx, "Revocations"); err != nil {
		return nil, issuer.LogHead{}, time.Time{}, err
	}
	return s.Store.Revocations(ctx, after, limit)
}

func (s *store) Sessions(ctx context.Context, subject string, limit int) ([]issuer.Session, time.Time, error) {
	if err := s.enter(ctx, "Sessions"); err != nil {
		return nil, time.Time{}, err
	}
	return s.Store.Sessions(ctx, subject, limit)
}

func (s *store) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	if err := s.enter(ctx, "Rotate"); err != nil {
		return issuer.Session{}, err
	}
	return s.Store.Rotate(ctx, id, from, to)
}

func (s *store) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	if err := s.enter(ctx, "Revoke"); err != nil {
		return issuer.Revoked{}, err
	}
	return s.Store.Revoke(ctx, r)
}

func (s *store) User(ctx context.Context, name string) (issuer.User, error) {
	if err := s.enter(ctx, "User"); err != nil {
		return issuer.User{}, err
	}
	return s.Store.User(ctx, name)
}

func (s *store) Ping(ctx context.Context) error {
	if err := s.enter(ctx, "Ping"); err != nil {
		return err
	}
	return s.Store.Ping(ctx)
}

// lockedBuffer is a log that handlers write to at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *store) Notices(ctx context.Context, receiver string, limit int) ([]issuer.Notice, error) {
	if err := s.enter(ctx, "Notices"); err != nil {
		return nil, err
	}
	if s.onNotices != nil {
		defer s.onNotices()
	}
	return s.Store.Notices(ctx, receiver, limit)
}
