package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// dataFlags name where the service keeps its state.
type dataFlags struct {
	Config configFile `help:"YAML file with the settings of jeton serve. Flags and the environment go first." placeholder:"FILE" predictor:"file"`
	Data   string     `default:"jeton-data" help:"Directory with the database and the master key; made if it is missing. Default: ${default}." placeholder:"DIR" predictor:"file"`
	DB     string     `name:"db" secreturl:"" help:"PostgreSQL database in place of the file in DIR, for several nodes: postgres://USER@HOST/NAME. With a password better in the environment (JETON_DB) or the configuration file." placeholder:"URL"`
}

const (
	databaseFile  = "jeton.db"
	masterKeyFile = "master.key"
)

// serviceStore is what the service and the commands beside it work on.
type serviceStore interface {
	issuer.Store
	io.Closer
}

// where names the place in messages, without a password.
func (d dataFlags) where() string {
	if d.DB == "" {
		return d.Data
	}
	u, err := url.Parse(d.DB)
	if err != nil || u.Scheme == "" {
		return "the database"
	}
	u.RawQuery = "" // which may hold one
	return u.Redacted()
}

// flags is how a command is told of the same place.
func (d dataFlags) flags() string {
	if d.DB != "" {
		return "--db " + d.where()
	}
	return "--data " + d.Data
}

// storeHooks hear of what a store does by itself. Each may be nil.
type storeHooks struct {
	onError func(error)                 // what goes wrong in the background
	onBatch func(kind string, size int) // how many calls share a transaction
}

// create opens the store, and makes it if it is missing.
func (d dataFlags) create(ctx context.Context, hooks storeHooks) (serviceStore, error) {
	return d.openStore(ctx, hooks, false)
}

// open opens a store that exists: a mistyped directory is an error, not a new
// store.
func (d dataFlags) open(ctx context.Context) (serviceStore, error) {
	return d.openStore(ctx, storeHooks{}, true)
}

func (d dataFlags) openStore(ctx context.Context, hooks storeHooks, existing bool) (serviceStore, error) {
	if d.DB != "" {
		if err := d.checkDB(); err != nil {
			return nil, err
		}
		o := postgres.Options{Now: wallClock(), Existing: existing}
		if hooks.onBatch != nil {
			o.OnBatch = func(b postgres.Batch, n int) { hooks.onBatch(string(b), n) }
		}
		store, err := postgres.Open(ctx, d.DB, o)
		if errors.Is(err, postgres.ErrNoStore) {
			return nil, fmt.Errorf("there is no store in %s; jeton serve and jeton user add make one", d.where())
		}
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	if existing {
		if _, err := os.Stat(filepath.Join(d.Data, databaseFile)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no database in %s; jeton serve and jeton user add make one", d.Data)
		}
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return nil, err
	}
	if err := d.emptied(); err != nil {
		return nil, err
	}
	o := sqlite.Options{Now: wallClock(), OnError: hooks.onError, Fault: storeFault()}
	if hooks.onBatch != nil {
		o.OnBatch = func(n int) { hooks.onBatch(writes, n) }
	}
	store, err := sqlite.Open(ctx, filepath.Join(d.Data, databaseFile), o)
	if err != nil {
		return nil, err
	}
	return store, nil
}

// emptied refuses a database file of no length beside a master key. SQLite takes
// it for a new one, and everybody would be signed out without a word.
func (d dataFlags) emptied() error {
	name := filepath.Join(d.Data, databaseFile)
	info, err := os.Stat(name)
	if err != nil || info.Size() > 0 {
		return nil // what is wrong else, the store says better
	}
	if _, err := os.Stat(filepath.Join(d.Data, masterKeyFile)); err != nil {
		return nil
	}
	return fmt.Errorf("%s is empty, and there is a master key beside it: what was in the file is lost; restore a backup, or delete the file to start afresh", name)
}

// with runs a piece of work on an existing store, beside a running service too.
func (d dataFlags) with(ctx context.Context, work func(*issuer.Admin) error) error {
	store, err := d.open(ctx)
	if err != nil {
		return err
	}
	return on(store, work)
}

func on(store serviceStore, work func(*issuer.Admin) error) error {
	admin, err := issuer.NewAdmin(issuer.Config{Store: store, Now: wallClock()})
	if err == nil {
		err = work(admin)
	}
	return errors.Join(err, store.Close())
}
