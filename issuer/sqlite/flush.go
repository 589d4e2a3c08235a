//go:build linux && (amd64 || arm64)

package sqlite

import "syscall"

// beginToWrite lets the system write what it holds of the file, and does not wait
// for it, as PostgreSQL does around its checkpoints. It promises nothing, and
// nothing depends on it: the sync that follows does. It tells whether it
// found the file open.
//
// It goes by a descriptor that SQLite has of the file. To open another would end
// SQLite's locks once it is closed. If SQLite closes its own meanwhile and the
// number becomes another file's, some of that is written sooner.
func beginToWrite(path string) (found bool) {
	var file syscall.Stat_t
	if syscall.Stat(path, &file) != nil {
		return false
	}
	for fd := range manyDescriptors {
		var open syscall.Stat_t
		if syscall.Fstat(fd, &open) == nil && open.Ino == file.Ino && open.Dev == file.Dev {
			const write = 2 // SYNC_FILE_RANGE_WRITE
			syscall.SyncFileRange(fd, 0, 0, write)
			return true
		}
	}
	return false
}

// manyDescriptors is where to stop looking for one: SQLite opens the file when
// the process starts, or nearly so.
const manyDescriptors = 1024
