package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// Examination is what there is to say about the health of a store's database.
type Examination struct {
	Steps   []issuer.SchemaStep
	Version string // of the server, as it says it: "15.14"
	Number  int    // the same to compare: 150014
	// The settings that decide whether an acknowledged write survives, in the
	// server's words.
	SynchronousCommit, Fsync, FullPageWrites string

	Fill     int           // fill factor of the table of sessions; 0: not set
	Standbys []Standby     // as far as the role may see them
	Now      time.Time     // the server's clock
	Took     time.Duration // how long the server took to tell; of the caller's clock
	Latest   time.Time     // the high-water mark of time; zero if no write was ever made
	Size     int64         // of the database, in bytes
	Keys     []issuer.StoredKey
}

// Standby is a server that follows, as pg_stat_replication has it.
type Standby struct {
	Name   string
	State  string // "streaming" if all is well; "" if the role may not see it
	Sync   string // "sync" and "quorum": commits wait for it; "async"
	Behind int64  // bytes of the log that it has yet to apply
}

// Examine looks at the database, beside running services, and changes nothing.
// now is the caller's clock. Keys and Latest are there if the schema is the
// present one.
func Examine(ctx context.Context, connection string, now func() time.Time) (Examination, error) {
	var e Examination
	steps, err := Schema(ctx, connection)
	if err != nil {
		return e, err
	}
	e.Steps = steps
	config, err := configure(connection)
	if err != nil {
		return e, err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return e, fmt.Errorf("postgres: examine: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := e.read(ctx, conn, now); err != nil {
		return e, fmt.Errorf("postgres: examine: %w", err)
	}
	return e, nil
}

func (e *Examination) read(ctx context.Context, conn *pgx.Conn, now func() time.Time) error {
	before := now()
	if err := conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&e.Now); err != nil {
		return err
	}
	e.Took = now().Sub(before)
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int,
		current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'),
		pg_database_size(current_database())`).
		Scan(&e.Version, &e.Number, &e.SynchronousCommit, &e.Fsync, &e.FullPageWrites, &e.Size)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `SELECT coalesce(application_name, ''), coalesce(state, ''), coalesce(sync_state, ''),
		coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint FROM pg_stat_replication ORDER BY 1`)
	if err != nil {
		return err
	}
	if e.Standbys, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Standby]); err != nil {
		return err
	}
	if present, newest := issuer.SchemaVersions(e.Steps); present != newest {
		return nil
	}
	err = conn.QueryRow(ctx, `SELECT coalesce((SELECT option_value::int FROM pg_options_to_table(reloptions)
		WHERE option_name = 'fillfactor'), 0) FROM pg_class WHERE oid = 'sessions'::regclass`).Scan(&e.Fill)
	if err != nil {
		return err
	}
	var latest int64
	if err := conn.QueryRow(ctx, `SELECT max(latest) FROM clock`).Scan(&latest); err != nil {
		return err
	}
	if latest > 0 {
		e.Latest = instant(latest)
	}
	q := selectKeys(&e.Keys)
	rows, err = conn.Query(ctx, q.sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := q.each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
