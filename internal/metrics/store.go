package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jeton-go/jeton/internal/observe"
)

// storeOp is what is told of one method of a store.
type storeOp struct {
	duration                      prometheus.Observer
	ok, refused, canceled, failed prometheus.Counter
}

// Store adds the metrics of a store's methods, and returns what is to be told of
// their calls.
func (r *Registry) Store() observe.Begin {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "jeton_store_operation_duration_seconds",
		Help:    "Time that the store took, the wait for its group included.",
		Buckets: latency,
	}, []string{"operation"})
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "jeton_store_operations_total",
		Help: "Calls of the store by outcome: ok, refused (no such thing, or another one was faster), canceled, failed.",
	}, []string{"operation", "outcome"})
	r.add(duration, calls)
	ops := make([]storeOp, len(observe.Ops()))
	for _, op := range observe.Ops() {
		outcome := func(name string) prometheus.Counter { return calls.WithLabelValues(op.String(), name) }
		ops[op] = storeOp{duration.WithLabelValues(op.String()), outcome("ok"), outcome("refused"), outcome("canceled"), outcome("failed")}
	}
	return func(ctx context.Context, op observe.Op) (context.Context, func(error)) {
		began := r.now()
		return ctx, func(err error) {
			of := &ops[op]
			of.duration.Observe(r.now().Sub(began).Seconds())
			switch observe.Outcome(err) {
			case "ok":
				of.ok.Inc()
			case "refused":
				of.refused.Inc()
			case "canceled":
				of.canceled.Inc()
			default:
				of.failed.Inc()
			}
		}
	}
}

// Batches adds the metric of how many calls share a transaction, for the kinds of
// batches that there are, and returns what is to be told of one.
func (r *Registry) Batches(kinds ...string) func(kind string, size int) {
	sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "jeton_store_batch_size",
		Help:    "Calls of the store that shared one transaction, by what they did.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 10),
	}, []string{"kind"})
	r.add(sizes)
	of := make(map[string]prometheus.Observer, len(kinds))
	for _, kind := range kinds {
		of[kind] = sizes.WithLabelValues(kind)
	}
	return func(kind string, size int) {
		if o := of[kind]; o != nil {
			o.Observe(float64(size))
		}
	}
}
