package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton/internal/metrics"
	"github.com/jeton-go/jeton/internal/observe"
	"github.com/jeton-go/jeton/internal/tracing"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/postgres"
)

// telemetry is what a service tells of itself beside its log.
type telemetry struct {
	log      *slog.Logger
	registry *metrics.Registry
	http     *metrics.HTTP
	batches  func(kind string, size int)
	store    observe.Begin
	work     func(context.Context, issuer.Work) func(error)
	sessions func(live int64, exact bool)
	chores   *metrics.Housekeeping
	tracer   *tracing.Tracer // nil: no traces
}

// The service's own tasks.
const (
	choreKeys  = "keys"
	chorePrune = "prune"
	choreCount = "count"
)

// writes is the kind of batch of a store that writes all in one.
const writes = "write"

func newTelemetry(log *slog.Logger, db string) *telemetry {
	r := metrics.New(versionText(), time.Now)
	kinds := []string{writes}
	if db != "" {
		kinds = []string{string(postgres.BatchRead), string(postgres.BatchRotate), string(postgres.BatchCreate), string(postgres.BatchRevoke)}
	}
	return &telemetry{
		log:      log,
		registry: r,
		http:     r.HTTP(),
		batches:  r.Batches(kinds...),
		store:    r.Store(),
		work:     r.Work(),
		sessions: r.Sessions(),
		chores:   r.Housekeeping(choreKeys, chorePrune, choreCount),
	}
}

// trace begins to send traces to an OTLP receiver; with "" it does nothing.
func (t *telemetry) trace(ctx context.Context, endpoint string) error {
	if endpoint == "" {
		return nil
	}
	var err error
	t.tracer, err = tracing.Start(ctx, tracing.Options{
		Endpoint: endpoint,
		Version:  versionText(),
		OnError:  func(err error) { t.log.Warn("traces", "error", err) },
	})
	if err != nil {
		return usage("--otlp-endpoint: %w", err)
	}
	t.store = observe.Both(t.store, t.tracer.Store)
	work := t.work
	t.work = func(ctx context.Context, w issuer.Work) func(error) {
		counted, traced := work(ctx, w), t.tracer.Work(ctx, w)
		return func(err error) {
			traced(err)
			counted(err)
		}
	}
	return nil
}

// close sends the traces that are left.
func (t *telemetry) close(ctx context.Context) {
	if t.tracer == nil {
		return
	}
	if err := t.tracer.Close(ctx); err != nil {
		t.log.Warn("traces", "error", err)
	}
}

// feedRoute answers when there is something to tell, which may be hours later.
const feedRoute = "GET /v1/revocations"

// untraced are routes of which traces would be noise: those that are asked every
// few seconds, and the one that takes hours.
var untraced = []string{feedRoute, "GET /healthz", "GET /readyz", "GET /metrics"}

// observe watches the requests of a route.
func (t *telemetry) observe(pattern string) issuerhttp.Observer {
	route := t.http.Route(pattern, pattern == feedRoute)
	counted := func(r *http.Request) (context.Context, func(issuerhttp.Answer)) {
		route.Begin()
		ctx, method := r.Context(), r.Method
		return ctx, func(a issuerhttp.Answer) {
			route.Done(method, a.Status, a.Took)
			logAnswer(ctx, t.log, pattern, method, a)
		}
	}
	if t.tracer == nil || slices.Contains(untraced, pattern) {
		return counted
	}
	_, name, _ := strings.Cut(pattern, " ")
	return func(r *http.Request) (context.Context, func(issuerhttp.Answer)) {
		ctx, traced := t.tracer.Request(r.Context(), r.Header, knownMethod(r.Method), name)
		ctx, done := counted(r.WithContext(ctx))
		return ctx, func(a issuerhttp.Answer) {
			done(a)
			traced(a.Status)
		}
	}
}

// countEvery is how often live sessions are counted, and countSample how many
// rows are looked at for it: a constant cost, and two percent off at most times.
const (
	countEvery  = 30 * time.Second
	countSample = 2000
)

// count tells how many sessions are live, until ctx ends.
func (t *telemetry) count(ctx context.Context, store issuer.SessionCounter) {
	every := time.NewTicker(countEvery)
	defer every.Stop()
	for {
		within, cancel := context.WithTimeout(ctx, countEvery/3)
		live, exact, err := store.CountSessions(within, countSample)
		cancel()
		switch {
		case err == nil:
			t.sessions(live, exact)
		case ctx.Err() == nil:
			t.chores.Failed(choreCount)
			t.log.Warn("live sessions could not be counted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// routeOf is the name of a route in logs, metrics and traces.
func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	return "other"
}

// knownMethod is a method of a request; "other" for one that a client made up.
func knownMethod(method string) string {
	if slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}, method) {
		return method
	}
	return "other"
}
