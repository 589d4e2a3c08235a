//go:build faults && unix

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jeton-go/jeton/issuer/sqlite"
)

// storeFault lets the crash tests kill the program at a place inside of the
// store: JETON_FAULT=commit:37 is the 37th time that it passes there. It is in
// no program that is built without the tag.
func storeFault() func(sqlite.FaultPoint) error {
	point, count, ok := strings.Cut(os.Getenv("JETON_FAULT"), ":")
	if !ok {
		return nil
	}
	at, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		panic("JETON_FAULT: " + err.Error())
	}
	var passed atomic.Int64
	return func(p sqlite.FaultPoint) error {
		if string(p) == point && passed.Add(1) == at {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the kernel has done it
		}
		return nil
	}
}
