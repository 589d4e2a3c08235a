//go:build linux

package crashtest

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jeton-go/jeton/internal/testenv"
)

// TestReadOnlyDirectory starts the program on a file system that is read-only.
// It says so and ends; on the same files it starts when they can be written.
func TestReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		testenv.Missing(t, "the right to mount a small file system", "run the tests as root")
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	p := sqlitePlace(filepath.Join(dir, "data"))
	h := prepare(t, p)
	remount(syscall.MS_RDONLY)
	refusesToStart(t, p.flags(), "the file and its directory must be writable")
	refusesToStart(t, []string{"--data", filepath.Join(dir, "new")}, "read-only file system")
	remount(0)
	run := start(t, p.flags())
	refreshAll(t, run, h.sessions, http.StatusOK)
	run.kill()
	h.examine(t, p, false)
}

// TestFileSystemBecomesReadOnly is what a kernel does to a file system on which
// it found an error: nothing can be written to files that are open.
func TestFileSystemBecomesReadOnly(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		testenv.Missing(t, "strace", "apt-get install strace")
	}
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	run := start(t, p.flags())
	refreshAll(t, run, h.sessions[:10], http.StatusOK)

	stop := inject(t, run, "pwrite64,pwritev,fsync,fdatasync,ftruncate:error=EROFS")
	refreshAll(t, run, h.sessions[10:30], http.StatusInternalServerError)
	if status := run.bearer("/.well-known/jwks.json", ""); status != http.StatusOK {
		t.Errorf("the published keys are answered with %d", status)
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
