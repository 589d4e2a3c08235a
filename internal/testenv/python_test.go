package testenv

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestTheFirstInterpreterThatRunsTheProgramIsTaken(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	dir := t.TempDir()
	script := func(name, body string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bare := script("bare", `case "$2" in *jwt*) exit 1;; esac`)
	full := script("full", "exit 0")
	absent := filepath.Join(dir, "absent")

	for _, c := range []struct {
		program string
		among   []string
		want    string
	}{
		{"import jwt", []string{absent, bare, full}, full},
		{"import jwt", []string{bare, absent}, ""},
		{"", []string{bare, full}, bare},
		{"", nil, ""},
	} {
		if got := firstThatRuns(c.program, c.among); got != c.want {
			t.Errorf("%q among %v: %q, want %q", c.program, c.among, got, c.want)
		}
	}
}
