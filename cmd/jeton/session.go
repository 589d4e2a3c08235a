package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

type sessionCmd struct {
	List   sessionListCmd   `cmd:"" help:"List live sessions, newest first."`
	Revoke sessionRevokeCmd `cmd:"" help:"Revoke one session, or all of a user's."`
}

type sessionListCmd struct {
	dataFlags
	User string `help:"Of this user only." placeholder:"NAME"`
	JSON bool   `name:"json" help:"Print JSON."`
}

type sessionView struct {
	ID         string    `json:"sid"`
	User       string    `json:"user,omitempty"`
	Subject    string    `json:"sub"`
	ClientID   string    `json:"client_id"`
	Device     string    `json:"device,omitempty"`
	Audience   []string  `json:"audience"`
	Scope      string    `json:"scope,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

func (c *sessionListCmd) Run(ctx context.Context, s *streams) error {
	return c.onUser(ctx, c.User, func(admin *issuer.Admin) error {
		names, subject, err := subjects(ctx, admin, c.User)
		if err != nil {
			return err
		}
		list := admin.AllSessions
		if subject != "" {
			list = func(ctx context.Context) ([]issuer.Session, error) { return admin.Sessions(ctx, subject) }
		}
		sessions, err := list(ctx)
		if err != nil {
			return err
		}
		views := make([]sessionView, len(sessions))
		for i, x := range sessions {
			views[i] = sessionView{x.ID.String(), names[x.Subject], x.Subject, x.ClientID, x.Device, x.Audience, x.Scope, x.CreatedAt, x.LastUsedAt(), x.EndsAt()}
		}
		if c.JSON {
			return printJSON(s, views)
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SESSION\tUSER\tDEVICE\tAUDIENCE\tLAST USED\tENDS")
		for _, v := range views {
			user := v.User
			if user == "" {
				user = v.Subject
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, user, orDash(v.Device), strings.Join(v.Audience, " "), v.LastUsedAt.Format(time.DateTime), v.ExpiresAt.Format(time.DateTime))
		}
		return w.Flush()
	})
}

// subjects maps subjects to user names, and finds the subject of one.
func subjects(ctx context.Context, admin *issuer.Admin, name string) (names map[string]string, subject string, err error) {
	if name != "" {
		user, err := admin.User(ctx, name)
		return map[string]string{user.ID: user.Name}, user.ID, err
	}
	users, err := admin.Users(ctx)
	names = make(map[string]string, len(users))
	for _, u := range users {
		names[u.ID] = u.Name
	}
	return names, "", err
}

type sessionRevokeCmd struct {
	dataFlags
	User    string `help:"Revoke all sessions of this user." placeholder:"NAME"`
	Session string `arg:"" optional:"" name:"sid" help:"Id of the session, as session list shows it."`
}

func (c *sessionRevokeCmd) Run(ctx context.Context, s *streams) error {
	if (c.User == "") == (c.Session == "") {
		return usage("name a session, or a user with --user")
	}
	if c.User != "" {
		return c.onUser(ctx, c.User, func(admin *issuer.Admin) error {
			user, err := admin.User(ctx, c.User)
			if err != nil {
				return err
			}
			n, err := admin.RevokeSubject(ctx, user.ID, issuer.ReasonRevoked)
			if err == nil {
				fmt.Fprintf(s.err, "revoked %d sessions of %s\n", n, user.Name)
			}
			return err
		})
	}
	id, err := issuer.ParseSessionID(c.Session)
	if err != nil {
		return usageError{err}
	}
	return c.with(ctx, func(admin *issuer.Admin) error {
		err := admin.RevokeSession(ctx, id, issuer.ReasonRevoked)
		if errors.Is(err, issuer.ErrNotFound) {
			return fmt.Errorf("there is no session %s in %s", id, c.where())
		}
		if err == nil {
			fmt.Fprintln(s.err, "revoked")
		}
		return err
	})
}
