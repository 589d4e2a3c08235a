package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jeton-go/jeton/issuer"
)

// children returns the processes that a process started and that have not ended.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		var pid int
		if state, of := stateOf(path); of == parent && state != "Z" {
			fmt.Sscanf(path, "/proc/%d/", &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

// stateOf reads a file of /proc: the letter of a process's state, and its parent.
func stateOf(path string) (state string, parent int) {
	stat, err := os.ReadFile(path)
	if err != nil {
		return "", 0 // it ended
	}
	fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &parent)
	return state, parent
}

func TestPasswordsAreHashedInProcessesOfTheirOwn(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	cmd := exec.Command("jeton", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-format", "json")
	cmd.Env = append(cmd.Environ(), "SECRET=only-for-the-service")
	s := start(t, data, cmd, false)
	s.login()
	workers := children(t, cmd.Process.Pid)
	if len(workers) != 1 {
		t.Fatalf("after one login the service has the processes %v, not one", workers)
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", workers[0]))
	if err != nil || !strings.HasSuffix(string(command), "jeton\x00hash-passwords\x00") {
		t.Errorf("its command is %q, %v", command, err)
	}
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", workers[0]))
	if err != nil || strings.Count(string(environment), "=") > 1 || !bytes.HasPrefix(environment, []byte("GODEBUG=")) {
		t.Errorf("its environment is %q, %v", environment, err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", workers[0]))
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", workers[0], f.Name()))
		if strings.HasPrefix(to, data) {
			t.Errorf("it has %s open", to)
		}
	}

	// The signal that ends the service comes to all of its processes from a terminal,
	// and from systemd. Logins that are under way go on.
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if err := syscall.Kill(workers[0], signal); err != nil {
			t.Fatal(err)
		}
	}
	s.login()
	if now := children(t, cmd.Process.Pid); !slices.Equal(now, workers) {
		t.Errorf("processes %v after the signals, %v before", now, workers)
	}
	// One that is killed, as by a system that has no memory left, is not missed.
	if err := syscall.Kill(workers[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.login()
	if now := children(t, cmd.Process.Pid); len(now) != 1 || now[0] == workers[0] || strings.Contains(s.log(), "own process") {
		t.Errorf("processes %v after %v was killed: %s", now, workers, s.log())
	}
	// Nobody is left of a service that is.
	workers = children(t, cmd.Process.Pid)
	s.kill()
	s.eventually("the process ends with the service", func() bool {
		state, _ := stateOf(fmt.Sprintf("/proc/%d/stat", workers[0]))
		return state == "" || state == "Z"
	})
}

// When there can be no processes any more, the service is told once, to make room.
func TestHashesAreLeftToTheServiceLater(t *testing.T) {
	defer func(before string) { os.Args[0] = before }(os.Args[0])
	os.Args[0] = "jeton" // as this program is started as
	told := 0
	pool, err := hashWorkers(slog.New(slog.DiscardHandler), os.Stderr, func() { told++ })
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	work := issuer.HashWork{Password: []byte("secret"), Salt: make([]byte, 16), KeyBytes: 32, Params: issuer.PasswordParams{MemoryKiB: 8192, Passes: 1, Threads: 1}}
	if _, err := pool.Hash(work); err != nil || told != 0 {
		t.Fatalf("%v, told %d times", err, told)
	}
	t.Setenv("GODEBUG", noHashWorkers)
	for _, pid := range children(t, os.Getpid()) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := pool.Hash(work); err == nil || told != 1 {
			t.Errorf("%v, told %d times", err, told)
		}
	}
}

// A version that replaces the program's file is not what a running service starts.
func TestTheProgramThatRunsIsTheOneThatHashes(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got := stillThis(program); got != program {
		t.Errorf("%s is %s", program, got)
	}
	other := filepath.Join(t.TempDir(), "jeton")
	if got := stillThis(other); got != "/proc/self/exe" {
		t.Errorf("a file that is gone is %s", got)
	}
	if err := os.WriteFile(other, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := stillThis(other); got != "/proc/self/exe" {
		t.Errorf("another file is %s", got)
	}
}
