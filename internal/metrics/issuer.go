package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jeton-go/jeton/issuer"
)

// Work adds the metrics of password hashing, and returns what is to be told of
// work: issuer.Config.OnWork.
func (r *Registry) Work() func(context.Context, issuer.Work) func(error) {
	buckets := []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	wait := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "jeton_password_hash_wait_seconds", Help: "Time that a login waited until its password was hashed, or was turned away.", Buckets: buckets,
	})
	hash := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "jeton_password_hash_seconds", Help: "Time to hash a password.", Buckets: buckets,
	})
	r.add(wait, hash)
	return func(_ context.Context, w issuer.Work) func(error) {
		began, to := r.now(), prometheus.Observer(hash)
		if w == issuer.WorkHashWait {
			to = wait
		}
		return func(error) { to.Observe(r.now().Sub(began).Seconds()) }
	}
}

// Sessions adds the metrics of live sessions, and returns what is to be told of
// a count. They are absent before the first.
func (r *Registry) Sessions() func(live int64, exact bool) {
	count := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "jeton_sessions_live", Help: "Sessions that are neither revoked nor expired, in the whole store.",
	})
	estimated := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "jeton_sessions_live_estimated", Help: "1 if jeton_sessions_live is estimated from a sample, 0 if it is counted.",
	})
	added := false
	return func(live int64, exact bool) {
		count.Set(float64(live))
		estimated.Set(1)
		if exact {
			estimated.Set(0)
		}
		if !added {
			added = true
			r.add(count, estimated)
		}
	}
}

// Housekeeping are the metrics of what a service does by itself.
type Housekeeping struct {
	failures *prometheus.CounterVec
	pruned   prometheus.Counter
}

// Housekeeping adds the metrics of tasks.
func (r *Registry) Housekeeping(tasks ...string) *Housekeeping {
	h := &Housekeeping{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jeton_housekeeping_failures_total", Help: "Times that a task of the service's own failed.",
		}, []string{"task"}),
		pruned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "jeton_pruned_rows_total", Help: "Rows of ended sessions and old revocations that this node deleted.",
		}),
	}
	for _, task := range tasks {
		h.failures.WithLabelValues(task)
	}
	r.add(h.failures, h.pruned)
	return h
}

// Failed counts a failure of a task.
func (h *Housekeeping) Failed(task string) { h.failures.WithLabelValues(task).Inc() }

// Pruned counts rows that were deleted.
func (h *Housekeeping) Pruned(rows int) { h.pruned.Add(float64(rows)) }

// Issuer adds what an issuer counts by itself.
func (r *Registry) Issuer(stats func() issuer.Stats) { r.add(&issuerCollector{stats, r.now}) }

// issuerCollector asks the issuer at each scrape.
type issuerCollector struct {
	stats func() issuer.Stats
	now   func() time.Time
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	logins    = desc("jeton_logins_total", "Logins by outcome.", "outcome")
	refreshes = desc("jeton_refreshes_total", "Uses of refresh tokens by outcome.", "outcome")
	revoked   = desc("jeton_sessions_revoked_total", "Sessions that this node revoked, by reason.", "reason")

	slowed           = desc("jeton_logins_slowed_total", "Logins that came too soon after others that failed, by the limit that they met.", "limit")
	failingAddresses = desc("jeton_login_failing_addresses", "Addresses from which logins failed lately, that this node remembers.")
	failingSources   = desc("jeton_login_failing_sources", "Accounts, each from an address, whose logins failed lately, that this node remembers.")

	hashSlots   = desc("jeton_password_hash_slots", "Passwords that may be hashed at once.")
	hashBusy    = desc("jeton_password_hashes_running", "Passwords that are being hashed now.")
	hashQueue   = desc("jeton_password_hash_queue_limit", "Logins that may wait for a hash.")
	hashWaiting = desc("jeton_password_hashes_waiting", "Logins that wait for a hash now.")
	hashRefused = desc("jeton_password_hashes_refused_total", "Hashes that were turned away because the queue was full or the wait too long.")

	feedReaders   = desc("jeton_feed_readers", "Followers that read the feed of revocations from this node now.")
	feedBatches   = desc("jeton_feed_batches_total", "Batches of the feed that were signed for all readers.")
	feedEntries   = desc("jeton_feed_entries_total", "Revocations in those batches.")
	feedOvertaken = desc("jeton_feed_overtaken_total", "Times that a reader was too far behind and was given pages again.")
	feedSeq       = desc("jeton_feed_sequence", "Number of the last revocation that this node's feed has; 0 while nobody reads.")
	feedReadAge   = desc("jeton_feed_read_age_seconds", "Time since the log of revocations was read for the feed; absent while nobody reads.")
	feedDelay     = desc("jeton_feed_delay_seconds", "Time between the last revocation's commit and its batch, by the clocks of both.")

	keys        = desc("jeton_keys", "Keys of the service.", "use", "algorithm", "state")
	keyAge      = desc("jeton_key_age_seconds", "Time since the oldest such key came into its state.", "use", "algorithm", "state")
	keyRotation = desc("jeton_key_rotation_due_seconds", "Time until another key takes over; absent if that happens on command only.", "use")

	issuerDescs = []*prometheus.Desc{
		logins, refreshes, revoked, slowed, failingAddresses, failingSources, hashSlots, hashBusy, hashQueue, hashWaiting, hashRefused,
		feedReaders, feedBatches, feedEntries, feedOvertaken, feedSeq, feedReadAge, feedDelay, keys, keyAge, keyRotation,
	}
)

func (c *issuerCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range issuerDescs {
		out <- d
	}
}

func (c *issuerCollector) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	s, now := c.stats(), c.now()
	for outcome, n := range s.Logins {
		counter(logins, n, string(outcome))
	}
	for outcome, n := range s.Refreshes {
		counter(refreshes, n, string(outcome))
	}
	for why, n := range s.Revoked {
		counter(revoked, n, string(why))
	}

	for limit, n := range s.Guesses.Refused {
		counter(slowed, n, string(limit))
	}
	gauge(failingAddresses, float64(s.Guesses.Addresses))
	gauge(failingSources, float64(s.Guesses.Sources))

	gauge(hashSlots, float64(s.Hashes.Slots))
	gauge(hashBusy, float64(s.Hashes.Busy))
	gauge(hashQueue, float64(s.Hashes.Queue))
	gauge(hashWaiting, float64(s.Hashes.Waiting))
	counter(hashRefused, s.Hashes.TurnedAway)

	gauge(feedReaders, float64(s.Feed.Readers))
	counter(feedBatches, s.Feed.Batches)
	counter(feedEntries, s.Feed.Entries)
	counter(feedOvertaken, s.Feed.Overtaken)
	gauge(feedSeq, float64(s.Feed.Seq))
	gauge(feedDelay, s.Feed.Delay.Seconds())
	if !s.Feed.ReadAt.IsZero() {
		gauge(feedReadAge, now.Sub(s.Feed.ReadAt).Seconds())
	}
	collectKeys(s.Keys, now, gauge)
}

func collectKeys(all []issuer.KeyStats, now time.Time, gauge func(*prometheus.Desc, float64, ...string)) {
	type kind struct{ use, algorithm, state string }
	number, age := map[kind]int{}, map[kind]float64{}
	due := map[string]time.Time{}
	for _, k := range all {
		as := kind{string(k.Use), k.Algorithm, string(k.State)}
		number[as]++
		age[as] = max(age[as], now.Sub(k.Since).Seconds())
		// A next key knows best when it takes over.
		if at, known := due[as.use]; !k.Until.IsZero() &&
			(k.State == issuer.KeyNext || k.State == issuer.KeyActive && (!known || at.IsZero())) {
			due[as.use] = k.Until
		}
	}
	for as, n := range number {
		gauge(keys, float64(n), as.use, as.algorithm, as.state)
		gauge(keyAge, age[as], as.use, as.algorithm, as.state)
	}
	for use, at := range due {
		gauge(keyRotation, at.Sub(now).Seconds(), use)
	}
}
