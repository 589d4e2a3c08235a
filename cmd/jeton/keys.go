package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List the keys of the service, and what becomes of them when."`
	Rotate keysRotateCmd `cmd:"" help:"Make the next key. It is published at once and takes over when every verifier knows it."`
	Retire keysRetireCmd `cmd:"" help:"Take a key out of service in good order: it signs no more, and tokens in flight stay good."`
	Revoke keysRevokeCmd `cmd:"" help:"Throw a key away, and with it every token that it signed. For a key in wrong hands."`
	Rekey  keysRekeyCmd  `cmd:"" help:"Seal the keys in the store under a new master key, beside running services. It can be given again after a crash."`
	Export keysExportCmd `cmd:"" help:"Print the HMAC secret of a service with --alg HS256, for the verifiers that need it."`

	NewMasterKey keysNewMasterKeyCmd `cmd:"" help:"Print a fresh master key, for a secret manager or the environment."`
}

type keysListCmd struct {
	dataFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *keysListCmd) Help() string {
	return `next      published, and does not sign yet
active    signs
retiring  published until the last token that it signed has expired; its private half is destroyed

A running service takes each step by itself.`
}

type keyView struct {
	ID        string    `json:"id"`
	Use       string    `json:"use"`
	Algorithm string    `json:"alg,omitempty"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	// What was, or is to be.
	ActiveAt  time.Time `json:"active_at,omitzero"`
	RetiredAt time.Time `json:"retired_at,omitzero"`
	GoneAt    time.Time `json:"gone_at,omitzero"`
	Location  string    `json:"location,omitempty"` // of the private half, if it is in a token of PKCS#11
	Then      string    `json:"then"`               // in words
}

func viewKey(k issuer.StoredKey) keyView {
	v := keyView{k.ID, string(k.Use), k.Algorithm, string(k.State), k.CreatedAt, k.ActiveAt, k.RetiredAt, k.GoneAt, k.Location(), ""}
	on := func(at time.Time) string { return at.Format(time.DateTime) }
	switch {
	case k.State == issuer.KeyNext:
		v.Then = "signs from " + on(k.ActiveAt)
	case k.State == issuer.KeyActive && k.RetiredAt.IsZero():
		v.Then = "signs until it is rotated"
	case k.State == issuer.KeyActive:
		v.Then = "signs until " + on(k.RetiredAt)
	case k.GoneAt.IsZero():
		v.Then = "goes when its last token has expired"
	default:
		v.Then = "is gone from " + on(k.GoneAt)
	}
	if v.Location != "" {
		v.Then += "; in " + v.Location
	}
	return v
}

func (c *keysListCmd) Run(ctx context.Context, s *streams) error {
	store, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	keys, _, err := store.Keys(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(keys, func(a, b issuer.StoredKey) int {
		return cmp.Or(cmp.Compare(a.Use, b.Use), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = viewKey(k)
	}
	if c.JSON {
		return printJSON(s, views)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSE\tALG\tSTATE\tCREATED\tTHEN (UTC)")
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Use, orDash(v.Algorithm), v.State, v.CreatedAt.Format(time.DateTime), v.Then)
	}
	return w.Flush()
}

// keyringFlags open the keys of a service for a change.
type keyringFlags struct {
	dataFlags
	masterKeyFlags
}

// with works on the stored keys, of which there must be some, with the master key
// that they are sealed with.
func (c keyringFlags) with(ctx context.Context, s *streams, work func(issuer.Store, masterKeySource, issuer.MasterKey) error) (err error) {
	source, err := c.source(c.dataFlags, func(said string) { fmt.Fprintln(s.err, said) })
	if err != nil {
		return err
	}
	store, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	keys, _, err := store.Keys(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("there are no keys in %s yet: jeton serve makes them", c.where())
	}
	master, err := source.open(ctx, store)
	if err != nil {
		return err
	}
	return work(store, source, master)
}

// keyChangeFlags are for what may make keys or destroy them.
type keyChangeFlags struct {
	keyringFlags
	pkcs11Flags
}

// change changes the keys and tells what changed.
func (c keyChangeFlags) change(ctx context.Context, s *streams, do func(*issuer.Keyring) ([]string, error)) error {
	return c.with(ctx, s, func(store issuer.Store, _ masterKeySource, master issuer.MasterKey) error {
		ring := issuer.NewKeyring(store, master)
		token, err := c.device(ctx)
		if err != nil {
			return err
		}
		if token != nil {
			defer token.Close()
			ring = ring.WithDevice(token)
		}
		changes, err := do(ring)
		for _, change := range changes {
			fmt.Fprintln(s.err, change)
		}
		return forDevice(err)
	})
}

type keysRotateCmd struct {
	keyChangeFlags
	Use string `default:"access" enum:"access,refresh" help:"Which key: the one that signs access tokens, or the one that makes refresh tokens (${enum}). Default: ${default}."`
	Alg string `config:"-" help:"Algorithm of the new access key. Default: that of the one that signs now. Set it in jeton serve too, or its next start changes it back." placeholder:"ALG"`
	Now bool   `help:"Sign with the new key at once. Verifiers that keep a copy of the key set and don't look for an unknown key refuse new tokens until they fetch it again."`
}

func (c *keysRotateCmd) Run(ctx context.Context, s *streams) error {
	if c.Use == "refresh" && c.Alg != "" {
		return usageError{errors.New("--alg is for access keys")}
	}
	return c.change(ctx, s, func(r *issuer.Keyring) ([]string, error) {
		changes, err := r.Rotate(ctx, issuer.KeyUse(c.Use), jeton.Algorithm(c.Alg), c.Now)
		if c.Alg != "" && errors.Is(err, issuer.ErrConfig) && !jeton.Algorithm(c.Alg).Valid() {
			err = usageError{err}
		}
		return changes, err
	})
}

type keysRetireCmd struct {
	keyChangeFlags
	Now bool   `help:"Don't wait until every verifier knows the next key."`
	ID  string `arg:"" name:"kid" help:"The key's ID, as jeton keys list shows it."`
}

func (c *keysRetireCmd) Run(ctx context.Context, s *streams) error {
	return c.change(ctx, s, func(r *issuer.Keyring) ([]string, error) { return r.Retire(ctx, c.ID, c.Now) })
}

type keysRevokeCmd struct {
	keyChangeFlags
	Now bool   `help:"Required: every token that the key signed is refused from now on."`
	ID  string `arg:"" name:"kid" help:"The key's ID, as jeton keys list shows it."`
}

func (c *keysRevokeCmd) Run(ctx context.Context, s *streams) error {
	if !c.Now {
		return usageError{errors.New("revoking a key voids every token that it signed, at once: say --now, or use jeton keys retire")}
	}
	return c.change(ctx, s, func(r *issuer.Keyring) ([]string, error) { return r.Revoke(ctx, c.ID) })
}

type keysExportCmd struct {
	keyringFlags
}

func (c *keysExportCmd) Help() string {
	return "The secret goes to stdout as a JWK. Whoever has it can make tokens, not just verify them."
}

func (c *keysExportCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(store issuer.Store, _ masterKeySource, master issuer.MasterKey) error {
		secret, err := issuer.ExportHMACKey(ctx, store, master)
		if err == nil {
			_, err = s.out.Write(append(secret, '\n'))
		}
		return err
	})
}
