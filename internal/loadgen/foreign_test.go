package loadgen_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
)

// foreign is another OAuth 2 server: each refresh token is good once.
type foreign struct {
	mu    sync.Mutex
	live  map[string]bool
	n     int
	check func(r *http.Request) (token string)
}

func (f *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	token := f.check(r)
	if !f.live[token] {
		w.WriteHeader(400)
		io.WriteString(w, `{"error":"invalid_grant","error_description":"token is not live"}`)
		return
	}
	delete(f.live, token)
	f.n++
	next := strings.Repeat("n", f.n%7+1) + "&+%" + string(rune('a'+f.n%26)) + time.Duration(f.n).String()
	f.live[next] = true
	// In pieces, as servers do that don't know the length.
	b, _ := json.Marshal(map[string]any{"access_token": "x", "refresh_token": next, "expires_in": 60, "token_type": "bearer"})
	w.Write(b[:10])
	w.(http.Flusher).Flush()
	w.Write(b[10:])
}

func TestAnyOAuthServerCanBeDriven(t *testing.T) {
	basic := func(r *http.Request) string {
		id, secret, _ := r.BasicAuth()
		if id != "app%2B1" || secret != "s%3Acret" || r.FormValue("client_id") != "" || r.FormValue("grant_type") != "refresh_token" || r.FormValue("scope") != "a b" {
			return ""
		}
		return r.PostFormValue("refresh_token")
	}
	public := func(r *http.Request) string {
		if _, _, ok := r.BasicAuth(); ok || r.PostFormValue("client_id") != "app+1" || r.URL.Path != "/oauth2/token" {
			return ""
		}
		return r.PostFormValue("refresh_token")
	}
	inBody := func(r *http.Request) string {
		if _, _, ok := r.BasicAuth(); ok || r.PostFormValue("client_id") != "app+1" || r.PostFormValue("client_secret") != "s:cret" {
			return ""
		}
		return r.PostFormValue("refresh_token")
	}
	objectWith := func(id, secret, scope string) func(*http.Request) string {
		return func(r *http.Request) string {
			var body map[string]string
			if json.NewDecoder(r.Body).Decode(&body) != nil {
				return ""
			}
			want := map[string]string{"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
			for name, value := range map[string]string{"client_id": id, "client_secret": secret, "scope": scope} {
				if value != "" {
					want[name] = value
				}
			}
			if !maps.Equal(body, want) {
				return ""
			}
			return body["refresh_token"]
		}
	}
	asJSON := func(r *http.Request) string {
		var body struct {
			Token string `json:"refresh_token"`
		}
		if json.NewDecoder(r.Body).Decode(&body) != nil || r.URL.RawQuery != "grant_type=refresh_token" || r.Header.Get("Apikey") != "k" || r.Header.Get("Content-Type") != "application/json" {
			return ""
		}
		return body.Token
	}
	for _, c := range []struct {
		name   string
		check  func(*http.Request) string
		target loadgen.Target
		query  string
	}{
		{"a client with a secret", basic, loadgen.Target{ClientID: "app+1", ClientSecret: "s:cret", Scope: "a b"}, ""},
		{"a public client", public, loadgen.Target{ClientID: "app+1"}, ""},
		{"a client with its secret in the body", inBody, loadgen.Target{ClientID: "app+1", ClientSecret: "s:cret", SecretInBody: true}, ""},
		{"a public client's object", objectWith("app+1", "", "a b"), loadgen.Target{JSON: true, ClientID: "app+1", Scope: "a b"}, ""},
		{"an object with the secret", objectWith("app+1", "s:cret", ""), loadgen.Target{JSON: true, ClientID: "app+1", ClientSecret: "s:cret", SecretInBody: true}, ""},
		{"an object, the secret in the header", objectWith("", "", ""), loadgen.Target{JSON: true, ClientID: "app+1", ClientSecret: "s:cret"}, ""},
		{"JSON", asJSON, loadgen.Target{JSON: true, Header: map[string]string{"apikey": "k"}}, "?grant_type=refresh_token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &foreign{live: map[string]bool{"t1": true, "t2": true}, check: c.check}
			server := httptest.NewServer(f)
			defer server.Close()
			c.target.TokenEndpoint = server.URL + "/oauth2/token" + c.query
			c.target.Timeout, c.target.Now = time.Minute, time.Now
			r := measure(t, &c.target, loadgen.Refresh, nil, "t1", "t2")
			good(t, r)
			if r.Clients != 2 || r.Rotated != r.Ops {
				t.Errorf("%+v", r)
			}
		})
	}
}

// What a run leaves is good for the next one.
func TestTheTokensOfTheLastRotationCanBeHad(t *testing.T) {
	f := &foreign{live: map[string]bool{"t1": true, "t2": true}, check: func(r *http.Request) string { return r.PostFormValue("refresh_token") }}
	server := httptest.NewServer(f)
	defer server.Close()
	one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Minute, Now: time.Now}
	fleet, err := one.OpenWith([]string{"t1", "refused", "t2"}, 64)
	must(t, err)
	defer fleet.Close()
	clients, err := fleet.Clients(loadgen.Refresh, nil)
	must(t, err)
	for _, c := range clients {
		c.Do(t.Context())
	}
	left := fleet.RefreshTokens()
	if len(left) != 2 || !f.live[left[0]] || !f.live[left[1]] || left[0] == left[1] {
		t.Errorf("%q are left, live are %v", left, f.live)
	}
}

// A wrong client_id is no reason to lose what a consent was given for.
func TestTokensOutliveARefusalThatIsNotAboutThem(t *testing.T) {
	for answer, left := range map[string]int{`{"error":"invalid_client"}`: 2, `{"error":"invalid_grant"}`: 0, `{"code":400,"msg":"what?"}`: 2, "": 2} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, answer)
		}))
		one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Minute, Now: time.Now}
		fleet, err := one.OpenWith([]string{"t1", "t2"}, 64)
		must(t, err)
		clients, err := fleet.Clients(loadgen.Refresh, nil)
		must(t, err)
		for _, c := range clients {
			c.Do(t.Context())
			if err := c.Prepare(t.Context()); !errors.Is(err, loadgen.ErrLost) {
				t.Errorf("after %q it goes on: %v", answer, err)
			}
		}
		if got := fleet.RefreshTokens(); len(got) != left {
			t.Errorf("after %q %q are left, want %d", answer, got, left)
		}
		fleet.Close()
		server.Close()
	}
}

func TestAClientWhoseRefreshTokenIsRefusedStops(t *testing.T) {
	f := &foreign{live: map[string]bool{"good": true}, check: func(r *http.Request) string { return r.PostFormValue("refresh_token") }}
	server := httptest.NewServer(f)
	defer server.Close()
	one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Minute, Now: time.Now}
	r := measure(t, one, loadgen.Refresh, nil, "good", "bad")
	if r.Ops == 0 || r.Errors != 1 || r.Lost != 1 || r.ErrorKinds["400 invalid_grant"].Example != "400 invalid_grant: token is not live" {
		t.Errorf("%+v", r)
	}
}
