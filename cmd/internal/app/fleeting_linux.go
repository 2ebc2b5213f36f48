package app

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// volatile are file systems that end with the machine or the container, by their numbers
// in the Linux header magic.h.
var volatile = map[int64]string{
	unix.TMPFS_MAGIC:           "tmpfs, which is memory",
	unix.RAMFS_MAGIC:           "ramfs, which is memory",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay, the layer of a container; mount a volume",
}

// fleeting says why a file may be gone after a restart of the machine, or "".
func fleeting(file string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(file), &fs); err != nil {
		return ""
	}
	if kind, ok := volatile[int64(fs.Type)]; ok { //nolint:unconvert // the type differs between architectures
		return fmt.Sprintf("its file system is %s", kind)
	}
	return ""
}
