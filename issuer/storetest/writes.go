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
	created.Audit = c.records("CreateSession")
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
			_, err := s.Revoke(ctx, issuer.Revocation{SessionID: revoked.ID, Reason: issuer.ReasonLogout, Audit: c.records("Revoke")})
			return err
		}},
		{"Revoke of a subject", func(ctx context.Context, s issuer.Store) error {
			_, err := s.Revoke(ctx, issuer.Revocation{Subject: "carol", Reason: issuer.ReasonLogout, Audit: c.records("Revoke of a subject")})
			return err
		}},
		{"CreateUser", func(ctx context.Context, s issuer.Store) error {
			_, err := s.CreateUser(ctx, newUser("bob"), c.records("CreateUser")...)
			return err
		}},
		{"Rehash", func(ctx context.Context, s issuer.Store) error {
			return s.Rehash(ctx, "alice", u.PasswordHash, hashOf("stronger"))
		}},
		{"UpdateKeys", func(ctx context.Context, s issuer.Store) error {
			return s.UpdateKeys(ctx, func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				return sortedKeys(keys)[:1], nil
			}, func() []issuer.AuditRecord { return c.records("UpdateKeys") })
		}},
		{"SetPassword", func(ctx context.Context, s issuer.Store) error {
			_, err := s.SetPassword(ctx, "alice", hashOf("new"), c.records("SetPassword")...)
			return err
		}},
		{"SetDisabled", func(ctx context.Context, s issuer.Store) error {
			_, err := s.SetDisabled(ctx, "alice", true, c.records("SetDisabled")...)
			return err
		}},
		{"RevokeBefore", func(ctx context.Context, s issuer.Store) error {
			_, err := s.RevokeBefore(ctx, issuer.EntryClient, "client", c.records("RevokeBefore")...)
			return err
		}},
		{"AppendAudit", func(ctx context.Context, s issuer.Store) error {
			return s.AppendAudit(ctx, c.records("AppendAudit")...)
		}},
	}
}

// contents is what a store holds, as far as a reader without ids sees it.
type contents struct {
	Sessions []issuer.Session // the live ones
	Users    []issuer.User
	Keys     []issuer.StoredKey
	Audit    []issuer.AuditEntry
}

func (c *check) contents() contents {
	c.Helper()
	sessions, _, err := c.Sessions(c.ctx, "", 1000)
	c.must(err, "list the sessions")
	users, err := c.Users(c.ctx)
	c.must(err, "list the users")
	audit, _ := c.audit(c.Store, 0, 1000)
	return contents{sessions, users, sortedKeys(c.readKeys()), audit}
}
