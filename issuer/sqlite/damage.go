package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
)

// errCutOff: SQLite would fill up the last page with zeroes, and sessions in it
// would be unknown.
var errCutOff = errors.New("the file ends in the middle of a page")

// whole refuses a file that was cut off, or of which a table can't be read at
// all. What is damaged deeper inside shows when somebody needs it: to look at
// everything takes minutes where the file is large.
func (s *Store) whole(ctx context.Context) error {
	var page int64
	if err := s.writer.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&page); err != nil {
		return err
	}
	// While there is a log, its pages complete the file.
	size := sizeOf(s.path)
	if size%page != 0 && sizeOf(s.path+"-wal") == 0 && sizeOf(s.path) == size {
		return fmt.Errorf("%s: %w", damaged, errCutOff)
	}
	return s.touch(ctx, s.writer)
}

// sizeOf is the length of a file, 0 if there is none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// touch reads the first row of every table, from its root.
func (s *Store) touch(ctx context.Context, db *sql.DB) error {
	var touch strings.Builder
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table'`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		// An index might do instead, so none is allowed.
		fmt.Fprintf(&touch, ` UNION ALL SELECT * FROM (SELECT 1 FROM "%s" NOT INDEXED LIMIT 1)`, strings.ReplaceAll(name, `"`, `""`))
		return err
	})
	if err != nil || touch.Len() == 0 {
		return err
	}
	var n int
	return db.QueryRowContext(ctx, `SELECT count(*) FROM (`+strings.TrimPrefix(touch.String(), " UNION ALL ")+`)`).Scan(&n)
}
