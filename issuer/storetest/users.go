package storetest

import (
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

func userRules() []rule {
	return []rule{
		{name: "create", rule: "CreateUser stores every field as given, created now, at version 1", run: func(c *check) {
			disabled := newUser("disabled")
			disabled.Disabled, disabled.Version, disabled.CreatedAt = true, 99, time.Unix(1, 0)
			for _, u := range []issuer.User{newUser("alice"), disabled, {ID: "bare", Name: "bare"}} {
				created, err := c.CreateUser(c.ctx, u)
				c.must(err, "create a user")
				u.Version, u.CreatedAt = 1, instant(start)
				c.wants("the user that CreateUser returned", created, u)
				c.wants("the user read back", c.readUser(u.Name), u)
			}
		}},
		{name: "unique", rule: "CreateUser answers ErrExists if the name or the id is taken, and writes nothing", run: func(c *check) {
			alice := c.user("alice")
			sameName, sameID := newUser("alice"), newUser("mallory")
			sameName.ID, sameName.PasswordHash = "another id", hashOf("another")
			sameID.ID = alice.ID
			for what, u := range map[string]issuer.User{"name": sameName, "id": sameID, "both": newUser("alice")} {
				got, err := c.CreateUser(c.ctx, u)
				c.wantsErr("the same "+what, err, issuer.ErrExists)
				c.wants("what came beside the error", got, issuer.User{})
			}
			users, err := c.Users(c.ctx)
			c.must(err, "list")
			c.wants("the users", users, []issuer.User{alice})
		}},
		{name: "names", rule: "names are told apart byte by byte", run: func(c *check) {
			c.user("alice")
			for _, name := range []string{"Alice", "alice ", "alicé", "alic"} {
				_, err := c.User(c.ctx, name)
				c.wantsErr("User "+name, err, issuer.ErrNotFound)
				c.user(name)
			}
		}},
		{name: "bad", rule: "CreateUser refuses an empty name or id", run: func(c *check) {
			for _, u := range []issuer.User{{ID: "id"}, {Name: "name"}} {
				if _, err := c.CreateUser(c.ctx, u); err == nil {
					c.broken("id %q, name %q: no error", u.ID, u.Name)
				}
			}
		}},
		{name: "list", rule: "Users returns all users, disabled ones too, in the byte order of their names", run: func(c *check) {
			var want []issuer.User
			for i, name := range []string{"a", "élan", "Zed", "a-2", "b", "ab", "10", "9"} {
				u := newUser(name)
				u.ID = fmt.Sprint("id ", (i*3)%8) // in another order
				c.must(second(c.CreateUser(c.ctx, u)), "create a user")
			}
			_, err := c.SetDisabled(c.ctx, "b", true)
			c.must(err, "disable")
			for _, name := range []string{"10", "9", "Zed", "a", "a-2", "ab", "b", "élan"} {
				want = append(want, c.readUser(name))
			}
			got, err := c.Users(c.ctx)
			c.must(err, "list")
			c.wants("the users", got, want)
		}},
		{name: "unknown", rule: "User, SetPassword, SetDisabled and Rehash answer ErrNotFound for a name that no user has", run: func(c *check) {
			c.user("alice")
			u, err := c.User(c.ctx, "bob")
			c.wantsErr("User", err, issuer.ErrNotFound)
			c.wants("what came beside the error", u, issuer.User{})
			_, err = c.User(c.ctx, newUser("alice").ID)
			c.wantsErr("User by id", err, issuer.ErrNotFound)
			for _, name := range []string{"bob", "Alice", "alice ", "alic", newUser("alice").ID, ""} {
				_, err = c.SetPassword(c.ctx, name, hashOf("x"))
				c.wantsErr("SetPassword "+name, err, issuer.ErrNotFound)
				_, err = c.SetDisabled(c.ctx, name, true)
				c.wantsErr("SetDisabled "+name, err, issuer.ErrNotFound)
				err = c.Rehash(c.ctx, name, hashOf("alice"), hashOf("y"))
				c.wantsErr("Rehash "+name, err, issuer.ErrNotFound)
			}
		}},
		{name: "password", rule: "SetPassword replaces the hash, adds one to Version and revokes the user's sessions with ReasonPassword, but for those revoked before", run: func(c *check) {
			u, bob := c.user("alice"), c.user("bob")
			live, ended, other := c.session(u.ID), c.session(u.ID), c.session(bob.ID)
			namesake := c.session(u.Name) // the subject is the id, not the name
			_, err := c.Revoke(c.ctx, issuer.Revocation{SessionID: ended.ID, Reason: issuer.ReasonLogout})
			c.must(err, "revoke")
			ended, _ = c.read(ended.ID)
			c.clock.Move(time.Minute)
			done, err := c.SetPassword(c.ctx, "alice", hashOf("new"))
			c.must(err, "set the password")
			c.wants("what SetPassword returned", done, issuer.Revoked{At: instant(start).Add(time.Minute), Sessions: []issuer.SessionID{live.ID}})
			u.PasswordHash, u.Version = hashOf("new"), 2
			c.wants("the user", c.readUser("alice"), u)
			c.wants("another user", c.readUser("bob"), bob)
			live.RevokedAt, live.RevokeReason = done.At, issuer.ReasonPassword
			for _, want := range []issuer.Session{live, ended, other, namesake} {
				got, _ := c.read(want.ID)
				c.wants("a session of "+want.Subject, got, want)
			}
			_, err = c.Rotate(c.ctx, live.ID, 0, 1)
			c.wantsErr("Rotate after SetPassword", err, issuer.ErrConflict)
		}},
		{name: "disable", rule: "SetDisabled sets the flag and adds one to Version, each time; disabling revokes the user's sessions with ReasonDisabled, enabling none", run: func(c *check) {
			u := c.user("alice")
			live, other := c.session(u.ID), c.session("another")
			c.clock.Move(time.Minute)
			done, err := c.SetDisabled(c.ctx, "alice", true)
			c.must(err, "disable")
			c.wants("what SetDisabled returned", done, issuer.Revoked{At: instant(start).Add(time.Minute), Sessions: []issuer.SessionID{live.ID}})
			u.Disabled, u.Version = true, 2
			c.wants("the user", c.readUser("alice"), u)
			live.RevokedAt, live.RevokeReason = done.At, issuer.ReasonDisabled
			c.clock.Move(time.Minute)

			done, err = c.SetDisabled(c.ctx, "alice", true)
			c.must(err, "disable again")
			c.wants("what the second SetDisabled returned", done, issuer.Revoked{At: instant(start).Add(2 * time.Minute)})
			u.Version = 3
			c.wants("the user", c.readUser("alice"), u)

			later := c.session(u.ID) // without a condition: an embedding program may
			done, err = c.SetDisabled(c.ctx, "alice", false)
			c.must(err, "enable")
			c.wants("what enabling returned", done, issuer.Revoked{At: instant(start).Add(2 * time.Minute)})
			u.Disabled, u.Version = false, 4
			c.wants("the user", c.readUser("alice"), u)
			for _, want := range []issuer.Session{live, later, other} {
				got, _ := c.read(want.ID)
				c.wants("a session of "+want.Subject, got, want)
			}
		}},
		{name: "rehash", rule: "Rehash replaces the hash if it is still the old one, or answers ErrConflict; Version and sessions stay", run: func(c *check) {
			u := c.user("alice")
			s := c.session(u.ID)
			c.must(c.Rehash(c.ctx, "alice", u.PasswordHash, hashOf("stronger")), "rehash")
			u.PasswordHash = hashOf("stronger")
			c.wants("the user", c.readUser("alice"), u)
			for _, old := range []issuer.PasswordHash{hashOf("alice"), "", u.PasswordHash + " "} {
				err := c.Rehash(c.ctx, "alice", old, hashOf("attacker"))
				c.wantsErr("Rehash from another hash", err, issuer.ErrConflict)
			}
			c.wants("the user after", c.readUser("alice"), u)
			got, _ := c.read(s.ID)
			c.wants("a session of the user", got, s)
		}},
		{name: "memory", rule: "what a method takes or returns shares no memory with the store", run: func(c *check) {
			given := newUser("alice")
			created, err := c.CreateUser(c.ctx, given)
			c.must(err, "create a user")
			want := newUser("alice")
			want.Version, want.CreatedAt = 1, instant(start)
			for _, u := range []*issuer.User{&given, &created} {
				u.Scopes[0], u.Roles[0] = "scribbled", "scribbled"
			}
			got := c.readUser("alice")
			c.wants("after a change to what CreateUser took and returned", got, want)
			got.Scopes[0], got.Roles[0] = "scribbled", "scribbled"
			list, err := c.Users(c.ctx)
			c.must(err, "list")
			c.wants("after a change to what User returned", list, []issuer.User{want})
			list[0].Scopes[0], list[0].Roles[0] = "scribbled", "scribbled"
			c.wants("after a change to what Users returned", c.readUser("alice"), want)
		}},
	}
}
