package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
)

const defaultRevocationRate = 100

// propagation measures how soon revocations reach those who follow the feed.
func (c *benchRevokeCmd) propagation(ctx context.Context, s *streams) error {
	if c.Followers < 0 || c.Followers > 100_000 {
		return usage("--followers must be from 1 to 100000")
	}
	if c.SVG != "" {
		return usage("--svg is not for --followers")
	}
	t, _, err := c.target(s, nil)
	if err != nil {
		return err
	}
	rate := c.Rate
	if rate == 0 {
		rate = defaultRevocationRate
	}
	keys, err := (&keySource{}).remoteKeys(ctx, strings.TrimSuffix(t.URL, "/")+"/.well-known/jwks.json", time.Now)
	if err != nil {
		return fmt.Errorf("the service's keys: %w", err)
	}
	show := c.display(s)
	p := loadgen.Propagation{
		Target: t, Keys: keys, FollowURL: c.FollowURL, Followers: c.Followers, Rate: rate, Duration: c.Duration,
		OnLogin:    func(done, of int) { show.line("logging in: %d of %d sessions to revoke", done, of) },
		OnProgress: func(n int64) { show.line("revoked %d", n) },
	}
	r, err := p.Run(ctx)
	show.clear()
	if errors.Is(err, loadgen.ErrTarget) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if c.JSON {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s\n", line)
	} else {
		fmt.Fprintf(s.out, "%d followers, %d revocations at %g/s: in force after p50 %.1f ms, p99 %.1f ms, at most %.1f ms after the answer (p50 %.1f ms, p99 %.1f ms after the call); missed %d\n",
			r.Followers, r.Revocations, r.Rate, r.P50, r.P99, r.Max, r.CallP50, r.CallP99, r.Missed)
	}
	if r.Errors > 0 {
		fmt.Fprintf(s.err, "%s %d x %s\n", show.paint.red("error:"), r.Errors, r.FirstFail)
	}
	if r.Early {
		fmt.Fprintf(s.err, "%s it ended before its time\n", show.paint.cyan("note:"))
	}
	if r.Missed > 0 {
		return fmt.Errorf("%d times a follower did not learn of a revocation", r.Missed)
	}
	return r.Check()
}
