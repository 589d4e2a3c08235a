package main

import (
	"os/exec"
	"syscall"
)

// withoutWindow keeps Windows from opening a console for a process of a service
// that has none.
func withoutWindow(cmd *exec.Cmd) {
	const createNoWindow = 0x08000000
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: createNoWindow}
}
