package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/jeton-go/jeton/issuer"
)

// masterKeyFlags say where the master key comes from: one place, or it is the
// file in the data directory. The key itself is never an argument, which other
// users of the machine can see.
type masterKeyFlags struct {
	MasterKeyFile    string `help:"File with the master key. Default: master.key in the data directory, made on first start. The environment can hold the key itself (JETON_MASTER_KEY)." placeholder:"FILE" predictor:"file"`
	MasterKeyCommand string `help:"Command that prints the master key, such as 'vault kv get -field=key secret/jeton'. It runs without a shell, for 30 s at most." placeholder:"COMMAND"`
}

// masterKeyVariable holds the master key itself.
const masterKeyVariable = "JETON_MASTER_KEY"

// masterKeySource is the place that a master key is read from, again and again.
type masterKeySource struct {
	name    string // for messages
	file    string // "" if it is no file
	inData  bool   // the file is where it is by default, and made on first start
	text    string // of the environment
	command []string
	warn    func(string)
}

// source returns the one source that is named. warn is told what a command says
// on stderr.
func (f masterKeyFlags) source(d dataFlags, warn func(string)) (masterKeySource, error) {
	text, inEnv := os.LookupEnv(masterKeyVariable)
	var named []string
	if f.MasterKeyFile != "" {
		named = append(named, "--master-key-file")
	}
	if f.MasterKeyCommand != "" {
		named = append(named, "--master-key-command")
	}
	if inEnv {
		named = append(named, masterKeyVariable)
	}
	switch {
	case len(named) > 1:
		return masterKeySource{}, usage("the master key comes from one place, and here are %s (each flag can be set in the environment too)", strings.Join(named, " and "))
	case inEnv && strings.TrimSpace(text) == "":
		return masterKeySource{}, usage("%s is set, and empty", masterKeyVariable)
	case inEnv:
		return masterKeySource{name: masterKeyVariable, text: text}, nil
	case f.MasterKeyCommand != "":
		command, err := splitWords(f.MasterKeyCommand)
		if err != nil {
			return masterKeySource{}, usage("--master-key-command: %v", err)
		}
		// Not the whole of it: an argument may be a secret.
		return masterKeySource{name: "the output of " + command[0], command: command, warn: warn}, nil
	case f.MasterKeyFile != "":
		return masterKeySource{name: f.MasterKeyFile, file: f.MasterKeyFile}, nil
	}
	name := filepath.Join(d.Data, masterKeyFile)
	return masterKeySource{name: name, file: name, inData: true}, nil
}

// read reads the master key. The error names the place and holds nothing of what
// is there.
func (s masterKeySource) read(ctx context.Context) (issuer.MasterKey, error) {
	text := s.text
	switch {
	case s.command != nil:
		out, said, err := outputOf(ctx, s.command)
		if err != nil {
			return issuer.MasterKey{}, fmt.Errorf("the master key: %w", err)
		}
		text = out
		if said != "" {
			s.warn(s.command[0] + " said: " + said)
		}
	case s.file != "":
		info, err := os.Stat(s.file)
		if err != nil {
			return issuer.MasterKey{}, err
		}
		if err := checkPrivate(s.file, info); err != nil {
			return issuer.MasterKey{}, err
		}
		b, err := os.ReadFile(s.file)
		if err != nil {
			return issuer.MasterKey{}, err
		}
		text = string(b)
	}
	key, err := issuer.ParseMasterKey(text)
	if err != nil {
		return issuer.MasterKey{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return key, nil
}

// open reads the master key, and makes it in the data directory on first start,
// that is while the store has no keys: later a missing file is a mistake, and a
// new key would open nothing.
func (s masterKeySource) open(ctx context.Context, store issuer.KeyStore) (issuer.MasterKey, error) {
	key, err := s.read(ctx)
	if !s.inData || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	keys, _, err := store.Keys(ctx)
	if err != nil {
		return issuer.MasterKey{}, err
	}
	if len(keys) > 0 {
		return issuer.MasterKey{}, fmt.Errorf("%s is missing, and the keys in the database are sealed with it: restore it from a backup, copy it from another node, or say where the master key is (--master-key-file, --master-key-command, %s)", s.file, masterKeyVariable)
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return issuer.MasterKey{}, err
	}
	key = issuer.GenerateMasterKey()
	if err := createSecret(s.file, key.Text()+"\n"); err != nil {
		return issuer.MasterKey{}, err
	}
	return s.read(ctx)
}

// checkPrivate refuses a secret file that others can read. Windows has no such
// bits.
func checkPrivate(name string, info fs.FileInfo) error {
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): chmod 600 %s", name, info.Mode().Perm(), name)
	}
	return nil
}

// createSecret makes a file that does not exist yet. After a crash it is there
// whole or not at all. Of two processes that make it at once one does, and both
// find what that one wrote.
func createSecret(name, text string) error {
	temporary, err := writeBeside(name, text)
	if err != nil {
		return err
	}
	err = os.Link(temporary, name)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(temporary), syncDir(filepath.Dir(name)))
}

// replaceSecret puts a text in place of a file's. After a crash it is the old one
// or the new one. Only the file's owner can read it, who stays the same: root may
// give a command beside a service that has a user of its own.
func replaceSecret(name, text string, step func(string)) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real // the file is replaced, and not the link to it
	}
	temporary, err := writeBeside(name, text)
	if err != nil {
		return err
	}
	if err := giveToOwnerOf(name, temporary); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	step("written")
	if err := os.Rename(temporary, name); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	step("renamed")
	return syncDir(filepath.Dir(name))
}

// writeBeside writes a text into a new file in the directory of another one, to
// the disk, and returns its name.
func writeBeside(name, text string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.new") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncDir makes a change of names in a directory last. Windows has no such call.
func syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// reloadOnHangup reads the master key again on SIGHUP. A rekey needs no signal;
// with one an operator sees in the log which master keys a service has.
func reloadOnHangup(ctx context.Context, iss *issuer.Issuer, log *slog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if err := iss.ReloadMasterKey(ctx); err != nil {
				log.Error("the master key stays as it was", "error", err)
			} else {
				log.Info("the master key was read again", "master_key", iss.MasterKeyIDs())
			}
		}
	}
}
