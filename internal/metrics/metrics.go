// Package metrics says in Prometheus's format what a service does. Its names and
// labels are an interface: docs/metrics.md lists them, and a test holds the two
// against each other. No label has a value that a client chose.
package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// latency are the buckets of what takes between a tenth of a millisecond and ten
// seconds.
var latency = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Registry is what a process tells. Make it with [New].
type Registry struct {
	registry *prometheus.Registry
	now      func() time.Time
}

// New makes a registry that tells of the program, Go and the process. now is the
// clock of ages and durations.
func New(version string, now func() time.Time) *Registry {
	r := &Registry{prometheus.NewRegistry(), now}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "jeton_build_info",
		Help:        "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	info.Set(1)
	r.registry.MustRegister(info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Handler answers scrapes.
func (r *Registry) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	})
}

func (r *Registry) add(all ...prometheus.Collector) { r.registry.MustRegister(all...) }

// Names returns the names of the metrics that a scrape has now.
func (r *Registry) Names() ([]string, error) {
	families, err := r.registry.Gather()
	names := make([]string, len(families))
	for i, f := range families {
		names[i] = f.GetName()
	}
	return names, err
}
