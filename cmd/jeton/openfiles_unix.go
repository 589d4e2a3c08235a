//go:build unix

package main

import (
	"math"
	"syscall"
)

// openFiles is how many files the process may have open. Go has raised it to
// what the system lets it have.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxInt
	}
	return int(min(uint64(limit.Cur), math.MaxInt))
}
