//go:build unix

package sqlite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOpenWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		asNobody(t) // root may write everywhere
		return
	}
	t.Run("to make the file", func(t *testing.T) {
		dir := t.TempDir()
		chmod(t, dir, 0o500)
		wantError(t, filepath.Join(dir, "jeton.db"), "can't make a file in the directory, which must be writable")
	})
	t.Run("to write the directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jeton.db")
		mustOpen(t, path).Close()
		chmod(t, filepath.Dir(path), 0o500)
		wantError(t, path, "the file and its directory must be writable")
	})
	t.Run("to write the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jeton.db")
		mustOpen(t, path).Close()
		chmod(t, path, 0o400)
		wantError(t, path, "the file and its directory must be writable")
	})
	t.Run("to read the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jeton.db")
		mustOpen(t, path).Close()
		chmod(t, path, 0)
		wantError(t, path, "the file and its directory must be writable")
	})
}

// asNobody runs the test again, as a user without rights. Its program has to lie
// where that user can get at it.
func asNobody(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	cmd := exec.Command(path, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	t.Logf("as nobody:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

// chmod changes a mode until the end of the test.
func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, 0o700) })
}
