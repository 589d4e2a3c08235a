package pgtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/testenv"
)

// find returns the path of a program of PostgreSQL's, or "".
func find(name string) string {
	// Debian keeps the server out of PATH.
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(dirs)
	for _, dir := range append(dirs, "/usr/sbin", "/usr/local/sbin") {
		if path := filepath.Join(dir, name); exec.Command("test", "-x", path).Run() == nil {
			return path
		}
	}
	path, _ := exec.LookPath(name)
	return path
}

// need returns the paths of programs, or ends the test if one is missing.
func need(t testing.TB, how string, names ...string) []string {
	t.Helper()
	paths := make([]string, len(names))
	for i, name := range names {
		if paths[i] = find(name); paths[i] == "" {
			testenv.Missing(t, name, how)
		}
	}
	return paths
}

// unprivileged makes of a command one that a server which refuses to run as root
// can be run with.
func unprivileged(command ...string) *exec.Cmd {
	if os.Geteuid() == 0 {
		command = append([]string{"setpriv", "--reuid=" + account(), "--regid=" + account(), "--clear-groups", "--"}, command...)
	}
	return exec.Command(command[0], command[1:]...)
}

// account is whom the servers run as when the tests run as root.
func account() string {
	if _, err := user.Lookup("postgres"); err == nil {
		return "postgres"
	}
	return "nobody"
}

// folder makes a folder that belongs to account.
func folder(t testing.TB) string {
	t.Helper()
	// Not t.TempDir, whose parents are closed to others.
	dir, err := os.MkdirTemp("", "jeton-pg-")
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return dir
	}
	if out, err := exec.Command("chown", account(), dir).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
	return dir
}

// process is a server that ends with this program, however that ends.
type process struct {
	cmd   *exec.Cmd
	leash io.WriteCloser
	ended chan struct{}
	log   string
}

// watch runs a program and ends it when its own stdin does: when the test says
// so, or is no more. It tells the program's process id. What runs in the
// background has no stdin, so that is kept aside.
const watch = `end=$1; shift; exec 3<&0; "$@" </dev/null & p=$!; echo $p; { exec <&3 >&2; read -r _; kill -$end $p; } 2>/dev/null & w=$!; wait $p; kill $w`

// start starts a server that a signal ends at once, and returns its process id.
func start(t testing.TB, log, signal string, command ...string) (*process, int) {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := unprivileged(append([]string{"sh", "-c", watch, "sh", signal}, command...)...)
	cmd.Dir = "/"
	cmd.Stderr = out
	leash, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, leash: leash, ended: make(chan struct{}), log: log}
	var pid int
	if _, err := fmt.Fscan(stdout, &pid); err != nil {
		t.Fatalf("start %s: %v", command[0], err)
	}
	go func() {
		io.Copy(io.Discard, stdout)
		cmd.Wait()
		close(p.ended)
	}()
	return p, pid
}

// end ends the server at once and waits for it.
func (p *process) end() {
	p.leash.Close()
	<-p.ended
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// told returns the end of what the server wrote.
func (p *process) told() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}

// freePort returns a port that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// eventually waits until check returns nil, a minute at most.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	var err error
	for range 1200 {
		if err = check(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s: %v", what, err)
}

// signal sends a signal to processes, those that are gone left out.
func signal(name string, pids ...int) {
	for _, pid := range pids {
		exec.Command("kill", "-"+name, strconv.Itoa(pid)).Run()
	}
}

// childrenOf returns the processes that a process has started.
func childrenOf(pid int) []int {
	var children []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// pid (name) state parent ...
		_, rest, _ := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			children = append(children, child)
		}
	}
	return children
}
