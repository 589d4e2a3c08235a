package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// benchResult is what a program reads of "jeton bench --json".
type benchResult struct {
	Op        string
	Clients   int
	Seconds   float64
	Ops       int64
	OpsPerS   float64 `json:"ops_per_s"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Errors    int64
	Unsent    int64
	Rotated   int64
	Repeated  int64
	CPU       float64 `json:"client_cpu_us_per_op"`
	Truncated bool    `json:"early"`
}

// bench runs "jeton bench OP" against a service and returns the one object that
// it prints.
func bench(t *testing.T, s *service, op string, more ...string) benchResult {
	t.Helper()
	out := benchOutput(t, s, op, more...)
	var r benchResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || strings.Contains(out, "\n") {
		t.Fatalf("jeton bench %s prints %q: %v", op, out, err)
	}
	if r.Op != op || r.Clients != 2 || r.Ops == 0 || r.Errors != 0 || r.Seconds <= 0 || r.OpsPerS <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Max < r.P99 {
		t.Errorf("jeton bench %s: %+v", op, r)
	}
	return r
}

// benchOutput runs "jeton bench OP" against a service.
func benchOutput(t *testing.T, s *service, op string, more ...string) string {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(testPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"bench", op, "--url", s.url, "--username", testUser, "--password-file", password,
		"--clients", "2", "--duration", "300ms", "--json"}, more...)
	return tool(t, "", args...)
}

func TestBenchAgainstTheService(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519", "--refresh-grace", "0")
	picture := filepath.Join(t.TempDir(), "latency.svg")
	if r := bench(t, s, "refresh", "--svg", picture); r.Rotated != r.Ops {
		t.Errorf("with --refresh-grace 0: %+v", r)
	}
	if b, err := os.ReadFile(picture); err != nil || !strings.HasPrefix(string(b), "<svg ") {
		t.Errorf("the picture: %v, %.40q", err, b)
	}
	if r := bench(t, s, "verify", "--rate", "50"); r.Ops+r.Unsent != 15 {
		t.Errorf("50/s for 300 ms, and what a busy machine did not send in time: %+v", r)
	}
	// A password's hash takes as long as all of the others, and on a busy machine,
	// with the race detector, longer.
	for _, op := range []string{"login", "revoke"} {
		bench(t, s, op, "--duration", "2s")
	}
	bench(t, s, "mixed", "--mix", "verify=5,refresh=4,revoke=1")

	var reached struct{ Followers, Revocations, Missed int }
	out := benchOutput(t, s, "revoke", "--followers", "3", "--rate", "20", "--duration", "200ms")
	if err := json.Unmarshal([]byte(out), &reached); err != nil || reached.Followers != 3 || reached.Revocations != 4 || reached.Missed != 0 {
		t.Errorf("%s: %v", out, err)
	}
}

// Any token endpoint, with tokens from a file. A file that was kept is good for
// as many runs as one likes, here with the answers of a server that revokes the
// session when a token comes back.
func TestBenchWithAFileOfTokens(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519", "--refresh-grace", "0")
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(s.login().Refresh+"\n"+s.login().Refresh+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"bench", "refresh", "--token-endpoint", s.url + "/oauth/token", "--refresh-token-file", file, "--duration", "200ms"}
	for range 2 {
		out := tool(t, "", append(args, "--keep-tokens")...)
		if !strings.Contains(out, "2 clients") || !strings.Contains(out, "errors 0; ") || !strings.Contains(out, "repeated 0") {
			t.Error(out)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file: %v, %v", info, err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tool(t, "", args...)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(kept) {
		t.Errorf("without --keep-tokens the file is written: %v", err)
	}
	files, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(files) != 1 {
		t.Errorf("files are left behind: %v, %v", files, err)
	}
}

func TestBenchSaysThatARepeatWritesNothing(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519")
	cmd := exec.Command("jeton", "bench", "refresh", "--url", s.url, "--username", testUser, "--clients", "1", "--duration", "300ms")
	cmd.Env = append(os.Environ(), "JETON_PASSWORD="+testPassword)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "rotated 1, ") || !strings.Contains(string(out), "--refresh-grace 0") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), testPassword) {
		t.Errorf("the password is in the output:\n%s", out)
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519")
	cmd := exec.Command("jeton", "bench", "refresh", "--url", s.url, "--username", testUser)
	cmd.Env = slices.Concat(os.Environ(), []string{"JETON_PASSWORD=not this one"})
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitRefused || !strings.Contains(string(out), "invalid_grant") {
		t.Errorf("exit status %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
}

// Ctrl-C ends the measurement and keeps what it found.
func TestBenchInterruptedPrintsWhatItFound(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519")
	cmd := exec.Command("jeton", "bench", "login", "--url", s.url, "--username", testUser, "--clients", "1", "--duration", "1h", "--json")
	cmd.Env = append(os.Environ(), "JETON_PASSWORD="+testPassword)
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The second login is sent when the first one was counted.
	for deadline := time.Now().Add(time.Minute); strings.Count(s.log(), `"msg":"login"`) < 2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			cmd.Process.Kill()
			t.Fatalf("it does not log in: %s", s.log())
		}
	}
	cmd.Process.Signal(syscall.SIGINT)
	err := cmd.Wait()
	var r benchResult
	if e := json.Unmarshal([]byte(out.String()), &r); e != nil || err != nil || !r.Truncated || r.Ops == 0 {
		t.Errorf("%v, %v: %s", err, e, out.String())
	}
}
