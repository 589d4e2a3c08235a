package guard

import (
	"fmt"
	"io"
	"sync/atomic"
)

// Counters count decisions by the status that they come to. The zero value is
// ready; it is safe for concurrent use.
type Counters struct {
	byStatus [600]atomic.Uint64
}

// Count counts a decision.
func (c *Counters) Count(d Decision) {
	if d.Status > 0 && d.Status < len(c.byStatus) {
		c.byStatus[d.Status].Add(1)
	}
}

// Write writes the counters, and whether the policy as it was read last is the one
// that decides, in the text format of Prometheus.
func (c *Counters) Write(w io.Writer, policyGood bool) error {
	text := "# HELP jeton_guard_policy_ok Whether the policy file, as it was read last, decides.\n" +
		"# TYPE jeton_guard_policy_ok gauge\njeton_guard_policy_ok "
	if policyGood {
		text += "1\n"
	} else {
		text += "0\n"
	}
	text += "# HELP jeton_guard_decisions_total Decisions by status.\n# TYPE jeton_guard_decisions_total counter\n"
	for status := range c.byStatus {
		if n := c.byStatus[status].Load(); n > 0 {
			text += fmt.Sprintf("jeton_guard_decisions_total{status=\"%d\"} %d\n", status, n)
		}
	}
	_, err := io.WriteString(w, text)
	return err
}
