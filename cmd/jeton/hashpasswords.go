package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/jeton-go/jeton/internal/hashworker"
)

// hashPasswords is the name of a command that jeton serve calls: a process that
// hashes passwords. It is for nobody else, so it is not in the command line's
// description, which takes longer to make than a hash.
const hashPasswords = "hash-passwords"

// workOfHashing ends when the service has no more work or is no more. Signals
// that a terminal or systemd sends to all processes of the service are for the
// service, which goes on for a while.
func workOfHashing(in io.Reader, out, errOut io.Writer) int {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(errOut, "jeton %s: it is a part of \"jeton serve\", which starts it\n", hashPasswords)
		return exitUsage
	}
	// One hash, and then what it leaves is collected: so each has the memory of the
	// one before. By itself the collector begins at twice that; without a bound it
	// would prepare for a large heap, which takes megabytes.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(1000)
	if err := hashworker.Work(in, out, runtime.GC); err != nil {
		fmt.Fprintf(errOut, "jeton %s: %v\n", hashPasswords, err)
		return exitRefused
	}
	return exitOK
}

// Workers stay for so long without work, are given up when a hash takes so long,
// and are started again at most so often if that fails.
const (
	workerIdle     = 30 * time.Second
	workerPatience = 20 * time.Second
	workerAgain    = 10 * time.Second
)

// hashWorkers makes a pool of processes that hash passwords. They inherit nothing
// of the environment, which may hold secrets, but for what sets Go. The error
// says why there can be none; instead is called the first time that a hash is left
// to the service itself.
func hashWorkers(log *slog.Logger, stderr io.Writer, instead func()) (*hashworker.Pool, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var once sync.Once
	return hashworker.New(hashworker.Options{
		Command: func() *exec.Cmd {
			cmd := &exec.Cmd{
				Path:   stillThis(program),
				Args:   []string{os.Args[0], hashPasswords},
				Env:    []string{"GODEBUG=" + os.Getenv("GODEBUG")},
				Stderr: stderr,
			}
			withoutWindow(cmd)
			return cmd
		},
		Idle:     workerIdle,
		Patience: workerPatience,
		Again:    workerAgain,
		OnError: func(err error) {
			once.Do(instead)
			log.Warn("passwords are hashed in the service's own process for a while, which makes logins slower", "error", err)
		},
	}), nil
}

// stillThis returns the path of the running program's file: program, or if
// another version took that place, where Linux still has it.
func stillThis(program string) string {
	const self = "/proc/self/exe"
	running, err := os.Stat(self)
	if err != nil {
		return program
	}
	if there, err := os.Stat(program); err == nil && os.SameFile(running, there) {
		return program
	}
	return self
}
