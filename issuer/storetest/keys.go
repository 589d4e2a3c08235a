package storetest

import (
	"errors"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// someKeys are keys in every state and of every use.
func someKeys() []issuer.StoredKey {
	at := func(d time.Duration) time.Time { return instant(start).Add(d) }
	return []issuer.StoredKey{
		{ID: "2Kq", Use: issuer.UseAccess, Algorithm: "ES256", State: issuer.KeyNext, Public: []byte(`{"kty":"EC"}`), Sealed: []byte("\x00sealed\xff"), CreatedAt: at(3 * time.Hour)},
		{ID: "1", Use: issuer.UseAccess, Algorithm: "HS256", State: issuer.KeyActive, Sealed: []byte("sealed"), CreatedAt: at(2 * time.Hour), ActiveAt: at(3 * time.Hour)},
		{ID: "0Zz", Use: issuer.UseAccess, Algorithm: "RS256", State: issuer.KeyRetiring, Public: []byte(`{"kty":"RSA"}`), CreatedAt: at(0), ActiveAt: at(time.Hour), RetiredAt: at(2 * time.Hour), GoneAt: at(4 * time.Hour)},
		{ID: "1", Use: issuer.UseRefresh, State: issuer.KeyActive, Sealed: []byte("sealed too"), CreatedAt: at(0), ActiveAt: at(0)},
	}
}

func keyRules() []rule {
	return []rule{
		{name: "none", rule: "a new store has no keys", run: func(c *check) {
			keys, now, err := c.Keys(c.ctx)
			c.must(err, "read the keys")
			c.wants("the keys", keys, []issuer.StoredKey{})
			c.wants("now", now, instant(start))
		}},
		{name: "replace", rule: "UpdateKeys replaces all keys by what decide returns, every field as given", run: func(c *check) {
			keys := someKeys()
			c.putKeys(keys...)
			got := sortedKeys(c.readKeys())
			c.wants("the keys", got, sortedKeys(keys))
			for _, k := range got {
				if k.ID == "0Zz" && k.Sealed != nil || k.Use == issuer.UseRefresh && k.Public != nil {
					c.broken("a half that was nil came back as an empty slice")
				}
			}
			keys[1].State, keys[1].Sealed, keys[1].RetiredAt = issuer.KeyRetiring, nil, instant(start).Add(4*time.Hour)
			keys = keys[:2]
			c.putKeys(keys...)
			c.wants("the keys after a second update", sortedKeys(c.readKeys()), sortedKeys(keys))
			c.putKeys()
			c.wants("the keys after an update to none", c.readKeys(), []issuer.StoredKey{})
		}},
		{name: "decide", rule: "decide is given the store's now and the stored keys", run: func(c *check) {
			c.putKeys(someKeys()...)
			c.clock.Move(time.Hour)
			c.must(c.UpdateKeys(c.ctx, func(now time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				c.wants("now", now, instant(start).Add(time.Hour))
				c.wants("the keys", sortedKeys(keys), sortedKeys(someKeys()))
				return keys, nil
			}), "update")
			keys, now, err := c.Keys(c.ctx)
			c.must(err, "read the keys")
			c.wants("the keys after an update that changes nothing", sortedKeys(keys), sortedKeys(someKeys()))
			c.wants("now", now, instant(start).Add(time.Hour))
		}},
		{name: "precision", rule: "instants of keys are kept in whole microseconds, in UTC", run: func(c *check) {
			k := someKeys()[2]
			k.CreatedAt, k.ActiveAt, k.RetiredAt = start, start.Add(time.Hour), start.Add(2*time.Hour)
			c.putKeys(k)
			k.CreatedAt, k.ActiveAt, k.RetiredAt = instant(k.CreatedAt), instant(k.ActiveAt), instant(k.RetiredAt)
			c.wants("the keys", c.readKeys(), []issuer.StoredKey{k})
		}},
		{name: "error", rule: "an error of decide writes nothing and comes back", run: func(c *check) {
			c.putKeys(someKeys()...)
			refused := errors.New("refused")
			err := c.UpdateKeys(c.ctx, func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				return keys[:1], refused
			})
			c.wantsErr("UpdateKeys", err, refused)
			c.wants("the keys after", sortedKeys(c.readKeys()), sortedKeys(someKeys()))
		}},
		{name: "panic", rule: "a panic of decide writes nothing and leaves the store in working order", run: func(c *check) {
			c.putKeys(someKeys()...)
			func() {
				defer func() {
					if recover() == nil {
						c.broken("the panic did not reach the caller")
					}
				}()
				c.UpdateKeys(c.ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { panic("decide") })
			}()
			c.wants("the keys after", sortedKeys(c.readKeys()), sortedKeys(someKeys()))
			c.session("alice")
		}},
		{name: "unique", rule: "UpdateKeys refuses two keys of one use and id, or an empty id, and writes nothing", run: func(c *check) {
			c.putKeys(someKeys()...)
			nameless := someKeys()[0]
			nameless.ID = ""
			for what, keys := range map[string][]issuer.StoredKey{
				"the same key twice":                   {someKeys()[3], someKeys()[3]},
				"another key with the same use and id": {someKeys()[0], {ID: "2Kq", Use: issuer.UseAccess, State: issuer.KeyActive, CreatedAt: start}},
				"no id":                                {nameless},
			} {
				err := c.UpdateKeys(c.ctx, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return keys, nil })
				if err == nil {
					c.broken("%s: no error", what)
				}
				c.wants("the keys after "+what, sortedKeys(c.readKeys()), sortedKeys(someKeys()))
			}
		}},
		{name: "memory", rule: "what a method takes or returns shares no memory with the store", run: func(c *check) {
			scribble := func(keys []issuer.StoredKey) {
				for i := range keys {
					for _, b := range [][]byte{keys[i].Public, keys[i].Sealed} {
						if len(b) > 0 {
							b[0] = '#'
						}
					}
					keys[i].State = "scribbled"
				}
			}
			given := someKeys()
			c.putKeys(given...)
			scribble(given)
			got := c.readKeys()
			c.wants("after a change to what decide returned", sortedKeys(got), sortedKeys(someKeys()))
			scribble(got)
			c.wants("after a change to what Keys returned", sortedKeys(c.readKeys()), sortedKeys(someKeys()))
			err := c.UpdateKeys(c.ctx, func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				scribble(keys)
				return nil, errors.New("refused")
			})
			if err == nil {
				c.broken("no error")
			}
			c.wants("after a change to what decide was given", sortedKeys(c.readKeys()), sortedKeys(someKeys()))
		}},
	}
}
