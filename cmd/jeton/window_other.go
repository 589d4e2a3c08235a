//go:build !windows

package main

import "os/exec"

// withoutWindow has nothing to do where a process has no window.
func withoutWindow(*exec.Cmd) {}
