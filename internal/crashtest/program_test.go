package crashtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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
	client *http.Client
	ended  chan struct{} // closed when it has ended, by itself or not

	mu   sync.Mutex
	logs bytes.Buffer
}

// start starts the program and waits until it serves. env adds to the
// environment.
func start(t testing.TB, flags []string, env ...string) *program {
	t.Helper()
	p := &program{t: t, ended: make(chan struct{})}
	p.cmd = exec.Command(binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--log-format", "json", "--alg", "Ed25519"}, flags...)...)
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	serving := make(chan [2]string, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.logs.Write(append(lines.Bytes(), '\n'))
			p.mu.Unlock()
			var entry struct{ Msg, Address, Admin string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "serving" {
				serving <- [2]string{entry.Address, entry.Admin}
			}
		}
		p.cmd.Wait()
	}()
	select {
	case at := <-serving:
		p.url, p.admin = "http://"+at[0], "http://"+at[1]
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
