package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/httpapi"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}

// allowed are the methods of each path.
func allowed(patterns []string) map[string][]string {
	out := map[string][]string{}
	for _, pattern := range patterns {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{sid}", "AAAAAAAAAAAAAAAAAAAAAA", "{path...}", "x", "{id}", "x").Replace(path)
		out[path] = append(out[path], method)
		if method == "GET" {
			out[path] = append(out[path], "HEAD")
		}
	}
	return out
}

func TestEachRouteTakesItsMethodsAndNoOther(t *testing.T) {
	for _, c := range []struct {
		name   string
		setup  setup
		routes []string
	}{
		{"public", setup{}, httpapi.PublicRoutes()},
		{"admin", setup{admin: true}, httpapi.AdminRoutes()},
	} {
		s := newService(t, c.setup)
		for path, own := range allowed(c.routes) {
			for _, method := range methods {
				a := s.do(method, path, "", "Access-Control-Request-Method", "POST", "Origin", "https://evil.example")
				if slices.Contains(own, method) {
					if a.status == 405 {
						t.Errorf("%s %s: 405", method, path)
					}
					continue
				}
				got := strings.Split(a.header.Get("Allow"), ", ")
				slices.Sort(got)
				slices.Sort(own)
				if a.status != 405 || !slices.Equal(got, own) {
					t.Errorf("%s %s: %d, Allow %q, want 405, %q", method, path, a.status, got, own)
				}
				if method != "HEAD" {
					a.want(405, "invalid_request")
				}
			}
		}
	}
}

// No path is another one's second spelling, and none redirects.
func TestUnknownRoutesAreNotFound(t *testing.T) {
	s := newService(t)
	p := s.alice()
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v1/nothing", "/v1/login/", "//v1/login", "/v1//login", "/v1/./login", "/x/../v1/login",
		"/V1/login", "/v1%2flogin", "/v1/login%00", "/v1/sessions/", "/v1/sessions/a/b", "/verify/", "/verify/../verify",
		"/oauth/token/x", "//", "/..", "/%2e%2e/verify", "//evil.example/%2f..", "/healthz", "/readyz", "/metrics",
		"/.well-known", "/.well-known/", "/.well-known/jwks.json/", "/.well-known/security.txt",
		"/" + strings.Repeat("a", 4000), "/<script>", "/%0d%0aX:%20y",
	} {
		for _, method := range []string{"GET", "POST", "DELETE", "PUT"} {
			s.do(method, path, "", "Authorization", "Bearer "+p.Access, "Content-Type", "application/json").want(404, "not_found")
		}
	}
	s.alive(p)
}

// What a client puts into the wrong place must not end in a log. Every report is
// looked through by the fixture.
func TestATokenInAPathIsNotReported(t *testing.T) {
	s := newService(t)
	p := s.alice()
	for _, path := range []string{
		"/v1/sessions/" + p.Refresh,
		"/v1/sessions/" + p.Access,
		"/" + p.Access,
		"/oauth/revoke/" + p.Refresh + "/x",
		"/verify?scope=x&access_token=" + p.Access,
		"/v1/sessions?token=" + p.Refresh,
		"/v1/logout?" + p.Refresh,
	} {
		for _, method := range []string{"GET", "DELETE", "POST", "PUT"} {
			s.do(method, path, "token="+p.Refresh,
				"Authorization", "Bearer  "+p.Access, "Authorization", "Basic "+marker, "Proxy-Authorization", "Basic "+marker,
				"Cookie", "t="+marker, "Referer", "https://app.example/?t="+marker, "X-Access-Token", p.Access)
		}
	}
}

func TestTheAdminListenerTellsWhetherTheServiceWorks(t *testing.T) {
	s := newService(t, setup{admin: true})
	s.do("GET", "/healthz", "").want(200, "")
	s.do("GET", "/readyz", "").want(200, "")
	s.store.before(func(context.Context, string) error { return errStore })
	s.do("GET", "/healthz", "").want(200, "")
	s.do("GET", "/readyz", "").want(503, "temporarily_unavailable")
	s.store.recover()
	s.do("GET", "/readyz", "").want(200, "")
	s.do("GET", "/v1/sessions", "").want(404, "not_found")
}

// A program has more reasons not to be ready than its store.
func TestReadinessCanBeTheProgramsOwn(t *testing.T) {
	var err error
	s := newService(t, setup{admin: true, ready: func(context.Context) error { return err }})
	s.do("GET", "/readyz", "").want(200, "")
	err = errors.New("draining: the disk is full")
	s.do("GET", "/readyz", "").want(503, "temporarily_unavailable")
	s.do("HEAD", "/readyz", "")
}

// The client sends 20 KiB of the 10 MB that it announced and has its answer.
func TestALargeBodyIsRefusedBeforeItIsSent(t *testing.T) {
	s := newService(t)
	part := strings.Repeat(" ", 20<<10)
	for _, route := range []struct{ path, mediaType string }{
		{"/v1/login", "application/json"},
		{"/oauth/token", "application/x-www-form-urlencoded"},
		{"/oauth/revoke", "application/x-www-form-urlencoded"},
	} {
		for _, c := range []struct{ name, length, body string }{
			{"an announced length", "Content-Length: 10000000", part},
			{"no announced length", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", len(part), part)},
		} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			must(t, err)
			defer conn.Close()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n%s\r\n\r\n%s", route.path, route.mediaType, c.length, c.body)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			must(t, err)
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			a := answer{t, resp.StatusCode, resp.Header, string(body)}
			a.want(413, "invalid_request")
			if !resp.Close {
				t.Errorf("%s, %s: the connection stays open for the rest", route.path, c.name)
			}
		}
	}
}

// A client that announces more than it sends gets an answer that says so, if it
// still listens.
func TestHalfABodyIsRefused(t *testing.T) {
	s := newService(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}")
	must(t, conn.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	a := answer{t, resp.StatusCode, resp.Header, string(body)}.want(400, "invalid_request")
	if !strings.Contains(a.body, "could not be read") {
		t.Errorf("the client learns only %s", a.body)
	}
}
