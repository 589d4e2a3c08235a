package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Examination is what there is to say about the health of a store's file.
type Examination struct {
	Steps []issuer.SchemaStep
	// Damage is what SQLite's quick check found; empty if the file is sound.
	Damage []string
	Latest time.Time          // the high-water mark of time; zero if no write was ever made
	Keys   []issuer.StoredKey // nil unless the schema is the present one
	Size   int64              // of the file, in bytes
	Log    int64              // of the write-ahead log beside it
}

// Examine looks at the file at path, beside running services too, and changes
// nothing in it. It reads every page, which takes about a second for each GB in
// memory and as long as the disk takes otherwise. Errors: as of [Schema]; what is
// damaged so much that it can't be opened is an error as well.
func Examine(ctx context.Context, path string) (Examination, error) {
	var e Examination
	steps, err := Schema(ctx, path)
	if err != nil {
		return e, err
	}
	e.Steps = steps
	if path, err = filepath.Abs(path); err != nil {
		return e, fmt.Errorf("sqlite: examine: %w", err)
	}
	s := &Store{path: path} // for its explanations
	if info, err := os.Stat(path); err == nil {
		e.Size = info.Size()
	}
	if info, err := os.Stat(path + "-wal"); err == nil {
		e.Log = info.Size()
	}
	db, err := pool(path, 1, "_pragma=query_only(1)", patient)
	if err != nil {
		return e, s.explain("examine", err)
	}
	defer db.Close()
	if err := e.read(ctx, db); err != nil {
		return e, s.explain("examine", err)
	}
	return e, nil
}

func (e *Examination) read(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `PRAGMA quick_check(5)`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		if line != "ok" {
			e.Damage = append(e.Damage, line)
		}
		return err
	})
	if err != nil {
		return err
	}
	if present, newest := issuer.SchemaVersions(e.Steps); present != newest || len(e.Damage) > 0 {
		return nil // who knows what the tables look like
	}
	var latest int64
	err = db.QueryRowContext(ctx, `SELECT latest FROM clock`).Scan(&latest)
	if err == nil && latest > 0 {
		e.Latest = instant(latest)
	}
	keys, keysErr := selectKeys(ctx, db)
	e.Keys = keys
	return errors.Join(err, keysErr)
}
