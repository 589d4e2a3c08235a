package metrics

import "github.com/prometheus/client_golang/prometheus"

// Overload is what is told of requests that are turned away because there is too
// much to do.
type Overload struct {
	Limit    int               // of calls under way
	UnderWay map[string]int    // by class
	Shed     map[string]uint64 // requests turned away, by class
}

// Overload adds the metrics of overload, which it asks for at each scrape.
func (r *Registry) Overload(stats func() Overload) { r.add(overloadCollector(stats)) }

type overloadCollector func() Overload

var (
	callsLimit    = desc("jeton_calls_limit", "Calls that may be under way; it follows how long they take.")
	callsUnderWay = desc("jeton_calls_under_way", "Calls that are under way.", "class")
	requestsShed  = desc("jeton_requests_shed_total", "Requests that were turned away because there was too much to do.", "class")
)

func (overloadCollector) Describe(out chan<- *prometheus.Desc) {
	out <- callsLimit
	out <- callsUnderWay
	out <- requestsShed
}

func (c overloadCollector) Collect(out chan<- prometheus.Metric) {
	s := c()
	out <- prometheus.MustNewConstMetric(callsLimit, prometheus.GaugeValue, float64(s.Limit))
	for class, n := range s.UnderWay {
		out <- prometheus.MustNewConstMetric(callsUnderWay, prometheus.GaugeValue, float64(n), class)
	}
	for class, n := range s.Shed {
		out <- prometheus.MustNewConstMetric(requestsShed, prometheus.CounterValue, float64(n), class)
	}
}
