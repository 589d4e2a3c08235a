package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jeton-go/jeton/issuer"
)

type auditCmd struct {
	Tail   auditTailCmd   `cmd:"" help:"Show the latest entries; -f goes on showing new ones."`
	Export auditExportCmd `cmd:"" help:"Print entries as JSON, one a line."`
	Verify auditVerifyCmd `cmd:"" help:"Check that nothing in the log was changed, left out or cut off."`
}

func (auditCmd) Help() string {
	return `Who did what, when, from where: logins, refused logins, stolen refresh tokens, revocations, users, keys. Each entry is linked to the one before, and the running service seals the log with the master key every second. docs/audit.md has all of it.`
}

// asCommand is the context of a command: what it does is put down to whoever
// runs it.
func asCommand(ctx context.Context) context.Context {
	name := "uid " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return issuer.WithRequestInfo(ctx, issuer.RequestInfo{Actor: "cli:" + name, Agent: "jeton " + versionText()})
}

// asService takes back what asCommand says.
func asService(ctx context.Context) context.Context {
	return issuer.WithRequestInfo(ctx, issuer.RequestInfo{})
}

// auditView is an entry as JSON.
type auditView struct {
	Seq      uint64    `json:"seq"`
	At       time.Time `json:"at"`
	Action   string    `json:"action"`
	Actor    string    `json:"actor"`
	Subject  string    `json:"sub,omitempty"`
	User     string    `json:"user,omitempty"`
	ClientID string    `json:"client_id,omitempty"`
	Session  string    `json:"sid,omitempty"`
	Key      string    `json:"kid,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Count    int64     `json:"count,omitempty"`
	Address  string    `json:"address,omitempty"`
	Agent    string    `json:"agent,omitempty"`
	Request  string    `json:"request_id,omitempty"`
	Chain    string    `json:"chain"`
}

func viewAudit(e issuer.AuditEntry) auditView {
	return auditView{e.Seq, e.At, string(e.Action), e.Actor, e.Subject, e.User, e.ClientID, e.Session, e.Key, string(e.Reason),
		e.Detail, e.Count, e.Address, e.Agent, e.Request, chainText(e.Chain)}
}

func chainText(c issuer.Chain) string { return base64.RawURLEncoding.EncodeToString(c[:]) }

// line is an entry for people.
func (v auditView) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d  %s  %-13s  %s", v.Seq, v.At.Format(time.DateTime), v.Action, visible(v.Actor))
	for _, f := range []struct{ name, value string }{
		{"user", v.User}, {"sub", v.Subject}, {"client", v.ClientID}, {"sid", v.Session}, {"kid", v.Key}, {"reason", v.Reason},
		{"detail", v.Detail}, {"from", v.Address}, {"agent", v.Agent}, {"request", v.Request},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "  %s=%s", f.name, quoted(visible(f.value)))
		}
	}
	if v.Count != 0 {
		fmt.Fprintf(&b, "  count=%d", v.Count)
	}
	return b.String()
}

// visible keeps what clients say from steering the terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func quoted(text string) string {
	if strings.ContainsAny(text, " =\"") {
		return strconv.Quote(text)
	}
	return text
}

// auditFrom prints the entries after a number, as long as want says so, and
// returns the number of the last.
func auditFrom(ctx context.Context, log issuer.AuditLog, after uint64, show func(issuer.AuditEntry) (more bool, err error)) (uint64, error) {
	const page = 500
	for {
		entries, _, err := log.Audit(ctx, after, page)
		if err != nil {
			return after, err
		}
		for _, e := range entries {
			if more, err := show(e); err != nil || !more {
				return after, err
			}
			after = e.Seq
		}
		if len(entries) < page {
			return after, nil
		}
	}
}

func printAudit(s *streams, e issuer.AuditEntry, asJSON bool) error {
	v := viewAudit(e)
	if !asJSON {
		_, err := fmt.Fprintln(s.out, v.line())
		return err
	}
	b, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s\n", b)
	}
	return err
}

type auditTailCmd struct {
	dataFlags
	Lines  uint64 `short:"n" default:"20" help:"How many entries. Default: ${default}." placeholder:"N"`
	Follow bool   `short:"f" help:"Go on showing new entries, until interrupted."`
	JSON   bool   `name:"json" help:"Print JSON, an entry a line."`
}

func (c *auditTailCmd) Run(ctx context.Context, s *streams) (err error) {
	store, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	_, head, err := store.Audit(ctx, 0, 1)
	if err != nil {
		return err
	}
	show := func(e issuer.AuditEntry) (bool, error) { return true, printAudit(s, e, c.JSON) }
	after, err := auditFrom(ctx, store, head.Seq-min(head.Seq, c.Lines), show)
	if err != nil || !c.Follow {
		return err
	}
	every := time.NewTicker(500 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		// A service that restarts or a database that fails over is no reason to
		// stop looking.
		if after, err = auditFrom(ctx, store, after, show); err != nil && ctx.Err() == nil {
			fmt.Fprintln(s.err, "jeton audit tail:", err)
		}
	}
}

type auditExportCmd struct {
	dataFlags
	Since string `help:"Only entries from then on: 2026-03-01, 2026-03-01T12:00:00Z, or 24h for the last day." placeholder:"TIME"`
	Until string `help:"Only entries before then." placeholder:"TIME"`
}

func (c *auditExportCmd) Run(ctx context.Context, s *streams) (err error) {
	now := time.Now()
	since, err := moment(c.Since, now, time.Time{})
	if err != nil {
		return usage("--since: %w", err)
	}
	until, err := moment(c.Until, now, time.Time{})
	if err != nil {
		return usage("--until: %w", err)
	}
	store, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	after, err := lastBefore(ctx, store, since)
	if err != nil {
		return err
	}
	_, err = auditFrom(ctx, store, after, func(e issuer.AuditEntry) (bool, error) {
		if !until.IsZero() && !e.At.Before(until) {
			return false, nil
		}
		return true, printAudit(s, e, true)
	})
	return err
}

// moment reads an instant, a day, or how long ago.
func moment(text string, now, none time.Time) (time.Time, error) {
	if text == "" {
		return none, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return none, fmt.Errorf("%q is neither an instant (2026-03-01T12:00:00Z, UTC if no zone is given), nor a day, nor how long ago (24h)", text)
}

// lastBefore finds the number of the last entry before an instant, in a few
// looks: entries are numbered without a gap and in the order of time.
func lastBefore(ctx context.Context, log issuer.AuditLog, at time.Time) (uint64, error) {
	_, head, err := log.Audit(ctx, 0, 1)
	if err != nil || at.IsZero() {
		return 0, err
	}
	low, high := head.Pruned, head.Seq // low is before, what follows high is not
	for low < high {
		middle := low + (high-low)/2
		entries, _, err := log.Audit(ctx, middle, 1)
		if err != nil {
			return 0, err
		}
		if len(entries) > 0 && entries[0].At.Before(at) {
			low = max(entries[0].Seq, middle+1)
		} else {
			high = middle
		}
	}
	return low, nil
}

type auditVerifyCmd struct {
	dataFlags
	masterKeyFlags
	WithoutKey bool     `help:"Check the chain alone, which whoever can write the database can make anew."`
	Anchor     []string `help:"What an earlier run printed, kept where the database's administrators can't write: the log must still contain it. Repeatable." placeholder:"SEQ:CHAIN"`
}

func (c *auditVerifyCmd) Help() string {
	return `stdout is an anchor, the number and the chain of the last entry: give it to a later run. It is what shows that the end of the log was not cut off together with its seal.`
}

func (c *auditVerifyCmd) Run(ctx context.Context, s *streams) (err error) {
	check := issuer.AuditCheck{Anchors: make(map[uint64]issuer.Chain)}
	for _, text := range c.Anchor {
		seq, chain, err := parseAnchor(text)
		if err != nil {
			return usageError{err}
		}
		if known, ok := check.Anchors[seq]; ok && known != chain {
			return usage("two anchors of entry %d differ", seq)
		}
		check.Anchors[seq] = chain
	}
	store, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	_, head, err := store.Audit(ctx, 0, 1)
	if err != nil {
		return err
	}
	// Before there is a seal there may be no key yet, and it is not for this
	// command to make one.
	if head.Seal.Seq > 0 && !c.WithoutKey {
		source, err := c.source(c.dataFlags, func(said string) { fmt.Fprintln(s.err, said) })
		if err != nil {
			return err
		}
		if check.MasterKey, err = source.open(ctx, store); err != nil {
			return fmt.Errorf("the seal can't be checked (--without-key checks the rest): %w", err)
		}
	}
	report, err := check.Run(ctx, store)
	if err != nil {
		return err
	}
	for _, b := range report.Breaks {
		fmt.Fprintf(s.err, "entry %d: %s\n", b.Seq, b.What)
	}
	for _, seq := range report.Gone {
		fmt.Fprintf(s.err, "the anchor of entry %d could not be checked: it was deleted for its age\n", seq)
	}
	if len(report.Breaks) > 0 {
		return fmt.Errorf("the audit log in %s does not hold: %d places", c.where(), len(report.Breaks))
	}
	fmt.Fprintln(s.err, describe(report, c.WithoutKey))
	_, err = fmt.Fprintf(s.out, "%d:%s\n", report.Head.Seq, chainText(report.Head.Chain))
	return err
}

func describe(r issuer.AuditReport, withoutKey bool) string {
	text := fmt.Sprintf("the log holds: %d entries, up to %d", r.Entries, r.Head.Seq)
	if r.Head.Pruned > 0 {
		text += fmt.Sprintf("; those up to %d were deleted for their age", r.Head.Pruned)
	}
	switch seal := r.Head.Seal; {
	case seal.Seq == 0:
		text += "; nothing is sealed yet: the running service does that"
	case withoutKey:
		text += "; the seal was not checked"
	default:
		text += fmt.Sprintf("; sealed up to %d at %s", seal.Seq, seal.At.Format(time.DateTime))
	}
	return text
}

func parseAnchor(text string) (seq uint64, chain issuer.Chain, err error) {
	number, digest, _ := strings.Cut(strings.TrimSpace(text), ":")
	seq, err = strconv.ParseUint(number, 10, 63)
	b, err2 := base64.RawURLEncoding.Strict().DecodeString(digest)
	if err != nil || err2 != nil || len(b) != len(chain) {
		return 0, chain, fmt.Errorf("--anchor: %q is not what jeton audit verify prints", text)
	}
	return seq, issuer.Chain(b), nil
}
