package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

// network is one within the test, so that its time can be the test's. Nodes
// listen on names.
type network struct {
	mu      sync.Mutex
	nodes   map[string]chan net.Conn
	stalled chan struct{} // closed while bytes flow
	conns   []net.Conn
}

func newNetwork() *network {
	n := &network{nodes: map[string]chan net.Conn{}, stalled: make(chan struct{})}
	close(n.stalled)
	return n
}

func (n *network) stall() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stalled = make(chan struct{})
}

// heal lets bytes flow again, after it broke what was there.
func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.Close()
	}
	n.conns = nil
	close(n.stalled)
}

func (n *network) flows() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stalled
}

// slow is a connection that stalls with its network.
type slow struct {
	net.Conn
	net    *network
	closed chan struct{}
	once   sync.Once
}

func (c *slow) Write(b []byte) (int, error) {
	select {
	case <-c.net.flows():
		return c.Conn.Write(b)
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *slow) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	select {
	case <-n.flows():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	host, _, _ := net.SplitHostPort(address)
	n.mu.Lock()
	node := n.nodes[host]
	n.mu.Unlock()
	if node == nil {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	near, far := &slow{Conn: a, net: n, closed: make(chan struct{})}, &slow{Conn: b, net: n, closed: make(chan struct{})}
	n.mu.Lock()
	n.conns = append(n.conns, near, far)
	n.mu.Unlock()
	select {
	case node <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type listener struct {
	in   chan net.Conn
	done chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{} }

const authURL = "http://auth.example"

// serve starts a node of an issuer under a name and returns it and how to stop
// it, at once and without a word.
func (n *network) serve(t testing.TB, name string, cfg issuer.Config) (*issuer.Issuer, func()) {
	t.Helper()
	iss, err := issuer.New(t.Context(), cfg)
	must(t, err)
	h, err := issuerhttp.Public(iss, issuerhttp.Options{})
	must(t, err)
	l := listener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: h, ReadTimeout: 15 * time.Second} // and no WriteTimeout, so that the feed's own counts
	n.mu.Lock()
	n.nodes[name] = l.in
	n.mu.Unlock()
	go server.Serve(l)
	return iss, func() {
		n.mu.Lock()
		delete(n.nodes, name)
		n.mu.Unlock()
		close(l.done)
		iss.Feed().Close()
		server.Close()
	}
}

func nodeConfig(store issuer.Store) issuer.Config {
	return issuer.Config{
		Store: store, Issuer: authURL, Audiences: []string{"orders"}, Algorithm: jeton.Ed25519, MasterKey: nodeKey,
		Password: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, Now: time.Now,
	}
}

var nodeKey = issuer.GenerateMasterKey()

func keysOf(t testing.TB, iss *issuer.Issuer) jeton.KeySet {
	t.Helper()
	all, err := jwk.ParseSet(iss.Keys())
	must(t, err)
	keys, err := jwks.NewStatic(all...)
	must(t, err)
	return keys
}

// Cut off for a minute, by a connection that stalls and then breaks; within a
// second of coming back it has missed nothing.
func TestAMinuteCutOff(t *testing.T) {
	for name, options := range map[string][]revocation.Option{"stream": nil, "long poll": {revocation.LongPoll()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				store := memory.New(time.Now)
				iss, stop := n.serve(t, "auth.example", nodeConfig(store))
				var stale atomic.Int32
				f, err := revocation.Follow(t.Context(), authURL+"/v1/revocations", keysOf(t, iss), authURL, append(options,
					revocation.InsecureHTTP(), revocation.FailOpen(20*time.Second),
					revocation.HTTPClient(&http.Client{Transport: &http.Transport{DialContext: n.dial}}),
					revocation.OnError(func(err error) {
						if errors.Is(err, revocation.ErrStale) {
							stale.Add(1)
						}
					}))...)
				must(t, err)
				ready(t, f)
				time.Sleep(time.Hour) // quiet
				if s := f.Stats(); s.Failures != 0 || s.Stale || f.Stale() > 30*time.Second {
					t.Errorf("after a quiet hour: %+v, %s old", s, f.Stale())
				}
				revoke := func(k int) {
					_, err := iss.RevokeIssued(t.Context(), issuer.EntrySubject, fmt.Sprint("u", k))
					must(t, err)
				}
				stale.Store(0)
				n.stall()
				for k := range 60 {
					revoke(k)
					time.Sleep(time.Second)
				}
				if !f.Stats().Stale || stale.Load() != 1 {
					t.Errorf("a minute without a word: %+v, told %d times", f.Stats(), stale.Load())
				}
				if f.Stats().Failures == 0 {
					t.Error("it did not notice that nothing comes any more")
				}
				n.heal()
				time.Sleep(time.Second)
				if got := len(f.Entries()); got != 60 || f.Stats().Stale {
					t.Errorf("a second after: %d entries; %+v", got, f.Stats())
				}
				if s := f.Stats(); s.Refused != 0 || s.Snapshots != 1 {
					t.Errorf("it did not go on where it was: %+v", s)
				}
				f.Close()
				stop()
			})
		})
	}
}

// Of two nodes on one store, each tells what was revoked at the other, and a
// follower may change between them.
func TestTwoNodesOnOneStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		store := memory.New(time.Now)
		one, stopOne := n.serve(t, "one", nodeConfig(store))
		two, stopTwo := n.serve(t, "two", nodeConfig(store))
		var told reports
		follow := func(name string) *revocation.Follower {
			f, err := revocation.Follow(t.Context(), "http://"+name+"/v1/revocations", keysOf(t, one), authURL, revocation.InsecureHTTP(),
				revocation.HTTPClient(&http.Client{Transport: &http.Transport{DialContext: n.dial}}),
				revocation.OnError(told.add))
			must(t, err)
			ready(t, f)
			return f
		}
		atOne, atTwo := follow("one"), follow("two")
		time.Sleep(time.Second)
		for k := range 20 {
			_, err := []*issuer.Issuer{one, two}[k%2].RevokeIssued(t.Context(), issuer.EntryClient, fmt.Sprint("c", k))
			must(t, err)
			time.Sleep(200 * time.Millisecond)
			if a, b := len(atOne.Entries()), len(atTwo.Entries()); a != k+1 || b != k+1 {
				t.Fatalf("200 ms after revocation %d: %d and %d", k, a, b)
			}
		}
		// One is gone, and its name leads to two.
		stopOne()
		n.mu.Lock()
		n.nodes["one"] = n.nodes["two"]
		n.mu.Unlock()
		time.Sleep(time.Second)
		_, err := two.RevokeIssued(t.Context(), issuer.EntryAll, "")
		must(t, err)
		time.Sleep(200 * time.Millisecond)
		if s := atOne.Stats(); len(atOne.Entries()) != 21 || s.Refused != 0 || s.Snapshots != 1 {
			t.Errorf("%+v", s)
		}
		for _, err := range told.all() {
			if errors.Is(err, revocation.ErrHistory) {
				t.Errorf("told of another history: %v", err)
			}
		}
		atOne.Close()
		atTwo.Close()
		stopTwo()
	})
}

// A long log, pruned at its beginning, comes in pages; and so does what a reader
// missed who was away for long.
func TestALongLogComesInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		store := memory.New(time.Now)
		iss, stop := n.serve(t, "auth.example", nodeConfig(store))
		revoke := func(from, to int) {
			for k := from; k < to; k++ {
				_, err := store.RevokeBefore(t.Context(), issuer.EntrySubject, fmt.Sprint("u", k))
				must(t, err)
			}
		}
		revoke(0, 700)
		time.Sleep(20 * time.Minute)
		revoke(700, 2500)
		if pruned, err := iss.Prune(t.Context(), time.Hour); err != nil || pruned != 700 {
			t.Errorf("%d pruned, %v", pruned, err)
		}
		f, err := revocation.Follow(t.Context(), authURL+"/v1/revocations", keysOf(t, iss), authURL, revocation.InsecureHTTP(),
			revocation.HTTPClient(&http.Client{Transport: &http.Transport{DialContext: n.dial}}))
		must(t, err)
		ready(t, f)
		if got := len(f.Entries()); got != 1800 {
			t.Errorf("%d entries, not 1800; %+v", got, f.Stats())
		}
		n.stall()
		revoke(2500, 4000)
		time.Sleep(20 * time.Second)
		n.heal()
		time.Sleep(2 * time.Second)
		if s := f.Stats(); len(f.Entries()) != 3300 || s.Snapshots != 1 || s.Refused != 0 {
			t.Errorf("%d entries; %+v", len(f.Entries()), s)
		}
		// Away for longer than entries are kept: a snapshot, and what is over is over.
		n.stall()
		time.Sleep(30 * time.Minute)
		revoke(4000, 4010)
		_, err = iss.Prune(t.Context(), time.Hour)
		must(t, err)
		n.heal()
		time.Sleep(11 * time.Second)
		if s := f.Stats(); len(f.Entries()) != 10 || s.Snapshots != 2 || s.Refused != 0 {
			t.Errorf("%d entries; %+v", len(f.Entries()), s)
		}
		time.Sleep(10 * time.Minute)
		if got := f.Stats().Entries; got != 0 {
			t.Errorf("%d entries are held although all are over", got)
		}
		f.Close()
		stop()
	})
}

// A reader that takes nothing loses its place to one that does.
func TestAReaderThatTakesNothingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		cfg := nodeConfig(memory.New(time.Now))
		cfg.FeedReaders = 1
		iss, stop := n.serve(t, "auth.example", cfg)
		conn, err := n.dial(t.Context(), "tcp", "auth.example:80")
		must(t, err)
		fmt.Fprintf(conn, "GET /v1/revocations HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
		synctest.Wait()
		f, err := revocation.Follow(t.Context(), authURL+"/v1/revocations", keysOf(t, iss), authURL, revocation.InsecureHTTP(),
			revocation.HTTPClient(&http.Client{Transport: &http.Transport{DialContext: n.dial}}))
		must(t, err)
		time.Sleep(5 * time.Second)
		if s := f.Stats(); s.Batches != 0 || s.Failures == 0 {
			t.Errorf("two readers where one may: %+v", s)
		}
		time.Sleep(10 * time.Second)
		if f.Stats().Batches == 0 {
			t.Error("the reader that takes nothing has kept its place")
		}
		f.Close()
		conn.Close()
		stop()
	})
}

// stuck is a cache that answers what it answered before.
type stuck struct {
	http.RoundTripper
	mu    sync.Mutex
	kept  map[string][]byte
	asked int
}

func (c *stuck) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	body, ok := c.kept[r.URL.String()]
	c.asked++
	c.mu.Unlock()
	if !ok {
		resp, err := c.RoundTripper.RoundTrip(r)
		if err != nil || resp.StatusCode != 200 {
			return resp, err
		}
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		c.kept[r.URL.String()] = body
		c.mu.Unlock()
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/jwt"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// A cache that never tells anything new makes the feed old, and is not asked
// again and again at once.
func TestACacheThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		iss, stop := n.serve(t, "auth.example", nodeConfig(memory.New(time.Now)))
		cache := &stuck{RoundTripper: &http.Transport{DialContext: n.dial}, kept: map[string][]byte{}}
		f, err := revocation.Follow(t.Context(), authURL+"/v1/revocations", keysOf(t, iss), authURL, revocation.InsecureHTTP(),
			revocation.LongPoll(), revocation.HTTPClient(&http.Client{Transport: cache}))
		must(t, err)
		ready(t, f)
		time.Sleep(2 * time.Minute)
		if !f.Stats().Stale || f.Stats().Refused != 0 {
			t.Errorf("%+v", f.Stats())
		}
		f.Close()
		if cache.asked > 200 {
			t.Errorf("asked %d times in two minutes", cache.asked)
		}
		stop()
	})
}

// A store that was put back, or replaced, while the service runs.
func TestTheStoreIsAnotherOneAllOfASudden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		first := memory.New(time.Now)
		iss, stop := n.serve(t, "auth.example", nodeConfig(first))
		var told reports
		f, err := revocation.Follow(t.Context(), authURL+"/v1/revocations", keysOf(t, iss), authURL, revocation.InsecureHTTP(),
			revocation.HTTPClient(&http.Client{Transport: &http.Transport{DialContext: n.dial}}),
			revocation.OnError(told.add))
		must(t, err)
		ready(t, f)
		_, err = iss.RevokeIssued(t.Context(), issuer.EntrySubject, "old")
		must(t, err)
		time.Sleep(time.Second)
		stop()
		before := len(told.all())
		time.Sleep(time.Minute)
		if n := len(told.all()) - before; n < 2 || n > 3 || f.Stats().Failures < 30 {
			t.Errorf("a minute's outage was told %d times: %v; %+v", n, told.all(), f.Stats())
		}
		second := memory.New(time.Now)
		keys, _, err := first.Keys(t.Context())
		must(t, err)
		must(t, second.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return keys, nil }))
		iss, stop = n.serve(t, "auth.example", nodeConfig(second))
		_, err = iss.RevokeIssued(t.Context(), issuer.EntrySubject, "new")
		must(t, err)
		time.Sleep(time.Second)
		var values []string
		for _, e := range f.Entries() {
			values = append(values, e.Value)
		}
		if !slices.Equal(values, []string{"new", "old"}) || !slices.ContainsFunc(told.all(), func(err error) bool { return errors.Is(err, revocation.ErrHistory) }) {
			t.Errorf("%v; told %v", values, told.all())
		}
		f.Close()
		stop()
	})
}

// reports are what a follower reports while the test goes on.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) all() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.errs)
}
