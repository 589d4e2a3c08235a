package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Standby makes a streaming replica of a server and starts it.
func (s *Server) Standby(t testing.TB, name string) *Server {
	t.Helper()
	backup := need(t, howPostgres, "pg_basebackup")[0]
	standby := &Server{Name: name, dir: folder(t)}
	cmd := unprivileged(backup, "-d", s.URL("postgres")+"?application_name="+name, "-D", standby.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	standby.configure(t, "postgresql.auto.conf",
		fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=jeton application_name=%s'", s.Port, name))
	standby.Run(t)
	t.Cleanup(standby.remove)
	return standby
}

// Set changes a setting of a running server.
func (s *Server) Set(t testing.TB, setting, value string) {
	t.Helper()
	s.Exec(t, "postgres", `ALTER SYSTEM SET `+setting+` = '`+value+`'`)
	s.Exec(t, "postgres", `SELECT pg_reload_conf()`)
}

// Await waits until a query, which yields true or false, yields true.
func (s *Server) Await(t testing.TB, sql string) {
	t.Helper()
	s.AwaitIn(t, "postgres", sql)
}

// AwaitIn is Await in another database.
func (s *Server) AwaitIn(t testing.TB, database, sql string) {
	t.Helper()
	eventually(t, sql, func() error {
		holds, err := query[bool](s, database, sql)
		if err == nil && !holds {
			err = errors.New("it is false")
		}
		return err
	})
}

// Position is how much of the log a standby has on disk.
func (s *Server) Position(t testing.TB) int64 {
	t.Helper()
	return Query[int64](t, s, "postgres", `SELECT (coalesce(pg_last_wal_receive_lsn(), '0/0') - '0/0')::bigint`)
}

// Promote makes a standby the primary and waits until it takes writes.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, "postgres", `SELECT pg_promote()`)
	s.Await(t, `SELECT NOT pg_is_in_recovery()`)
}

// Hosts is the connection string of a database on whichever of several servers
// takes writes.
func Hosts(database string, servers ...*Server) string {
	hosts := make([]string, len(servers))
	for i, s := range servers {
		hosts[i] = fmt.Sprint("127.0.0.1:", s.Port)
	}
	return "postgres://jeton@" + strings.Join(hosts, ",") + "/" + database
}

// Bouncer starts a PgBouncer in transaction mode in front of a server and
// returns it as if it were one.
func (s *Server) Bouncer(t testing.TB) *Server {
	t.Helper()
	bouncer := need(t, "apt-get install pgbouncer", "pgbouncer")[0]
	b := &Server{Name: "pgbouncer", dir: folder(t), Port: freePort(t)}
	config := filepath.Join(b.dir, "pgbouncer.ini")
	for name, text := range map[string]string{
		config: fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = 5
max_client_conn = 500
max_db_connections = 10
server_idle_timeout = 5
`, s.Port, b.Port, filepath.Join(b.dir, "users")),
		filepath.Join(b.dir, "users"): users(),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.process, b.pid = start(t, filepath.Join(b.dir, "log"), "TERM", bouncer, config)
	t.Cleanup(b.remove)
	eventually(t, "start PgBouncer", func() error {
		if !b.process.running() {
			t.Fatalf("PgBouncer ended:\n%s", b.process.told())
		}
		return b.try(`SELECT 1`)
	})
	return b
}

// users lists those whom a bouncer lets in: the superuser and whoever [Server.User]
// may make.
func users() string {
	var b strings.Builder
	b.WriteString("\"jeton\" \"\"\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "\"test%d\" \"\"\n", i)
	}
	return b.String()
}

// Follow makes a standby follow another server from now on.
func (s *Server) Follow(t testing.TB, primary *Server) {
	t.Helper()
	s.configure(t, "postgresql.auto.conf",
		fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=jeton application_name=%s'", primary.Port, s.Name))
	s.Exec(t, "postgres", `SELECT pg_reload_conf()`)
}
