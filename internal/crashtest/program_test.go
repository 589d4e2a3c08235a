package crashtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var rounds = flag.Int("rounds", 6, "how often the program is killed, for each store")

// binary is the program under test, built once, with the fault points of the
// stores reachable.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "jeton-crash-")
	if err == nil {
		binary = filepath.Join(dir, "jeton")
		build := exec.Command("go", "build", "-tags", "faults", "-o", binary, "../../cmd/jeton")
		// As it is released, also where the race detector needs cgo for the test
		// itself: or all that the program is made of is compiled once more.
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// program is a running "jeton serve".
type program struct {
	t      testing.TB
	cmd    *exec.Cmd
	url    string // of the public listener
	admin  string
	issuer string // as its tokens have it
	client *http.Client
	ended  chan struct{} // closed when it has ended, by itself or not

	mu   sync.Mutex
	logs bytes.Buffer
}

// start starts the program and waits until it serves. env adds to the
// environment.
func start(t testing.TB, flags []string, env ...string) *program {
	t.Helper()
	return launch(t, serveCommand(flags, env...))
}

// serveCommand runs "jeton serve" with an algorithm that is quick.
func serveCommand(flags []string, env ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--log-format", "json", "--alg", "Ed25519"}, flags...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// refusesToStart starts the program, which must end and say why.
func refusesToStart(t testing.TB, flags []string, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := serveCommand(flags)
	cmd = exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), why) {
		t.Errorf("the program should end with status 1 and say %q: %v\n%s", why, err, out)
	}
}

// launch runs a command that becomes the program, and waits until it serves.
func launch(t testing.TB, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, ended: make(chan struct{})}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	serving := make(chan [3]string, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.logs.Write(append(lines.Bytes(), '\n'))
			p.mu.Unlock()
			var entry struct{ Msg, Address, Admin, Issuer string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "serving" {
				serving <- [3]string{entry.Address, entry.Admin, entry.Issuer}
			}
		}
		p.cmd.Wait()
	}()
	select {
	case at := <-serving:
		p.url, p.admin, p.issuer = "http://"+at[0], "http://"+at[1], at[2]
	case <-p.ended:
		t.Fatalf("the program ended: %s", p.log())
	case <-time.After(time.Minute):
		t.Fatalf("the program does not start: %s", p.log())
	}
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	return p
}

func (p *program) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logs.String()
}

// kill ends the program with SIGKILL.
func (p *program) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// terminate sends SIGTERM.
func (p *program) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// status is that of an answer of the admin listener.
func (p *program) status(path string) int {
	p.t.Helper()
	res, err := p.client.Get(p.admin + path)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log())
	}
	res.Body.Close()
	return res.StatusCode
}

// bearer is the status of an answer to a request with an access token.
func (p *program) bearer(path, token string) int {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := p.client.Do(req)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log())
	}
	res.Body.Close()
	return res.StatusCode
}
