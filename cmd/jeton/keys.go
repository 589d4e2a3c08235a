package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List the keys of the service."`
	Export keysExportCmd `cmd:"" help:"Print the HMAC secret of a service with --alg HS256, for the verifiers that need it."`
}

type keysListCmd struct {
	dataFlags
	JSON bool `name:"json" help:"Print JSON."`
}

type keyView struct {
	ID        string    `json:"id"`
	Use       string    `json:"use"`
	Algorithm string    `json:"alg,omitempty"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	RetiredAt time.Time `json:"retired_at,omitzero"`
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
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = keyView{k.ID, string(k.Use), k.Algorithm, string(k.State), k.CreatedAt, k.RetiredAt}
	}
	if c.JSON {
		return printJSON(s, views)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSE\tALG\tSTATE\tCREATED")
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, v.Use, orDash(v.Algorithm), v.State, v.CreatedAt.Format(time.DateTime))
	}
	return w.Flush()
}

type keysExportCmd struct {
	dataFlags
	MasterKeyFile string `help:"File with the master key. Default: master.key in the data directory." placeholder:"FILE" predictor:"file"`
}

func (c *keysExportCmd) Help() string {
	return "The secret goes to stdout as a JWK. Whoever has it can make tokens, not just verify them."
}

func (c *keysExportCmd) Run(ctx context.Context, s *streams) (err error) {
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
		return fmt.Errorf("there are no keys in %s yet: jeton serve makes them", c.Data)
	}
	master, err := c.masterKey(ctx, store, c.MasterKeyFile)
	if err != nil {
		return err
	}
	secret, err := issuer.ExportHMACKey(ctx, store, master)
	if err == nil {
		_, err = s.out.Write(append(secret, '\n'))
	}
	return err
}
