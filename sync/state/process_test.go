package state_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sync/state"
)

// kernel is a /proc that tells of no process but those it is given.
type kernel struct {
	t   *testing.T
	dir string
}

func newKernel(t *testing.T, boot, namespace string) *kernel {
	t.Helper()
	k := &kernel{t, t.TempDir()}
	k.write("sys/kernel/random/boot_id", boot+"\n")
	must(t, os.MkdirAll(filepath.Join(k.dir, "self/ns"), 0o700))
	must(t, os.Symlink("pid:["+namespace+"]", filepath.Join(k.dir, "self/ns/pid")))
	return k
}

func (k *kernel) write(path, text string) {
	k.t.Helper()
	path = filepath.Join(k.dir, path)
	must(k.t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(k.t, os.WriteFile(path, []byte(text), 0o600))
}

// shows makes a process visible, asleep.
func (k *kernel) shows(pid int, start string) *kernel { return k.showsIn("S", pid, start) }

func (k *kernel) showsIn(mode string, pid int, start string) *kernel {
	k.t.Helper()
	k.write(fmt.Sprintf("%d/stat", pid), fmt.Sprintf("%d (a ) name) %s%s %s 0 0\n", pid, mode, strings.Repeat(" 1", 18), start))
	return k
}

// endedProcess is the number of a process that was and is no more.
func endedProcess(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	must(t, cmd.Run())
	return cmd.Process.Pid
}

// A process is taken for dead only where its number means what it meant to the process
// itself; what can't be seen is no proof.
func TestDied(t *testing.T) {
	t.Parallel()
	me, ended := os.Getpid(), endedProcess(t)
	host, err := os.Hostname()
	must(t, err)
	const here = " boot b1 ns 100"
	for _, c := range []struct {
		name    string
		process string
		kernel  *kernel
		died    bool
	}{
		{"alive", fmt.Sprintf("%s pid %d start 7"+here, host, me), newKernel(t, "b1", "100").shows(me, "7"), false},
		{"gone", fmt.Sprintf("%s pid %d start 7"+here, host, ended), newKernel(t, "b1", "100"), true},
		{"ended, and nobody has looked", fmt.Sprintf("%s pid %d start 7"+here, host, me), newKernel(t, "b1", "100").showsIn("Z", me, "7"), true},
		{"its number reused", fmt.Sprintf("%s pid %d start 6"+here, host, me), newKernel(t, "b1", "100").shows(me, "7"), true},
		{"alive and hidden", fmt.Sprintf("%s pid %d start 7"+here, host, me), newKernel(t, "b1", "100"), false},
		{"alive, of another user", host + " pid 1 start 7" + here, newKernel(t, "b1", "100"), false},
		{"in another namespace", fmt.Sprintf("%s pid %d start 7 boot b1 ns 200", host, ended), newKernel(t, "b1", "100"), false},
		{"in a namespace whose number ends alike", fmt.Sprintf("%s pid %d start 7 boot b1 ns 2100", host, ended), newKernel(t, "b1", "100"), false},
		{"on another machine of this name, or before a restart", fmt.Sprintf("%s pid %d start 7 boot b2 ns 100", host, ended), newKernel(t, "b1", "100"), false},
		{"on another host", fmt.Sprintf("else.%s pid %d start 7"+here, host, ended), newKernel(t, "b1", "100"), false},
		{"named by an older version", fmt.Sprintf("%s pid %d start 7", host, ended), newKernel(t, "b1", "100"), false},
		{"named where nothing is told", fmt.Sprintf("%s pid %d", host, ended), newKernel(t, "b1", "100"), false},
		{"nothing is told of an older version", fmt.Sprintf("%s pid %d start 7", host, ended), &kernel{t, t.TempDir()}, false},
		{"nothing is told", fmt.Sprintf("%s pid %d", host, ended), &kernel{t, t.TempDir()}, false},
	} {
		if got := state.Died(c.kernel.dir, c.process); got != c.died {
			t.Errorf("%s: %q is dead: %t", c.name, c.process, got)
		}
	}
	equal(t, "own name", state.Self(newKernel(t, "b1", "100").shows(me, "7").dir), fmt.Sprintf("%s pid %d start 7"+here, host, me))
	equal(t, "own name where nothing is told", state.Self(t.TempDir()), fmt.Sprintf("%s pid %d", host, me))
}

// The lease of a process in another namespace of this host is left to run out, although
// nobody here has its number.
func TestLeaseOfAnotherNamespace(t *testing.T) {
	r := newRig(t)
	r.lease()
	host, err := os.Hostname()
	must(t, err)
	r.exec(`UPDATE leases SET process = ?`, fmt.Sprintf("%s pid %d start 7 boot b2 ns 200", host, endedProcess(t)))
	_, err = r.open().LeaseCycle(t.Context(), r.job)
	held, ok := errors.AsType[*state.LeasedError](err)
	if !ok {
		t.Fatalf("a second cycle: %v", err)
	}
	if strings.Contains(held.Process, "boot") {
		t.Errorf("people are told %q", held.Process)
	}
	holder, err := r.s.Running(t.Context(), r.job.ID)
	must(t, err)
	if holder == nil || holder.Process != held.Process {
		t.Errorf("running: %+v, and the lease is held by %q", holder, held.Process)
	}
}
