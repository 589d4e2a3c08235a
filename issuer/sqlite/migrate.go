package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const versionTable = "schema_version"

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return provider, nil
}

// migrate brings the schema up to date.
func (s *Store) migrate(ctx context.Context) error {
	provider, err := newProvider(s.writer)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		present, newest, err := provider.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("read the schema's version: %w", err)
		}
		if present > newest {
			return newer(present, newest)
		}
		if present == newest {
			return nil
		}
		// Each migration is a transaction. It fails if another process has done
		// it since we looked; then there is progress to see when we look again.
		if _, err := provider.Up(ctx); err != nil && try >= int(newest) {
			return fmt.Errorf("bring the schema to version %d: %w", newest, err)
		}
	}
}

func newer(present, newest int64) error {
	return fmt.Errorf("the file has schema version %d and this program knows versions up to %d: %w; use that, or restore a backup from before",
		present, newest, issuer.ErrNewerSchema)
}

// Schema returns the steps by which the file at path came, or has yet to come, to
// the schema that this version of the package works with, in order. It changes
// nothing; [Open] takes the steps that are left. Steps that only a newer version
// knows have no name. Errors: fs.ErrNotExist if there is no file, and that the
// file is no store.
func Schema(ctx context.Context, path string) ([]issuer.SchemaStep, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: schema: %w", err)
	}
	s := &Store{path: path} // for its explanations
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("sqlite: schema: %w", err)
	}
	if s.writer, err = pool(path, 1, "_pragma=query_only(1)", patient); err != nil {
		return nil, s.explain("schema", err)
	}
	defer s.writer.Close()
	if err := s.recognize(ctx); err != nil {
		return nil, s.explain("schema", err)
	}
	steps, err := schemaSteps(ctx, s.writer)
	return steps, s.explain("schema", err)
}

// schemaSteps reads what was applied without goose, which would make its table.
func schemaSteps(ctx context.Context, db *sql.DB) ([]issuer.SchemaStep, error) {
	provider, err := newProvider(db)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, source := range provider.ListSources() {
		files = append(files, source.Path)
	}
	var there bool
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)`, versionTable).Scan(&there)
	if err != nil || !there {
		return issuer.SchemaSteps(files, nil), err
	}
	applied := make(map[int64]time.Time)
	rows, err := db.QueryContext(ctx, `SELECT version_id, unixepoch(tstamp) FROM `+versionTable+` WHERE is_applied AND version_id > 0 ORDER BY id`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var version int64
		var at sql.NullInt64
		err := rows.Scan(&version, &at)
		applied[version] = time.Unix(at.Int64, 0).UTC()
		return err
	})
	return issuer.SchemaSteps(files, applied), err
}
