// Package pgtest starts real PostgreSQL servers, standbys and PgBouncers for
// tests. Where they are not installed, the test is skipped, or fails in CI (see
// package testenv). The servers end with the test, or with the program if that
// ends first. They run with their default durability.
//
// Only tests import it.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const howPostgres = "apt-get install postgresql"

// Server is a PostgreSQL server under test.
type Server struct {
	Name string
	Port int

	dir     string
	process *process
	pid     int
}

// names counts the databases and roles that were made.
var names atomic.Int64

// Start makes a database cluster and starts its server, which ends with the
// test. Settings are lines of postgresql.conf.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := create(t, settings...)
	t.Cleanup(s.remove)
	return s
}

var shared struct {
	sync.Mutex
	server *Server
}

// Shared returns a server that all tests of a program use, each with a database
// of its own. The program's TestMain must call [Main].
func Shared(t testing.TB) *Server {
	t.Helper()
	need(t, howPostgres, "initdb", "postgres")
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		shared.server = create(t)
	}
	return shared.server
}

// Main runs the tests of a program and ends the shared server. It is all that a
// TestMain has to do.
func Main(m *testing.M) {
	m.Run() // whose result package testing remembers
	if shared.server != nil {
		shared.server.remove()
	}
}

func create(t testing.TB, settings ...string) *Server {
	t.Helper()
	paths := need(t, howPostgres, "initdb", "postgres")
	s := &Server{Name: "primary", dir: folder(t)}
	// The cluster need not survive a crash of the machine until it is in use.
	initdb := unprivileged(paths[0], "-D", s.data(), "-U", "jeton", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir = "/"
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	settings = append([]string{"max_connections = 300", "shared_buffers = 64MB", "max_wal_size = 2GB"}, settings...)
	s.configure(t, "postgresql.conf", settings...)
	s.Run(t)
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) configure(t testing.TB, file string, lines ...string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(s.data(), file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("\n" + strings.Join(lines, "\n") + "\n"); err != nil {
		t.Fatal(err)
	}
}

// Run starts the server after a [Server.Kill], or for the first time, and waits
// until it answers. It keeps its port.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	postgres := need(t, howPostgres, "postgres")[0]
	if s.Port == 0 {
		s.Port = freePort(t)
	}
	s.process, s.pid = start(t, filepath.Join(s.dir, "log"), "QUIT", postgres, "-D", s.data(), "-p", strconv.Itoa(s.Port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	eventually(t, "start PostgreSQL", func() error {
		if !s.process.running() {
			t.Fatalf("PostgreSQL ended:\n%s", s.process.told())
		}
		return s.try(`SELECT 1`)
	})
}

// Kill ends the server and all its processes with SIGKILL, as a power cut would.
func (s *Server) Kill() {
	signal("STOP", s.pid) // it starts no further ones
	signal("KILL", append(childrenOf(s.pid), s.pid)...)
	s.process.end()
}

// Stop ends the server in the way that disconnects everybody and loses nothing.
func (s *Server) Stop() {
	signal("INT", s.pid)
	<-s.process.ended
}

func (s *Server) remove() {
	s.process.end()
	os.RemoveAll(s.dir)
}

// URL is the connection string of a database on the server, for its superuser.
func (s *Server) URL(database string) string { return s.URLFor("jeton", database) }

// URLFor is the connection string of a role.
func (s *Server) URLFor(role, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s", role, s.Port, database)
}

// Database makes an empty database and returns its name.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprint("test", names.Add(1))
	s.Exec(t, "postgres", `CREATE DATABASE `+name)
	return name
}

// User makes a role with an empty schema of its own, in a database, and returns
// its name. Who connects as that role lives in that schema.
func (s *Server) User(t testing.TB, database string) string {
	t.Helper()
	name := fmt.Sprint("test", names.Add(1))
	s.Exec(t, database, `CREATE ROLE `+name+` LOGIN; CREATE SCHEMA AUTHORIZATION `+name)
	return name
}

// Exec runs SQL in a database.
func (s *Server) Exec(t testing.TB, database, sql string) {
	t.Helper()
	if err := s.exec(database, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *Server) try(sql string) error { return s.exec("postgres", sql) }

func (s *Server) exec(database, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// Query reads one value in a database.
func Query[T any](t testing.TB, s *Server, database, sql string) T {
	t.Helper()
	v, err := query[T](s, database, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func query[T any](s *Server, database, sql string) (v T, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return v, err
	}
	defer conn.Close(ctx)
	return v, conn.QueryRow(ctx, sql).Scan(&v)
}
