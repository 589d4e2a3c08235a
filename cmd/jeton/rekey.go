package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

type keysNewMasterKeyCmd struct{}

func (c *keysNewMasterKeyCmd) Help() string {
	return "It goes to stdout: send it straight to where it is to be kept, as in\n  jeton keys new-master-key | vault kv put secret/jeton key=-"
}

func (c *keysNewMasterKeyCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, issuer.GenerateMasterKey().Text())
	return err
}

type keysRekeyCmd struct {
	keyringFlags
	Status bool `help:"Tell which master keys there are and what is sealed under each, and change nothing."`
	Resume bool `help:"Finish what was begun before, and begin nothing."`
	JSON   bool `name:"json" help:"With --status: print JSON."`
}

func (c *keysRekeyCmd) Help() string {
	return `While a master key is replaced, its source holds both, the new one first, with white space between. A service reads its source again when it meets a key that it can't open, and on SIGHUP.

With the master key in a file, on one machine, this command is all: it writes a new master key into the file, before the old one, seals every key anew in one transaction, and takes the old one out of the file.

With --db it stops after the first step: copy the file to every other node, and give the command again, at last once on every node, which takes the old master key out of that node's file.

With the master key elsewhere, put a new one (jeton keys new-master-key) before the old one there, restart or SIGHUP the services, give this command, and take the old one away.`
}

// steps tells tests, which kill the program between two of them, where it is.
type steps func(string)

func (c *keysRekeyCmd) Run(ctx context.Context, s *streams, at steps) error {
	if c.Status && c.Resume || c.JSON && !c.Status {
		return usageError{errors.New("--status stands alone, or with --json")}
	}
	return c.with(ctx, s, func(store issuer.Store, source masterKeySource, master issuer.MasterKey) error {
		if c.Status {
			return c.status(ctx, s, source, store, master)
		}
		r := rekey{store, source, s, at}
		begun, err := r.begin(ctx, c.Resume)
		if errors.Is(err, errNothingUnderWay) {
			fmt.Fprintf(s.err, "nothing is under way: all keys are sealed under the one master key of %s\n", source.name)
			return nil
		}
		if err != nil {
			return err
		}
		if begun && c.DB != "" {
			fmt.Fprintf(s.err, "%s holds a new master key now, before the old one, and nothing is sealed under it yet.\nCopy the file to every other node, and give this command again.\n", source.name)
			return nil
		}
		if err := r.seal(ctx); err != nil {
			return err
		}
		return r.finish(ctx)
	})
}

// rekey is the replacement of a master key. Each step finds out for itself what is
// left to do, so the whole can be killed anywhere and begun again. What writes the
// file happens inside a transaction of the store that changes nothing: of two
// commands at once, one is first.
type rekey struct {
	store  issuer.Store
	source masterKeySource
	s      *streams
	at     steps
}

var (
	errNothingUnderWay = errors.New("nothing is under way")
	errUnchanged       = errors.New("the store stays as it is")
)

// inTurn works on the master keys of the source while nobody else does, if it is
// a file, which the work may write. Another source is only read, which may take a
// command half a minute: nobody waits for that.
func (r rekey) inTurn(ctx context.Context, work func(issuer.MasterKey, []issuer.StoredKey) error) error {
	if r.source.file == "" {
		master, err := r.source.read(ctx)
		if err != nil {
			return err
		}
		keys, _, err := r.store.Keys(ctx)
		if err != nil {
			return err
		}
		return work(master, keys)
	}
	var done error
	err := r.store.UpdateKeys(ctx, func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		master, err := r.source.read(ctx)
		if err == nil {
			err = work(master, keys)
		}
		done = err
		return nil, errUnchanged
	})
	if errors.Is(err, errUnchanged) {
		return done
	}
	return err
}

// begin sees to it that the source holds a new master key beside the old one, and
// tells whether it put it there.
func (r rekey) begin(ctx context.Context, resume bool) (begun bool, err error) {
	err = r.inTurn(ctx, func(master issuer.MasterKey, keys []issuer.StoredKey) error {
		begun = false
		switch {
		case len(master.Uses(keys)) > 1:
			return nil // something is under way, or does not fit, which comes out
		case resume:
			return errNothingUnderWay
		case r.source.file == "":
			return fmt.Errorf("%s holds one master key, the one that everything is sealed under: put a new one before it (jeton keys new-master-key prints one), with a space or a new line between, give the services time to read it, and come again", r.source.name)
		}
		begun = true
		if err := r.write(issuer.GenerateMasterKey().WithOlder(master), "begin"); err != nil {
			return fmt.Errorf("%w; into a file that this command can't write, write a new master key (jeton keys new-master-key) before the old one yourself, and come again", err)
		}
		return nil
	})
	return begun, err
}

// seal seals every key under the newest master key of the source.
func (r rekey) seal(ctx context.Context) error {
	master, err := r.source.read(ctx)
	if err != nil {
		return err
	}
	changes, err := issuer.NewKeyring(r.store, master).Rekey(ctx)
	if err != nil {
		return err
	}
	for _, change := range changes {
		fmt.Fprintln(r.s.err, change)
	}
	r.at("sealed")
	return nil
}

// finish takes the older master keys out of the source, if nothing is sealed under
// them.
func (r rekey) finish(ctx context.Context) error {
	var newest string
	var older []string
	err := r.inTurn(ctx, func(master issuer.MasterKey, keys []issuer.StoredKey) error {
		newest, older = master.IDs()[0], master.IDs()[1:]
		for _, use := range master.Uses(keys) {
			if use.ID != newest && use.Keys > 0 {
				return errors.New("another rekey began meanwhile: give the command again")
			}
		}
		if r.source.file == "" || len(older) == 0 {
			return nil
		}
		return r.write(master.Newest(), "finish")
	})
	var path *fs.PathError
	if errors.As(err, &path) && newest != "" {
		return fmt.Errorf("everything is sealed under the master key %s, but the old one could not be taken out of the source: %w; leave the first line alone in %s", newest, err, r.source.name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(r.s.err, "done: everything is sealed under the master key %s\n", newest)
	switch {
	case r.source.file == "" && len(older) > 0:
		fmt.Fprintf(r.s.err, "Take %s out of %s when every service has the new one. Keep it apart for as long as you keep backups from before.\n", strings.Join(older, " and "), r.source.name)
	case len(older) > 0:
		fmt.Fprintf(r.s.err, "%s is out of %s. A backup of the database from before needs the backup of the file from before.\n", strings.Join(older, " and "), r.source.name)
	}
	return nil
}

func (r rekey) write(master issuer.MasterKey, step string) error {
	return replaceSecret(r.source.file, master.Text()+"\n", func(what string) { r.at(step + " " + what) })
}

type masterKeyView struct {
	ID   string `json:"id"`
	Keys int    `json:"keys"`
	Here bool   `json:"here"`
}

func (c *keysRekeyCmd) status(ctx context.Context, s *streams, source masterKeySource, store issuer.Store, master issuer.MasterKey) error {
	keys, _, err := store.Keys(ctx)
	if err != nil {
		return err
	}
	var views []masterKeyView
	total, elsewhere := 0, 0
	for _, u := range master.Uses(keys) {
		views = append(views, masterKeyView(u))
		total += u.Keys
		if !u.Here {
			elsewhere += u.Keys
		}
	}
	if c.JSON {
		return printJSON(s, map[string]any{"source": source.name, "master_keys": views})
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MASTER KEY\tIN "+source.name+"\tKEYS SEALED UNDER IT")
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%s\t%d\n", orDash(v.ID), map[bool]string{true: "yes", false: "no"}[v.Here], v.Keys)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	many := slices.ContainsFunc(views[1:], func(v masterKeyView) bool { return v.Here })
	switch {
	case elsewhere > 0:
		fmt.Fprintf(s.err, "%d of %d keys can't be opened here: the master key that they are sealed under belongs into %s\n", elsewhere, total, source.name)
	case !many:
		fmt.Fprintln(s.err, "no rekey is under way")
	case views[0].Keys == total:
		fmt.Fprintln(s.err, "everything is sealed under the new master key; jeton keys rekey takes the old one out of a file, elsewhere do it yourself")
	default:
		fmt.Fprintln(s.err, "the new master key is here beside the old one; jeton keys rekey seals everything under it")
	}
	return nil
}
