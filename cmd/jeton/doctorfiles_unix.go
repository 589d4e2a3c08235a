//go:build linux || darwin || freebsd

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns the number of the user that a file belongs to.
func ownerOf(info fs.FileInfo) (int, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// giveToOwnerOf makes a new file belong to the user that another one belongs to,
// if that one is there and the user is somebody else, for which it takes root.
func giveToOwnerOf(name, file string) error {
	old, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	fresh, err := os.Stat(file)
	if err != nil {
		return err
	}
	owner, _ := ownerOf(old)
	if me, _ := ownerOf(fresh); me == owner {
		return nil
	}
	return os.Chown(file, owner, -1)
}

// freeSpace returns how many bytes an unprivileged user may still write to the
// file system of a directory.
func freeSpace(directory string) (int64, bool) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(directory, &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * int64(stat.Bsize), true
}
