package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// guardProcess is a running "jeton guard".
type guardProcess struct {
	cmd        *exec.Cmd
	url, admin string
	done       chan struct{}

	mu   sync.Mutex
	logs bytes.Buffer
}

func startGuard(t *testing.T, policy string) *guardProcess {
	t.Helper()
	g := &guardProcess{done: make(chan struct{})}
	g.cmd = exec.Command("jeton", "guard", "--policy", policy, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--grpc-addr", "127.0.0.1:0", "--log-format", "json")
	stderr, err := g.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.cmd.Process.Kill()
		<-g.done
		g.cmd.Wait()
	})
	guarding := make(chan [2]string, 1)
	go func() {
		defer close(g.done)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			g.mu.Lock()
			g.logs.Write(append(lines.Bytes(), '\n'))
			g.mu.Unlock()
			var entry struct{ Msg, Address, Admin string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "guarding" {
				guarding <- [2]string{entry.Address, entry.Admin}
			}
		}
	}()
	select {
	case addresses := <-guarding:
		g.url, g.admin = "http://"+addresses[0]+"/auth", "http://"+addresses[1]
	case <-g.done:
		t.Fatalf("the guard ended: %s", g.log())
	case <-time.After(time.Minute):
		t.Fatalf("the guard does not start: %s", g.log())
	}
	return g
}

func (g *guardProcess) log() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.logs.String()
}

// ask asks as nginx would and returns the answer's status and the subject.
func (g *guardProcess) ask(t *testing.T, path, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, g.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"X-Original-Method": {"GET"}, "X-Original-Uri": {path}, "X-Original-Host": {"orders.example"}}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("X-Auth-Subject")
}

func (g *guardProcess) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(g.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

// eventually waits for what another process is about to do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// The documented policy beside a real service: a token is let through until its
// session is revoked, a policy is taken when it changes and when asked, a broken
// one is not, and the log has no token.
func TestGuardBesideAService(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	addUser(t, data, "--scope", "orders:read")
	s := serve(t, data, "--audience", "orders")
	document, err := os.ReadFile("../../docs/guard.md")
	if err != nil {
		t.Fatal(err)
	}
	policy := string(regexp.MustCompile("(?ms)^```yaml guard.yaml\n(.*?)^```$").FindSubmatch(document)[1])
	policy = strings.ReplaceAll(policy, "https://auth.example", s.url)
	file := filepath.Join(t.TempDir(), "guard.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(policy)
	g := startGuard(t, file)
	status := func(path, token string) int {
		code, _ := g.ask(t, path, token)
		return code
	}

	token := s.login().Access
	// The feed's first batch may be under way.
	eventually(t, "a good token", func() bool { return status("/orders", token) == 200 })
	if code, subject := g.ask(t, "/orders/7", token); code != 200 || subject == "" {
		t.Errorf("a good token: %d, subject %q", code, subject)
	}
	for _, c := range []struct {
		path, token string
		want        int
	}{{"/orders", "", 401}, {"/health", "", 200}, {"/elsewhere", token, 403}, {"/orders", token[:len(token)-4] + "AAAA", 401}} {
		if got := status(c.path, c.token); got != c.want {
			t.Errorf("%s: %d, want %d", c.path, got, c.want)
		}
	}
	tool(t, "", "session", "revoke", "--user", testUser, "--data", data)
	eventually(t, "a revoked token", func() bool { return status("/orders", token) == 401 })

	if got := g.get(t, "/healthz") + g.get(t, "/readyz"); got != "200 ok\n200 ok\n" {
		t.Errorf("health: %s", got)
	}
	if got := g.get(t, "/metrics"); !strings.Contains(got, "jeton_guard_policy_ok 1\n") || !strings.Contains(got, `jeton_guard_decisions_total{reason="access_denied",status="403"} 1`) {
		t.Errorf("metrics: %s", got)
	}

	write(strings.Replace(policy, "path: /health", "path: /alive", 1))
	eventually(t, "a policy that changed", func() bool { return status("/alive", "") == 200 })
	write("gateway: ngnix\n")
	if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a broken policy", func() bool { return strings.Contains(g.get(t, "/metrics"), "jeton_guard_policy_ok 0\n") })
	if got := status("/alive", ""); got != 200 {
		t.Errorf("a broken policy changed the answer to %d", got)
	}
	if !strings.Contains(g.log(), "guard.yaml:1: ") {
		t.Errorf("the log doesn't say what is wrong: %s", g.log())
	}

	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-g.done
	g.cmd.Wait()
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 0 && strings.Contains(g.log(), part) {
			t.Error("a part of the token is in the log")
		}
	}
}
