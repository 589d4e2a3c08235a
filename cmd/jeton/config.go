package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/jeton-go/jeton/internal/strictyaml"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

type configCmd struct {
	Show  configShowCmd  `cmd:"" help:"Print the settings that jeton serve would run with, and where each one comes from."`
	Check configCheckCmd `cmd:"" help:"Say whether jeton serve would take the settings, and start nothing."`
}

func (configCmd) Help() string {
	return `A setting comes from the flag, else from the environment (JETON_ADMIN_ADDR for --admin-addr), else from the file, else it has a default. A file has the flags' names for keys:

  issuer: https://auth.example
  audience: [orders, billing]
  access-ttl: 5m

  jeton serve --config jeton.yaml`
}

type configShowCmd struct {
	serveCmd
}

func (*configShowCmd) Help() string {
	return "Takes the flags of jeton serve. The output is a configuration file again; passwords in it are masked."
}

func (c *configShowCmd) Run(ctx *kong.Context, file *configuration, s *streams) error {
	serve := serveFlags(ctx.Model)
	var entries []strictyaml.Entry
	for _, flag := range ctx.Flags() {
		if serve[flag.Name] == nil {
			continue
		}
		value, secret := printable(flag)
		comment := file.source(ctx, flag)
		if secret {
			comment += ", masked"
		}
		entries = append(entries, strictyaml.Entry{Name: flag.Name, Value: value, Comment: comment})
	}
	return strictyaml.Write(s.out, entries)
}

// source says where the value of a flag comes from.
func (c *configuration) source(ctx *kong.Context, flag *kong.Flag) string {
	for _, step := range ctx.Path {
		if step.Flag == flag && !step.Resolved {
			return "flag"
		}
	}
	if name := variable(flag); name != "" {
		return "environment: " + name
	}
	if s, ok := c.settings[flag.Name]; ok {
		return fmt.Sprintf("%s:%d", c.name, s.line)
	}
	return "default"
}

// printable returns the value of a flag as a file has it, with what must not be
// seen masked, and whether there was such.
func printable(flag *kong.Flag) (value any, secret bool) {
	mask := func(text string) string {
		shown := maskSecrets(text, flag.Tag.Has("secret") || flag.Tag.Has("secreturl") && !strings.Contains(text, "://"))
		secret = secret || shown != text
		return shown
	}
	v := flag.Target
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", false
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Slice:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = mask(scalarText(v.Index(i)))
		}
		return texts, secret
	case v.Kind() == reflect.Map:
		pairs := make(map[string]string, v.Len())
		for _, key := range v.MapKeys() {
			pairs[fmt.Sprint(key)] = mask(scalarText(v.MapIndex(key)))
		}
		return pairs, secret
	case v.Kind() == reflect.String, v.Type() == reflect.TypeFor[time.Duration]():
		return mask(scalarText(v)), secret
	default:
		return v.Interface(), false
	}
}

func scalarText(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return shortDuration(d)
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration leaves out the zeros at the end: 720h, not 720h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// maskSecrets hides the whole text, or what is secret of a URL: its password, and
// parameters that are called like one.
func maskSecrets(text string, whole bool) string {
	if whole && text != "" {
		return masked
	}
	u, err := url.Parse(text)
	if err != nil {
		if strings.Contains(text, "://") {
			return masked // it was to be a URL; who knows what is where
		}
		return text
	}
	hid := false
	if _, ok := u.User.Password(); ok {
		u.User, hid = url.UserPassword(u.User.Username(), masked), true
	}
	if u.RawQuery != "" && u.Scheme != "" {
		query := u.Query()
		for name := range query {
			if looksSecret(name) {
				query.Set(name, masked)
				u.RawQuery, hid = query.Encode(), true
			}
		}
	}
	if !hid {
		return text
	}
	return strings.ReplaceAll(u.String(), url.QueryEscape(masked), masked)
}

// looksSecret tells whether what has this name is probably none to show.
func looksSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "passwd", "secret", "token", "apikey", "api_key", "api-key"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

type configCheckCmd struct {
	serveCmd
}

func (*configCheckCmd) Help() string {
	return "Takes the flags of jeton serve. It opens no database and asks nobody: jeton doctor does."
}

func (c *configCheckCmd) Run(_ context.Context, file *configuration, s *streams) error {
	if err := c.check(); err != nil {
		return err
	}
	if file.name == "" {
		fmt.Fprintln(s.err, "the settings are good; there is no configuration file")
		return nil
	}
	fmt.Fprintf(s.err, "%s is good: %d settings\n", file.name, len(file.settings))
	return nil
}

// check tells what serve would refuse before it opens or asks anything.
func (c *serveCmd) check() error {
	if c.KeepEnded < 0 {
		return usageError{errors.New("--keep-ended is not negative")}
	}
	if err := c.checkLimits(); err != nil {
		return err
	}
	if err := c.checkTLS(c); err != nil {
		return err
	}
	if c.DB != "" {
		if err := c.checkDB(); err != nil {
			return err
		}
	}
	if _, err := c.source(c.dataFlags, func(string) {}); err != nil {
		return err
	}
	if err := c.pkcs11Flags.check(); err != nil {
		return err
	}
	if _, err := c.receivers(); err != nil {
		return err
	}
	for flag, addr := range map[string]string{"--addr": c.Addr, "--admin-addr": c.AdminAddr} {
		if _, err := net.ResolveTCPAddr("tcp", addr); err != nil {
			return usage("%s takes an address such as 127.0.0.1:8080: %v", flag, err)
		}
	}
	addr, _ := net.ResolveTCPAddr("tcp", c.Addr)
	cfg := c.config(addr, c.encrypted())
	cfg.Store, cfg.MasterKey = memory.New(time.Now), issuer.GenerateMasterKey()
	if err := cfg.Check(); err != nil {
		return usageError{err}
	}
	return nil
}
