package bench

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
)

// Machine is where and with what was measured.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	MemoryMB   int64  `json:"memory_mb"`
	OS         string `json:"os"`
	Go         string `json:"go"`
	SQLite     string `json:"sqlite"`
	Revision   string `json:"revision"`
	LoadBefore string `json:"load_before"` // of 1, 5 and 15 minutes
	LoadAfter  string `json:"load_after"`
}

func machine() Machine {
	sqlite, _, _ := sqlite3.Version()
	return Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), MemoryMB: kilobytes("/proc/meminfo", "MemTotal") >> 10,
		OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), SQLite: sqlite, Revision: revision(), LoadBefore: load(),
	}
}

// revision is the commit that the executable was built from, as Go notes it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return commit + changed
}

// load is the system's load averages, or "unknown" where there are none.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	parts := strings.Fields(string(text))
	if err != nil || len(parts) < 3 {
		return "unknown"
	}
	return strings.Join(parts[:3], " ")
}

// field returns a value of one of Linux' "name: value" files, or "unknown".
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func kilobytes(file, name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(field(file, name), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// peakRSS is the most resident memory this process had, in bytes; 0 where it is not told.
func peakRSS() int64 { return kilobytes("/proc/self/status", "VmHWM") << 10 }

// cpuTime is what this process used so far.
func cpuTime() Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return Duration{}
	}
	return Duration{time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}
