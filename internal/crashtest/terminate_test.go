package crashtest

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestTerminatedUnderLoad sends SIGTERM under load: what the program began to do
// it ends and answers, and what it does not answer it has not done.
func TestTerminatedUnderLoad(t *testing.T) {
	p := sqlitePlace(t.TempDir())
	h := prepare(t, p)
	for range 3 {
		l := load{h: h, strict: true, every: 60, after: 100 + rand.Int64N(300)}
		l.p = start(t, append(p.flags(), "--refresh-grace", "0"))
		l.do = l.p.terminate
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		l.run(ctx, 16)
		cancel()
		<-l.p.ended
		if code := l.p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("the exit status is %d\n%s", code, l.p.log())
		}
		for _, said := range []string{"draining", "stopped"} {
			if !strings.Contains(l.p.log(), said) {
				t.Errorf("the log does not say %q\n%s", said, l.p.log())
			}
		}
		h.examine(t, p, true)
		if t.Failed() {
			t.FailNow()
		}
	}
	report(t, h, map[string]int{"with SIGTERM": 3})
}
