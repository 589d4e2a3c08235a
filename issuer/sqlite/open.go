package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jeton-go/jeton/internal/batch"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

const applicationID = 1784968303 // "jeto"; the first migration sets it

// Open opens the store in the file at path. It makes the file, readable by its
// owner alone, if there is none; the directory must exist. It brings the file's
// schema up to date; a file that a newer version of this package wrote is
// refused, as is one that is not a store.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	if options.Now == nil {
		return nil, errors.New("sqlite: open: Options.Now is required")
	}
	if path == "" {
		return nil, errors.New("sqlite: open: the path is empty")
	}
	// Connections are made later, too, when the working directory may be
	// another.
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	if err := ensureFile(path); err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	s := &Store{path: path, options: options, patience: patience, due: make(chan struct{}, 1), stopped: make(chan struct{})}
	// They share 8 MB of cache: what one has read it forgets with the next commit,
	// so on a machine with many cores more would be memory for nothing. Sixteen read
	// many times what the one that writes can commit.
	readers := min(max(4, runtime.GOMAXPROCS(0)), 16)
	for _, p := range []struct {
		db       **sql.DB
		size     int
		settings []string
	}{
		// Its cache, of 8 MB, holds the inner pages of the table of ten million
		// sessions, so that a rotation reads one page. For insist it does not wait.
		{&s.writer, 1, []string{"_txlock=immediate", "_pragma=cache_size(-8000)", "_pragma=busy_timeout(0)"}},
		{&s.reader, readers, []string{"_pragma=query_only(1)", fmt.Sprintf("_pragma=cache_size(-%d)", 8000/readers), patient}},
		// It waits for readers while no writer runs: not for long.
		{&s.keeper, 1, []string{"_pragma=busy_timeout(50)"}},
	} {
		if *p.db, err = pool(path, p.size, p.settings...); err != nil {
			return nil, s.explain("open", err) // no connection is open yet
		}
	}
	for _, step := range []func(context.Context) error{s.recognize, s.whole, s.useLog, s.migrate, s.canWrite, s.prepare} {
		if err := s.insist(ctx, func() error { return step(ctx) }); err != nil {
			return nil, s.explain("open", errors.Join(err, s.closeFile()))
		}
	}
	s.batches = batch.New(batch.Options{MaxBatch: maxBatch, OnBatch: options.OnBatch}, s.commit)
	s.lookups = batch.New(batch.Options{MaxBatch: maxLookups, Committers: readers, Crowd: crowdOfLookups}, s.lookUp)
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	go s.keep(ctx)
	return s, nil
}

// ensureFile makes the file if there is none, and finds out in plain words what
// SQLite would only call "unable to open".
func ensureFile(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory; give the path of a file in it", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the directory %s does not exist; make it first", dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	// The file comes about closed, under another name: to close it once it is
	// there would end the locks of whoever in this process was faster to open
	// it.
	f, err := os.CreateTemp(dir, ".jeton-new-*") // 0600
	if err != nil {
		return fmt.Errorf("can't make a file in the directory, which must be writable by this user: %w", err)
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// A file system without links.
	f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// patient waits for other programs' locks, in milliseconds.
const patient = "_pragma=busy_timeout(5000)"

// pool returns a pool of connections to the file, up to size, that it keeps.
func pool(path string, size int, more ...string) (*sql.DB, error) {
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if !strings.HasPrefix(uri.Path, "/") {
		uri.Path = "/" + uri.Path // C:/data/jeton.db
	}
	settings := append([]string{
		"mode=rw", // don't make the file
		"_pragma=synchronous(FULL)",
		"_pragma=foreign_keys(1)",
		"_pragma=wal_autocheckpoint(0)",        // see keep
		"_pragma=journal_size_limit(67108864)", // and shorten it if it grew past 64 MiB
		"_pragma=secure_delete(1)",             // overwrite what is deleted: it was a sealed key, a hash
		"_pragma=cell_size_check(1)",           // find damage early
		"_pragma=trusted_schema(0)", "_dqs=0",  // nothing in the file runs code of its own
		"_defensive=1",
	}, more...)
	uri.RawQuery = strings.Join(settings, "&")
	connector, err := driver.NewConnector(uri.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// recognize refuses a file that holds something else, before anything is
// written to it.
func (s *Store) recognize(ctx context.Context) error {
	// One statement, as another process may be making the tables.
	var id, tables int
	err := s.writer.QueryRowContext(ctx, `SELECT application_id, (SELECT count(*) FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> ?) FROM pragma_application_id`,
		versionTable).Scan(&id, &tables)
	if err != nil {
		return err
	}
	if id != applicationID && (id != 0 || tables > 0) {
		return errors.New("this is the SQLite file of another program; give another path")
	}
	return nil
}

// useLog puts the file in WAL mode, in which it stays.
func (s *Store) useLog(ctx context.Context) error {
	var mode string
	for try := 0; ; try++ {
		err := s.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil {
			break
		}
		// The busy timeout does not apply where waiting could be a deadlock:
		// others that open the new file now may want what we want.
		if codeOf(err) != lib.SQLITE_BUSY || try == 100 {
			return fmt.Errorf("journal_mode: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(50 * time.Millisecond)):
		}
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not support a write-ahead log: journal_mode is %q; use a local disk", mode)
	}
	return nil
}

// canWrite finds out now that the file is read-only, which SQLite tells at the
// first write. It takes the lock and writes nothing.
func (s *Store) canWrite(ctx context.Context) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE clock SET latest = latest WHERE false`)
	return err
}
