package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// procFS is where the kernel tells about processes: /proc, or what stands for it in a test.
type procFS string

const kernel procFS = "/proc"

// self names this process, for people and for died: "HOST pid N start T boot B ns I", with
// the start in the kernel's ticks since boot, the kernel's boot id and the number of the
// namespace of process ids. Where the system doesn't tell, it ends after the pid.
func (p procFS) self() string {
	pid := os.Getpid()
	start, _ := p.stat(pid)
	where := p.where()
	if start == "" || where == "" {
		return p.host() + strconv.Itoa(pid)
	}
	return p.host() + strconv.Itoa(pid) + " start " + start + where
}

// shown is the part of a process's name that says something to people.
func shown(process string) string {
	process, _, _ = strings.Cut(process, " boot ")
	return process
}

// died says whether a process is certainly gone. It can be known of those alone that count
// their ids as this one does: on the same host since the same boot in the same namespace.
// Two containers may have one host name and one state, and then the number of a live
// process of the one means nobody, or somebody else, in the other. Of all others, and where
// the system doesn't tell, nothing is known: their leases expire.
func (p procFS) died(process string) bool {
	where := p.where()
	rest, here := strings.CutPrefix(process, p.host())
	rest, same := strings.CutSuffix(rest, where)
	num, start, known := strings.Cut(rest, " start ")
	pid, err := strconv.Atoi(num)
	if where == "" || !here || !same || !known || err != nil {
		return false
	}
	if !exists(pid) {
		return true
	}
	now, ended := p.stat(pid)
	// The process id may have been given to another one meanwhile.
	return ended || now != "" && now != start
}

func (p procFS) host() string {
	host, _ := os.Hostname()
	return host + " pid "
}

// where names what a process id is valid in; "" where the system doesn't tell.
func (p procFS) where() string {
	boot, err := os.ReadFile(p.file("sys/kernel/random/boot_id"))
	if err != nil {
		return ""
	}
	ns, err := os.Readlink(p.file("self/ns/pid"))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" boot %s ns %s", strings.TrimSpace(string(boot)), strings.Trim(ns, "pid:[]"))
}

// exists asks the kernel, which knows of processes that a /proc mounted with hidepid hides.
func exists(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return true // nothing is known
	}
	err = process.Signal(syscall.Signal(0))
	_ = process.Release() // nobody waits for it
	return !errors.Is(err, os.ErrProcessDone)
}

// stat returns when a process started, so that a reused process id is not taken for the old
// process, "" where that can't be read; and whether it has ended and is only there until
// its parent looks, as in a container whose first process looks after nobody.
func (p procFS) stat(pid int) (start string, ended bool) {
	b, err := os.ReadFile(p.file(strconv.Itoa(pid) + "/stat"))
	if err != nil {
		return "", false
	}
	// The second field is the command in parentheses and may hold anything.
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return "", false
	}
	return f[19], f[0] == "Z" || f[0] == "X"
}

func (p procFS) file(path string) string { return filepath.Join(string(p), path) }
