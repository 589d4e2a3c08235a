package httpauth_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/jeton-go/jeton/httpauth"
)

// Of all forms of the header, one is accepted.
func TestHeaderForms(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	token := k.sign(t, good())
	for _, c := range []struct {
		name   string
		values []string
		want   error
	}{
		{"none", nil, httpauth.ErrNoToken},
		{"the form of RFC 6750", []string{"Bearer " + token}, nil},
		{"lower-case scheme", []string{"bearer " + token}, nil},
		{"upper-case scheme", []string{"BEARER " + token}, nil},

		{"another scheme", []string{"Basic YWxpY2U6c2VjcmV0"}, httpauth.ErrNoToken},
		{"another scheme with our token", []string{"Token " + token}, httpauth.ErrNoToken},
		{"another scheme with parameters", []string{`Digest username="alice", realm="api"`}, httpauth.ErrNoToken},
		{"another scheme alone", []string{"Negotiate"}, httpauth.ErrNoToken},
		{"no space", []string{"Bearer" + "abc"}, httpauth.ErrNoToken},
		{"a longer scheme", []string{"Bearers " + token}, httpauth.ErrNoToken},

		{"two", []string{"Bearer " + token, "Bearer " + token}, httpauth.ErrBadRequest},
		{"two, one of another scheme", []string{"Basic YWxpY2U6c2VjcmV0", "Bearer " + token}, httpauth.ErrBadRequest},
		{"two, one empty", []string{"", "Bearer " + token}, httpauth.ErrBadRequest},
		{"a list", []string{"Bearer " + token + ", Bearer " + token}, httpauth.ErrBadRequest},
		{"a list without space", []string{"Bearer " + token + ",Bearer " + token}, httpauth.ErrBadRequest},
		{"a list that starts with another scheme", []string{"Basic YWxpY2U6c2VjcmV0, bearer " + token}, httpauth.ErrBadRequest},
		{"empty", []string{""}, httpauth.ErrBadRequest},
		{"a space", []string{" "}, httpauth.ErrBadRequest},
		{"the scheme alone", []string{"Bearer"}, httpauth.ErrBadRequest},
		{"the scheme and a space", []string{"Bearer "}, httpauth.ErrBadRequest},
		{"two spaces", []string{"Bearer  " + token}, httpauth.ErrBadRequest},
		{"a tab", []string{"Bearer\t" + token}, httpauth.ErrBadRequest},
		{"a space and a tab", []string{"Bearer \t" + token}, httpauth.ErrBadRequest},
		{"a space before", []string{" Bearer " + token}, httpauth.ErrBadRequest},
		{"a space after", []string{"Bearer " + token + " "}, httpauth.ErrBadRequest},
		{"a line folded", []string{"Bearer\r\n " + token}, httpauth.ErrBadRequest},
		{"a line added", []string{"Bearer " + token + "\r\nX-Role: admin"}, httpauth.ErrBadRequest},
		{"a NUL", []string{"Bearer " + token + "\x00"}, httpauth.ErrBadRequest},
		{"quoted", []string{`Bearer "` + token + `"`}, httpauth.ErrBadRequest},
		{"a parameter", []string{"Bearer token=" + token}, httpauth.ErrBadRequest},
		{"a colon", []string{"Bearer: " + token}, httpauth.ErrBadRequest},
		{"the token alone", []string{token}, httpauth.ErrNoToken}, // it looks like a scheme
		{"equals signs alone", []string{"Bearer =="}, httpauth.ErrBadRequest},
		{"not ASCII", []string{"Bearer é" + token}, httpauth.ErrBadRequest},
		{"a no-break space", []string{"Bearer\u00a0" + token}, httpauth.ErrBadRequest},

		{"no JWT", []string{"Bearer abc"}, httpauth.ErrInvalidToken},
		{"a padded token", []string{"Bearer " + token + "="}, httpauth.ErrInvalidToken},
		{"all characters of RFC 6750", []string{"Bearer aZ09-._~+/=="}, httpauth.ErrInvalidToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			verified, err := auth.Check(request(c.values...))
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if (verified == nil) != (c.want != nil) {
				t.Errorf("verified %v beside the error %v", verified, err)
			}
		})
	}
}

// A token in the query string is refused, even beside a good header.
func TestQueryIsRefused(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	token := k.sign(t, good())
	for query, want := range map[string]error{
		"":                          nil,
		"page=2&access_token_x=1":   nil,
		"q=access_token":            nil,
		"q=%zz&%zz=1":               nil,
		"access_token=" + token:     httpauth.ErrBadRequest,
		"access_token=":             httpauth.ErrBadRequest,
		"access_token":              httpauth.ErrBadRequest,
		"page=2&access_token=x":     httpauth.ErrBadRequest,
		"page=2;access_token=x":     httpauth.ErrBadRequest,
		"access%5Ftoken=x":          httpauth.ErrBadRequest,
		"%61ccess_token=x&page=2":   httpauth.ErrBadRequest,
		"&&access_token=x":          httpauth.ErrBadRequest,
		"q=1&access_token=x;page=2": httpauth.ErrBadRequest,
	} {
		for _, headers := range [][]string{{"Bearer " + token}, nil} {
			r := request(headers...)
			r.URL.RawQuery = query
			_, err := auth.Check(r)
			wanted := want
			if wanted == nil && headers == nil {
				wanted = httpauth.ErrNoToken
			}
			if !errors.Is(err, wanted) {
				t.Errorf("query %q with %d headers: %v, want %v", query, len(headers), err, wanted)
			}
		}
	}
}

// A form is the handler's to read: its token is not seen, and the body is whole
// when the handler gets it.
func TestFormIsNotRead(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	token := k.sign(t, good())
	form := url.Values{"access_token": {token}}.Encode()
	post := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	if _, err := auth.Check(post()); !errors.Is(err, httpauth.ErrNoToken) {
		t.Errorf("a token in a form: %v", err)
	}
	r := post()
	r.Header.Set("Authorization", "Bearer "+token)
	if _, err := auth.Check(r); err != nil {
		t.Fatal(err)
	}
	if r.PostFormValue("access_token") != token {
		t.Error("the body was read before the handler could")
	}
}

// A request that was made by hand lacks what a server always sets.
func TestBareRequest(t *testing.T) {
	auth := newAuth(t, newKeys(t).public, policy(), httpauth.Options{OnRefuse: func(*http.Request, error) {}})
	if _, err := auth.Check(&http.Request{}); !errors.Is(err, httpauth.ErrNoToken) {
		t.Errorf("an empty request: %v", err)
	}
}

// What goes over the wire is refused like what tests make by hand; net/http
// trims the space around a header's value and refuses some forms itself.
func TestHeaderFormsOverTheWire(t *testing.T) {
	k := newKeys(t)
	var runs atomic.Int32
	server := httptest.NewServer(newAuth(t, k.public, policy(), httpauth.Options{}).Handler(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runs.Add(1) })))
	defer server.Close()
	token := k.sign(t, good())
	for _, c := range []struct {
		name   string
		header string
		want   int
		runs   int32
	}{
		{"good", "Authorization: Bearer " + token + "\r\n", 200, 1},
		{"lower-case name", "authorization: Bearer " + token + "\r\n", 200, 1},
		{"none", "", 401, 0},
		{"two lines", "Authorization: Bearer " + token + "\r\nauthorization: Bearer " + token + "\r\n", 400, 0},
		{"two lines, one empty", "Authorization:\r\nAuthorization: Bearer " + token + "\r\n", 400, 0},
		// net/http replaces a fold by one space, as RFC 9112 section 5.2 has it.
		{"folded", "Authorization: Bearer\r\n " + token + "\r\n", 200, 1},
		{"folded within the token", "Authorization: Bearer " + token[:9] + "\r\n " + token[9:] + "\r\n", 400, 0},
		{"tab", "Authorization: Bearer\t" + token + "\r\n", 400, 0},
		{"two spaces", "Authorization: Bearer  " + token + "\r\n", 400, 0},
		{"list", "Authorization: Bearer " + token + ", Bearer " + token + "\r\n", 400, 0},
		{"space before the colon", "Authorization : Bearer " + token + "\r\n", 400, 0},
		{"basic", "Authorization: Basic YWxpY2U6c2VjcmV0\r\n", 401, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs.Store(0)
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte("GET /orders HTTP/1.1\r\nHost: api\r\nConnection: close\r\n" + c.header + "\r\n")); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.want || runs.Load() != c.runs {
				t.Errorf("status %d and %d runs of the handler, want %d and %d", resp.StatusCode, runs.Load(), c.want, c.runs)
			}
		})
	}
}

// Whatever headers are put together, the handler runs for the one form and has
// the verified token then.
func TestNoHandlerWithoutAToken(t *testing.T) {
	k := newKeys(t)
	token := k.sign(t, good())
	expired := k.sign(t, good().with("iat", 1).with("exp", 2))
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	piece := rapid.SampledFrom([]string{"Bearer", "bearer", "Basic", " ", "\t", ",", "=", ".", "x", token, expired, token[:len(token)-1]})
	rapid.Check(t, func(t *rapid.T) {
		headers := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "")
		}), 0, 2).Draw(t, "headers")
		query := rapid.SampledFrom([]string{"", "page=1", "access_token=" + token}).Draw(t, "query")
		ran := false
		h := auth.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ran = true
			if v, ok := httpauth.FromContext(r.Context()); !ok || v.Subject() != "alice" {
				t.Errorf("the handler ran without a verified token")
			}
		}))
		r := request(headers...)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		want := len(headers) == 1 && (headers[0] == "Bearer "+token || headers[0] == "bearer "+token) && !strings.Contains(query, "access_token")
		if ran != want || (w.Code == http.StatusOK) != want {
			t.Errorf("headers %q, query %q: handler ran: %v, status %d", headers, query, ran, w.Code)
		}
	})
}

// The header is a stranger's: nothing in it panics, and one form is accepted.
func FuzzAuthorization(f *testing.F) {
	k := newKeys(f)
	token := k.sign(f, good())
	auth := newAuth(f, k.public, policy(), httpauth.Options{})
	for _, seed := range []string{"", "Bearer ", "Bearer TOKEN", "bEARER TOKEN", "Bearer  TOKEN", "Basic a, Bearer TOKEN",
		"Bearer TOKEN=", "Bearer TOKEN,", "\xff\xfe", "Bearer a.b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		// The fuzzer can't guess a token, so a word stands for it.
		header = strings.ReplaceAll(header, "TOKEN", token)
		verified, err := auth.Check(request(header))
		scheme, rest, _ := strings.Cut(header, " ")
		want := strings.ToLower(scheme) == "bearer" && rest == token
		if (err == nil) != want || (verified != nil) != want {
			t.Fatalf("header %q: %v, %v", header, verified, err)
		}
		if status := httpauth.Status(err); !want && status != 400 && status != 401 {
			t.Fatalf("header %q: status %d", header, status)
		}
	})
}
