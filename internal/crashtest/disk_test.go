//go:build linux

package crashtest

import (
	"bufio"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/testenv"
)

// TestFailingSync lets the kernel answer every fsync of the running program with
// an error. Nothing is acknowledged meanwhile; once it is over, all goes on.
func TestFailingSync(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		testenv.Missing(t, "strace", "apt-get install strace")
	}
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	run := start(t, p.flags())
	refreshAll(t, run, h.sessions[:10], http.StatusOK)
	wantReady(t, run, http.StatusOK)

	stop := inject(t, run, "fsync,fdatasync:error=EIO")
	refreshAll(t, run, h.sessions[10:30], http.StatusInternalServerError)
	if a, err := run.login(); err != nil || a.status < 500 || a.Access != "" || a.Refresh != "" {
		t.Errorf("a login while nothing can be synced: %d, %v", a.status, err)
	}
	if a, err := run.form("/oauth/revoke", url.Values{"token": {h.sessions[30].token}}); err != nil || a.status < 500 {
		t.Errorf("a revocation while nothing can be synced: %d, %v", a.status, err)
	}
	wantReady(t, run, http.StatusServiceUnavailable)
	if log := run.log(); !strings.Contains(log, "the disk or the file system reports an error") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	stop()

	wantReady(t, run, http.StatusOK)
	refreshAll(t, run, h.sessions[10:], http.StatusOK)
	run.kill()
	h.examine(t, p, false)
}

// TestFullDisk fills the disk under the running program. What it can't write it
// refuses; once there is room, all goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		testenv.Missing(t, "the right to mount a small file system", "run the tests as root")
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	p := sqlitePlace(filepath.Join(dir, "data"))
	h := prepare(t, p)
	run := start(t, p.flags())
	refreshAll(t, run, h.sessions[:5], http.StatusOK)

	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	full := 0
	for _, s := range h.sessions[5:40] {
		s.pending = refresh
		a, err := run.refresh(s.token)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case a.status == http.StatusOK:
			// The log had room, or was used anew.
			s.pending = nothing
			h.answered(s, s.token, a.Refresh)
		case a.status >= 500 && a.Refresh == "" && a.Access == "":
			full++
		default:
			t.Errorf("a refresh on a full disk: %d %s", a.status, a.Code)
		}
	}
	if full == 0 {
		t.Error("nothing was refused: was the disk full?")
	}
	if log := run.log(); !strings.Contains(log, "the disk is full") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	t.Logf("%d of 35 refreshes were refused", full)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}

	wantReady(t, run, http.StatusOK)
	refreshAll(t, run, h.sessions, http.StatusOK)
	run.kill()
	h.examine(t, p, false)
}

// refreshAll refreshes sessions, each of which must get an answer of a status.
// The program has a window, so that it does no harm to ask again.
func refreshAll(t *testing.T, p *program, sessions []*session, want int) {
	t.Helper()
	h := newHistory()
	for _, s := range sessions {
		if s.brief {
			continue // who knows how long this took
		}
		s.pending = refresh
		a, err := p.refresh(s.token)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != want {
			t.Fatalf("a refresh is answered with %d %s, not %d\n%s", a.status, a.Code, want, p.log())
		}
		if a.status == http.StatusOK {
			s.pending = nothing
			h.answered(s, s.token, a.Refresh)
		} else if a.Refresh != "" || a.Access != "" {
			t.Fatal("a refusal with a token")
		}
	}
	for _, broken := range h.broken {
		t.Error(broken)
	}
}

// wantReady waits until /readyz has a status.
func wantReady(t *testing.T, p *program, want int) {
	t.Helper()
	got := 0
	for range 500 {
		if got = p.status("/readyz"); got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("/readyz is %d, not %d\n%s", got, want, p.log())
}

// inject lets system calls of a running program fail, until stop is called.
func inject(t *testing.T, p *program, what string) (stop func()) {
	t.Helper()
	calls, _, _ := strings.Cut(what, ":")
	cmd := exec.Command("strace", "-f", "-e", "trace="+calls, "-e", "inject="+what, "-e", "signal=none",
		"-o", filepath.Join(t.TempDir(), "strace"), "-p", strconv.Itoa(p.cmd.Process.Pid))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}
	t.Cleanup(stop)
	// It says so once all threads are attached.
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil || !strings.Contains(line, "attached") {
		testenv.Missing(t, "the right to trace a process ("+strings.TrimSpace(line)+")", "run the tests as root")
	}
	return stop
}

// fill writes a file until the disk is full.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size >= 512; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
