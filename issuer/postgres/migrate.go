package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/jeton-go/jeton/issuer"
)

//go:embed migrations/*.sql
var migrations embed.FS

const versionTable = "schema_version"

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return provider, nil
}

// migrate brings the schema up to date. Several nodes may do so at once: a
// migration and the row that says so are one transaction, and the version table
// takes each version once, so of two that do the same one fails as a whole and
// looks again.
func (s *Store) migrate(ctx context.Context, existing bool) error {
	db := stdlib.OpenDBFromPool(s.pool)
	defer db.Close()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	newest := provider.ListSources()[len(provider.ListSources())-1].Version
	for try := 0; ; try++ {
		// Goose makes its table when it looks, which needs more rights than a
		// service that finds all done has to have.
		present, err := version(ctx, db)
		if err != nil {
			return fmt.Errorf("read the schema's version: %w", err)
		}
		if present > newest {
			return fmt.Errorf("the database has schema version %d and this program knows versions up to %d: %w; use that, or restore a backup from before",
				present, newest, issuer.ErrNewerSchema)
		}
		if present == newest {
			return nil
		}
		if present == 0 && existing {
			return ErrNoStore
		}
		if err := mayCreate(ctx, db); err != nil {
			return err
		}
		if _, err := provider.Up(ctx); err != nil && try >= migrationTries {
			return fmt.Errorf("bring the schema to version %d: %w", newest, err)
		} else if err != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(try) * 10 * time.Millisecond):
			}
		}
	}
}

// migrationTries is how often a failed migration is tried again, in case that
// another node did it meanwhile.
const migrationTries = 4

// mayCreate finds out in plain words what goose would not say.
func mayCreate(ctx context.Context, db *sql.DB) error {
	var schema *string
	var may *bool
	err := db.QueryRowContext(ctx, `SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE')`).Scan(&schema, &may)
	switch {
	case err != nil:
		return err
	case schema == nil:
		return errors.New("no schema of the search path exists; create one first")
	case !*may:
		return fmt.Errorf("the role lacks a privilege: it must own the schema %s, or be granted CREATE on it, to make or change jeton's tables", *schema)
	}
	return nil
}

// version returns the schema's version, 0 if there is no schema yet.
func version(ctx context.Context, db *sql.DB) (int64, error) {
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, versionTable).Scan(&there); err != nil || !there {
		return 0, err
	}
	var v int64
	err := db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable+` WHERE is_applied`).Scan(&v)
	return v, err
}

// Schema returns the steps by which a database came, or has yet to come, to the
// schema that this version of the package works with, in order. It changes
// nothing; [Open] takes the steps that are left. Steps that only a newer version
// knows have no name. A database without a store has all steps before it.
func Schema(ctx context.Context, connection string) ([]issuer.SchemaStep, error) {
	config, err := configure(connection)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: schema: %w", err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	steps, err := schemaSteps(ctx, db)
	return steps, explain("schema", err)
}

func schemaSteps(ctx context.Context, db *sql.DB) ([]issuer.SchemaStep, error) {
	provider, err := newProvider(db)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, source := range provider.ListSources() {
		files = append(files, source.Path)
	}
	present, err := version(ctx, db)
	if err != nil || present == 0 {
		return issuer.SchemaSteps(files, nil), err
	}
	rows, err := db.QueryContext(ctx, `SELECT version_id, extract(epoch FROM tstamp::timestamptz)::bigint FROM `+versionTable+` WHERE is_applied AND version_id > 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := make(map[int64]time.Time)
	for rows.Next() {
		var version, at int64
		if err := rows.Scan(&version, &at); err != nil {
			return nil, err
		}
		applied[version] = time.Unix(at, 0).UTC()
	}
	return issuer.SchemaSteps(files, applied), rows.Err()
}
