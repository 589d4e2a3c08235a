package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the database to the schema of this version."`
	Status migrateStatusCmd `cmd:"" help:"Show which steps were taken and which are left. Exit status 1 unless all were."`
}

func (migrateCmd) Help() string {
	return `jeton serve and the commands beside it do this by themselves when they open the database; with migrate up it is a step of its own, for instance with a role that may change tables. Back up first: there is no way down. A database that a newer jeton has changed is refused by everything.`
}

// schema returns the steps of an existing store's schema, and changes nothing.
func (d dataFlags) schema(ctx context.Context) ([]issuer.SchemaStep, error) {
	var steps []issuer.SchemaStep
	var err error
	if d.DB != "" {
		if err := d.checkDB(); err != nil {
			return nil, err
		}
		steps, err = postgres.Schema(ctx, d.DB)
	} else {
		steps, err = sqlite.Schema(ctx, filepath.Join(d.Data, databaseFile))
	}
	if present, _ := issuer.SchemaVersions(steps); errors.Is(err, fs.ErrNotExist) || err == nil && present == 0 {
		return nil, fmt.Errorf("there is no store in %s; jeton serve and jeton user add make one", d.where())
	}
	return steps, err
}

type migrateStatusCmd struct {
	dataFlags
	JSON bool `name:"json" help:"Print JSON."`
}

type schemaStepView struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name,omitempty"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
}

func (c *migrateStatusCmd) Run(ctx context.Context, s *streams) error {
	steps, err := c.schema(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		views := make([]schemaStepView, len(steps))
		for i, step := range steps {
			views[i] = schemaStepView(step)
		}
		if err := printJSON(s, views); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "VERSION\tSTEP\tAPPLIED (UTC)")
		for _, step := range steps {
			applied, name := "not yet", step.Name
			if !step.AppliedAt.IsZero() {
				applied = step.AppliedAt.Format(time.DateTime)
			}
			if name == "" {
				name = "(of a newer jeton)"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\n", step.Version, name, applied)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	switch present, newest := issuer.SchemaVersions(steps); {
	case present > newest:
		return tooNew(present, newest)
	case present < newest:
		return fmt.Errorf("the schema has version %d and this jeton works with %d: jeton migrate up %s, or start the service", present, newest, c.flags())
	default:
		fmt.Fprintf(s.err, "up to date: version %d\n", present)
		return nil
	}
}

func tooNew(present, newest int64) error {
	return fmt.Errorf("the schema has version %d and this jeton (%s) knows versions up to %d: %w; use that, or restore a backup from before",
		present, versionText(), newest, issuer.ErrNewerSchema)
}

type migrateUpCmd struct {
	dataFlags
}

func (c *migrateUpCmd) Run(ctx context.Context, s *streams) error {
	before, err := c.schema(ctx)
	if err != nil {
		return err
	}
	present, newest := issuer.SchemaVersions(before)
	if present > newest {
		return tooNew(present, newest)
	}
	if present == newest {
		fmt.Fprintf(s.err, "up to date: version %d\n", present)
		return nil
	}
	store, err := c.open(ctx) // which takes the steps
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	for _, step := range before {
		if step.AppliedAt.IsZero() {
			fmt.Fprintf(s.err, "%d %s: done\n", step.Version, step.Name)
		}
	}
	return nil
}

// checkDB refuses what is no URL of a database.
func (d dataFlags) checkDB() error {
	if !strings.HasPrefix(d.DB, "postgres://") && !strings.HasPrefix(d.DB, "postgresql://") {
		return usage("--db takes a URL that begins with postgres://")
	}
	return nil
}
