package loadgen

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However latencies are spread over tallies, the sum is the same, and no
// quantile is off by more than three digits.
func TestTheSumOfTalliesIsOneTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "tallies")
		spread := make([]*tally, n)
		for i := range spread {
			spread[i] = newTally()
		}
		one := newTally()
		var all []time.Duration
		for range rapid.IntRange(1, 200).Draw(t, "operations") {
			o := Outcome{Op: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "op"), Rotated: rapid.Bool().Draw(t, "rotated")}
			if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
				o.Err = &Failure{Kind: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "kind")}
			}
			took := time.Duration(rapid.Int64Range(int64(time.Microsecond), int64(time.Minute)).Draw(t, "took"))
			if o.Err == nil {
				all = append(all, took)
			}
			one.record(o, took)
			spread[rapid.IntRange(0, n-1).Draw(t, "tally")].record(o, took)
		}
		sum := merge(spread)
		if !sum.all.Equals(one.all) || sum.ops != one.ops || sum.errors != one.errors || sum.rotated != one.rotated || sum.max != one.max || len(sum.byOp) != len(one.byOp) {
			t.Fatalf("%+v is not %+v", sum, one)
		}
		for op, h := range one.byOp {
			if !h.Equals(sum.byOp[op]) {
				t.Fatalf("%s differs", op)
			}
		}
		for kind, k := range one.kinds {
			if sum.kinds[kind].Count != k.Count {
				t.Fatalf("%s: %d, want %d", kind, sum.kinds[kind].Count, k.Count)
			}
		}
		if len(all) == 0 {
			return
		}
		slices.Sort(all)
		for _, percent := range []float64{50, 90, 99, 99.9} {
			rank := int(float64(len(all)) * percent / 100) // or the next: few latencies have no p99
			low, high := all[max(0, rank-1)], all[min(rank, len(all)-1)]
			if got := quantile(sum.all, percent); float64(got) < float64(low)*0.998-1024 || float64(got) > float64(high)*1.002+1024 {
				t.Fatalf("p%v is %s, want %s to %s", percent, got, low, high)
			}
		}
	})
}

func TestALatencyBeyondTheHistogramCountsAsItsLongest(t *testing.T) {
	one := newTally()
	one.record(Outcome{}, 24*time.Hour)
	one.record(Outcome{}, -time.Second)
	if one.ops != 2 || one.all.TotalCount() != 2 || one.max != 24*time.Hour {
		t.Errorf("%+v", one)
	}
}
