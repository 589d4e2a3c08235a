package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/metrics"
	"github.com/jeton-go/jeton/internal/observe"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
)

type serveCmd struct {
	dataFlags
	Addr      string   `default:"127.0.0.1:8080" help:"Public listener. Default: ${default}." placeholder:"HOST:PORT"`
	AdminAddr string   `default:"127.0.0.1:8081" help:"Admin listener (health, metrics). Default: ${default}." placeholder:"HOST:PORT"`
	Issuer    string   `help:"URL under which clients reach the public listener; the iss of tokens. Default: http:// (https:// with a certificate) and its address." placeholder:"URL"`
	Audience  []string `default:"api" help:"Audience that tokens may be asked for, repeatable; the first is the default. Default: ${default}." placeholder:"NAME"`
	Alg       string   `default:"RS256" help:"Algorithm of access tokens. Another one than before is a rotation. HS256 is for a single service that verifies its own tokens. Default: ${default}." placeholder:"ALG"`

	AccessTTL     time.Duration `name:"access-ttl" default:"5m" help:"Life of an access token. Default: ${default}." placeholder:"D" group:"Tokens and sessions:"`
	LongestAccess time.Duration `name:"longest-access-ttl" help:"Longest life of access tokens that were made before --access-ttl became shorter. Default: --access-ttl." placeholder:"D" group:"Tokens and sessions:"`
	RefreshTTL    time.Duration `name:"refresh-ttl" default:"720h" help:"Life of a session. Default: ${default}." placeholder:"D" group:"Tokens and sessions:"`
	RefreshIdle   time.Duration `default:"168h" help:"Life of a session that nobody uses; 0 for no such limit. Default: ${default}." placeholder:"D" group:"Tokens and sessions:"`
	RefreshGrace  time.Duration `default:"10s" help:"How long after a rotation a retry gets the same answer; 0 makes every reuse revoke. Default: ${default}." placeholder:"D" group:"Tokens and sessions:"`
	KeepEnded     time.Duration `default:"168h" help:"How long the row of a session stays after its end. Default: ${default}." placeholder:"D" group:"Tokens and sessions:"`
	StatusListTTL time.Duration `name:"status-list-ttl" help:"Put a place in a status list (the IETF's Token Status List) into access tokens, for verifiers that don't know the feed; they may keep a list for so long. Costs some 200 bytes a token. Default: none." placeholder:"D" group:"Tokens and sessions:"`

	masterKeyFlags   `group:"Keys and secrets:"`
	AdminTokenFile   string        `help:"File with the admin token, which introspection wants. Default: admin.token in the data directory, made on first start." placeholder:"FILE" predictor:"file" group:"Keys and secrets:"`
	KeyPeriod        time.Duration `default:"720h" help:"How long a key signs access tokens before the next one takes over by itself; 0 for rotation on command only. Default: ${default}." placeholder:"D" group:"Keys and secrets:"`
	pkcs11ServeFlags `group:"Keys and secrets:"`

	tlsFlags   `group:"Network and TLS:"`
	DrainDelay time.Duration `help:"How long to go on serving after SIGTERM, with /readyz at 503: as long as a load balancer takes to notice. Default: 0s." placeholder:"D" group:"Network and TLS:"`

	limitFlags `group:"Limits, and proxies in front:"`

	logFlags      `group:"Logs, audit, events, traces:"`
	AuditKeep     time.Duration `default:"2160h" help:"How long an entry of the audit log stays; 0 for ever. Default: ${default}." placeholder:"D" group:"Logs, audit, events, traces:"`
	EventReceiver []string      `help:"Tell this system of revoked sessions, by security event tokens that it fetches (RFC 8936); the file has its Bearer token. Repeatable." placeholder:"NAME=FILE" group:"Logs, audit, events, traces:"`
	KeepEvents    time.Duration `default:"168h" help:"How long an event waits for a receiver. Default: ${default}." placeholder:"D" group:"Logs, audit, events, traces:"`
	OTLPEndpoint  string        `name:"otlp-endpoint" help:"Send traces to this OTLP receiver, over HTTP, such as http://localhost:4318. Default: no traces." placeholder:"URL" group:"Logs, audit, events, traces:"`
	Pprof         bool          `help:"Let who has the admin token take profiles at /debug/pprof/ of the admin listener." group:"Logs, audit, events, traces:"`
}

func (c *serveCmd) Help() string {
	return `First start:
  jeton user add alice --scope orders:read
  jeton serve --audience orders

The store is one SQLite file, or with --db a PostgreSQL database that any number of nodes share; every answer is durable before it is sent. SIGTERM drains.`
}

func (c *serveCmd) Run(ctx context.Context, s *streams) error {
	if !c.Pprof {
		runtime.MemProfileRate = 0 // its table grows with what it has seen, and nobody can ask for it
	}
	ctx = asService(ctx)
	log := c.logger(s)
	on, err := inheritListeners()
	if err != nil {
		return err
	}
	defer on.close()
	on.instead(c)
	tlsConfig, err := c.listener(ctx, c, log)
	if err != nil {
		return err
	}
	receivers, err := c.receivers()
	if err != nil {
		return err
	}
	if c.KeepEnded < 0 {
		return usageError{errors.New("--keep-ended is not negative")}
	}
	if err := c.checkLimits(); err != nil {
		return err
	}
	proxies, err := c.proxies()
	if err != nil {
		return err
	}
	tell := newTelemetry(log, c.DB)
	if err := tell.trace(ctx, c.OTLPEndpoint); err != nil {
		return err
	}
	store, err := c.create(ctx, storeHooks{
		onError: func(err error) { log.Error("the store, in the background", "error", err) },
		onBatch: tell.batches,
	})
	if err != nil {
		return err
	}
	defer store.Close()
	source, err := c.source(c.dataFlags, func(said string) { log.Warn("the master key's command", "detail", said) })
	if err != nil {
		return err
	}
	master, err := source.open(ctx, store)
	if err != nil {
		return err
	}
	adminToken, err := c.adminToken(c.AdminTokenFile)
	if err != nil {
		return err
	}
	if err := on.open(c); err != nil {
		return err
	}
	total, perAddress := c.connections(openFiles())
	if total > openFiles()-spareFiles {
		log.Warn("more connections than open files: raise the limit (ulimit -n, LimitNOFILE) or lower --max-connections", "connections", total, "open_files", openFiles())
	}
	on.public = bounded(on.public, total, perAddress, proxies)

	cfg := c.config(on.public.Addr(), tlsConfig != nil)
	cfg.Store, cfg.MasterKey, cfg.ReloadMasterKey = observe.Store(store, tell.store), master, source.read
	cfg.OnWork = tell.work
	var own share
	workers, err := hashWorkers(log, s.err, func() { own.hashHere() })
	if err != nil {
		log.Warn("passwords are hashed in the service's own process, which makes logins slower", "error", err)
	} else {
		defer workers.Close()
		cfg.HashElsewhere = workers.Hash
	}
	own = takeShare(log, workers != nil)
	cfg.HashSlots = own.hashes
	cfg.OnEvent = func(ctx context.Context, e issuer.Event) { logEvent(ctx, log, e) }
	closeDevice, err := c.configure(ctx, &cfg)
	if err != nil {
		return err
	}
	defer closeDevice()
	iss, err := issuer.New(ctx, cfg)
	if errors.Is(err, issuer.ErrConfig) {
		return usageError{forDevice(err)}
	}
	if err != nil {
		return err
	}

	overload := issuerhttp.NewOverload(wallClock())
	drain := &drainer{delay: c.DrainDelay, on: on, log: log, closeFeed: iss.Feed().Close, settle: iss.SettleAudit, flush: tell.close}
	options := issuerhttp.Options{
		OnError:            func(r *http.Request, status int, err error) { logRefusal(log, r, status, err) },
		IntrospectionToken: adminToken,
		TrustedProxies:     proxies,
		Overload:           overload,
		Observe:            tell.observe,
		Now:                time.Now,
		EventReceivers:     receivers,
		Metrics:            tell.registry.Handler(log),
	}
	tell.registry.Issuer(iss.Stats)
	tell.registry.Overload(func() metrics.Overload { return metrics.Overload(overload.Stats()) })
	if c.Pprof {
		options.Profiles = http.HandlerFunc(profiles)
	}
	handler, err := issuerhttp.Public(iss, options)
	if err != nil {
		return err
	}
	ready := func(ctx context.Context) error {
		if err := drain.ready(); err != nil {
			return err
		}
		return iss.Ping(ctx)
	}
	servers := []*http.Server{newServer(drain.leave(hintAtProxy(handler, proxies, log)), log), newServer(issuerhttp.Admin(iss, ready, options), log)}
	servers[0].TLSConfig = tlsConfig
	if c.Pprof {
		servers[1].WriteTimeout = profileTime
	}
	servers[0].RegisterOnShutdown(drain.closeFeed)
	servers[0].ConnState = drain.count
	drain.servers = servers
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{on.public, on.admin} {
		go func() { failed <- serveOn(servers[i], l) }()
	}
	go c.tick(ctx, iss, tell)
	c.firstCertificates(ctx, tlsConfig, log)
	go tell.count(ctx, cfg.Store)
	go reloadOnHangup(ctx, iss, log)

	debug.FreeOSMemory() // what only the start took
	log.Info("serving", "issuer", iss.Issuer(), "address", on.public.Addr().String(), "admin", on.admin.Addr().String(),
		"algorithm", iss.Algorithm(), "master_key", iss.MasterKeyIDs(), "store", c.where(), "version", versionText())
	c.advise(ctx, iss, log)

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return drain.run(ctx)
}

func (c *serveCmd) config(addr net.Addr, tls bool) issuer.Config {
	cfg := issuer.Config{
		Issuer:           c.Issuer,
		Audiences:        c.Audience,
		Algorithm:        jeton.Algorithm(c.Alg),
		AccessTTL:        c.AccessTTL,
		LongestAccessTTL: c.LongestAccess,
		RefreshTTL:       c.RefreshTTL,
		RefreshIdle:      c.RefreshIdle,
		RefreshGrace:     c.RefreshGrace,
		KeyPeriod:        c.KeyPeriod,
		StatusListTTL:    c.StatusListTTL,
		KeepEvents:       c.KeepEvents,
		MaxSessions:      c.MaxSessions,
		LoginLimits:      c.loginLimits(),
		AuditKeep:        c.AuditKeep,
		Now:              wallClock(),
	}
	for _, r := range c.EventReceiver {
		name, _, _ := strings.Cut(r, "=")
		cfg.EventReceivers = append(cfg.EventReceivers, name)
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "http://" + reachable(addr)
		if tls {
			cfg.Issuer = "https://" + reachable(addr)
		}
	}
	if c.RefreshIdle == 0 {
		cfg.RefreshIdle = issuer.NoIdle
	}
	if c.RefreshGrace == 0 {
		cfg.RefreshGrace = issuer.NoGrace
	}
	if c.KeyPeriod == 0 {
		cfg.KeyPeriod = issuer.NoRotation
	}
	if c.AuditKeep == 0 {
		cfg.AuditKeep = issuer.KeepAudit
	}
	return cfg
}

// reachable is an address under which a client on this machine finds a
// listener.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return addr.String()
}

// advise says what an operator would otherwise find out the hard way.
func (c *serveCmd) advise(ctx context.Context, iss *issuer.Issuer, log *slog.Logger) {
	if iss.Algorithm().Symmetric() {
		log.Warn("access tokens are signed with an HMAC secret: the key set is empty, and whoever gets the secret (jeton keys export) can make tokens",
			"algorithm", iss.Algorithm())
	}
	if alg := iss.Algorithm(); string(alg) != c.Alg {
		log.Info("another algorithm takes over when verifiers had time to fetch its key; jeton keys rotate --now does it at once",
			"now", alg, "next", c.Alg, "in", issuer.KeyLead)
	}
	if users, err := iss.Users(ctx); err == nil && len(users) == 0 {
		log.Info("there are no users yet", "add", "jeton user add NAME "+c.flags())
	}
}

func serveOn(s *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(l, "", "") // with HTTP/2
	}
	return s.Serve(l)
}

// tick does what is due: keys that other nodes and commands changed are to be in
// force soon. It costs one small query.
func (c *serveCmd) tick(ctx context.Context, iss *issuer.Issuer, tell *telemetry) {
	log := tell.log
	every := time.NewTicker(tickEvery())
	defer every.Stop()
	watch := newClockWatch(wallClock(), log)
	pace := newPacer()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			watch.look()
			pace.look(time.Now())
			if err := iss.Tick(ctx); err != nil && ctx.Err() == nil {
				tell.chores.Failed(choreKeys)
				log.Error("housekeeping failed", "error", err)
			}
			n, err := iss.Prune(ctx, c.KeepEnded)
			tell.chores.Pruned(n)
			if err != nil && ctx.Err() == nil {
				tell.chores.Failed(chorePrune)
				log.Error("pruning failed", "error", err)
			} else if n > 0 {
				log.Debug("pruned", "rows", n)
			}
		}
	}
}

// newServer bounds what a slow or hostile client can hold on to.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             http2Bounds(),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
