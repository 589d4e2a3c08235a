package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// diagnose runs jeton doctor, whose exit status must fit what it found.
func diagnose(t *testing.T, args ...string) []diagnosis {
	t.Helper()
	cmd := exec.Command("jeton", append([]string{"doctor", "--json"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Run()
	var report struct {
		OK     bool        `json:"ok"`
		Checks []diagnosis `json:"checks"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s %s", err, out.String(), errOut.String())
	}
	if status := cmd.ProcessState.ExitCode(); report.OK != (status == 0) || status > 1 {
		t.Errorf("rule: the exit status is 1 if a check failed; ok is %v and it is %d", report.OK, status)
	}
	for _, d := range report.Checks {
		if (d.State == healthy) != (d.Do == "") {
			t.Errorf("rule: whatever is not ok comes with what to do: %+v", d)
		}
	}
	return report.Checks
}

// expect fails the test unless a check came to a state, with words in what it
// found.
func expect(t *testing.T, found []diagnosis, check string, state health, words string) {
	t.Helper()
	for _, d := range found {
		if d.Check == check && d.State == state && strings.Contains(d.Found, words) {
			return
		}
	}
	t.Errorf("no %q that is %q, with %q, in\n%s", check, state, words, listed(found))
}

func noFailure(t *testing.T, found []diagnosis) {
	t.Helper()
	for _, d := range found {
		if d.State == failure {
			t.Errorf("a healthy installation fails a check: %+v", d)
		}
	}
}

func listed(found []diagnosis) string {
	var b strings.Builder
	for _, d := range found {
		b.WriteString(string(d.State) + " " + d.Check + ": " + d.Found + " -> " + d.Do + "\n")
	}
	return b.String()
}

func adminAddr(s *service) string { return strings.TrimPrefix(s.admin, "http://") }

func TestDoctorOnAHealthyService(t *testing.T) {
	data := t.TempDir()
	os.Chmod(data, 0o700)
	s := serve(t, data)
	addUser(t, data)
	s.login()
	found := diagnose(t, "--data", data, "--issuer", s.url, "--admin-addr", adminAddr(s))
	noFailure(t, found)
	for check, words := range map[string]string{
		"settings": "", "service": "ready", "data directory": data, "admin token": "admin.token", "database": "no damage", "schema": "version",
		"clock": "", "master key": "opens all", "keys": "none is late", "metadata": "the same issuer", "key set": "1 key",
	} {
		expect(t, found, check, healthy, words)
	}
	if runtime.GOOS == "linux" {
		expect(t, found, "owner of the files", healthy, "")
		expect(t, found, "disk", healthy, "free")
	}
	// It says the same twice: it changed nothing.
	before, _ := os.ReadDir(data)
	diagnose(t, "--data", data, "--offline")
	if after, _ := os.ReadDir(data); len(after) != len(before) {
		t.Errorf("files before: %v, after: %v", before, after)
	}
}

func TestDoctorOnWhatAnswersAtTheIssuersURL(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	s := serve(t, data)
	// Named otherwise than it names itself.
	found := diagnose(t, "--data", data, "--issuer", s.url+"/", "--admin-addr", adminAddr(s))
	expect(t, found, "metadata", failure, "calls itself")
	// Another database behind the same URL.
	serve(t, other).stop()
	found = diagnose(t, "--data", other, "--issuer", s.url, "--admin-addr", adminAddr(s))
	expect(t, found, "key set", failure, "none of the published keys is in")

	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.Write([]byte("<html>welcome</html>"))
	}))
	defer wrong.Close()
	found = diagnose(t, "--data", data, "--issuer", wrong.URL, "--admin-addr", adminAddr(s))
	expect(t, found, "metadata", failure, "is no metadata")
	expect(t, found, "clock", failure, "are 1h0m")
	found = diagnose(t, "--data", data, "--issuer", wrong.URL, "--admin-addr", strings.TrimPrefix(wrong.URL, "http://"))
	expect(t, found, "service", healthy, "") // it answers 200 to everything

	// The terminal is not theirs to steer, and no line theirs to write.
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": "http://\x1b[2Jx\nok  everything\u202e"})
	}))
	defer hostile.Close()
	cmd := exec.Command("jeton", "doctor", "--data", data, "--issuer", hostile.URL, "--admin-addr", adminAddr(s))
	out, _ := cmd.Output()
	if text := string(out); !strings.Contains(text, "key set") || strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nok  everything") {
		t.Errorf("%q", text)
	}

	encrypted := httptest.NewTLSServer(http.NotFoundHandler())
	defer encrypted.Close()
	found = diagnose(t, "--data", data, "--issuer", encrypted.URL, "--admin-addr", strings.TrimPrefix(encrypted.URL, "https://"))
	expect(t, found, "service", failure, "is no jeton")
	expect(t, found, "metadata", failure, "x509")

	found = diagnose(t, "--data", data, "--issuer", "http://auth.example", "--offline")
	expect(t, found, "issuer", failure, "clear text")
}

func TestDoctorOnABrokenInstallation(t *testing.T) {
	for _, c := range []struct {
		name   string
		harm   func(t *testing.T, data string)
		flags  []string
		check  string
		state  health
		words  string
		noUnix bool // there is no such thing on Windows
	}{
		{"no directory", func(t *testing.T, data string) { os.RemoveAll(data) }, nil, "data directory", failure, "there is no", false},
		{"no database", func(t *testing.T, data string) { os.Remove(filepath.Join(data, databaseFile)) }, nil, "database", failure, "there is no", false},
		{"a database of zeros", func(t *testing.T, data string) { damage(t, data, 0, strings.Repeat("\x00", 4096)) }, nil, "database", failure, "not a SQLite file", false},
		{"a damaged page", func(t *testing.T, data string) { damage(t, data, 4096, strings.Repeat("\xff", 64<<10)) }, nil, "database", failure, "damaged", false},
		{"a directory for others", func(t *testing.T, data string) { os.Chmod(data, 0o755) }, nil, "data directory", warning, "open to others (mode 0755)", true},
		{"a directory for others to write", func(t *testing.T, data string) { os.Chmod(data, 0o777) }, nil, "data directory", failure, "open to others (mode 0777)", true},
		{"a master key for others", func(t *testing.T, data string) { os.Chmod(filepath.Join(data, masterKeyFile), 0o644) }, nil, "master key", failure, "chmod 600", true},
		{"no master key", func(t *testing.T, data string) { os.Remove(filepath.Join(data, masterKeyFile)) }, nil, "master key", failure, "is missing", false},
		{"another master key", func(t *testing.T, data string) {
			name := filepath.Join(data, masterKeyFile)
			os.WriteFile(name, []byte(issuer.GenerateMasterKey().Text()), 0o600)
		}, nil, "master key", failure, "does not open", false},
		{"a master key for others beside a damaged database", func(t *testing.T, data string) {
			damage(t, data, 0, strings.Repeat("\x00", 4096))
			os.Chmod(filepath.Join(data, masterKeyFile), 0o644)
		}, nil, "master key", failure, "chmod 600", true},
		{"an admin token for others", func(t *testing.T, data string) { os.Chmod(filepath.Join(data, adminTokenFile), 0o644) }, nil, "admin token", failure, "chmod 600", true},
		{"an admin token that is none", func(t *testing.T, data string) {
			os.WriteFile(filepath.Join(data, adminTokenFile), []byte("x"), 0o600)
		}, nil, "admin token", failure, "at least 32", false},
		{"settings that are refused", nil, []string{"--refresh-grace", "1h"}, "settings", failure, "refresh grace", false},
		{"clear text for everybody", nil, []string{"--addr", "0.0.0.0:80", "--allow-plain-http"}, "public listener", failure, "clear text", false},
		{"clear text behind a proxy", nil, []string{"--addr", "0.0.0.0:80", "--allow-plain-http", "--issuer", "https://auth.example"}, "public listener", warning, "clear text", false},
		{"an admin listener for everybody", nil, []string{"--admin-addr", "0.0.0.0:81", "--allow-plain-http"}, "admin listener", warning, "other machines", false},
		{"no certificate", nil, []string{"--tls-cert", "none.pem", "--tls-key", "none.pem"}, "certificate", failure, "none.pem", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.noUnix && runtime.GOOS == "windows" {
				t.Skip("Windows has no such bits")
			}
			data := filepath.Join(t.TempDir(), "data")
			serve(t, data).stop()
			if c.harm != nil {
				c.harm(t, data)
			}
			expect(t, diagnose(t, append([]string{"--data", data, "--offline"}, c.flags...)...), c.check, c.state, c.words)
		})
	}
}

func damage(t *testing.T, data string, at int64, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(data, databaseFile), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte(text), at)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The service whose time is another one.
func startAt(t *testing.T, data string, now time.Time, more func(*issuer.Config)) {
	t.Helper()
	clock := func() time.Time { return now }
	store, err := sqlite.Open(t.Context(), filepath.Join(data, databaseFile), sqlite.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	source, err := masterKeyFlags{}.source(dataFlags{Data: data}, nil)
	if err != nil {
		t.Fatal(err)
	}
	master, err := source.open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	cfg := issuer.Config{Issuer: "https://auth.example", Audiences: []string{"api"}, Store: store, MasterKey: master, Now: clock}
	if more != nil {
		more(&cfg)
	}
	if _, err := issuer.New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorOnClocksAndKeys(t *testing.T) {
	for _, c := range []struct {
		name  string
		ago   time.Duration
		more  func(*issuer.Config)
		check string
		state health
		words string
	}{
		{"a clock that went back by seconds", -15 * time.Second, nil, "clock", warning, "later than this machine's clock"},
		{"a clock that went back", -2 * time.Hour, nil, "clock", failure, "later than this machine's clock"},
		{"a key that should have been replaced", 60 * 24 * time.Hour, nil, "keys", warning, "is active and should have been replaced"},
		{"a key for ever", 400 * 24 * time.Hour, func(c *issuer.Config) { c.KeyPeriod = issuer.NoRotation }, "keys", warning, "has signed for 400 days"},
		{"a secret for a key", time.Hour, func(c *issuer.Config) { c.Algorithm = "HS256" }, "algorithm", warning, "whoever has it can make tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			startAt(t, data, time.Now().Add(-c.ago), c.more)
			expect(t, diagnose(t, "--data", data, "--offline"), c.check, c.state, c.words)
		})
	}
	t.Run("a next key that is stuck", func(t *testing.T) {
		data := t.TempDir()
		startAt(t, data, time.Now().Add(-2*time.Hour), nil)
		startAt(t, data, time.Now().Add(-time.Hour), func(c *issuer.Config) { c.Algorithm = "ES256" })
		expect(t, diagnose(t, "--data", data, "--offline"), "keys", warning, "is next and should sign")
	})
}

func TestDoctorOnCertificates(t *testing.T) {
	data, certs := t.TempDir(), t.TempDir()
	serve(t, data).stop()
	for _, c := range []struct {
		left   time.Duration
		issuer string
		state  health
		words  string
	}{
		{90 * 24 * time.Hour, "https://127.0.0.1", healthy, "is good until"},
		{90 * 24 * time.Hour, "https://127.0.0.1", warning, "no way from it to an authority"},
		{3 * 24 * time.Hour, "https://127.0.0.1", warning, "expires on"},
		{-time.Hour, "https://127.0.0.1", failure, "expired on"},
		{90 * 24 * time.Hour, "https://auth.example", failure, "is not for the issuer"},
	} {
		cert, key, _ := writeCert(t, certs, "test", time.Now().Add(c.left))
		found := diagnose(t, "--data", data, "--offline", "--tls-cert", cert, "--tls-key", key, "--issuer", c.issuer)
		expect(t, found, "certificate", c.state, c.words)
	}
	cert, key, _ := writeCert(t, certs, "test", time.Now().Add(time.Hour))
	if runtime.GOOS != "windows" {
		os.Chmod(key, 0o644)
		expect(t, diagnose(t, "--data", data, "--offline", "--tls-cert", cert, "--tls-key", key), "certificate", failure, "chmod 600")
	}
}

func TestDoctorOnPostgreSQL(t *testing.T) {
	server := pgtest.Start(t)
	name := server.Database(t)
	db, data := server.URL(name), t.TempDir()
	expect(t, diagnose(t, "--db", db, "--data", data, "--offline"), "schema", failure, "there is no store")
	serve(t, data, "--db", db).stop()
	found := diagnose(t, "--db", db, "--data", data, "--offline")
	noFailure(t, found)
	expect(t, found, "database", healthy, "commits are durable (synchronous_commit = on)")
	expect(t, found, "master key", healthy, "opens all")
	standby := server.Standby(t, "second")
	server.Await(t, `SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'`)
	expect(t, diagnose(t, "--db", db, "--data", data, "--offline"), "standby", healthy, "second (async)")
	standby.Stop()

	server.Exec(t, name, `ALTER TABLE sessions SET (fillfactor = 100)`)
	server.Set(t, "full_page_writes", "off")
	server.Set(t, "synchronous_commit", "off")
	server.Await(t, `SELECT current_setting('synchronous_commit') = 'off'`)
	found = diagnose(t, "--db", db, "--data", data, "--offline")
	expect(t, found, "database", failure, "synchronous_commit is off")
	expect(t, found, "database", warning, "full_page_writes is off")
	expect(t, found, "database", warning, "no room in its pages")

	// Whatever it says, not the password.
	server.Stop()
	found = diagnose(t, "--db", "postgres://jeton:HIDDEN@127.0.0.1:1/x", "--data", data, "--offline")
	expect(t, found, "database", failure, "")
	if text := listed(found); strings.Contains(text, "HIDDEN") {
		t.Errorf("rule: no output holds a secret:\n%s", text)
	}
}

func TestDoctorOnAFileThatHoldsAPassword(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	data := t.TempDir()
	file := filepath.Join(data, "jeton.yaml")
	if err := os.WriteFile(file, []byte("db: postgres://jeton:HIDDEN@127.0.0.1:1/x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, diagnose(t, "--config", file, "--data", data, "--offline"), "configuration file", failure, "can be read by others")
	os.Chmod(file, 0o600)
	for _, d := range diagnose(t, "--config", file, "--data", data, "--offline") {
		if d.Check == "configuration file" {
			t.Errorf("%+v", d)
		}
	}
}
