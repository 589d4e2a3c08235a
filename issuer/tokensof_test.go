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
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// BenchmarkTokensOf measures little: it writes the refresh tokens of sessions
// that a service's data directory has, evenly spread over all of them, into a
// file for "jeton bench refresh". The sessions may be those that the benchmarks
// of issuer/sqlite fill a file with, which nobody ever gave a token. The service
// must not run. Variables of the environment name the directory and the file,
// and tell how many tokens; docs/measuring.md has the whole of it.
func BenchmarkTokensOf(b *testing.B) {
	data, name, count := os.Getenv("JETON_BENCH_DATA"), os.Getenv("JETON_BENCH_TOKENS"), 1_000_000
	if data == "" || name == "" {
		b.Skip("JETON_BENCH_DATA and JETON_BENCH_TOKENS name no directory and file")
	}
	if text := os.Getenv("JETON_BENCH_TOKEN_COUNT"); text != "" {
		count = must(strconv.Atoi(text))
	}
	database := filepath.Join(data, "jeton.db")
	number, key := refreshKeyIn(b, data, database)

	db := must(sql.Open("sqlite", "file:"+database+"?mode=ro"))
	defer db.Close()
	var last int
	if err := db.QueryRow(`SELECT max(number) FROM sessions`).Scan(&last); err != nil {
		b.Fatal(err)
	}
	rows := must(db.Query(`SELECT id, seed, generation FROM sessions WHERE number % ? = 0 AND revoked_at IS NULL`, max(1, last/count)))
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

// refreshKeyIn opens the refresh key that a data directory's service uses.
func refreshKeyIn(b *testing.B, data, database string) (number byte, key []byte) {
	master := must(issuer.ParseMasterKey(strings.TrimSpace(string(must(os.ReadFile(filepath.Join(data, "master.key")))))))
	store := must(sqlite.Open(context.Background(), database, sqlite.Options{Now: time.Now}))
	keys, _, err := store.Keys(context.Background())
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range keys {
		if k.Use == issuer.UseRefresh && k.State == issuer.KeyActive {
			return byte(must(strconv.Atoi(k.ID))), must(issuer.OpenStoredKey(master, k))
		}
	}
	b.Fatal("the directory has no refresh key: let jeton serve start on it once")
	return 0, nil
}
