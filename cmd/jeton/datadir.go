package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// dataFlags name where the service keeps its state.
type dataFlags struct {
	Data string `default:"jeton-data" help:"Directory with the database and the master key; made if it is missing. Default: ${default}." placeholder:"DIR" predictor:"file"`
}

const (
	databaseFile  = "jeton.db"
	masterKeyFile = "master.key"
)

// create opens the store, and makes it if it is missing. onError, if set, is
// told what goes wrong in the background.
func (d dataFlags) create(ctx context.Context, onError func(error)) (*sqlite.Store, error) {
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, filepath.Join(d.Data, databaseFile), sqlite.Options{Now: time.Now, OnError: onError, Fault: storeFault()})
}

// open opens a store that exists: a mistyped directory is an error, not a new
// store.
func (d dataFlags) open(ctx context.Context) (*sqlite.Store, error) {
	if _, err := os.Stat(filepath.Join(d.Data, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database in %s; jeton serve and jeton user add make one", d.Data)
	}
	return d.create(ctx, nil)
}

// with runs a piece of work on an existing store, beside a running service too.
func (d dataFlags) with(ctx context.Context, work func(*issuer.Admin) error) error {
	store, err := d.open(ctx)
	if err != nil {
		return err
	}
	return on(store, work)
}

func on(store *sqlite.Store, work func(*issuer.Admin) error) error {
	admin, err := issuer.NewAdmin(issuer.Config{Store: store, Now: time.Now})
	if err == nil {
		err = work(admin)
	}
	return errors.Join(err, store.Close())
}

// masterKey reads the master key from file, or from the data directory if file
// is "". There it is made on first start, that is while the store has no keys:
// later a missing file is a mistake, and a new key would open nothing.
func (d dataFlags) masterKey(ctx context.Context, store issuer.KeyStore, file string) (issuer.MasterKey, error) {
	name := file
	if name == "" {
		name = filepath.Join(d.Data, masterKeyFile)
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		keys, _, err := store.Keys(ctx)
		if err != nil {
			return issuer.MasterKey{}, err
		}
		if len(keys) > 0 {
			return issuer.MasterKey{}, fmt.Errorf("%s is missing, and the keys in the database are sealed with it: restore it from a backup", name)
		}
		key := issuer.GenerateMasterKey()
		return key, writeSecretFile(name, []byte(key.Text()+"\n"))
	}
	if err != nil {
		return issuer.MasterKey{}, err
	}
	if err := checkPrivate(name, info); err != nil {
		return issuer.MasterKey{}, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return issuer.MasterKey{}, err
	}
	key, err := issuer.ParseMasterKey(string(text))
	if err != nil {
		return issuer.MasterKey{}, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// checkPrivate refuses a secret file that others can read. Windows has no such
// bits.
func checkPrivate(name string, info fs.FileInfo) error {
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): chmod 600 %s", name, info.Mode().Perm(), name)
	}
	return nil
}
