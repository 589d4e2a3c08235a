package loadgen_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
)

// refresh measures a server that is given as a handler, with one client.
func refresh(t *testing.T, h http.HandlerFunc, change ...func(*loadgen.Target)) (*loadgen.Result, int64) {
	t.Helper()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(h)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	one := &loadgen.Target{TokenEndpoint: server.URL + "/t", Timeout: time.Minute, Now: time.Now}
	for _, f := range change {
		f(one)
	}
	return measure(t, one, loadgen.Refresh, nil, "t"), connections.Load()
}

const tokens = `{"access_token":"a","refresh_token":"t","expires_in":60}`

func TestAClientKeepsItsConnection(t *testing.T) {
	r, connections := refresh(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, tokens) })
	good(t, r)
	if connections != 1 || r.Ops < 2 {
		t.Errorf("%d connections for %d requests", connections, r.Ops)
	}
	r, connections = refresh(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, tokens)
	})
	good(t, r)
	if connections != r.Ops {
		t.Errorf("%d connections for %d requests to a server that closes them", connections, r.Ops)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, tokens) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Minute, Now: time.Now}
	one.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
	good(t, measure(t, one, loadgen.Refresh, nil, "t"))
	one.TLS = &tls.Config{}
	if r := measure(t, one, loadgen.Refresh, nil, "t"); r.Ops != 0 || r.Errors == 0 {
		t.Errorf("a certificate of nobody is accepted: %+v", r)
	}
}

// What can go wrong has a name, and an example in which nothing is secret.
func TestEachWayToFailHasAName(t *testing.T) {
	const secret = "hunter2secret"
	hijack := func(w http.ResponseWriter, answer string) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			io.WriteString(c, answer)
			c.Close()
		}
	}
	for _, c := range []struct {
		kind    string
		handler http.HandlerFunc
	}{
		{"503 temporarily_unavailable", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(503)
			io.WriteString(w, `{"error":"temporarily_unavailable","error_description":"busy"}`)
		}},
		{"500", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); io.WriteString(w, "<html>") }},
		{"429 over_limit", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(429)
			io.WriteString(w, `{"code":429,"error_code":"over_limit","msg":"slow down"}`)
		}},
		{"404", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }},
		{"302", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }},
		{"200 without tokens", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") }},
		{"connection closed", func(w http.ResponseWriter, r *http.Request) { hijack(w, "") }},
		{"connection closed", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
		}},
		{"no answer", func(w http.ResponseWriter, r *http.Request) { hijack(w, "SSH-2.0 what?\r\n\r\n") }},
		{"no answer", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 2<<20)) }},
		{"503 [redacted]", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(503)
			body, _ := io.ReadAll(r.Body)
			text := secret + " " + string(body) + strings.Repeat("x", 30) + r.Header.Get("Authorization") + " \x1b[31m" + strings.Repeat("long ", 100)
			b, _ := json.Marshal(map[string]string{"error": secret, "error_description": text})
			w.Write(b)
		}},
	} {
		r, _ := refresh(t, c.handler, func(one *loadgen.Target) { one.ClientID, one.ClientSecret = "app", secret })
		k := r.ErrorKinds[c.kind]
		if r.Ops != 0 || k == nil || k.Count != r.Errors {
			t.Errorf("want %q, got %+v", c.kind, r)
			for kind := range r.ErrorKinds {
				t.Errorf("    %q", kind)
			}
			continue
		}
		for _, bad := range []string{secret, "\x1b", strings.Repeat("x", 30), "aHVudGVyMnNlY3JldA"} {
			if strings.Contains(k.Example, bad) {
				t.Errorf("%q is in %q", bad, k.Example)
			}
		}
		if len(k.Example) > 300 {
			t.Errorf("an example of %d bytes", len(k.Example))
		}
	}
}

func TestAnAnswerThatDoesNotComeIsATimeout(t *testing.T) {
	release := make(chan struct{})
	r, _ := refresh(t, func(w http.ResponseWriter, r *http.Request) { <-release }, func(one *loadgen.Target) {
		one.Timeout = 400 * time.Millisecond
		time.AfterFunc(3*time.Second, func() { close(release) })
	})
	if k := r.ErrorKinds["timeout"]; k == nil || k.Count != 1 || r.Errors != 1 || r.Max < 400 {
		t.Errorf("%+v", r)
	}
}

func TestAServerThatIsNotThereIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l.Close()
	one := &loadgen.Target{TokenEndpoint: "http://" + l.Addr().String(), Timeout: time.Minute, Now: time.Now}
	r := measure(t, one, loadgen.Refresh, nil, "t")
	if r.ErrorKinds["connection refused"] == nil || r.Ops != 0 {
		t.Errorf("%+v", r)
	}
}

// An interrupted run does not wait for a server that never answers.
func TestClosingTheFleetEndsWhatIsUnderWay(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
	}))
	defer server.Close()
	defer close(release)
	one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Hour, Now: time.Now}
	f, err := one.OpenWith([]string{"t"}, 64)
	must(t, err)
	c, err := f.Clients(loadgen.Refresh, nil)
	must(t, err)
	done := make(chan loadgen.Outcome)
	go func() { done <- c[0].Do(t.Context()) }()
	<-arrived
	f.Close()
	if o := <-done; o.Err == nil {
		t.Error("it was answered")
	}
	if o := c[0].Do(t.Context()); o.Err == nil {
		t.Error("a closed fleet goes on")
	}
}
