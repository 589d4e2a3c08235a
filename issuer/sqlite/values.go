package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/jeton-go/jeton/issuer"
)

// instant is a stored instant as the contract wants it.
func instant(micro int64) time.Time { return time.UnixMicro(micro).UTC() }

// optional is an instant that may be missing: NULL in the file, zero in Go.
func optional(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func optionalInstant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return instant(n.Int64)
}

// fixed is a value of as many bytes as it has.
type fixed []byte

// Scan implements [sql.Scanner].
func (f *fixed) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != len(*f) {
		return fmt.Errorf("not a value of %d bytes", len(*f))
	}
	copy(*f, b)
	return nil
}

// formatList writes a list of strings as a JSON array. It refuses strings that
// JSON can't hold, which would come back changed.
func formatList(list []string) (string, error) {
	for _, s := range list {
		if !utf8.ValidString(s) {
			return "", errors.New("a string is not valid UTF-8")
		}
	}
	if len(list) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func parseList(text []byte) ([]string, error) {
	if string(text) == "[]" {
		return nil, nil
	}
	var list []string
	return list, json.Unmarshal(text, &list)
}

// each scans all rows of a query.
func each(rows *sql.Rows, err error, scan func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// notFound says in the contract's words that a query found no row.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return issuer.ErrNotFound
	}
	return err
}

// changedOne returns otherwise unless a statement changed a row.
func changedOne(res sql.Result, err, otherwise error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return otherwise
	}
	return nil
}

// into scans into a slice, which must have the value's length.
func into(b []byte) *fixed { return (*fixed)(&b) }
