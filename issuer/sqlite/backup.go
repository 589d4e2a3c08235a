package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/jeton-go/jeton/issuer"
)

// Backup writes a copy of the store at path, as of one moment, to a new file at
// to, readable by its owner alone: beside running services too, which go on
// reading and writing. It returns once the copy was checked and is on the disk;
// until then there is no file at to. It never overwrites: fs.ErrExist. A copy
// holds no master key, but sealed keys, password hashes and the seeds of
// sessions.
//
// While it runs the log beside the store grows, and the directory of to needs
// room for the copy. A process that has a [Store] open may call it.
func Backup(ctx context.Context, path, to string) error {
	path, err1 := filepath.Abs(path)
	to, err2 := filepath.Abs(to)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("sqlite: backup: %s: %w; a backup never overwrites", to, fs.ErrExist)
	}
	steps, err := Schema(ctx, path)
	if err != nil {
		return err
	}
	switch present, newest := issuer.SchemaVersions(steps); {
	case present == 0:
		return fmt.Errorf("sqlite: backup: %s: there is no store in the file", path)
	case present > newest:
		return fmt.Errorf("sqlite: backup: %s: %w", path, newer(present, newest))
	}
	// It comes about under another name, so that a backup that was cut short is
	// not taken for one.
	f, err := os.CreateTemp(filepath.Dir(to), ".jeton-backup-*") // 0600
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	s := &Store{path: path}
	if s.writer, err = pool(path, 1, patient); err != nil {
		return s.explain("backup", err)
	}
	defer s.writer.Close()
	if _, err := s.writer.ExecContext(ctx, `VACUUM INTO ?`, f.Name()); err != nil {
		return s.explain("backup to "+to+" of", err)
	}
	if err := checkCopy(ctx, f.Name()); err != nil {
		return fmt.Errorf("sqlite: backup: the copy is damaged: %w", err)
	}
	if err := publish(f.Name(), to); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	return nil
}

// checkCopy reads every page and index of a copy that nobody else has open.
func checkCopy(ctx context.Context, path string) error {
	db, err := pool(path, 1, "_pragma=query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	var result string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return errors.New(result)
	}
	return nil
}

// publish brings a file to the disk and gives it its name, if nothing has it.
func publish(from, to string) error {
	if err := syncFile(from); err != nil {
		return err
	}
	err := os.Link(from, to)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		var f *os.File
		if f, err = os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			err = errors.Join(f.Close(), os.Rename(from, to))
		}
	}
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // where a directory can't be synced, and need not be
	}
	return syncFile(filepath.Dir(to))
}

func syncFile(name string) error {
	flag := os.O_RDWR
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
