package metrics

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HTTP are the metrics of requests. Make it with [Registry.HTTP].
type HTTP struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// HTTP adds the metrics of requests.
func (r *Registry) HTTP() *HTTP {
	h := &HTTP{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jeton_http_requests_total",
			Help: "Requests by route, method and status of the answer; route \"other\" is none.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "jeton_http_request_duration_seconds",
			Help:    "Time until a request was answered, but for those that wait on purpose (the feed).",
			Buckets: latency,
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "jeton_http_requests_in_flight",
			Help: "Requests that are being answered now, readers of the feed included.",
		}),
	}
	r.add(h.requests, h.duration, h.inFlight)
	return h
}

// methods are the values of the label; what is none of the others is the last.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"}

const maxStatus = 600

// Route is a route's part of [HTTP]. Its counters are found by two indexes, and
// never by name after the first time.
type Route struct {
	of       *HTTP
	name     string
	waits    bool
	byMethod [len(methods)]atomic.Pointer[routeMethod]
}

type routeMethod struct {
	method   string
	duration prometheus.Observer // nil for a route that waits
	byStatus [maxStatus]atomic.Pointer[prometheus.Counter]
}

// Route returns the part of a route by its pattern: "GET /verify", or "" for what
// is no route. Of a route that waits on purpose no durations are told.
func (h *HTTP) Route(pattern string, waits bool) *Route {
	_, name, found := strings.Cut(pattern, " ")
	if !found {
		name = "other"
	}
	return &Route{of: h, name: name, waits: waits}
}

// Begin counts a request in.
func (r *Route) Begin() { r.of.inFlight.Inc() }

// Done counts a request that was answered.
func (r *Route) Done(method string, status int, took time.Duration) {
	r.of.inFlight.Dec()
	m := r.method(method)
	if status < 0 || status >= maxStatus {
		status = 0
	}
	m.counter(r, status).Inc()
	if m.duration != nil {
		m.duration.Observe(took.Seconds())
	}
}

func (r *Route) method(name string) *routeMethod {
	i := len(methods) - 1
	for j, known := range methods {
		if known == name {
			i = j
		}
	}
	if m := r.byMethod[i].Load(); m != nil {
		return m
	}
	m := &routeMethod{method: methods[i]}
	if !r.waits {
		m.duration = r.of.duration.WithLabelValues(r.name, methods[i])
	}
	r.byMethod[i].CompareAndSwap(nil, m) // of two that are first, one stays; both count in the same place
	return r.byMethod[i].Load()
}

func (m *routeMethod) counter(r *Route, status int) prometheus.Counter {
	if c := m.byStatus[status].Load(); c != nil {
		return *c
	}
	c := r.of.requests.WithLabelValues(r.name, m.method, strconv.Itoa(status))
	m.byStatus[status].Store(&c)
	return c
}
