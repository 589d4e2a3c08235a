package metrics_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/metrics"
	"github.com/jeton-go/jeton/internal/observe"
	"github.com/jeton-go/jeton/issuer"
)

var noon = time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)

func registry() *metrics.Registry {
	return metrics.New("v1", func() time.Time { return noon })
}

// page is what a scrape gets.
func page(t *testing.T, r *metrics.Registry) string {
	t.Helper()
	rec := httptest.NewRecorder()
	r.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(rec.Body)
	if err != nil || rec.Code != 200 {
		t.Fatalf("%d, %v: %s", rec.Code, err, b)
	}
	return string(b)
}

func has(t *testing.T, page string, lines ...string) {
	t.Helper()
	all := strings.Split(page, "\n")
	for _, want := range lines {
		if !slices.Contains(all, want) {
			t.Errorf("there is no line %s", want)
		}
	}
}

func TestRequestsAreCountedByRouteMethodAndStatus(t *testing.T) {
	r := registry()
	h := r.HTTP()
	verify, feed, none := h.Route("GET /verify", false), h.Route("GET /v1/revocations", true), h.Route("", false)
	done := func(route *metrics.Route, method string, status int) {
		route.Begin()
		route.Done(method, status, 30*time.Millisecond)
	}
	done(verify, "GET", 200)
	done(verify, "GET", 200)
	done(verify, "HEAD", 401)
	done(feed, "GET", 200)
	done(none, "BREW", 404)
	done(none, "MAKE\nUP", 99999)
	feed.Begin()
	p := page(t, r)
	has(t, p,
		`jeton_http_requests_total{method="GET",route="/verify",status="200"} 2`,
		`jeton_http_requests_total{method="HEAD",route="/verify",status="401"} 1`,
		`jeton_http_requests_total{method="GET",route="/v1/revocations",status="200"} 1`,
		`jeton_http_requests_total{method="other",route="other",status="404"} 1`,
		`jeton_http_requests_total{method="other",route="other",status="0"} 1`,
		`jeton_http_request_duration_seconds_bucket{method="GET",route="/verify",le="0.025"} 0`,
		`jeton_http_request_duration_seconds_bucket{method="GET",route="/verify",le="0.05"} 2`,
		`jeton_http_requests_in_flight 1`,
	)
	if strings.Contains(p, `jeton_http_request_duration_seconds_count{method="GET",route="/v1/revocations"`) {
		t.Error("a wait on purpose is told as a duration")
	}
}

// What is counted at every request looks nothing up by name.
func TestCountingARequestAllocatesNothing(t *testing.T) {
	route := registry().HTTP().Route("POST /oauth/token", false)
	if n := testing.AllocsPerRun(100, func() {
		route.Begin()
		route.Done("POST", 200, time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCallsOfTheStoreAreCountedByOutcome(t *testing.T) {
	r := registry()
	begin := r.Store()
	for _, err := range []error{nil, nil, issuer.ErrConflict, context.Canceled, errors.New("the disk is full")} {
		_, done := begin(t.Context(), observe.Rotate)
		done(err)
	}
	batches := r.Batches("write")
	batches("write", 3)
	batches("nonsense", 3)
	p := page(t, r)
	has(t, p,
		`jeton_store_operations_total{operation="rotate",outcome="ok"} 2`,
		`jeton_store_operations_total{operation="rotate",outcome="refused"} 1`,
		`jeton_store_operations_total{operation="rotate",outcome="canceled"} 1`,
		`jeton_store_operations_total{operation="rotate",outcome="failed"} 1`,
		`jeton_store_operations_total{operation="ping",outcome="failed"} 0`,
		`jeton_store_operation_duration_seconds_count{operation="rotate"} 5`,
		`jeton_store_batch_size_bucket{kind="write",le="2"} 0`,
		`jeton_store_batch_size_bucket{kind="write",le="4"} 1`,
	)
	if strings.Contains(p, "nonsense") {
		t.Error("a kind that was not named has a label")
	}
}

func TestWhatTheIssuerCountsIsTold(t *testing.T) {
	r := registry()
	hour := time.Hour
	r.Issuer(func() issuer.Stats {
		return issuer.Stats{
			Logins:    map[issuer.LoginOutcome]uint64{issuer.LoginOK: 3, issuer.LoginWrongPassword: 0},
			Refreshes: map[issuer.RefreshOutcome]uint64{issuer.RefreshReuse: 2},
			Revoked:   map[issuer.Reason]uint64{issuer.ReasonLogout: 4},
			Guesses:   issuer.GuessStats{Refused: map[issuer.LoginLimit]uint64{"account": 6}, Addresses: 3, Sources: 8},
			Hashes:    issuer.HashStats{Slots: 2, Busy: 1, Queue: 64, Waiting: 7, TurnedAway: 9},
			Feed:      issuer.FeedStats{Readers: 5, Batches: 10, Entries: 20, Overtaken: 1, Seq: 33, ReadAt: noon.Add(-time.Second), Delay: 50 * time.Millisecond},
			Keys: []issuer.KeyStats{
				{Use: issuer.UseAccess, Algorithm: "RS256", State: issuer.KeyActive, Since: noon.Add(-hour), Until: noon.Add(2 * hour)},
				{Use: issuer.UseAccess, Algorithm: "ES256", State: issuer.KeyNext, Since: noon.Add(-time.Minute), Until: noon.Add(5 * time.Minute)},
				{Use: issuer.UseAccess, Algorithm: "RS256", State: issuer.KeyRetiring, Since: noon.Add(-time.Minute), Until: noon.Add(hour)},
				{Use: issuer.UseAccess, Algorithm: "RS256", State: issuer.KeyRetiring, Since: noon.Add(-2 * time.Minute), Until: noon.Add(hour)},
				{Use: issuer.UseRefresh, State: issuer.KeyActive, Since: noon.Add(-hour)},
			},
		}
	})
	p := page(t, r)
	has(t, p,
		`jeton_logins_total{outcome="ok"} 3`,
		`jeton_logins_total{outcome="wrong_password"} 0`,
		`jeton_refreshes_total{outcome="reuse"} 2`,
		`jeton_sessions_revoked_total{reason="logout"} 4`,
		`jeton_logins_slowed_total{limit="account"} 6`, `jeton_login_failing_addresses 3`, `jeton_login_failing_sources 8`,
		`jeton_password_hash_slots 2`, `jeton_password_hashes_running 1`, `jeton_password_hash_queue_limit 64`,
		`jeton_password_hashes_waiting 7`, `jeton_password_hashes_refused_total 9`,
		`jeton_feed_readers 5`, `jeton_feed_batches_total 10`, `jeton_feed_entries_total 20`, `jeton_feed_overtaken_total 1`,
		`jeton_feed_sequence 33`, `jeton_feed_read_age_seconds 1`, `jeton_feed_delay_seconds 0.05`,
		`jeton_keys{algorithm="RS256",state="retiring",use="access"} 2`,
		`jeton_key_age_seconds{algorithm="RS256",state="retiring",use="access"} 120`,
		`jeton_key_age_seconds{algorithm="RS256",state="active",use="access"} 3600`,
		`jeton_key_rotation_due_seconds{use="access"} 300`, // when the next key takes over
	)
	if strings.Contains(p, `jeton_key_rotation_due_seconds{use="refresh"}`) {
		t.Error("a rotation is due that happens on command only")
	}
}

func TestOverloadIsTold(t *testing.T) {
	r := registry()
	r.Overload(func() metrics.Overload {
		return metrics.Overload{Limit: 1024, UnderWay: map[string]int{"verify": 3}, Shed: map[string]uint64{"login": 5}}
	})
	has(t, page(t, r), `jeton_calls_limit 1024`, `jeton_calls_under_way{class="verify"} 3`, `jeton_requests_shed_total{class="login"} 5`)
}

func TestHashesAndSessionsAndChoresAreTold(t *testing.T) {
	now := noon
	r := metrics.New("v1", func() time.Time { return now })
	work, sessions, chores := r.Work(), r.Sessions(), r.Housekeeping("prune")
	if p := page(t, r); strings.Contains(p, "jeton_sessions_live") {
		t.Error("sessions are told of before they were counted")
	}
	wait := work(t.Context(), issuer.WorkHashWait)
	now = now.Add(time.Second)
	wait(nil)
	hash := work(t.Context(), issuer.WorkHash)
	now = now.Add(30 * time.Millisecond)
	hash(nil)
	sessions(7, true)
	sessions(15000, false)
	chores.Failed("prune")
	chores.Pruned(12)
	has(t, page(t, r),
		`jeton_password_hash_wait_seconds_sum 1`, `jeton_password_hash_seconds_sum 0.03`,
		`jeton_sessions_live 15000`, `jeton_sessions_live_estimated 1`,
		`jeton_housekeeping_failures_total{task="prune"} 1`, `jeton_pruned_rows_total 12`,
		`jeton_build_info{goversion="`+runtime.Version()+`",version="v1"} 1`,
	)
}

func TestAGuardTellsOfDecisionsAndOfWhatItKnows(t *testing.T) {
	r := registry()
	ok := true
	g := r.Guard(func() bool { return ok }, func() map[string]time.Duration {
		return map[string]time.Duration{"https://auth.example": 3 * time.Second, "https://other.example": math.MaxInt64}
	})
	g.Decided(200, "ok")
	g.Decided(200, "ok")
	g.Decided(401, "expired")
	g.Took(time.Millisecond)
	has(t, page(t, r),
		`jeton_guard_decisions_total{reason="ok",status="200"} 2`,
		`jeton_guard_decisions_total{reason="expired",status="401"} 1`,
		`jeton_guard_policy_ok 1`,
		`jeton_guard_revocations_age_seconds{issuer="https://auth.example"} 3`,
		`jeton_guard_revocations_age_seconds{issuer="https://other.example"} +Inf`,
		`jeton_guard_request_duration_seconds_count 1`,
	)
	ok = false
	has(t, page(t, r), `jeton_guard_policy_ok 0`)
}
