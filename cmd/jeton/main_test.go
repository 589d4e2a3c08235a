package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// noHashWorkers, in GODEBUG, which is all that they inherit, has processes that
// hash passwords end at once.
const noHashWorkers = "jetontest=1"

// TestMain puts this program on the PATH of scripts and tests as "jeton".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"jeton": func() {
			if len(os.Args) == 2 && os.Args[1] == hashPasswords && strings.Contains(os.Getenv("GODEBUG"), noHashWorkers) {
				os.Exit(exitRefused)
			}
			os.Exit(runWith(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, dieAt(os.Getenv("JETON_TEST_DIE_AT"))))
		},
		// A secret manager: it prints a file, and refuses with a status that is given.
		"jeton-cat": func() { os.Exit(cat(os.Args[1:])) },
		// One that prints what it was started with.
		"jeton-env": func() { fmt.Println(strings.Join(os.Environ(), "\n")) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"mode":   mode,
		},
	})
}

// status N COMMAND...: the command must exit with exactly N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// mode PERM FILE: the file's permissions must be these.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode perm file")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// dieAt kills the program at a step, as a power cut would.
func dieAt(where string) steps {
	return func(step string) {
		if step != where {
			return
		}
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			self.Kill()
		}
		select {} // until that has happened
	}
}

func cat(args []string) int {
	b, err := os.ReadFile(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Stdout.Write(b)
	if len(args) == 2 {
		fmt.Fprintf(os.Stderr, "it is refused, and %s is left out\n", bytes.TrimSpace(b))
		status, _ := strconv.Atoi(args[1])
		return status
	}
	return 0
}
