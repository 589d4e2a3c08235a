//go:build linux && !race

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// Refreshes leave all their garbage and then logins come together, with a hash
// of 19 MiB for each: what the service takes is bounded all the same. The program
// itself, which is mapped from its file, and SQLite's caches, which do not fill
// here, are within the 150 MB of docs/scale.md, too, on two cores.
func TestMemoryAtFullLoadIsBounded(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519", "--refresh-grace", "0")
	load := []string{"--clients", "64", "--duration", "2s"}
	benchOutput(t, s, "refresh", load...)
	benchOutput(t, s, "mixed", append(load, "--mix", "verify=60,refresh=30,login=10")...)
	most, mapped := memoryOf(t, s.cmd.Process.Pid)
	const rest = 75
	bound := rest + 20*runtime.NumCPU()
	t.Logf("%d MB at most, of which %d MB are the program's file", most, mapped)
	if most-mapped > bound {
		t.Errorf("it took %d MB at most beside the program's file, more than %d", most-mapped, bound)
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
