//go:build linux && !race

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// Refreshes leave all their garbage and then logins come together, with a hash
// of 19 MiB for each: what the service and its processes take is bounded all the
// same. The program itself, which is mapped from its file, and SQLite's caches,
// which do not fill here, are within the 150 MB of docs/scale.md, too, on two
// cores.
func TestMemoryAtFullLoadIsBounded(t *testing.T) {
	for _, c := range []struct {
		name, godebug string
		rest, hash    int // in MB
	}{
		{"hashes in processes of their own", "", 45, 28},
		{"hashes in the service's own process", noHashWorkers, 75, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			addUser(t, data)
			cmd := exec.Command("jeton", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-format", "json",
				"--alg", "Ed25519", "--refresh-grace", "0")
			cmd.Env = append(cmd.Environ(), "GODEBUG="+c.godebug)
			s := start(t, data, cmd, false)
			load := []string{"--clients", "64", "--duration", "2s"}
			benchOutput(t, s, "refresh", load...)
			benchOutput(t, s, "mixed", append(load, "--mix", "verify=60,refresh=30,login=10")...)
			most, mapped := memoryOf(t, cmd.Process.Pid)
			own := most - mapped
			workers := children(t, cmd.Process.Pid)
			for _, pid := range workers {
				most, mapped := memoryOf(t, pid)
				own += most - mapped
			}
			bound := c.rest + c.hash*runtime.NumCPU()
			t.Logf("%d MB at most, beside the program's file, with %d processes for hashes", own, len(workers))
			if own > bound {
				t.Errorf("it took %d MB at most beside the program's file, more than %d", own, bound)
			}
			if (len(workers) > 0) != (c.godebug == "") {
				t.Errorf("%d processes for hashes", len(workers))
			}
		})
	}
}

// memoryOf returns the most that a process had in memory and what it has there
// of files now, in MB.
func memoryOf(t *testing.T, pid int) (most, mapped int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		for name, to := range map[string]*int{"VmHWM": &most, "RssFile": &mapped} {
			if value, is := strings.CutPrefix(line, name+":"); is {
				var kib int
				if _, err := fmt.Sscanf(value, "%d kB", &kib); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				*to = kib * 1024 / 1e6
			}
		}
	}
	if most == 0 || mapped == 0 {
		t.Fatalf("/proc says nothing of the memory: %s", status)
	}
	return most, mapped
}
