package storetest

import (
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func revocationRules() []rule {
	return []rule{
		{name: "session", rule: "Revoke of a session sets its instant and reason, leaves the rest alone, and names it", run: func(c *check) {
			s, other := c.session("alice"), c.session("alice")
			s, err := c.Rotate(c.ctx, s.ID, 0, 3)
			c.must(err, "rotate")
			c.clock.Move(time.Minute)
			done, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonReuse})
			c.must(err, "revoke")
			c.wants("what Revoke returned", done, issuer.Revoked{At: instant(start).Add(time.Minute), Sessions: []issuer.SessionID{s.ID}})
			s.RevokedAt, s.RevokeReason = done.At, issuer.ReasonReuse
			got, _ := c.read(s.ID)
			c.wants("the session", got, s)
			got, _ = c.read(other.ID)
			c.wants("another session of the subject", got, other)
		}},
		{name: "again", rule: "a session that is revoked keeps its instant and reason, and is not named again", run: func(c *check) {
			s, late := c.session("alice"), c.session("alice")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			want, _ := c.read(s.ID)
			c.clock.Move(time.Hour)
			again, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonReuse})
			c.must(err, "revoke again")
			c.wants("the second answer", again, issuer.Revoked{At: instant(start).Add(time.Hour)})
			done, err := c.Revoke(c.ctx, issuer.Revocation{Subject: "alice", Reason: issuer.ReasonReuse})
			c.must(err, "revoke the subject's sessions")
			c.wants("the sessions that the subject's revocation names", done.Sessions, []issuer.SessionID{late.ID})
			got, _ := c.read(s.ID)
			c.wants("the session", got, want)
		}},
		{name: "subject", rule: "Revoke of a subject revokes all of its sessions, expired ones too, and nobody else's", run: func(c *check) {
			short := newSession("alice")
			short.Lifetime = time.Second
			a := c.create(short)
			c.clock.Move(time.Minute)
			b, other := c.session("alice"), c.session("alice2")
			done, err := c.Revoke(c.ctx, issuer.Revocation{Subject: "alice", Reason: issuer.ReasonRevoked})
			c.must(err, "revoke")
			c.wants("At", done.At, instant(start).Add(time.Minute))
			c.wants("Sessions", sortedIDs(done.Sessions...), sortedIDs(a.ID, b.ID))
			for _, s := range []issuer.Session{a, b} {
				s.RevokedAt, s.RevokeReason = done.At, issuer.ReasonRevoked
				got, _ := c.read(s.ID)
				c.wants("a session of the subject", got, s)
			}
			got, _ := c.read(other.ID)
			c.wants("another subject's session", got, other)
		}},
		{name: "unknown", rule: "Revoke answers ErrNotFound for an id that no session has; a subject without sessions is no error", run: func(c *check) {
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: issuer.NewSessionID(), Reason: issuer.ReasonLogout})
			c.wantsErr("Revoke", err, issuer.ErrNotFound)
			done, err := c.Revoke(c.ctx, issuer.Revocation{Subject: "nobody", Reason: issuer.ReasonLogout})
			c.must(err, "revoke the sessions of a subject without any")
			c.wants("what Revoke returned", done, issuer.Revoked{At: instant(start)})
		}},
		{name: "owner", rule: "Revoke with OwnedBy answers ErrNotFound for anybody else's session and writes nothing", run: func(c *check) {
			s := c.session("alice")
			for _, owner := range []string{"mallory", "Alice", "alice "} {
				_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, OwnedBy: owner, Reason: issuer.ReasonRevoked})
				c.wantsErr("Revoke for "+owner, err, issuer.ErrNotFound)
			}
			got, _ := c.read(s.ID)
			c.wants("the session after", got, s)
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: issuer.NewSessionID(), OwnedBy: "alice", Reason: issuer.ReasonRevoked})
			c.wantsErr("Revoke of an unknown session", err, issuer.ErrNotFound)
			done, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, OwnedBy: "alice", Reason: issuer.ReasonRevoked})
			c.must(err, "revoke for the owner")
			c.wants("Sessions", done.Sessions, []issuer.SessionID{s.ID})
			_, err = c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, OwnedBy: "mallory", Reason: issuer.ReasonRevoked})
			c.wantsErr("Revoke of a revoked session for another", err, issuer.ErrNotFound)
		}},
		{name: "expired", rule: "Revoke of an expired session revokes it", run: func(c *check) {
			s := c.session("alice")
			c.clock.Move(48 * time.Hour)
			done, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: issuer.ReasonExpired})
			c.must(err, "revoke")
			s.RevokedAt, s.RevokeReason = done.At, issuer.ReasonExpired
			got, _ := c.read(s.ID)
			c.wants("the session", got, s)
		}},
		{name: "reason", rule: "a store keeps any reason as it is", run: func(c *check) {
			for _, reason := range []issuer.Reason{"", "ticket 4711: l'appareil a été volé", issuer.ReasonLogout} {
				s := c.session("alice")
				_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: s.ID, Reason: reason})
				c.must(err, "revoke")
				got, _ := c.read(s.ID)
				if got.RevokeReason != reason || !got.Revoked() {
					c.broken("the reason is %q, not %q; revoked: %v", got.RevokeReason, reason, got.Revoked())
				}
			}
		}},
		{name: "bad", rule: "Revoke refuses anything but exactly one of session and subject, and writes nothing", run: func(c *check) {
			s := c.session("alice")
			for what, r := range map[string]issuer.Revocation{
				"neither":              {Reason: issuer.ReasonRevoked},
				"both":                 {SessionID: s.ID, Subject: "alice", Reason: issuer.ReasonRevoked},
				"only an owner":        {OwnedBy: "alice", Reason: issuer.ReasonRevoked},
				"an owner's + subject": {Subject: "alice", OwnedBy: "alice", Reason: issuer.ReasonRevoked},
			} {
				if _, err := c.Revoke(c.ctx, r); err == nil {
					c.broken("%s: no error", what)
				}
			}
			got, _ := c.read(s.ID)
			c.wants("the session after", got, s)
		}},
		{name: "final", rule: "no rotation succeeds after Revoke returned", run: func(c *check) {
			byID, bySubject := c.session("alice"), c.session("bob")
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: byID.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke a session")
			_, err = c.Revoke(c.ctx, issuer.Revocation{Subject: "bob", Reason: issuer.ReasonRevoked})
			c.must(err, "revoke a subject's sessions")
			for _, s := range []issuer.Session{byID, bySubject} {
				_, err = c.Rotate(c.ctx, s.ID, 0, 1)
				c.wantsErr("Rotate", err, issuer.ErrConflict)
			}
		}},
	}
}
