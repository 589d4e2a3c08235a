package storetest

import (
	"encoding/binary"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func countRules() []rule {
	return []rule{
		{name: "exact", rule: "CountSessions tells how many sessions are live, exactly if there are no more rows than the sample", run: func(c *check) {
			c.wantsCount(0, 1)
			short := newSession("bob")
			short.Lifetime = time.Minute
			c.create(short)
			idle := newSession("bob")
			idle.IdleTimeout = time.Minute
			c.create(idle)
			endless := newSession("bob")
			endless.IdleTimeout = 0
			c.create(endless)
			c.wantsCount(3, 3)
			revoked := c.session("alice")
			c.wantsCount(4, 100)
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			c.wantsCount(3, 4)
			c.clock.Move(time.Minute - time.Microsecond)
			c.wantsCount(3, 4)
			c.clock.Move(time.Microsecond)
			c.wantsCount(1, 4)
			c.clock.Move(-time.Hour)
			c.wantsCount(1, 4) // time does not go back
		}},
		{name: "estimate", rule: "CountSessions estimates how many sessions are live from a sample if there are more rows, and says so", run: func(c *check) {
			const rows, sample = 100, 20
			for i := range rows {
				n := newSession("alice")
				// As ids are drawn, on average: evenly, below the end.
				binary.BigEndian.PutUint16(n.ID[:], uint16(i*(1<<16-1<<10)/rows))
				s := c.create(n)
				if i%2 == 0 {
					_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout})
					c.must(err, "revoke")
				}
			}
			live, exact, err := c.CountSessions(c.ctx, sample)
			c.must(err, "count")
			if exact || live < rows/2-5 || live > rows/2+5 {
				c.broken("of %d live sessions it found %d by a sample of %d, exact: %v", rows/2, live, sample, exact)
			}
			c.wantsCount(rows/2, rows)
		}},
		{name: "bad", rule: "CountSessions refuses a sample that is not positive", run: func(c *check) {
			for _, sample := range []int{0, -1} {
				if _, _, err := c.CountSessions(c.ctx, sample); err == nil {
					c.broken("a sample of %d: no error", sample)
				}
			}
		}},
	}
}

func (c *check) wantsCount(want int64, sample int) {
	c.Helper()
	live, exact, err := c.CountSessions(c.ctx, sample)
	c.must(err, "count")
	if live != want || !exact {
		c.broken("CountSessions by a sample of %d: %d, exact %v; want %d", sample, live, exact, want)
	}
}
