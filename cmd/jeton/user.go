package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/jeton-go/jeton/issuer"
)

type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Make a user."`
	List    userListCmd    `cmd:"" help:"List all users."`
	Passwd  userPasswdCmd  `cmd:"" help:"Set a new password; all sessions of the user end."`
	Disable userDisableCmd `cmd:"" help:"Lock a user out; all sessions of the user end."`
	Enable  userEnableCmd  `cmd:"" help:"Let a disabled user in again."`
}

func (userCmd) Help() string {
	return "These commands work on the data directory, beside a running service too."
}

// passwordFlags is how a password comes in: never as an argument.
type passwordFlags struct {
	PasswordStdin bool `help:"Read the password from the first line of stdin instead of asking."`
}

func (p passwordFlags) read(s *streams) (string, error) {
	if p.PasswordStdin {
		text, err := bufio.NewReader(io.LimitReader(s.in, 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return weak(s, strings.TrimRight(text, "\r\n"))
	}
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", usage("there is no terminal to ask for a password; use --password-stdin")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(s.err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(s.err)
		return string(b), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return weak(s, first)
}

// weak warns of a short password; the operator decides.
func weak(s *streams, password string) (string, error) {
	if n := len([]rune(password)); n > 0 && n < 8 {
		fmt.Fprintf(s.err, "warning: a password of %d characters is easy to guess; take 8 or more\n", n)
	}
	return password, nil
}

type userAddCmd struct {
	dataFlags
	passwordFlags
	Scope []string `help:"Scope that the user may ask for at login, repeatable." placeholder:"NAME"`
	Role  []string `help:"Role of the user, repeatable: the roles claim of access tokens." placeholder:"NAME"`
	Name  string   `arg:"" help:"User name; upper and lower case are the same."`
}

func (c *userAddCmd) Run(ctx context.Context, s *streams) error {
	password, err := c.read(s)
	if err != nil {
		return err
	}
	store, err := c.create(ctx, storeHooks{})
	if err != nil {
		return err
	}
	return on(store, func(admin *issuer.Admin) error {
		user, err := admin.AddUser(ctx, issuer.NewUser{Name: c.Name, Password: password, Scopes: c.Scope, Roles: c.Role})
		if errors.Is(err, issuer.ErrExists) {
			return fmt.Errorf("there is a user %q already", c.Name)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(s.err, "added %s, subject %s\n", user.Name, user.ID)
		return nil
	})
}

// onUser is with for work on one user, whose absence it puts in words.
func (d dataFlags) onUser(ctx context.Context, name string, work func(*issuer.Admin) error) error {
	err := d.with(ctx, work)
	if errors.Is(err, issuer.ErrNotFound) {
		return fmt.Errorf("there is no user %q in %s", name, d.where())
	}
	return err
}

type userListCmd struct {
	dataFlags
	JSON bool `name:"json" help:"Print JSON."`
}

type userView struct {
	Name      string    `json:"name"`
	Subject   string    `json:"sub"`
	Disabled  bool      `json:"disabled"`
	Scopes    []string  `json:"scopes"`
	Roles     []string  `json:"roles"`
	CreatedAt time.Time `json:"created_at"`
}

func (c *userListCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, func(admin *issuer.Admin) error {
		users, err := admin.Users(ctx)
		if err != nil {
			return err
		}
		views := make([]userView, len(users))
		for i, u := range users {
			views[i] = userView{u.Name, u.ID, u.Disabled, append([]string{}, u.Scopes...), append([]string{}, u.Roles...), u.CreatedAt}
		}
		if c.JSON {
			return printJSON(s, views)
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tSUBJECT\tSTATE\tSCOPES\tROLES\tCREATED")
		for _, v := range views {
			state := "active"
			if v.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Name, v.Subject, state, orDash(strings.Join(v.Scopes, " ")), orDash(strings.Join(v.Roles, " ")), v.CreatedAt.Format(time.DateTime))
		}
		return w.Flush()
	})
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func printJSON(s *streams, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s\n", b)
	}
	return err
}

type userPasswdCmd struct {
	dataFlags
	passwordFlags
	Name string `arg:"" help:"User name."`
}

func (c *userPasswdCmd) Run(ctx context.Context, s *streams) error {
	password, err := c.read(s)
	if err != nil {
		return err
	}
	return c.onUser(ctx, c.Name, func(admin *issuer.Admin) error {
		if err := admin.SetPassword(ctx, c.Name, password); err != nil {
			return err
		}
		fmt.Fprintln(s.err, "password set; all sessions of the user were revoked")
		return nil
	})
}

type userDisableCmd struct {
	dataFlags
	Name string `arg:"" help:"User name."`
}

func (c *userDisableCmd) Run(ctx context.Context, s *streams) error {
	return c.onUser(ctx, c.Name, func(admin *issuer.Admin) error {
		if err := admin.SetDisabled(ctx, c.Name, true); err != nil {
			return err
		}
		fmt.Fprintln(s.err, "disabled; all sessions of the user were revoked")
		return nil
	})
}

type userEnableCmd struct {
	dataFlags
	Name string `arg:"" help:"User name."`
}

func (c *userEnableCmd) Run(ctx context.Context, s *streams) error {
	return c.onUser(ctx, c.Name, func(admin *issuer.Admin) error {
		if err := admin.SetDisabled(ctx, c.Name, false); err != nil {
			return err
		}
		fmt.Fprintln(s.err, "enabled")
		return nil
	})
}
