package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// Where there can be no processes for hashes, as where a sandbox allows none,
// logins go on without them.
func TestLoginsWithoutProcessesForHashes(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	cmd := exec.Command("jeton", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-format", "json")
	cmd.Env = append(cmd.Environ(), "GODEBUG="+noHashWorkers)
	s := start(t, data, cmd, false)
	s.login()
	body := `{"username":"` + testUser + `","password":"a wrong one"}`
	s.want(400, "a wrong password", s.do("POST", "/v1/login", "application/json", body, ""))
	if n := strings.Count(s.log(), "passwords are hashed in the service's own process"); n != 1 {
		t.Errorf("that it hashes by itself is said %d times: %s", n, s.log())
	}
}

// Whoever calls the process by hand learns what it is.
func TestHashPasswordsByHand(t *testing.T) {
	for in, want := range map[string]int{"": exitOK, "hello\n": exitRefused, `{"Password":""}`: exitOK, `{"Pass`: exitRefused} {
		var out, errOut bytes.Buffer
		cmd := exec.Command("jeton", hashPasswords)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &errOut
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want || (want == exitOK) != (errOut.Len() == 0) || strings.Contains(errOut.String(), "goroutine") {
			t.Errorf("%q: status %d, want %d: %s%s", in, got, want, &out, &errOut)
		}
	}
}
