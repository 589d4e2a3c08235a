package issuer_test

import (
	"bufio"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// BenchmarkTokensOf measures little: it writes the refresh tokens of sessions
// that a service's store has, evenly spread over all of them, into a file for
// "jeton bench refresh". Nobody need ever have got a token of them: the store may
// have been filled by the benchmarks of issuer/sqlite, or by SQL. The service must
// not run. Variables of the environment name the data directory and the file, the
// database if it is PostgreSQL, and tell how many tokens; docs/measuring.md has
// the whole of it.
func BenchmarkTokensOf(b *testing.B) {
	data, name, count := os.Getenv("JETON_BENCH_DATA"), os.Getenv("JETON_BENCH_TOKENS"), 1_000_000
	if data == "" || name == "" {
		b.Skip("JETON_BENCH_DATA and JETON_BENCH_TOKENS name no directory and file")
	}
	if text := os.Getenv("JETON_BENCH_TOKEN_COUNT"); text != "" {
		count = must(strconv.Atoi(text))
	}
	driver, database := "sqlite", "file:"+filepath.Join(data, "jeton.db")+"?mode=ro"
	query := `SELECT id, seed, generation FROM sessions WHERE number % $1 = 0 AND revoked_at IS NULL`
	var store closer
	if url := os.Getenv("JETON_BENCH_DB"); url != "" {
		driver, database = "pgx", url
		// By some bits of the random id, and so from all over the table.
		query = `SELECT uuid_send(id), uuid_send(seed), generation FROM sessions
			WHERE ('x' || right(id::text, 7))::bit(28)::int % $1 = 0 AND revoked_at IS NULL`
		store = must(postgres.Open(b.Context(), url, postgres.Options{Now: time.Now}))
	} else {
		store = must(sqlite.Open(b.Context(), filepath.Join(data, "jeton.db"), sqlite.Options{Now: time.Now}))
	}
	number, key := refreshKeyIn(b, data, store)
	if err := store.Close(); err != nil { // before the file is opened by other means
		b.Fatal(err)
	}

	db := must(sql.Open(driver, database))
	defer db.Close()
	var sessions int
	if err := db.QueryRow(`SELECT count(*) FROM sessions`).Scan(&sessions); err != nil {
		b.Fatal(err)
	}
	rows := must(db.Query(query, max(1, sessions/count)))
	defer rows.Close()
	os.Remove(name) // of a run before
	file := must(os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600))
	out := bufio.NewWriter(file) // it remembers the first error
	for n := 0; rows.Next() && n < count; n++ {
		var id, seed []byte
		var generation uint32
		if err := rows.Scan(&id, &seed, &generation); err != nil {
			b.Fatal(err)
		}
		out.WriteString(issuer.RefreshToken(number, key, issuer.SessionID(id), generation, issuer.Seed(seed)) + "\n")
	}
	for _, err := range []error{rows.Err(), out.Flush(), file.Close()} {
		if err != nil {
			b.Fatal(err)
		}
	}
}

type closer interface {
	issuer.KeyStore
	Close() error
}

// refreshKeyIn opens the refresh key that a data directory's service uses.
func refreshKeyIn(b *testing.B, data string, store issuer.KeyStore) (number byte, key []byte) {
	master := must(issuer.ParseMasterKey(strings.TrimSpace(string(must(os.ReadFile(filepath.Join(data, "master.key")))))))
	keys, _, err := store.Keys(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range keys {
		if k.Use == issuer.UseRefresh && k.State == issuer.KeyActive {
			return byte(must(strconv.Atoi(k.ID))), must(issuer.OpenStoredKey(master, k))
		}
	}
	b.Fatal("the store has no refresh key: let jeton serve start on it once")
	return 0, nil
}
