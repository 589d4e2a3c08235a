package loadgen

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a measurement found. Latencies are in milliseconds. Those of
// an open loop count from when an operation was due.
type Result struct {
	Op      string  `json:"op"`
	Clients int     `json:"clients"`
	Seconds float64 `json:"seconds"` // until the last answer
	Ops     int64   `json:"ops"`     // that succeeded
	OpsPerS float64 `json:"ops_per_s"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
	Errors  int64   `json:"errors"`

	P90   float64 `json:"p90_ms"`
	P999  float64 `json:"p999_ms"`
	Rate  float64 `json:"rate"`  // that was asked for; 0: a closed loop
	Lost  int64   `json:"lost"`  // clients that ended because their session did
	Early bool    `json:"early"` // it ended before its time
	// Unsent operations fell due in an open loop and were not begun, or not
	// answered, when it ended. They are no ops and no errors, and their wait is
	// in the latencies.
	Unsent int64 `json:"unsent"`
	// Rotated refreshes returned another refresh token, Repeated ones that
	// which was sent.
	Rotated  int64 `json:"rotated"`
	Repeated int64 `json:"repeated"`

	ErrorKinds map[string]*ErrorKind `json:"error_kinds,omitempty"`
	ByOp       map[string]OpResult   `json:"by_op,omitempty"`
	// CPUPerOp is processor time of this process for an operation, in
	// microseconds: what the generator itself takes. Whoever runs it fills it
	// in; 0 is not known.
	CPUPerOp float64 `json:"client_cpu_us_per_op"`

	histogram *hdrhistogram.Histogram
}

// ErrorKind is failures of one kind.
type ErrorKind struct {
	Count   int64  `json:"count"`
	Example string `json:"example"` // the first; without secrets
}

// OpResult is one of several operations.
type OpResult struct {
	Ops int64   `json:"ops"`
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

func (r *run) result(finish time.Time) *Result {
	sum := merge(r.tallies)
	elapsed := finish.Sub(r.start)
	at := func(percent float64) float64 { return ms(min(quantile(sum.all, percent), sum.max)) }
	out := &Result{
		Op: r.Op, Clients: len(r.Clients), Seconds: round(elapsed.Seconds(), 3),
		Ops: sum.ops, Errors: sum.errors,
		P50: at(50), P99: at(99), Max: ms(sum.max), P90: at(90), P999: at(99.9),
		Rate: r.Rate, Lost: r.lost.Load(), Unsent: sum.unsent,
		Rotated: sum.rotated, Repeated: sum.repeated,
		ErrorKinds: sum.kinds, histogram: sum.all,
	}
	out.Early = r.Rate == 0 && finish.Before(r.end) || r.Rate > 0 && r.taken.Load() < r.arrivals && finish.Before(r.end)
	if elapsed > 0 {
		out.OpsPerS = round(float64(sum.ops)/elapsed.Seconds(), 1)
	}
	for op, h := range sum.byOp {
		if out.ByOp == nil {
			out.ByOp = map[string]OpResult{}
		}
		out.ByOp[op] = OpResult{h.TotalCount(), ms(quantile(h, 50)), ms(quantile(h, 99)), ms(time.Duration(h.Max()))}
	}
	return out
}

// ErrMeaningless means that a measurement ran and says nothing about the
// server.
var ErrMeaningless = errors.New("the figures mean nothing")

// Check returns an error that is [ErrMeaningless] if nothing succeeded, or if
// more failed than succeeded.
func (r *Result) Check() error {
	switch {
	case r.Ops == 0:
		return fmt.Errorf("%w: nothing succeeded", ErrMeaningless)
	case r.Errors > r.Ops:
		return fmt.Errorf("%w: more failed (%d) than succeeded (%d)", ErrMeaningless, r.Errors, r.Ops)
	}
	return nil
}

func ms(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 3) }

func round(x float64, digits int) float64 {
	shift := math.Pow10(digits)
	return math.Round(x*shift) / shift
}
