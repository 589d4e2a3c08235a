package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/internal/testenv"
)

// refreshers refresh sessions without a pause, each its own over connections that
// it keeps, and take every answer but a new pair for a failure. With a grace of 0 a
// request that was answered twice, or an acknowledged rotation that was lost, is a
// failure too.
type refreshers struct {
	t       *testing.T
	stop    atomic.Bool
	ended   sync.WaitGroup
	done    atomic.Int64
	refused atomic.Int64
	mu      sync.Mutex
	failed  []string
}

func (r *refreshers) start(base string, tokens []string) {
	for _, token := range tokens {
		r.ended.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for !r.stop.Load() {
				next, err := refreshOnce(client, base, token)
				if err != nil {
					if errors.Is(err, syscall.ECONNREFUSED) {
						r.refused.Add(1)
					}
					r.mu.Lock()
					r.failed = append(r.failed, err.Error())
					r.mu.Unlock()
					return
				}
				token = next
				r.done.Add(1)
			}
		})
	}
}

func refreshOnce(client *http.Client, base, token string) (string, error) {
	res, err := client.PostForm(base+"/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var pair struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(body, &pair); err != nil || res.StatusCode != http.StatusOK || pair.Refresh == token {
		return "", errors.New(res.Status + " " + string(bytes.TrimSpace(body)))
	}
	return pair.Refresh, nil
}

// during waits until so many more refreshes have been answered: what happens
// around it happens under load.
func (r *refreshers) during(more int64) {
	r.t.Helper()
	want := r.done.Load() + more
	for range 1200 {
		if r.done.Load() >= want {
			return
		}
		r.mu.Lock()
		failed := len(r.failed)
		r.mu.Unlock()
		if failed > 0 {
			return // end tells
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("the load stands still after %d refreshes", r.done.Load())
}

func (r *refreshers) end() {
	r.t.Helper()
	r.stop.Store(true)
	r.ended.Wait()
	r.t.Logf("%d refreshes, %d refused connections, %d failures", r.done.Load(), r.refused.Load(), len(r.failed))
	if len(r.failed) > 0 {
		r.t.Errorf("rule: a restart loses no request; %d were lost: %q", len(r.failed), r.failed)
	}
}

func unlessWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM and no inherited sockets on Windows")
	}
}

// onSocket starts a service on a socket of ours, as systemd does.
func onSocket(t *testing.T, data string, socket *os.File, args ...string) *service {
	t.Helper()
	args = append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, "jeton", "serve", "--data", data, "--admin-addr", "127.0.0.1:0", "--log-format", "json"}, args...)
	cmd := exec.Command(testenv.Shell(t), args...)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=jeton.socket")
	cmd.ExtraFiles = []*os.File{socket} // becomes 3
	return start(t, data, cmd, false)
}

func listening(t *testing.T) (*os.File, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket, "http://" + l.Addr().String()
}

// One node with its SQLite file is restarted again and again while clients refresh:
// the socket is systemd's and waits.
func TestARestartOnAnInheritedSocketLosesNoRequest(t *testing.T) {
	unlessWindows(t)
	data := t.TempDir()
	socket, base := listening(t)
	s := onSocket(t, data, socket, "--refresh-grace", "0")
	if s.url != base {
		t.Fatalf("it serves at %s and not on the socket %s", s.url, base)
	}
	addUser(t, data)
	var tokens []string
	for range 4 {
		tokens = append(tokens, s.login().Refresh)
	}
	load := &refreshers{t: t}
	load.start(base, tokens)
	for range 3 {
		load.during(50)
		if code := s.stop(); code != 0 {
			t.Errorf("exit status %d\n%s", code, s.log())
		}
		if strings.Contains(s.log(), `"msg":"reuse"`) {
			t.Errorf("a reuse was seen: %s", s.log())
		}
		s = onSocket(t, data, socket, "--refresh-grace", "0")
	}
	load.during(50)
	load.end()
	if strings.Contains(s.log(), "store_behind") || strings.Contains(s.log(), `"msg":"reuse"`) {
		t.Errorf("rule: no acknowledged write is lost:\n%s", s.log())
	}
}

// The address that others reach is that of the socket, whatever --addr says.
func TestAnInheritedSocketIsNoWayToServeClearTextToOthers(t *testing.T) {
	unlessWindows(t)
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.Command(testenv.Shell(t), "-c", `LISTEN_PID=$$ exec "$0" "$@"`, "jeton", "serve", "--data", t.TempDir(), "--admin-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket}
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "clear text") {
		t.Errorf("%v %s", err, out)
	}
}

// A node in front of which a load balancer looks at /readyz.
type balanced struct {
	proxy *httputil.ReverseProxy
	up    atomic.Bool
}

type balancer struct {
	mu    sync.Mutex
	nodes []*balanced
	turn  atomic.Int64
}

// add takes a node in and looks at its /readyz until the test ends.
func (b *balancer) add(t *testing.T, s *service) *balanced {
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	n := &balanced{proxy: httputil.NewSingleHostReverseProxy(target)}
	n.proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
	look := func() {
		res, err := http.Get(s.admin + "/readyz")
		if err == nil {
			res.Body.Close()
		}
		n.up.Store(err == nil && res.StatusCode == http.StatusOK)
	}
	look()
	go func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-every.C:
				look()
			}
		}
	}()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = append(b.nodes, n)
	return n
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	nodes := b.nodes
	b.mu.Unlock()
	for range len(nodes) {
		if n := nodes[int(b.turn.Add(1))%len(nodes)]; n.up.Load() {
			n.proxy.ServeHTTP(w, r)
			return
		}
	}
	http.Error(w, "no node", http.StatusServiceUnavailable)
}

// Two nodes on one database are replaced one after the other.
func TestARollingRestartBehindALoadBalancerLosesNoRequest(t *testing.T) {
	unlessWindows(t)
	server := pgtest.Start(t)
	db := server.URL(server.Database(t))
	data := t.TempDir()
	node := func() *service {
		return serve(t, data, "--db", db, "--issuer", "https://auth.example", "--refresh-grace", "0", "--drain-delay", "1s",
			"--master-key-file", filepath.Join(data, masterKeyFile))
	}
	tool(t, testPassword+"\n", "user", "add", testUser, "--password-stdin", "--db", db)
	// The first one makes the master key.
	a := serve(t, data, "--db", db, "--issuer", "https://auth.example", "--refresh-grace", "0", "--drain-delay", "1s")
	b := node()
	front := &balancer{}
	front.add(t, a)
	front.add(t, b)
	proxy := httptest.NewServer(front)
	defer proxy.Close()
	var tokens []string
	for range 4 {
		tokens = append(tokens, a.login().Refresh)
	}
	load := &refreshers{t: t}
	load.start(proxy.URL, tokens)
	for _, old := range []*service{a, b} {
		load.during(50)
		next := node()
		front.add(t, next)
		if code := old.stop(); code != 0 {
			t.Errorf("exit status %d\n%s", code, old.log())
		}
	}
	load.during(50)
	load.end()
}

// While it drains it says so to load balancers, and goes on answering; whoever it
// answers is told to come on another connection.
func TestADrainingServiceServesOn(t *testing.T) {
	unlessWindows(t)
	s := serve(t, t.TempDir(), "--drain-delay", "3s")
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.eventually("not ready", func() bool {
		res, err := http.Get(s.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable
	})
	res, err := http.Get(s.url + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !res.Close {
		t.Errorf("rule: a draining service answers, and ends the connection: %d, %v", res.StatusCode, res.Close)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
