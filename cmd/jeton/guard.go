package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/guard"
	"github.com/jeton-go/jeton/internal/metrics"
	"github.com/jeton-go/jeton/revocation"
)

type guardCmd struct {
	Policy    string `help:"Policy file. It is read again when it changes, and on SIGHUP." placeholder:"FILE" predictor:"file"`
	Check     string `help:"Say what is wrong with a policy file, and end." placeholder:"FILE" predictor:"file"`
	Addr      string `default:"127.0.0.1:9090" help:"Where the gateway asks, over HTTP. Default: ${default}." placeholder:"HOST:PORT"`
	GRPCAddr  string `name:"grpc-addr" help:"Where Envoy asks, over gRPC. Default: nowhere." placeholder:"HOST:PORT"`
	AdminAddr string `default:"127.0.0.1:9091" help:"Health and metrics. Default: ${default}." placeholder:"HOST:PORT"`
	logFlags
}

func (c *guardCmd) Help() string {
	return `A small process beside nginx, Caddy, HAProxy, Traefik or Envoy, which ask it whether a request may pass. The least policy:

  gateway: nginx
  issuers:
    - issuer: https://auth.example
      jwks: https://auth.example/.well-known/jwks.json
      audiences: [orders]
      revocations: follow
  routes:
    - path: /health
      public: true
    - prefix: /orders
      scopes: [orders:read]

  jeton guard --check guard.yaml
  jeton guard --policy guard.yaml

What no route names is refused. All keys, and the configuration of each gateway: docs/guard.md.`
}

const (
	lookEvery  = 2 * time.Second // at the policy file
	mostPolicy = 1 << 20
	drainFor   = 15 * time.Second
)

func (c *guardCmd) Run(ctx context.Context, s *streams) error {
	switch {
	case (c.Check == "") == (c.Policy == ""):
		return usage("give --policy FILE, or --check FILE to look at one")
	case c.Check != "":
		return c.check(s)
	}
	log := c.logger(s)
	network := c.network(ctx, c.Policy, log)
	live := guard.NewLive(c.Policy, reader(c.Policy), network, time.Now)
	if err := live.Reload(); err != nil {
		return err
	}
	run := newGuardRun(live, log)
	if err := run.listen(c); err != nil {
		return err
	}
	defer run.close()
	network.Refresh(ctx)
	go c.watch(ctx, live, log)
	return run.serve(ctx)
}

// reader reads a policy.
func reader(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return readInput(nil, name, mostPolicy) }
}

// network is where keys and revocations come from. Files of keys are found from
// where the policy is.
func (c *guardCmd) network(ctx context.Context, policy string, log *slog.Logger) *guard.Network {
	return &guard.Network{
		Now: time.Now,
		ReadFile: func(name string) ([]byte, error) {
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(policy), name)
			}
			return readInput(nil, name, mostPolicy)
		},
		Follow: func(i guard.Issuer, keys jeton.KeySet) (guard.Revocations, error) {
			return revocation.Follow(ctx, i.Follow, keys, i.Issuer, revocation.Clock(time.Now),
				revocation.OnError(func(err error) { log.Warn("feed of revocations", "address", i.Follow, "error", err) }))
		},
		OnRefresh: func(address string, err error) {
			if err != nil && ctx.Err() == nil {
				log.Warn("key set not fetched", "address", address, "error", err)
			}
		},
	}
}

// check reads a policy as the guard would, but asks nobody for anything.
func (c *guardCmd) check(s *streams) error {
	read := reader(c.Check)
	data, err := read()
	if err != nil {
		return err
	}
	policy, err := guard.Parse(c.Check, data)
	if err != nil {
		return c.told(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	quiet := slog.New(slog.DiscardHandler)
	if _, err := guard.New(policy, c.network(ended, c.Check, quiet), time.Now); err != nil {
		return fmt.Errorf("%s: %w", c.Check, err)
	}
	fmt.Fprintf(s.out, "%s: good: %s, %s, for %s\n", c.Check, counted(len(policy.Issuers), "issuer"), counted(len(policy.Routes), "route"), policy.Gateway)
	return nil
}

// told leaves out what only programs need: each line is FILE:LINE: what is wrong.
func (c *guardCmd) told(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), guard.ErrPolicy.Error()+":\n"))
}

// watch keeps the policy up to date.
func (c *guardCmd) watch(ctx context.Context, live *guard.Live, log *slog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	asked := make(chan struct{})
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				select {
				case asked <- struct{}{}:
				case <-ctx.Done():
				}
			}
		}
	}()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	live.Watch(ctx, look.C, asked, func(err error) {
		if err != nil {
			log.Error("policy refused, the one before decides on", "file", c.Policy, "error", err)
			return
		}
		log.Info("policy taken", "file", c.Policy)
	})
}

// guardRun is a guard that runs.
type guardRun struct {
	live     *guard.Live
	log      *slog.Logger
	registry *metrics.Registry
	metrics  *metrics.Guard
	draining atomic.Bool

	auth, admin, grpc net.Listener // grpc is nil if nobody asks over it
}

func newGuardRun(live *guard.Live, log *slog.Logger) *guardRun {
	registry := metrics.New(versionText(), time.Now)
	return &guardRun{live: live, log: log, registry: registry, metrics: registry.Guard(
		func() bool { return live.Err() == nil },
		func() map[string]time.Duration { return live.Current().RevocationsAge() },
	)}
}

// timed tells how long a request of a gateway takes.
func (r *guardRun) timed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, asked *http.Request) {
		began := time.Now()
		h.ServeHTTP(w, asked)
		r.metrics.Took(time.Since(began))
	})
}

func (r *guardRun) listen(c *guardCmd) (err error) {
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.auth, err = net.Listen("tcp", c.Addr); err != nil {
		return err
	}
	if r.admin, err = net.Listen("tcp", c.AdminAddr); err != nil {
		return err
	}
	if c.GRPCAddr != "" {
		r.grpc, err = net.Listen("tcp", c.GRPCAddr)
	}
	return err
}

func (r *guardRun) close() {
	for _, l := range []net.Listener{r.auth, r.admin, r.grpc} {
		if l != nil {
			l.Close()
		}
	}
}

func (r *guardRun) serve(ctx context.Context) error {
	servers := []*http.Server{
		newServer(r.timed(guard.Handler(r.live.Current, r.decided)), r.log),
		newServer(r.adminHandler(), r.log),
	}
	servers[0].MaxHeaderBytes = 64 << 10 // gateways pass on what they accepted
	rpc := guard.NewServer(r.live.Current, r.decided)
	failed := make(chan error, 3)
	for i, l := range []net.Listener{r.auth, r.admin} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	addresses := []any{"address", r.auth.Addr().String(), "admin", r.admin.Addr().String()}
	if r.grpc != nil {
		addresses = append(addresses, "grpc", r.grpc.Addr().String())
		go func() { failed <- rpc.Serve(r.grpc) }()
	}
	r.log.Info("guarding", append(addresses, "version", versionText())...)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	r.draining.Store(true)
	r.log.Info("draining")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	stop := context.AfterFunc(drain, rpc.Stop)
	defer stop()
	rpc.GracefulStop()
	var err error
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(drain))
	}
	r.log.Info("stopped")
	return err
}

// adminHandler has health and metrics.
func (r *guardRun) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if r.draining.Load() || r.live.Current() == nil {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", r.registry.Handler(r.log))
	return mux
}

// decided counts a decision, and logs a refusal.
func (r *guardRun) decided(asked guard.Request, d guard.Decision) {
	r.metrics.Decided(d.Status, d.Reason)
	if d.Err == nil {
		return
	}
	level := slog.LevelInfo
	if d.Status >= 500 {
		level = slog.LevelWarn
	}
	path, _, _ := strings.Cut(asked.Target, "?")
	r.log.LogAttrs(context.Background(), level, "refused", slog.Int("status", d.Status), slog.String("reason", d.Reason),
		slog.Int("route", d.Line), slog.String("method", shortened(asked.Method)), slog.String("host", shortened(asked.Host)),
		slog.String("path", shortened(path)), slog.String("error", d.Err.Error()))
}

// shortened bounds what a stranger writes into the log.
func shortened(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
