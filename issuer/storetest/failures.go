package storetest

import (
	"context"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func failureRules() []rule {
	alice, bob := issuer.FailureKey{1}, issuer.FailureKey{15: 1}
	return []rule{
		{name: "count", rule: "LoginFailures returns how often CountLoginFailure was called with the key and when last, and now", run: func(c *check) {
			c.wantsFailures(alice, 0, time.Time{})
			c.fail(alice)
			c.wantsFailures(alice, 1, start)
			c.clock.Move(time.Minute)
			c.fail(alice)
			c.fail(bob)
			c.clock.Move(time.Minute)
			_, now, err := c.LoginFailures(c.ctx, alice)
			c.must(err, "read the failures")
			c.wants("now", now, instant(start.Add(2*time.Minute)))
			c.wantsFailures(alice, 2, start.Add(time.Minute))
			c.wantsFailures(bob, 1, start.Add(time.Minute))
			c.wantsFailures(issuer.FailureKey{}, 0, time.Time{})
		}},
		{name: "forget", rule: "ForgetLoginFailures forgets those of the key and of no other, and is no error where there are none", run: func(c *check) {
			c.fail(alice)
			c.fail(bob)
			c.must(c.ForgetLoginFailures(c.ctx, alice), "forget")
			c.must(c.ForgetLoginFailures(c.ctx, alice), "forget again")
			c.wantsFailures(alice, 0, time.Time{})
			c.wantsFailures(bob, 1, start)
			c.fail(alice)
			c.wantsFailures(alice, 1, start)
		}},
		{name: "clock", rule: "the last failure is never earlier than one before it, whatever the clock does", run: func(c *check) {
			c.fail(alice)
			c.clock.Move(-time.Hour)
			c.fail(alice)
			c.wantsFailures(alice, 2, start)
		}},
		{name: "races", rule: "failures that are counted at once are all counted", run: func(c *check) {
			const n = 200
			stores := c.stores()
			together(n, func(i int) {
				key := alice
				if i%4 == 0 {
					key = bob
				}
				if err := stores[i%len(stores)].CountLoginFailure(c.ctx, key); err != nil {
					c.broken("CountLoginFailure: %v", err)
				}
			})
			c.wantsFailures(alice, n*3/4, start)
			c.wantsFailures(bob, n/4, start)
		}},
		{name: "cancelled", rule: "a count whose context has ended counts nothing", run: func(c *check) {
			cancelled, cancel := context.WithCancel(c.ctx)
			cancel()
			c.wantsErr("CountLoginFailure", c.CountLoginFailure(cancelled, alice), context.Canceled)
			c.wantsFailures(alice, 0, time.Time{})
			c.fail(alice)
			c.wantsErr("ForgetLoginFailures", c.ForgetLoginFailures(cancelled, alice), context.Canceled)
			c.wantsFailures(alice, 1, start)
		}},
		onPersistentPlace(rule{name: "durable", rule: "what was counted is there when the store is opened again", run: func(c *check) {
			c.fail(alice)
			c.fail(alice)
			c.reopen()
			c.wantsFailures(alice, 2, start)
		}}),
		{name: "prune/life", rule: "failures are forgotten once Retention.Failures has gone by since the last, and not before; 0 keeps them for ever", run: func(c *check) {
			c.fail(alice)
			c.fail(alice)
			c.clock.Move(time.Hour)
			c.fail(bob)
			keep := issuer.Retention{Failures: 2 * time.Hour}
			c.clock.Move(time.Hour - time.Microsecond)
			c.prunes(keep, 10, 0)
			c.clock.Move(time.Microsecond)
			c.prunes(issuer.Retention{}, 10, 0)
			c.prunes(keep, 10, 1)
			c.wantsFailures(alice, 0, time.Time{})
			c.wantsFailures(bob, 1, start.Add(time.Hour))
		}},
		{name: "prune/most", rule: "of more keys than Retention.MostFailures those whose last failure is longest ago are forgotten, at most limit of them", run: func(c *check) {
			for i := range byte(6) {
				c.fail(issuer.FailureKey{i})
				c.clock.Move(time.Second)
			}
			c.fail(issuer.FailureKey{0})
			keep := issuer.Retention{MostFailures: 3}
			c.prunes(issuer.Retention{MostFailures: 6}, 10, 0)
			c.prunes(keep, 2, 2)
			c.prunes(keep, 2, 1)
			c.prunes(keep, 2, 0)
			for i, want := range []int{2, 0, 0, 0, 1, 1} {
				f, _, err := c.LoginFailures(c.ctx, issuer.FailureKey{byte(i)})
				c.must(err, "read the failures")
				c.wants("the failures that are left", f.Count, want)
			}
		}},
		{name: "prune/bad", rule: "Prune refuses a negative Failures or MostFailures", run: func(c *check) {
			for _, keep := range []issuer.Retention{{Failures: -1}, {MostFailures: -1}} {
				if _, err := c.Prune(c.ctx, keep, 10); err == nil {
					c.broken("%+v: no error", keep)
				}
			}
		}},
	}
}

func (c *check) fail(key issuer.FailureKey) {
	c.Helper()
	c.must(c.CountLoginFailure(c.ctx, key), "count a failure")
}

func (c *check) wantsFailures(key issuer.FailureKey, count int, last time.Time) {
	c.Helper()
	got, _, err := c.LoginFailures(c.ctx, key)
	c.must(err, "read the failures")
	want := issuer.Failures{Count: count}
	if count > 0 {
		want.Last = instant(last)
	}
	if got.Count != want.Count || !got.Last.Equal(want.Last) {
		c.broken("%+v, not %+v", got, want)
	}
}

func (c *check) prunes(keep issuer.Retention, limit, want int) {
	c.Helper()
	n, err := c.Prune(c.ctx, keep, limit)
	c.must(err, "prune")
	if n != want {
		c.broken("%+v: %d rows went, not %d", keep, n, want)
	}
}
