package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

const feedRoute = "/v1/revocations"

// batch is what a test looks at in a batch.
type batch struct {
	log      string
	from, to float64
	snapshot bool
	values   []string
}

func (s *service) batch(token string) batch {
	s.t.Helper()
	c := s.claims(token)
	b := batch{log: c["log"].(string), from: c["from"].(float64), to: c["to"].(float64)}
	b.snapshot, _ = c["snapshot"].(bool)
	for _, e := range c["entries"].([]any) {
		e := e.(map[string]any)
		b.values = append(b.values, fmt.Sprint(e["kind"], " ", e["value"]))
	}
	return b
}

func (b batch) place() string { return fmt.Sprintf("%s.%.0f", b.log, b.to) }

// poll asks for one batch.
func (s *service) poll(query string) (answer, batch) {
	s.t.Helper()
	a := s.do("GET", feedRoute+query, "").want(200, "")
	if a.header.Get("Content-Type") != "application/jwt" || a.header.Get("Vary") != "Accept" {
		s.t.Errorf("got %s", a.raw())
	}
	return a, s.batch(a.body)
}

func TestTheFeedAsLongPoll(t *testing.T) {
	s := newService(t)
	first, begin := s.poll("")
	if !begin.snapshot || begin.to != 0 || first.header.Get("Cache-Control") != "public, max-age=5" {
		t.Errorf("the beginning: %+v\n%s", begin, first.raw())
	}
	p := s.alice()
	s.with(p.Access, "POST", "/v1/logout").want(204, "")
	a, one := s.poll("?wait=30s&after=" + begin.place())
	if want := "session " + s.sid(p.Access); len(one.values) != 1 || one.values[0] != want || one.from != 0 || one.to != 1 {
		t.Errorf("got %+v, want %s", one, want)
	}
	if got := a.header.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("a batch with entries: Cache-Control %q", got)
	}
	a, none := s.poll("?after=" + one.place())
	if none.from != 1 || none.to != 1 || len(none.values) != 0 || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("nothing new: %+v\n%s", none, a.raw())
	}
	// A number alone will do; what is not there any more begins anew.
	for after, want := range map[string]bool{"0": false, "1": false, "2": true, "AAAAAAAAAAAAAAAAAAAAAA.1": true, begin.log + ".7": true} {
		if _, got := s.poll("?after=" + after); got.snapshot != want {
			t.Errorf("after %s: %+v", after, got)
		}
	}
	s.do("HEAD", feedRoute, "").want(200, "")
}

func TestALongPollWaits(t *testing.T) {
	s := newService(t)
	_, begin := s.poll("")
	p := s.alice()
	got := make(chan batch, 1)
	go func() {
		_, b := s.poll("?after=" + begin.place() + "&wait=30s")
		got <- b
	}()
	s.with(p.Access, "POST", "/v1/logout").want(204, "")
	if b := <-got; len(b.values) != 1 {
		t.Errorf("got %+v", b)
	}
	if _, b := s.poll("?after=1&wait=1ms"); b.from != 1 || len(b.values) != 0 {
		t.Errorf("nothing came: %+v", b)
	}
}

func TestWhatTheFeedIsAskedForMustMakeSense(t *testing.T) {
	s := newService(t)
	for _, query := range []string{
		"?after=x", "?after=-1", "?after=01", "?after=+1", "?after=1.1", "?after=.1", "?after=AAAAAAAAAAAAAAAAAAAAAA.", "?after=99999999999999999999",
		"?after=AAAAAAAAAAAAAAAAAAAAAB.1", "?after=1&after=1", "?wait=x", "?wait=31s", "?wait=-1s", "?wait=1", "?x=1", "?after=1;wait=1s", "?%zz",
	} {
		s.do("GET", feedRoute+query, "").want(400, "invalid_request")
	}
	s.do("GET", feedRoute, "", "Accept", "text/event-stream", "Last-Event-ID", "x").want(400, "invalid_request")
}

// stream reads a stream's events, the id and the batch of each.
func (s *service) stream(ctx context.Context, header ...string) (next func() (id string, b batch), resp *http.Response) {
	s.t.Helper()
	r := s.request("GET", feedRoute, nil, append(header, "Accept", "text/html, Text/Event-Stream;q=0.9")...)
	resp, err := s.client.Do(r.WithContext(ctx))
	must(s.t, err)
	s.t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (id string, b batch) {
		s.t.Helper()
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				id = value
			case "data":
				b = s.batch(value)
			case "":
				return id, b
			}
		}
		return "", b
	}, resp
}

func TestTheFeedAsAStream(t *testing.T) {
	s := newService(t)
	before := s.alice()
	s.with(before.Access, "POST", "/v1/logout").want(204, "")
	next, resp := s.stream(t.Context())
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" ||
		resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("got %s %v", resp.Status, resp.Header)
	}
	if _, b := next(); !b.snapshot {
		t.Fatalf("it begins with %+v", b)
	}
	if _, b := next(); len(b.values) != 1 {
		t.Fatalf("then %+v", b)
	}
	id, b := next()
	if b.from != 1 || b.to != 1 || len(b.values) != 0 || id != b.place() {
		t.Fatalf("then %s %+v, want word that this is all", id, b)
	}
	p := s.alice()
	s.with(p.Access, "DELETE", "/v1/sessions").want(204, "")
	_, b = next()
	if len(b.values) != 2 || b.values[0] != "session "+s.sid(p.Access) || !strings.HasPrefix(b.values[1], "subject ") {
		t.Errorf("a revocation came as %+v", b)
	}
	again, _ := s.stream(t.Context(), "Last-Event-ID", id)
	if _, b := again(); b.from != 1 || b.to != 3 || b.snapshot {
		t.Errorf("after Last-Event-ID %s comes %+v", id, b)
	}
	// A server that shuts down ends it.
	s.Feed().Close()
	if id, _ := next(); id != "" {
		t.Errorf("after the end comes %s", id)
	}
	s.do("GET", feedRoute, "").want(503, "temporarily_unavailable")
}

func TestAsManyReadTheFeedAsMay(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) { c.FeedReaders = 2 }})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	one, _ := s.stream(ctx)
	one()
	two, _ := s.stream(t.Context())
	two()
	s.do("GET", feedRoute, "").want(503, "temporarily_unavailable")
	cancel() // one leaves
	for s.do("GET", feedRoute, "").status == 503 {
		if t.Context().Err() != nil {
			t.Fatal("the place was not given back")
		}
	}
}

// A reader that reads nothing is cut off once its buffers are full, and holds
// nobody up; and the server's limits for other requests don't end a stream.
func TestASlowReaderHoldsNobodyUp(t *testing.T) {
	s := newService(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", feedRoute)
	next, _ := s.stream(t.Context())
	next()
	next()
	for i := range 5 {
		_, err := s.RevokeIssued(t.Context(), issuer.EntrySubject, fmt.Sprint(i)+strings.Repeat("x", 8000))
		must(t, err)
		if _, b := next(); len(b.values) == 0 {
			t.Fatalf("revocation %d: got %+v", i, b)
		}
	}
}

func TestAnOrdinaryTimeLimitDoesNotEndAStream(t *testing.T) {
	const limit = 300 * time.Millisecond
	s := newService(t, setup{server: func(srv *http.Server) { srv.ReadTimeout, srv.WriteTimeout = limit, limit }})
	next, _ := s.stream(t.Context())
	next()
	next()
	time.Sleep(2 * limit) // what is tested is the machine's clock
	_, err := s.RevokeIssued(t.Context(), issuer.EntryAll, "")
	must(t, err)
	if _, b := next(); len(b.values) != 1 {
		t.Errorf("after the limit: %+v", b)
	}
	_, begin := s.poll("")
	if _, b := s.poll("?wait=1s&after=" + begin.place()); b.to != 1 {
		t.Errorf("a long poll: %+v", b)
	}
}
