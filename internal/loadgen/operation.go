package loadgen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// The operations.
const (
	Refresh    = "refresh"    // POST to the token endpoint
	Login      = "login"      // POST /v1/login
	Verify     = "verify"     // GET /verify, what a gateway asks
	Introspect = "introspect" // POST /oauth/introspect
	Revoke     = "revoke"     // POST /oauth/revoke, each of a new session
	Mixed      = "mixed"      // several, as a Mix says
)

// single are the operations that a mix is made of.
var single = []string{Refresh, Login, Verify, Introspect, Revoke}

// NeedsSession tells whether clients must have a session before they begin.
func NeedsSession(op string) bool { return op != Login && op != Revoke }

// Mix is how often each operation is done, out of the sum of all.
type Mix []Share

// Share is one operation of a mix.
type Share struct {
	Op     string
	Weight int
}

// DefaultMix is a client that verifies ten times for each refresh, and logs in
// once for a hundred.
const DefaultMix = "verify=900,refresh=99,login=1"

// ParseMix reads "verify=900,refresh=99,login=1".
func ParseMix(text string) (Mix, error) {
	var m Mix
	for _, part := range strings.Split(text, ",") {
		op, weight, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(weight)
		switch {
		case !slices.Contains(single, op):
			return nil, targetError("a mix is made of %s", strings.Join(single, ", "))
		case err != nil || n < 1 || n > 1e6:
			return nil, targetError("the weight of %s must be a number from 1 to 1000000", op)
		case slices.ContainsFunc(m, func(s Share) bool { return s.Op == op }):
			return nil, targetError("%s is there twice", op)
		}
		m = append(m, Share{op, n})
	}
	return m, nil
}

// pick chooses an operation.
func (m Mix) pick(r *rand.Rand) string {
	sum := 0
	for _, s := range m {
		sum += s.Weight
	}
	n := r.IntN(sum)
	for _, s := range m {
		if n -= s.Weight; n < 0 {
			return s.Op
		}
	}
	panic("unreachable: the weights add up to sum")
}

// client returns a session as a client of the engine. In a mix, clients with
// the same seed do the same operations in the same order.
func (s *session) client(op string, mix Mix, seed uint64) (Client, error) {
	c := &client{session: s, op: op}
	switch {
	case op == Mixed:
		if len(mix) == 0 {
			return nil, targetError("a mix of nothing")
		}
		c.mix, c.random = mix, rand.New(rand.NewPCG(seed, 1))
	case !slices.Contains(single, op):
		return nil, targetError("there is no operation %q", op)
	}
	if s.target.URL == "" && op != Refresh {
		return nil, targetError("%s needs the URL of the service", op)
	}
	return c, nil
}

type client struct {
	*session
	op     string // the next one
	mix    Mix
	random *rand.Rand
}

// Prepare sees that the next operation has what it needs.
func (c *client) Prepare(ctx context.Context) error {
	if c.mix != nil {
		c.op = c.mix.pick(c.random)
	}
	if c.op == Refresh {
		c.takeNext()
	}
	switch {
	case c.op == Login:
		return nil
	case c.refresh == "" && c.target.Username != "":
		return c.loginPatiently(ctx) // revoked, or refused
	case c.refresh == "":
		return fmt.Errorf("%w, and there is no password to log in again", ErrLost)
	case c.op == Refresh || c.op == Revoke:
		return nil
	case c.access == "" || !c.renewAt.IsZero() && !c.target.Now().Before(c.renewAt):
		_, err := c.renew(ctx)
		return err
	}
	return nil
}

// Do does the operation.
func (c *client) Do(ctx context.Context) Outcome {
	var o Outcome
	if c.mix != nil {
		o.Op = c.op
	}
	switch c.op {
	case Refresh:
		o.Rotated, o.Err = c.renew(ctx)
		o.Repeated = o.Err == nil && !o.Rotated
	case Login:
		o.Err = c.logIn(ctx)
	case Verify:
		o.Err = c.verify(ctx)
	case Introspect:
		o.Err = c.introspect(ctx)
	case Revoke:
		o.Err = c.revoke(ctx)
	}
	return o
}
