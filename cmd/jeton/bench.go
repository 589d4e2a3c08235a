package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/jeton-go/jeton/internal/loadgen"
)

type benchCmd struct {
	Refresh    benchRefreshCmd    `cmd:"" help:"Refresh tokens at the token endpoint, of any OAuth 2 server."`
	Login      benchLoginCmd      `cmd:"" help:"Log in with a password; each login opens a session."`
	Verify     benchVerifyCmd     `cmd:"" help:"GET /verify, as a gateway asks."`
	Introspect benchIntrospectCmd `cmd:"" help:"POST /oauth/introspect."`
	Revoke     benchRevokeCmd     `cmd:"" help:"Revoke sessions, a new one each time."`
	Mixed      benchMixedCmd      `cmd:"" help:"Several operations, as --mix says."`
}

func (benchCmd) Help() string {
	return `Without --rate each client sends its next request when the last one was answered. With --rate requests fall due on a fixed schedule and latency counts from then, so a server that stalls pays for all that it held up.

  jeton serve --refresh-grace 0 &
  jeton bench refresh --url http://127.0.0.1:8080 --username alice --password-file pw.txt

It puts real load on the service and leaves real sessions behind.`
}

// benchFlags are what all operations take.
type benchFlags struct {
	URL          string        `name:"url" help:"Where the service is." placeholder:"URL"`
	Username     string        `help:"User that all clients log in as." placeholder:"U"`
	Password     string        `help:"The user's password. Other users of the machine see arguments: prefer --password-file, or JETON_PASSWORD." placeholder:"P"`
	PasswordFile string        `help:"File with the password; - is stdin." placeholder:"FILE" predictor:"file"`
	Clients      int           `default:"64" help:"Clients, each with a session and a connection. Default: ${default}." placeholder:"C"`
	Duration     time.Duration `default:"10s" help:"How long to measure. Default: ${default}." placeholder:"D"`
	Rate         float64       `help:"Operations that fall due in a second, whatever the server does. Default: as fast as answers come." placeholder:"R"`
	Timeout      time.Duration `default:"10s" help:"How long to wait for an answer. Default: ${default}." placeholder:"D"`
	Logins       int           `default:"4" help:"Clients that log in at once, before the measurement. Default: ${default}." placeholder:"N"`
	Scope        string        `help:"Scope to ask for." placeholder:"SCOPE"`
	JSON         bool          `name:"json" help:"Print one JSON object."`
	SVG          string        `name:"svg" help:"Write the latencies as a picture." placeholder:"FILE" predictor:"file"`
}

// benchClientFlags are for the token endpoints of other servers.
type benchClientFlags struct {
	TokenEndpoint    string            `help:"Token endpoint. Default: /oauth/token of --url." placeholder:"URL"`
	TokenBody        string            `default:"form" enum:"form,json" help:"form (RFC 6749), or json for servers that want an object. Default: ${default}."`
	RefreshTokenFile string            `help:"File with refresh tokens, one a line; nobody logs in. Each is a client; if there are more than --clients, each client takes its share of them in turn, in no order." placeholder:"FILE" predictor:"file"`
	KeepTokens       bool              `help:"Write the tokens that the clients have at the end into --refresh-token-file, for the next run. Without it a file is good for one run where tokens rotate."`
	ClientID         string            `help:"client_id to send." placeholder:"ID"`
	ClientSecretFile string            `help:"File with the client's secret. Without it the client is a public one." placeholder:"FILE" predictor:"file"`
	ClientAuth       string            `default:"basic" enum:"basic,post" help:"Where id and secret go: basic, the Authorization header, or post, the body. Default: ${default}."`
	Header           map[string]string `help:"Header to send with every request, as NAME=VALUE; repeatable." placeholder:"NAME=VALUE"`
}

type benchRefreshCmd struct {
	benchFlags
	benchClientFlags
}

type benchLoginCmd struct{ benchFlags }

type benchVerifyCmd struct{ benchFlags }

type benchIntrospectCmd struct {
	benchFlags
	AdminTokenFile string `help:"File with the service's admin token: admin.token in its data directory." placeholder:"FILE" predictor:"file"`
}

type benchRevokeCmd struct {
	benchFlags
	Followers int    `help:"Measure instead how soon this many followers of the feed have each revocation." placeholder:"N"`
	FollowURL string `name:"follow-url" help:"Another node of the service, for the followers. Default: that of --url." placeholder:"URL"`
}

type benchMixedCmd struct {
	benchFlags
	Mix            string `default:"${mix}" help:"Weight of each operation. Default: ${default}." placeholder:"OP=N,..."`
	AdminTokenFile string `help:"File with the service's admin token, where the mix has introspect." placeholder:"FILE" predictor:"file"`
}

func (benchRefreshCmd) Help() string {
	return `The service answers a second refresh within its grace window (10 s) with the same refresh token and writes nothing. The result tells how many rotated; run the service with --refresh-grace 0 to measure rotations alone.

Another server:
  jeton bench refresh --token-endpoint http://127.0.0.1:4444/oauth2/token --refresh-token-file tokens.txt --keep-tokens --client-id app --client-secret-file secret.txt`
}

func (benchLoginCmd) Help() string {
	return "The service hashes few passwords at once, and turns away more than it can queue: those answers count as errors."
}

func (benchRevokeCmd) Help() string {
	return `Each revocation needs a session of its own, so a client logs in before each one. Latency is that of the revocation alone; ops_per_s is bounded by the logins.

With --followers, a session for each revocation is opened first (--rate times --duration of them), and the delay counts from the answer of the revoking call to when a follower refuses the session's tokens:
  jeton bench revoke --followers 1000 --rate 100 --duration 10s --url http://127.0.0.1:8080 --username alice --password-file pw.txt`
}

func (c *benchRefreshCmd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, loadgen.Refresh, func(t *loadgen.Target, r *benchRun) (err error) {
		t.TokenEndpoint, t.ClientID, t.JSON, t.Header = c.TokenEndpoint, c.ClientID, c.TokenBody == "json", c.Header
		t.SecretInBody = c.ClientAuth == "post"
		if t.ClientSecret, err = secretFrom(s, c.ClientSecretFile); err != nil {
			return err
		}
		if (c.RefreshTokenFile == "") == (c.Username == "") {
			return usage("give a --username, or a --refresh-token-file")
		}
		if c.ClientSecretFile != "" && c.ClientID == "" {
			return usage("a client with a secret needs its --client-id")
		}
		if c.KeepTokens && (c.RefreshTokenFile == "" || c.RefreshTokenFile == "-") {
			return usage("--keep-tokens needs a --refresh-token-file to write")
		}
		if c.RefreshTokenFile == "" {
			return nil
		}
		r.tokens, err = refreshTokensFrom(s, c.RefreshTokenFile)
		if err == nil && c.KeepTokens {
			// Now, and not when these tokens are spent, is the time to find that
			// the file can't be written.
			r.keep = c.RefreshTokenFile
			err = keepTokens(r.keep, r.tokens)
		}
		return err
	})
}

func (c *benchLoginCmd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, loadgen.Login, nil)
}

func (c *benchVerifyCmd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, loadgen.Verify, nil)
}

func (c *benchRevokeCmd) Run(ctx context.Context, s *streams) error {
	if c.Followers != 0 {
		return c.propagation(ctx, s)
	}
	if c.FollowURL != "" {
		return usage("--follow-url is for --followers")
	}
	return c.run(ctx, s, loadgen.Revoke, nil)
}

func (c *benchIntrospectCmd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, loadgen.Introspect, func(t *loadgen.Target, _ *benchRun) (err error) {
		t.IntrospectionToken, err = secretFrom(s, c.AdminTokenFile)
		return err
	})
}

func (c *benchMixedCmd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, loadgen.Mixed, func(t *loadgen.Target, r *benchRun) (err error) {
		if r.mix, err = loadgen.ParseMix(c.Mix); err != nil {
			return err
		}
		t.IntrospectionToken, err = secretFrom(s, c.AdminTokenFile)
		return err
	})
}

// benchRun is what an operation adds to the flags that all have.
type benchRun struct {
	tokens []string
	keep   string // file to write them to at the end
	mix    loadgen.Mix
}

// target checks the flags and makes of them what is measured.
func (c *benchFlags) target(s *streams, more func(*loadgen.Target, *benchRun) error) (*loadgen.Target, *benchRun, error) {
	switch {
	case c.Clients < 1 || c.Clients > 100_000:
		return nil, nil, usage("--clients must be from 1 to 100000")
	case c.Duration <= 0:
		return nil, nil, usage("--duration must be positive")
	case !(c.Rate >= 0 && c.Rate <= 1e6):
		return nil, nil, usage("--rate must be from 0 to 1000000")
	case c.Timeout <= 0 || c.Logins < 1:
		return nil, nil, usage("--timeout and --logins must be positive")
	}
	t := &loadgen.Target{
		URL: c.URL, Username: c.Username, Password: c.Password, Scope: c.Scope,
		Timeout: c.Timeout, Logins: c.Logins, Now: time.Now,
	}
	r := &benchRun{}
	if c.PasswordFile != "" {
		var err error
		if t.Password, err = secretFrom(s, c.PasswordFile); err != nil {
			return nil, nil, err
		}
	}
	if more != nil {
		if err := more(t, r); errors.Is(err, loadgen.ErrTarget) {
			return nil, nil, usageError{err}
		} else if err != nil {
			return nil, nil, err
		}
	}
	if t.URL == "" && t.TokenEndpoint == "" {
		return nil, nil, usage("give the --url of the service")
	}
	if r.tokens == nil {
		switch {
		case t.URL == "" || t.Username == "":
			return nil, nil, usage("give --url and --username: the clients log in")
		case t.Password == "":
			return nil, nil, usage("give the password with --password-file, or JETON_PASSWORD in the environment")
		}
	}
	return t, r, nil
}

func (c *benchFlags) display(s *streams) *benchDisplay {
	show := &benchDisplay{w: s.err, paint: painter(s.err)}
	if f, ok := s.err.(*os.File); ok && !c.JSON {
		show.live = term.IsTerminal(int(f.Fd()))
	}
	return show
}

func (c *benchFlags) run(ctx context.Context, s *streams, op string, more func(*loadgen.Target, *benchRun) error) error {
	t, r, err := c.target(s, more)
	if err != nil {
		return err
	}
	show := c.display(s)
	fleet, err := c.open(ctx, t, op, r.tokens, show)
	if errors.Is(err, loadgen.ErrTarget) {
		return usageError{err}
	}
	if err != nil {
		return fmt.Errorf("the clients can't log in: %w", err)
	}
	defer fleet.Close()
	clients, err := fleet.Clients(op, r.mix)
	if err != nil {
		return usageError{err}
	}
	plan := loadgen.Plan{
		Op: op, Clients: clients, Duration: c.Duration, Rate: c.Rate, Now: time.Now,
		OnProgress: func(p loadgen.Progress) { show.progress(p, c.Duration) }, Interrupt: fleet.Close,
	}
	before := cpuTime()
	result := plan.Run(ctx)
	if cpu := cpuTime() - before; cpu > 0 && result.Ops > 0 {
		result.CPUPerOp = float64(cpu.Nanoseconds()/result.Ops) / 1000
	}
	show.clear()
	err = c.report(s, show, result)
	if r.keep != "" {
		err = errors.Join(err, keepTokens(r.keep, fleet.RefreshTokens()))
	}
	return err
}

func (c *benchFlags) open(ctx context.Context, t *loadgen.Target, op string, tokens []string, show *benchDisplay) (*loadgen.Fleet, error) {
	if tokens != nil {
		return t.OpenWith(tokens, c.Clients)
	}
	if !loadgen.NeedsSession(op) {
		return t.OpenIdle(c.Clients)
	}
	defer show.clear()
	return t.Open(ctx, c.Clients, func(done int) {
		show.line("logging in: %d of %d clients", done, c.Clients)
	})
}

// secretFrom reads a file with a secret; "" if there is no file.
func secretFrom(s *streams, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	const limit = 1 << 20
	in := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("%s is too large", name)
	}
	return strings.TrimRight(string(text), "\r\n"), err
}

// report prints what was found.
func (c *benchFlags) report(s *streams, show *benchDisplay, r *loadgen.Result) error {
	var err error
	if c.SVG != "" {
		err = os.WriteFile(c.SVG, []byte(r.SVG()), 0o644)
	}
	if c.JSON {
		line, e := json.Marshal(r)
		if e != nil {
			return e
		}
		fmt.Fprintf(s.out, "%s\n", line)
	} else {
		printBench(s.out, r)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.ErrorKinds)) {
		k := r.ErrorKinds[kind]
		fmt.Fprintf(s.err, "%s %d x %s\n", show.paint.red("error:"), k.Count, k.Example)
	}
	for _, text := range benchWarnings(r) {
		fmt.Fprintf(s.err, "%s %s\n", show.paint.cyan("note:"), text)
	}
	return errors.Join(err, r.Check())
}

// benchWarnings are what a reader of the figures has to know.
func benchWarnings(r *loadgen.Result) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.Repeated > 0 {
		add("%d of %d refreshes returned the refresh token that was sent: a jeton service does that within its grace window, and writes nothing. To measure writes, run it with --refresh-grace 0", r.Repeated, r.Repeated+r.Rotated)
	}
	if r.Unsent > 0 {
		add("%d requests were due and had no answer at the end: the server does not keep up, or there are too few clients", r.Unsent)
	}
	if r.Lost > 0 {
		add("%d of %d clients lost their session and stopped", r.Lost, r.Clients)
	}
	if r.Early {
		add("it ended before its time")
	}
	return out
}

func printBench(w io.Writer, r *loadgen.Result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(op string, ops int64, p50, p99, most string) {
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%s\t%s\t%s\t\n", op, ops, float64(ops)/r.Seconds, p50, p99, most)
	}
	ms := func(x float64) string { return fmt.Sprintf("%.3f", x) }
	fmt.Fprint(t, "OPERATION\tDONE\tPER S\tP50 MS\tP99 MS\tMAX MS\t\n")
	row(r.Op, r.Ops, ms(r.P50), ms(r.P99), ms(r.Max))
	for _, op := range slices.Sorted(maps.Keys(r.ByOp)) {
		o := r.ByOp[op]
		row("  "+op, o.Ops, ms(o.P50), ms(o.P99), ms(o.Max))
	}
	t.Flush()
	loop := "closed loop"
	if r.Rate > 0 {
		loop = fmt.Sprintf("%g/s due, latency from when due", r.Rate)
	}
	fmt.Fprintf(w, "\n%d clients, %.1f s, %s; errors %d", r.Clients, r.Seconds, loop, r.Errors)
	if r.Rotated+r.Repeated > 0 {
		fmt.Fprintf(w, "; rotated %d, repeated %d", r.Rotated, r.Repeated)
	}
	if r.CPUPerOp > 0 {
		fmt.Fprintf(w, "; the generator took %.1f \u00b5s of processor time for each", r.CPUPerOp)
	}
	fmt.Fprintln(w)
}
