package metrics

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Guard are the metrics of a guard's decisions. Make it with [Registry.Guard].
type Guard struct {
	decisions *prometheus.CounterVec
	duration  prometheus.Histogram

	mu    sync.RWMutex
	known map[decision]prometheus.Counter
}

type decision struct {
	status int
	reason string
}

// Guard adds the metrics of a guard. policyOK tells whether the policy as it was
// read last decides, and stale how old what is known of each issuer's
// revocations is.
func (r *Registry) Guard(policyOK func() bool, stale func() map[string]time.Duration) *Guard {
	g := &Guard{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jeton_guard_decisions_total", Help: "Decisions by the status that they come to and the reason.",
		}, []string{"status", "reason"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "jeton_guard_request_duration_seconds", Help: "Time until a gateway that asked over HTTP was answered.",
			Buckets: latency,
		}),
		known: map[decision]prometheus.Counter{},
	}
	r.add(g.decisions, g.duration, &guardCollector{policyOK, stale})
	return g
}

// Decided counts a decision. reason is one of a fixed number of words.
func (g *Guard) Decided(status int, reason string) {
	d := decision{status, reason}
	g.mu.RLock()
	c := g.known[d]
	g.mu.RUnlock()
	if c == nil {
		c = g.decisions.WithLabelValues(strconv.Itoa(status), reason)
		g.mu.Lock()
		g.known[d] = c
		g.mu.Unlock()
	}
	c.Inc()
}

// Took tells how long a request took.
func (g *Guard) Took(d time.Duration) { g.duration.Observe(d.Seconds()) }

var (
	guardPolicyOK = desc("jeton_guard_policy_ok", "1 if the policy file, as it was read last, decides; 0 if an older one does.")
	guardStale    = desc("jeton_guard_revocations_age_seconds", "Time since all revocations of an issuer were known.", "issuer")
)

type guardCollector struct {
	policyOK func() bool
	stale    func() map[string]time.Duration
}

func (c *guardCollector) Describe(out chan<- *prometheus.Desc) {
	out <- guardPolicyOK
	out <- guardStale
}

func (c *guardCollector) Collect(out chan<- prometheus.Metric) {
	ok := 0.0
	if c.policyOK() {
		ok = 1
	}
	out <- prometheus.MustNewConstMetric(guardPolicyOK, prometheus.GaugeValue, ok)
	for issuer, age := range c.stale() {
		seconds := age.Seconds()
		if age == math.MaxInt64 {
			seconds = math.Inf(1) // never yet
		}
		out <- prometheus.MustNewConstMetric(guardStale, prometheus.GaugeValue, seconds, issuer)
	}
}
