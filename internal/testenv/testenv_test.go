package testenv_test

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/testenv"
)

// recorder is a test that remembers how it ended.
type recorder struct {
	testing.TB
	ended, message string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) { r.end("failed", format, args) }

func (r *recorder) Skipf(format string, args ...any) { r.end("skipped", format, args) }

func (r *recorder) end(how, format string, args []any) {
	r.ended, r.message = how, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run runs f as a test would be run and returns what became of it.
func run(t *testing.T, f func(testing.TB)) *recorder {
	r := &recorder{TB: t, ended: "passed"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestAMissingNeedSkipsButFailsInCI(t *testing.T) {
	for _, c := range []struct{ ci, want string }{
		{"", "skipped"},
		{"0", "skipped"},
		{"1", "failed"},
	} {
		t.Setenv("JETON_CI", c.ci)
		got := run(t, func(t testing.TB) { testenv.Missing(t, "a moon", "look up") })
		if got.ended != c.want || got.message != "needs a moon: look up" {
			t.Errorf("JETON_CI=%q: %s with %q, want %s", c.ci, got.ended, got.message, c.want)
		}
	}
}

func TestWithoutAShellATestSaysSo(t *testing.T) {
	t.Setenv("JETON_CI", "")
	t.Setenv("PATH", t.TempDir())
	if got := run(t, func(t testing.TB) { testenv.Shell(t) }); got.ended != "skipped" || !strings.HasPrefix(got.message, "needs sh: ") {
		t.Errorf("%s with %q, want skipped", got.ended, got.message)
	}
	t.Setenv("JETON_CI", "1")
	if got := run(t, func(t testing.TB) { testenv.Shell(t) }); got.ended != "failed" {
		t.Errorf("in the gate: %s with %q, want failed", got.ended, got.message)
	}
}

func TestPythonIsOneThatRuns(t *testing.T) {
	for name, c := range map[string]struct {
		find    func(testing.TB) string
		program string
	}{
		"plain":         {testenv.PlainPython, "import json, hmac"},
		"with packages": {testenv.Python, "import jwt, cryptography"},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.find(t)
			if out, err := exec.Command(path, "-c", c.program).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", path, err, out)
			}
		})
	}
}
