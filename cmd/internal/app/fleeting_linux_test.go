package app

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file in memory is told of, one on a disk is not.
func TestFleeting(t *testing.T) {
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Skip("/dev/shm is no tmpfs here")
	}
	if why := fleeting("/dev/shm/idpbridge.db"); !strings.Contains(why, "memory") {
		t.Errorf("in /dev/shm: %q", why)
	}
	for _, file := range []string{"/proc/idpbridge.db", "/no/such/folder/idpbridge.db"} {
		if why := fleeting(file); why != "" {
			t.Errorf("%s: %q", file, why)
		}
	}
}
