package loadgen

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/revocation"
)

// Propagation measures how soon revocations reach those who follow the feed:
// from the answer of the call that revoked to when a follower has it in force.
// What arrives before that answer counts as 0.
type Propagation struct {
	Target    *Target
	Keys      jeton.KeySet // of the service, for the followers
	FollowURL string       // the node that they follow; default Target.URL
	Followers int          // each with a connection, in this process
	Rate      float64      // revocations that fall due in a second
	Duration  time.Duration
	// Settle is how long to wait for what is still on its way at the end, and
	// for followers to be ready at the start; default 30 s.
	Settle time.Duration
	// OnLogin and OnProgress, if set, are told of each login before the
	// measurement, and of each revocation.
	OnLogin    func(done, of int)
	OnProgress func(revoked int64)
}

// PropagationResult is what it found. Latencies are in milliseconds.
type PropagationResult struct {
	Followers   int     `json:"followers"`
	Revocations int64   `json:"revocations"` // that were answered
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	Max         float64 `json:"max_ms"`
	Missed      int64   `json:"missed"` // that did not reach a follower, of all of Revocations x Followers

	// From when the revoking call was sent: what the service and its feed took
	// together. Where the machine is too busy to read the answer before a
	// follower has the revocation, this is the figure to look at.
	CallP50 float64 `json:"call_p50_ms"`
	CallP99 float64 `json:"call_p99_ms"`

	Errors    int64   `json:"errors"` // revocations that failed
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"rate"`
	Early     bool    `json:"early"`                // it ended before its time
	FirstFail string  `json:"first_fail,omitempty"` // of Errors; without secrets
}

// maxDeliveries bounds the memory for arrival times, 8 bytes each.
const maxDeliveries = 50_000_000

// revokers is how many connections revoke.
const revokers = 16

// Run opens a session for each revocation, then the followers, then revokes. If
// ctx ends it returns what it found until then.
func (p *Propagation) Run(ctx context.Context) (*PropagationResult, error) {
	n := int(p.Rate * p.Duration.Seconds())
	switch {
	case p.Followers < 1 || n < 1:
		return nil, targetError("there must be a follower and a revocation")
	case p.Followers > maxDeliveries/n:
		return nil, targetError("%d followers and %d revocations are too many at once", p.Followers, n)
	}
	if p.Settle <= 0 {
		p.Settle = 30 * time.Second
	}
	fleet, err := p.Target.Open(ctx, n, func(done int) {
		if p.OnLogin != nil {
			p.OnLogin(done, n)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("the clients can't log in: %w", err)
	}
	defer fleet.Close()
	m := &propagation{Propagation: p, sessions: fleet.sessions, index: make(map[string]int, n), sent: make([]int64, n), answered: make([]atomic.Int64, n), start: p.Target.Now()}
	for i, s := range m.sessions {
		s.conn.drop() // the revokers have connections of their own
		sid, err := sessionID(s.access)
		if err != nil {
			return nil, err
		}
		m.index[sid] = i
	}
	followers, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := m.follow(ctx, followers); err != nil {
		return nil, err
	}
	defer m.close()
	m.revoke(ctx)
	m.settle(ctx)
	return m.result(), nil
}

type propagation struct {
	*Propagation
	sessions []*session
	index    map[string]int // of sessions, by id
	sent     []int64        // when a revocation was sent
	answered []atomic.Int64 // when it was answered; 0: it was not
	arrived  [][]atomic.Int64
	list     []*revocation.Follower
	start    time.Time

	taken, revoked, errors, arrivals atomic.Int64
	failure                          atomic.Pointer[string]
	finish                           time.Time
}

// at is an instant as one that is never 0.
func (m *propagation) at() int64 { return int64(m.Target.Now().Sub(m.start)) + 1 }

// follow starts the followers and waits until all have the list. They end with
// the second context, the wait with the first.
func (m *propagation) follow(wait, followers context.Context) error {
	issuer, err := m.Target.issuer(wait)
	if err != nil {
		return err
	}
	address := strings.TrimSuffix(cmp.Or(m.FollowURL, m.Target.URL), "/") + "/v1/revocations"
	m.arrived = make([][]atomic.Int64, m.Followers)
	for i := range m.arrived {
		arrived := make([]atomic.Int64, len(m.sessions))
		m.arrived[i] = arrived
		options := []revocation.Option{
			revocation.FailOpen(time.Hour),
			revocation.OnRevoke(func(e revocation.Entry) {
				if j, ours := m.index[e.Value]; ours && e.Kind == revocation.Session && arrived[j].CompareAndSwap(0, m.at()) {
					m.arrivals.Add(1)
				}
			}),
			revocation.HTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: m.Target.TLS.Clone()}}), // a connection each
		}
		if strings.HasPrefix(address, "http://") {
			options = append(options, revocation.InsecureHTTP())
		}
		f, err := revocation.Follow(followers, address, m.Keys, issuer, options...)
		if err != nil {
			m.close()
			return targetError("the feed: %w", err)
		}
		m.list = append(m.list, f)
	}
	ready, cancel := context.WithTimeout(wait, m.Settle)
	defer cancel()
	for _, f := range m.list {
		if err := f.Wait(ready); err != nil {
			m.close()
			return fmt.Errorf("not all followers have the list after %s: %w", m.Settle, err)
		}
	}
	return nil
}

// close ends the followers, all at once: one after the other would take long.
func (m *propagation) close() {
	var wait sync.WaitGroup
	for _, f := range m.list {
		wait.Go(func() { f.Close() })
	}
	wait.Wait()
}

// revoke revokes each session when its turn is due.
func (m *propagation) revoke(ctx context.Context) {
	begin := m.Target.Now()
	var wait sync.WaitGroup
	for range min(revokers, len(m.sessions)) {
		wait.Go(func() {
			c := &conn{t: m.Target}
			defer c.close()
			for {
				i := int(m.taken.Add(1) - 1)
				if i >= len(m.sessions) {
					return
				}
				due := begin.Add(time.Duration(float64(i) / m.Rate * float64(time.Second)))
				if !sleep(ctx, due.Sub(m.Target.Now())) {
					return
				}
				s := m.sessions[i]
				s.conn = c
				m.sent[i] = m.at()
				if err := s.revoke(ctx); err != nil {
					text := err.Error()
					m.failure.CompareAndSwap(nil, &text)
					m.errors.Add(1)
					continue
				}
				m.answered[i].Store(m.at())
				if n := m.revoked.Add(1); m.OnProgress != nil {
					m.OnProgress(n)
				}
			}
		})
	}
	wait.Wait()
	m.finish = m.Target.Now()
}

// settle waits for what is on its way.
func (m *propagation) settle(ctx context.Context) {
	until := m.finish.Add(m.Settle)
	for m.arrivals.Load() < m.revoked.Load()*int64(m.Followers) && m.Target.Now().Before(until) {
		if !sleep(ctx, 20*time.Millisecond) {
			return
		}
	}
}

func (m *propagation) result() *PropagationResult {
	r := &PropagationResult{
		Followers: m.Followers, Revocations: m.revoked.Load(), Errors: m.errors.Load(), Rate: m.Rate,
		Seconds: round(m.finish.Sub(m.start).Seconds(), 3), Early: m.revoked.Load()+m.errors.Load() < int64(len(m.sessions)),
	}
	if text := m.failure.Load(); text != nil {
		r.FirstFail = *text
	}
	t, call := newTally(), newTally()
	for i := range m.answered {
		answered := m.answered[i].Load()
		if answered == 0 {
			continue
		}
		for _, arrived := range m.arrived {
			at := arrived[i].Load()
			if at == 0 {
				r.Missed++
				continue
			}
			t.latency(max(0, time.Duration(at-answered)))
			call.latency(time.Duration(at - m.sent[i]))
		}
	}
	r.P50, r.P99, r.Max = ms(min(quantile(t.all, 50), t.max)), ms(min(quantile(t.all, 99), t.max)), ms(t.max)
	r.CallP50, r.CallP99 = ms(min(quantile(call.all, 50), call.max)), ms(min(quantile(call.all, 99), call.max))
	return r
}

// Check returns an error that is [ErrMeaningless] if nothing was revoked, or
// more failed than did not.
func (r *PropagationResult) Check() error {
	return (&Result{Ops: r.Revocations, Errors: r.Errors}).Check()
}

// issuer asks the service for its name.
func (t *Target) issuer(ctx context.Context) (string, error) {
	e, err := parseEndpoint(strings.TrimSuffix(t.URL, "/") + "/.well-known/oauth-authorization-server")
	if err != nil {
		return "", targetError("the service's URL: %w", err)
	}
	s := t.session()
	defer s.conn.close()
	a, err := s.conn.do(ctx, e, request{method: "GET"})
	if err != nil {
		return "", fmt.Errorf("the service's metadata: %w", err)
	}
	var doc struct {
		Issuer string `json:"issuer"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &doc) != nil || doc.Issuer == "" {
		return "", fmt.Errorf("the service's metadata: %w", s.refusal(a))
	}
	return doc.Issuer, nil
}

// sessionID reads the "sid" of an access token that the service has just made.
func sessionID(access string) (string, error) {
	var claims struct {
		SessionID string `json:"sid"`
	}
	parts := strings.Split(access, ".")
	if len(parts) == 3 {
		if b, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(b, &claims) == nil && claims.SessionID != "" {
			return claims.SessionID, nil
		}
	}
	return "", errors.New("the access token names no session")
}
