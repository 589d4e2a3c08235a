package storetest

import (
	"context"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// write is one way to change a store, for the rules that hold for all of them.
type write struct {
	name string
	do   func(ctx context.Context, s issuer.Store) error
}

// writes fills the store with a little of everything and returns one write of
// each kind. Each succeeds if it is done, once, in any order but for those that
// end the session.
func (c *check) writes() []write {
	c.Helper()
	u := c.user("alice")
	rotated, revoked := c.session(u.ID), c.session("bob")
	c.session("carol")
	c.putKeys(someKeys()...)
	created := newSession("dave")
	return []write{
		{"CreateSession", func(ctx context.Context, s issuer.Store) error {
			_, err := s.CreateSession(ctx, created)
			return err
		}},
		{"Rotate", func(ctx context.Context, s issuer.Store) error {
			_, err := s.Rotate(ctx, rotated.ID, 0, 1)
			return err
		}},
		{"Revoke", func(ctx context.Context, s issuer.Store) error {
			_, err := s.Revoke(ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonLogout})
			return err
		}},
		{"Revoke of a subject", func(ctx context.Context, s issuer.Store) error {
			_, err := s.Revoke(ctx, issuer.Revocation{Subject: "carol", Reason: issuer.ReasonLogout})
			return err
		}},
		{"CreateUser", func(ctx context.Context, s issuer.Store) error {
			_, err := s.CreateUser(ctx, newUser("bob"))
			return err
		}},
		{"Rehash", func(ctx context.Context, s issuer.Store) error {
			return s.Rehash(ctx, "alice", u.PasswordHash, hashOf("stronger"))
		}},
		{"UpdateKeys", func(ctx context.Context, s issuer.Store) error {
			return s.UpdateKeys(ctx, func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				return sortedKeys(keys)[:1], nil
			})
		}},
		{"SetPassword", func(ctx context.Context, s issuer.Store) error {
			_, err := s.SetPassword(ctx, "alice", hashOf("new"))
			return err
		}},
		{"SetDisabled", func(ctx context.Context, s issuer.Store) error {
			_, err := s.SetDisabled(ctx, "alice", true)
			return err
		}},
	}
}

// contents is what a store holds, as far as a reader without ids sees it.
type contents struct {
	Sessions []issuer.Session // the live ones
	Users    []issuer.User
	Keys     []issuer.StoredKey
}

func (c *check) contents() contents {
	c.Helper()
	sessions, _, err := c.Sessions(c.ctx, "", 1000)
	c.must(err, "list the sessions")
	users, err := c.Users(c.ctx)
	c.must(err, "list the users")
	return contents{sessions, users, sortedKeys(c.readKeys())}
}
