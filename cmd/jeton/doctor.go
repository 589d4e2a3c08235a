package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

type doctorCmd struct {
	serveCmd
	Offline bool `help:"Ask neither the issuer's URL nor the running service."`
	JSON    bool `name:"json" help:"Print JSON."`
}

func (*doctorCmd) Help() string {
	return `Looks at an installation and says what is wrong and what to do; it changes nothing. Takes the flags of jeton serve, and reads the same environment and configuration file: give it what the service gets, and run it as the same user.

Exit status: 1 if a check failed, 0 otherwise; a warning is something to know or to plan.

  jeton doctor --config /etc/jeton/jeton.yaml`
}

// health is what a check came to.
type health string

const (
	healthy health = "ok"
	warning health = "warn"
	failure health = "fail"
)

// A diagnosis is what one check found, and what to do about it.
type diagnosis struct {
	Check string `json:"check"`
	State health `json:"state"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`
}

// A doctor looks at what jeton serve would run with.
type doctor struct {
	*doctorCmd
	file    *configuration
	now     time.Time
	running bool // a service answers at the admin address
	kids    []string
	found   []diagnosis
}

func (d *doctor) ok(check, format string, args ...any) {
	d.found = append(d.found, diagnosis{check, healthy, fmt.Sprintf(format, args...), ""})
}

// tell adds what is not as it should be.
func (d *doctor) tell(check string, state health, do, format string, args ...any) {
	d.found = append(d.found, diagnosis{check, state, fmt.Sprintf(format, args...), do})
}

func (c *doctorCmd) Run(ctx context.Context, file *configuration, s *streams) error {
	d := &doctor{doctorCmd: c, file: file, now: time.Now()}
	for _, check := range []func(context.Context){
		d.settings, d.service, d.directory, d.secrets, d.store, d.certificate, d.listeners, d.issuerURL,
	} {
		check(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return d.report(s)
}

func (d *doctor) report(s *streams) error {
	count := make(map[health]int)
	for _, each := range d.found {
		count[each.State]++
	}
	if d.JSON {
		err := printJSON(s, struct {
			OK     bool        `json:"ok"`
			Checks []diagnosis `json:"checks"`
		}{count[failure] == 0, d.found})
		if err != nil {
			return err
		}
	} else if err := d.print(s); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%d checks: %d ok, %d to know, %d failed\n", len(d.found), count[healthy], count[warning], count[failure])
	if count[failure] > 0 {
		return quietError{errors.New("a check failed")}
	}
	return nil
}

func (d *doctor) print(s *streams) error {
	p := painter(s.out)
	colours := map[health]func(string) string{healthy: p.green, warning: p.cyan, failure: p.red}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, each := range d.found {
		// Part of it others have written, such as whoever answers at the issuer's URL.
		found := visible(strings.ReplaceAll(each.Found, "\n", "; "))
		fmt.Fprintf(w, "%s\t%s\t%s\n", each.State, each.Check, found)
		if each.Do != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", each.Do)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) { // colours after the widths are known
		for state, paint := range colours {
			if rest, ok := strings.CutPrefix(line, string(state)+" "); ok {
				line = paint(string(state)) + " " + rest
			}
		}
		if _, err := fmt.Fprint(s.out, line); err != nil {
			return err
		}
	}
	return nil
}

// settings are what jeton serve would refuse to start with.
func (d *doctor) settings(context.Context) {
	if err := d.check(); err != nil {
		d.tell("settings", failure, "correct it; jeton config show has all settings and where they come from", "jeton serve refuses them: %v", err)
		return
	}
	from := "flags, environment and defaults"
	if d.file.name != "" {
		from = d.file.name + ", " + from
	}
	d.ok("settings", "jeton serve takes them (%s)", from)
}

// publicIssuer is the issuer as jeton serve would have it.
func (d *doctor) publicIssuer() string {
	addr, err := net.ResolveTCPAddr("tcp", d.Addr)
	if err != nil {
		return d.Issuer
	}
	return d.config(addr, d.encrypted()).Issuer
}

// listeners tells of addresses that others can reach.
func (d *doctor) listeners(context.Context) {
	open := func(addr string) bool {
		host, _, err := net.SplitHostPort(addr)
		return err == nil && !isLoopback(host)
	}
	switch {
	case !open(d.Addr):
		d.ok("public listener", "%s: this machine alone", d.Addr)
	case d.encrypted():
		d.ok("public listener", "%s, with TLS", d.Addr)
	case strings.HasPrefix(d.publicIssuer(), "https://"):
		d.tell("public listener", warning, "see to it that only the proxy reaches this address (firewall, private network)",
			"%s is in clear text, for a proxy that ends TLS", d.Addr)
	default:
		d.tell("public listener", failure, "give it a certificate (--tls-cert, --acme-domain), or put a proxy before it and set --issuer to its https URL",
			"%s is in clear text and the issuer's URL is no https: whoever is on the way reads passwords and tokens", d.Addr)
	}
	if open(d.AdminAddr) {
		d.tell("admin listener", warning, "let nobody but your monitoring reach it (firewall, network policy), or take 127.0.0.1",
			"%s can be reached from other machines, in clear text", d.AdminAddr)
		return
	}
	d.ok("admin listener", "%s: this machine alone", d.AdminAddr)
}

// storedKeys is a store that has keys to read and nothing else.
type storedKeys []issuer.StoredKey

func (k storedKeys) Keys(context.Context) ([]issuer.StoredKey, time.Time, error) {
	return k, time.Time{}, nil
}

func (k storedKeys) UpdateKeys(context.Context, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), ...func() []issuer.AuditRecord) error {
	return errors.New("the doctor changes nothing")
}
