//go:build unix

package crashtest

import (
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/testenv"
)

// TestOutOfFileDescriptors lets connections that nobody uses take all the file
// descriptors that the program may have. Whoever has a connection is served, or
// told that the service can't; whoever has none waits. Once there are
// descriptors again, all goes on by itself.
func TestOutOfFileDescriptors(t *testing.T) {
	shell := testenv.Shell(t)
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	cmd := serveCommand(p.flags())
	limited := exec.Command(shell, append([]string{"-c", `ulimit -n 48 && exec "$@"`, "sh"}, cmd.Args...)...)
	limited.Env = cmd.Env
	run := launch(t, limited)
	refreshAll(t, run, h.sessions[:5], http.StatusOK)

	var idle []net.Conn
	for range 100 {
		c, err := net.Dial("tcp", strings.TrimPrefix(run.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	eventually(t, run, "the log says why", func() bool { return strings.Contains(run.log(), "too many open files") })
	served, refused := 0, 0
	for _, s := range h.sessions[5:40] {
		s.pending = refresh
		a, err := run.refresh(s.token) // by the connection that there is
		switch {
		case err != nil:
			t.Fatal(err)
		case a.status == http.StatusOK:
			served++
			s.pending = nothing
			h.answered(s, s.token, a.Refresh)
		case a.status >= 500 && a.Refresh == "" && a.Access == "":
			refused++
		default:
			t.Errorf("a refresh without file descriptors: %d %s", a.status, a.Code)
		}
	}
	t.Logf("%d refreshes were answered, %d failed", served, refused)
	for _, c := range idle {
		c.Close()
	}

	run.client = &http.Client{Timeout: time.Minute} // with connections of its own
	wantReady(t, run, http.StatusOK)
	refreshAll(t, run, h.sessions, http.StatusOK)
	run.kill()
	h.examine(t, p, false)
}
