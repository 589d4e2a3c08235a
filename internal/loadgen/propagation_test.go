package loadgen_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
	"github.com/jeton-go/jeton/jwks"
)

func propagation(t *testing.T, s *service) *loadgen.Propagation {
	t.Helper()
	keys, err := jwks.NewRemote(s.URL+"/.well-known/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true})
	must(t, err)
	return &loadgen.Propagation{Target: target(s.URL), Keys: keys, Followers: 4, Rate: 50, Duration: 200 * time.Millisecond, Settle: time.Minute}
}

func TestEveryFollowerHasEveryRevocation(t *testing.T) {
	s := serve(t, 0, nil)
	r, err := propagation(t, s).Run(t.Context())
	must(t, err)
	if r.Followers != 4 || r.Revocations != 10 || r.Missed != 0 || r.Errors != 0 || r.Early || s.revocations.Load() != 10 {
		t.Errorf("%+v; the service saw %d revocations", r, s.revocations.Load())
	}
	if r.P99 < r.P50 || r.Max < r.P99 || r.CallP50 <= 0 || r.CallP99 < r.P99 {
		t.Errorf("%+v", r)
	}
	must(t, r.Check())
}

// Revocations may be made at one node and followed at another.
func TestFollowersOfAnotherNode(t *testing.T) {
	var read atomic.Int64
	var service http.Handler
	s := serve(t, 0, func(h http.Handler) http.Handler {
		service = h
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/revocations" {
				t.Error("a follower is at the node that revokes")
			}
			h.ServeHTTP(w, r)
		})
	})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read.Add(1)
		service.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { other.CloseClientConnections(); other.Close() })
	p := propagation(t, s)
	p.FollowURL = other.URL + "/"
	r, err := p.Run(t.Context())
	must(t, err)
	if r.Revocations != 10 || r.Missed != 0 || r.Errors != 0 || read.Load() != 4 {
		t.Errorf("%+v; %d followers at the other node", r, read.Load())
	}
}

// mute answers a follower's first batch and no other.
type mute struct {
	http.ResponseWriter
	batches int
}

func (m *mute) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func (m *mute) Write(b []byte) (int, error) {
	if m.batches++; m.batches > 1 {
		return len(b), nil
	}
	return m.ResponseWriter.Write(b)
}

func TestWhatAFollowerDoesNotLearnIsMissed(t *testing.T) {
	s := serve(t, 0, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/revocations" {
				w = &mute{ResponseWriter: w}
			}
			h.ServeHTTP(w, r)
		})
	})
	p := propagation(t, s)
	keys := p.Keys.(*jwks.Remote)
	must(t, keys.Refresh(t.Context()))
	p.Settle = 2 * time.Second
	r, err := p.Run(t.Context())
	must(t, err)
	if r.Revocations != 10 || r.Missed != 40 || r.Max != 0 {
		t.Errorf("%+v", r)
	}
}

func TestRevocationsThatFailAreNotMissed(t *testing.T) {
	s := serve(t, 0, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/oauth/revoke" {
				w.WriteHeader(500)
				io.WriteString(w, `{"error":"server_error"}`)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	r, err := propagation(t, s).Run(t.Context())
	must(t, err)
	if r.Revocations != 0 || r.Missed != 0 || r.Errors != 10 || r.FirstFail != "500 server_error" || !errors.Is(r.Check(), loadgen.ErrMeaningless) {
		t.Errorf("%+v", r)
	}
}

func TestPropagationThatCanNotBeMeasured(t *testing.T) {
	s := serve(t, 0, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/revocations" {
				w.WriteHeader(503)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	p := propagation(t, s)
	p.Settle = 200 * time.Millisecond
	if _, err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not all followers") {
		t.Errorf("without a feed: %v", err)
	}
	for name, change := range map[string]func(*loadgen.Propagation){
		"no followers":   func(p *loadgen.Propagation) { p.Followers = 0 },
		"no revocations": func(p *loadgen.Propagation) { p.Rate = 1 },
		"too many":       func(p *loadgen.Propagation) { p.Followers, p.Duration = 100_000, time.Hour },
	} {
		p := propagation(t, s)
		change(p)
		if _, err := p.Run(t.Context()); !errors.Is(err, loadgen.ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := propagation(t, s).Run(ctx); err == nil {
		t.Error("it ran although it was to end")
	}
}
