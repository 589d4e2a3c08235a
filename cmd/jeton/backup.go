package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

type backupCmd struct {
	dataFlags
	Out string `required:"" help:"File to write; it must not exist." placeholder:"FILE" predictor:"file"`
}

func (c *backupCmd) Help() string {
	return `The copy is of one moment, and the service may run meanwhile. It is checked, on the disk, and readable by you alone (mode 0600) when the command ends. The master key is not in it: keep a copy of that somewhere else. To restore, stop the service and put the file in the place of jeton.db, after removing jeton.db-wal and jeton.db-shm; what an older database means for revocations is in docs/backup.md.`
}

func (c *backupCmd) Run(ctx context.Context, s *streams) error {
	if c.DB != "" {
		if err := c.checkDB(); err != nil {
			return err
		}
		return usage("PostgreSQL has its own backups: pg_dump --format=custom --file=%s %s, or base backup and WAL archiving (pg_basebackup) for a point in time", c.Out, c.where())
	}
	path := filepath.Join(c.Data, databaseFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s", c.Data)
	}
	if err := sqlite.Backup(ctx, path, c.Out); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists; a backup never overwrites", c.Out)
		}
		return err
	}
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "wrote %s, %d bytes, checked; the master key is not in it: keep a copy of %s somewhere else\n",
		c.Out, info.Size(), filepath.Join(c.Data, masterKeyFile))
	return nil
}
